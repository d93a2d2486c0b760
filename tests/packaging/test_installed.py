"""The Debian package, installed into a bare Debian 12 with what it depends on and no more, and used there.

Takes some minutes: it builds the package (`make package`) and the system.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.cli.root import COMMANDS
from tests.helpers import debian_root, screen
from tests.helpers.debian_root import DebianRoot
from tests.helpers.model_server import ModelServer
from tests.helpers.screen import Screen, until, virtual_screen

ROOT = Path(__file__).parents[2]
SOURCES = ("app", "sync", "packaging", "resources", "pyproject.toml", "Makefile")
PICTURES = ROOT / "build/pictures"
USER, HOME = "person", "/home/person"
OPTIONS = ("--passphrase-file", f"{HOME}/secret")
UNLOCK = 'printf "pw\\n" | gnome-keyring-daemon --unlock --components=secrets >/dev/null\n'

_REASON = debian_root.why_not()
pytestmark = [
    pytest.mark.external,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(_REASON is not None, reason=str(_REASON)),
]


@pytest.fixture(scope="module")
def package() -> Path:
    """The package of this source: the one that is there if it is newer, else a new one."""
    files = subprocess.run(["git", "ls-files", "-z", *SOURCES], cwd=ROOT, capture_output=True, text=True, check=True)
    changed = max((ROOT / name).stat().st_mtime for name in files.stdout.strip("\0").split("\0"))
    if (there := newest_package()) is not None and there.stat().st_mtime > changed:
        return there
    # Inside another make it would speak of folders and jobs.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "package"]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    assert made.returncode == 0, made.stdout + made.stderr
    there = newest_package()
    assert there is not None, made.stdout
    return there


def newest_package() -> Path | None:
    packages = sorted((ROOT / "dist").glob("lovelace_*.deb"), key=lambda path: path.stat().st_mtime)
    return packages[-1] if packages else None


@pytest.fixture(scope="module")
def root(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRoot]:
    with debian_root.debian_root(tmp_path_factory.mktemp("debian") / "root") as made:
        shutil.copy(package, made.folder / "tmp")
        made.install(f"/tmp/{package.name}")
        made.run("useradd", "--create-home", USER)
        (made.folder / HOME[1:] / "secret").write_text("words\n")
        yield made


def lovelace(root: DebianRoot, *words: str, **variables: str) -> str:
    return root.run("lovelace", *OPTIONS, *words, user=USER, HOME=HOME, **variables)


def test_its_version_is_the_projects(root: DebianRoot) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert root.run("lovelace", "--version", user=USER).strip() == f"lovelace {project['version']}"


def test_no_library_is_missing(root: DebianRoot) -> None:
    script = """find /usr/lib/lovelace -type f | while read -r file; do
        LD_LIBRARY_PATH=/usr/lib/lovelace/_internal ldd "$file" 2>/dev/null | grep "not found" | sed "s|^|$file|"
    done"""
    assert root.run("sh", "-c", script, timeout=200) == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(root: DebianRoot, command: str) -> None:
    assert "Usage: lovelace" in root.run("lovelace", command, "--help", user=USER, HOME=HOME)


def test_an_agent_answers_and_is_found_again(root: DebianRoot) -> None:
    async def chat() -> str:
        async with ModelServer() as server:
            lovelace(root, "agents", "add", "served", "--url", server.url, "--model", "m")
            return await asyncio.to_thread(lovelace, root, "chat", "Greet me", "--agent", "served")

    assert "Hello from the model." in asyncio.run(chat())
    assert "‹Greet› me" in lovelace(root, "search", "greet")
    assert "Greet me" in lovelace(root, "export", "--all", "--format", "json")
    lovelace(root, "doctor")


def test_programs_that_it_starts_get_the_persons_environment(root: DebianRoot) -> None:
    script = """mkdir -p ~/bin ~/project/.git && cd ~/project
    printf '#!/bin/sh\nenv >>~/environment\nexit 1\n' >~/bin/git && chmod +x ~/bin/git
    exec lovelace "$@" """
    words = (*OPTIONS, "--yes", "chat", "--new", "--tools", "--agent", "scripted", "Look around")
    root.run("sh", "-c", script, "sh", *words, user=USER, HOME=HOME, PATH=f"{HOME}/bin:/usr/bin:/bin")
    seen = (root.folder / HOME[1:] / "environment").read_text()
    assert "PATH=" in seen
    assert not [name for name in ("LD_LIBRARY_PATH", "QT_PLUGIN_PATH", "_PYI_", "/usr/lib/lovelace") if name in seen]


def test_a_link_opens_the_window_and_a_second_one_reaches_it(root: DebianRoot) -> None:
    missing = [program for program in screen.NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    root.install("dbus-daemon", "gnome-keyring", "xdg-utils")
    home = root.folder / HOME[1:]
    with virtual_screen() as shown, desktop(root, shown) as enter:
        for text in ("Plan the garden", "Water the roses"):
            enter(f"lovelace chat --new '{text}' --agent scripted")
        enter("lovelace sessions list --json >sessions; mv sessions sessions.json")
        until((home / "sessions.json").exists, "the sessions")
        ids = {session["title"]: session["id"] for session in json.loads((home / "sessions.json").read_bytes())}
        enter(f"xdg-open lovelace://session/{ids['Plan the garden']} &")
        until(lambda: "Plan the garden – Lovelace" in shown.titles(), "the session of the first link")
        shown.save_picture(PICTURES / "installed.png")
        enter(f"xdg-open lovelace://session/{ids['Water the roses']}; echo $? >second; mv second second.code")
        until((home / "second.code").exists, "the end of the second start")
        assert (home / "second.code").read_text() == "0\n"
        until(lambda: shown.titles() == ["Water the roses – Lovelace"], "the session of the second link")
        shown.save_picture(PICTURES / "installed-second-link.png")


@contextmanager
def desktop(root: DebianRoot, shown: Screen) -> Iterator[Callable[[str], None]]:
    """A person's session with a bus and an open keyring; what it yields types a line into its shell."""
    words = ("dbus-run-session", "--", "sh", "-s")
    command = root.command(*words, user=USER, HOME=HOME, LOVELACE_HOME=f"{HOME}/desktop", DISPLAY=shown.display)
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as shell:
        typed = shell.stdin
        assert typed is not None

        def enter(line: str) -> None:
            typed.write(f"{line}\n")
            typed.flush()

        try:
            enter(f"cd {HOME}; {UNLOCK}")
            yield enter
        finally:
            typed.close()
            shell.wait(30)
