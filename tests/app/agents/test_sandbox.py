from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agents import sandbox
from app.agents.process import Finished, run_process
from app.agents.rules import Rules
from app.agents.sandbox import bubblewrap_works, plan_launch, sandbox_arguments
from app.errors import UserError
from tests.app.agents.support import run

needs_bubblewrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap does not work here")


def inside(command: str, folder: Path, *, hidden: tuple[Path, ...] = (), rules: Rules | None = None) -> Finished:
    rules = rules or Rules()
    launch = plan_launch(command, cwd=folder, folders=(folder,), hidden=hidden, rules=rules, confined=True)
    return run(run_process(launch.argv, cwd=folder, env=launch.env, timeout=30))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@needs_bubblewrap
def test_it_works_in_the_folder(work: Path) -> None:
    done = inside("echo 'print(1+1)' > a.py && python3 a.py && python a.py && pwd && touch /tmp/x", work)
    assert (done.exit_code, done.stdout) == (0, f"2\n2\n{work}\n")
    assert (work / "a.py").exists()


@needs_bubblewrap
def test_the_keyring_cannot_be_asked(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.socket(socket.AF_UNIX)
    bus = tmp_path / "bus"
    listener.bind(str(bus))
    listener.listen()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={bus}")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(bus))
    connect = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    try:
        for path in (str(bus), f"/run/user/{os.getuid()}/bus", "/run/dbus/system_bus_socket"):
            assert inside(f'python3 -c "{connect}" {path}', work).exit_code == 1
        assert inside("env; ls -a /run /var 2>/dev/null", work).stdout.count("DBUS") == 0
        assert "SSH_AUTH_SOCK" not in inside("env", work).stdout
    finally:
        listener.close()


@needs_bubblewrap
def test_home_key_file_and_sibling_are_not_there(work: Path, tmp_path: Path) -> None:
    sibling, home = tmp_path / "sibling", tmp_path / "home"
    for folder, name in ((sibling, "secret"), (home, "keyslots.json")):
        folder.mkdir()
        (folder / name).write_text(mark := secrets.token_hex(8))
        done = inside(f"cat {folder / name} ../{folder.name}/{name}; ls {tmp_path}", work)
        assert mark not in done.stdout
        assert done.stdout == "work\n"
    assert inside("ls -A /root /home 2>/dev/null", work).stdout == ""
    assert inside("touch /usr/x || touch /etc/x", work).exit_code != 0


@needs_bubblewrap
def test_hidden_places_inside_the_folder_are_empty(work: Path) -> None:
    (work / "home").mkdir()
    (work / "home" / "keyslots.json").write_text("secret")
    (work / "key").write_text("secret")
    done = inside("cat home/keyslots.json key; ls -A home", work, hidden=(work / "home", work / "key"))
    assert "secret" not in done.stdout


@needs_bubblewrap
def test_git_settings_cannot_be_changed(work: Path) -> None:
    (work / ".git" / "hooks").mkdir(parents=True)
    done = inside("echo evil > .git/hooks/pre-commit; mv .git other; ls -A .git/hooks", work)
    assert done.stdout == ""
    assert not (work / ".git" / "hooks" / "pre-commit").exists()
    assert (work / ".git").is_dir()


@needs_bubblewrap
def test_only_the_paths_of_the_rules_can_be_changed(work: Path) -> None:
    (work / "src").mkdir()
    (work / "other").mkdir()
    done = inside("touch src/a; touch other/b; touch c", work, rules=Rules(paths=("src/**",)))
    assert done.exit_code != 0
    assert (work / "src" / "a").exists()
    assert sorted(os.listdir(work)) == ["other", "src"]
    assert os.listdir(work / "other") == []


@needs_bubblewrap
def test_the_network_is_closed_unless_the_rules_open_it(work: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    connect = f"python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 5)\""
    try:
        assert inside(connect, work).exit_code == 1
        assert inside(connect, work, rules=Rules(network=True)).exit_code == 0
    finally:
        listener.close()


@needs_bubblewrap
def test_processes_outside_are_not_seen_and_nothing_survives(work: Path) -> None:
    assert len(inside("ls -d /proc/[0-9]*", work).stdout.split()) < 10
    mark = f"1000.{secrets.randbelow(10**9)}"
    inside(f"setsid sleep {mark} & true", work)
    assert not any(mark.encode() in command for command in _commands())


def _commands() -> Iterator[bytes]:
    """The command lines of all processes of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


@needs_bubblewrap
def test_many_processes_end_with_the_time_of_their_command(work: Path) -> None:
    mark = f"1000.{secrets.randbelow(10**9)}"
    script = f"for n in $(seq 100); do setsid sleep {mark} & done; echo started; wait"
    launch = plan_launch(script, cwd=work, folders=(work,), hidden=(), rules=Rules(), confined=True)
    done = run(run_process(launch.argv, cwd=work, env=launch.env, timeout=2))
    assert (done.ending, done.stdout) == ("timeout", "started\n")
    assert not any(mark.encode() in command for command in _commands())


@needs_bubblewrap
@pytest.mark.skipif(os.getuid() == 0, reason="the system does not limit the processes of root")
def test_a_bomb_of_processes_meets_its_limit(work: Path) -> None:
    done = inside("for n in $(seq 100); do sleep 0.1 & done; wait", work, rules=Rules(processes=40))
    assert "fork" in done.stderr


@needs_bubblewrap
def test_tool_chains_of_the_rules_are_there(work: Path, tmp_path: Path) -> None:
    chain = tmp_path / "chain" / "bin"
    chain.mkdir(parents=True)
    (chain / "mytool").write_text("#!/bin/sh\necho it works\n")
    (chain / "mytool").chmod(0o755)
    assert inside("mytool", work).exit_code == 127
    assert inside("mytool", work, rules=Rules(tool_chains=(str(chain.parent),))).stdout == "it works\n"


def test_the_whole_disk_is_no_workspace() -> None:
    with pytest.raises(UserError, match="whole disk"):
        sandbox_arguments(cwd=Path("/"), folders=[Path("/")], hidden=[], rules=Rules())


def test_the_probe_runs_bubblewrap_really(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("bwrap") == str(program)
    assert sandbox.bubblewrap_works.__wrapped__() is False
    monkeypatch.setenv("PATH", "/nowhere")
    assert sandbox.bubblewrap_works.__wrapped__() is False


def test_limits_hold_without_a_sandbox(tmp_path: Path) -> None:
    launch = plan_launch(
        "ulimit -v; ulimit -c; env", cwd=tmp_path, folders=(tmp_path,), hidden=(), rules=Rules(), confined=False
    )
    done = run(run_process(launch.argv, cwd=tmp_path, env=launch.env, timeout=10))
    assert done.stdout.splitlines()[:2] == [str(16 * 1024 * 1024), "0"]
    assert "XDG_RUNTIME_DIR" not in done.stdout
