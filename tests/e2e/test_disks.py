"""The real program on a disk that is full, and on one that cannot be written: a sentence, exit 1, nothing lost.

Each test is a program of its own in a mount namespace with a small file system; `_STEPS` is what they share.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.sync.store.small_disk import on_small_disk

_STEPS = """
import contextlib, json, os, shutil, subprocess, sys, time
from functools import partial
from pathlib import Path
from app.workspace import Credentials, Workspace
from sync.store import keyslots
from tests.e2e.conftest import PASSPHRASE, Program
from tests.helpers.checking import check_home

disk = Path({folder!r})
outside = disk.parent / "outside"  # not on the small disk
(outside / "user").mkdir(parents=True)
keyslots.create = partial(keyslots.create, cost=keyslots.PassphraseCost(1, 8 << 20))
program = Program(outside)
program.home = disk / "home"

def make():
    Workspace.open(program.home, Credentials(PASSPHRASE.encode()), name="Ada").close()

def chat(text):
    result = program.run("--json", "chat", text, "--agent", "scripted")
    assert result.code == 0, result.err
    return [line for line in result.lines if line["kind"] != "delta"]

def fill():
    "Leave no block free."
    with open(disk / "ballast", "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))

def make_room():
    (disk / "ballast").unlink()

def refused(result, *parts):
    assert (result.code, result.out) == (1, ""), result
    error = json.loads(result.err.splitlines()[-1])["error"]  # before it may stand remarks on progress
    assert any(part in error["message"] for part in parts), error
    assert error["message"].rstrip().endswith("."), error

NO_ROOM = ("is full", "No space left", "failed to read or write")

def shown():
    result = program.run("--json", "sessions", "show")
    assert result.code == 0, result.err
    return result.lines

def check():
    workspace = Workspace.open(program.home, Credentials(PASSPHRASE.encode()))
    check_home(workspace)
    workspace.close()
"""


def run(folder: Path, steps: str, kilobytes: int = 8192) -> str:
    """Run a test's steps with a small disk; what they print."""
    disk = folder / "disk"
    disk.mkdir()
    return on_small_disk(disk, _STEPS.format(folder=str(disk)) + textwrap.dedent(steps) + "\nprint('done')", kilobytes)


def test_a_full_disk_refuses_writing_and_lets_one_read(tmp_path: Path) -> None:
    steps = """
        make()
        before = chat("hello")
        fill()
        refused(program.run("--json", "chat", "more", "--agent", "scripted"), *NO_ROOM)
        recorded = shown()
        assert recorded[: len(before)] == before or all(event in recorded for event in before), recorded
        assert program.json("search", "hello") and program.json("sessions", "list")
        assert "hello" in program.run("export", "--format", "markdown").out
        refused(program.run("--json", "sessions", "rename", before[0]["session"], "renamed"), *NO_ROOM)
        make_room()
        after = chat("again")
        assert all(event in shown() for event in [*before, *after])
        check()
    """
    assert run(tmp_path, steps).endswith("done\n")


def test_an_import_that_fills_the_disk_is_completed_when_there_is_room(tmp_path: Path) -> None:
    steps = """
        from tests.benchmarks.transcripts import generate_claude
        transcript = outside / "session.jsonl"
        generate_claude(transcript, seed=3, events=4500)
        make()
        with open(disk / "ballast", "wb") as file:
            file.write(bytes(20_000_000))
        refused(program.run("--json", "import", str(transcript)), *NO_ROOM)
        program.json("sessions", "list")
        make_room()
        (disk / "ballast").touch()
        report = program.json("import", str(transcript))
        assert report["events"] > 1000
        assert program.json("import", str(transcript))["unchanged"] == report["sessions"]
        check()
    """
    assert run(tmp_path, steps, kilobytes=30_000).endswith("done\n")


def test_a_chat_that_runs_out_of_room_keeps_what_was_said(tmp_path: Path) -> None:
    steps = """
        make()
        words = [f"word{number}" for number in range(100)]
        script = outside / "slow.json"
        turn = [step for word in words for step in ({"say": word + " " + os.urandom(40).hex() + " "}, {"delay_ms": 40})]
        script.write_text(json.dumps([turn]))
        program.json("agents", "add", "slow", "--script", str(script))
        command = program.arguments(["--json", "chat", "go", "--agent", "slow"])
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=outside, env=program.environment
        ) as running:
            told = []
            for line in running.stdout:
                told.append(json.loads(line))
                if sum(one["kind"] == "delta" for one in told) == 20:
                    fill()
            errors = running.stderr.read()
        assert running.returncode == 1 and "Traceback" not in errors, errors
        message = json.loads(errors)["error"]["message"]
        assert any(part in message for part in NO_ROOM), message
        [prompt] = [event for event in shown() if event["kind"] == "user_message"]
        make_room()
        program.json("sessions", "list")
        *_, last = shown()
        assert last["kind"] == "agent_message" and last["interrupted"] and last["text"].startswith("word0 "), last
        chat("again")
        check()
    """
    assert run(tmp_path, steps).endswith("done\n")


def test_a_home_is_not_half_made_on_a_full_disk(tmp_path: Path) -> None:
    steps = """
        for room in (0, 1 << 14, 1 << 16, 1 << 17):
            fill()
            os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - room)
            result = program.run("--json", "init", "--name", "Ada")
            if result.code != 0:
                refused(result, *NO_ROOM)
            make_room()
            assert program.json("init", "--name", "Ada")["ok"], room
            chat("hello")
            check()
            shutil.rmtree(program.home)
    """
    assert run(tmp_path, steps).endswith("done\n")


def test_an_update_needs_room_for_its_copy(tmp_path: Path) -> None:
    steps = """
        make()
        before = chat("hello")
        workspace = Workspace.open(program.home, Credentials(PASSPHRASE.encode()))
        def age(operations):
            connection = operations._engine.connection
            connection.execute("DROP TABLE fetch")
            connection.execute("UPDATE meta SET value=value-1 WHERE name='schema/sessions'")
        workspace.write(age)
        workspace.close()
        fill()
        refused(program.run("--json", "sessions", "list"), *NO_ROOM)
        assert not [path.name for path in program.home.iterdir() if "before-update" in path.name]
        make_room()
        assert all(event in shown() for event in before)
        assert (program.home / "lovelace.before-update.db").exists()
        check()
    """
    assert run(tmp_path, steps).endswith("done\n")


@pytest.mark.parametrize("left", ["closed", "killed"])
def test_a_read_only_disk(tmp_path: Path, left: str) -> None:
    steps = f"""
        make()
        before = chat("hello")
        if {left!r} == "killed":
            workspace = Workspace.open(program.home, Credentials(PASSPHRASE.encode()))
            if os.fork() == 0:
                workspace._start_engine().create(title="killed")
                os._exit(0)
            os.wait()
            assert (program.home / "lovelace.db-wal").stat().st_size
            os.rename(program.home, disk / "aside")  # closing would bring the log in order
            shutil.copytree(disk / "aside", program.home)
            workspace.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        titles = [row["title"] for row in program.json("sessions", "list")]
        assert ("killed" in titles) == ({left!r} == "killed"), titles
        session = before[0]["session"]
        recorded = program.run("--json", "sessions", "show", session).lines
        assert all(event in recorded for event in before)
        assert program.json("search", "hello")
        for format in ("json", "markdown"):
            assert "hello" in program.run("export", session, "--format", format).out
        for words in (["sessions", "rename", session, "x"], ["chat", "x", "--agent", "scripted"], ["rebuild"]):
            refused(program.run("--json", *words), "cannot be written")
    """
    assert run(tmp_path, steps).endswith("done\n")
