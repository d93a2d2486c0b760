"""`import --follow` beside the tool that writes and a reader that watches: three processes, as on a person's desk."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.app.importers.transcripts import FIXTURES, Talk
from tests.e2e.conftest import CHECKOUT, Program

LINES = (FIXTURES / "claude_code" / "representative_messages.jsonl").read_bytes().splitlines(keepends=True)
PATIENCE_S = 30.0


class Running:
    """A program that prints one JSON object a line until it is told to end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> dict[str, Any]:
        """The next object. queue.Empty when none comes."""
        value = json.loads(self._lines.get(timeout=PATIENCE_S))
        assert isinstance(value, dict)
        return value

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next object that is wanted."""
        while not wanted(found := self.next()):
            pass
        return found

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; exit code and stderr."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        assert self.process.stdout and self.process.stderr
        error = self.process.stderr.read()
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        assert "Traceback" not in error, error
        return code, error


@contextmanager
def running(program: Program, *words: str) -> Iterator[Running]:
    process = subprocess.Popen(
        program.arguments(["--json", *words]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=program.environment,
        cwd=program.folder,
    )
    started = Running(process)
    try:
        yield started
    finally:
        if process.poll() is None:
            started.end(signal.SIGKILL)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_reach_those_who_watch_one_by_one(other_program: Program, tmp_path: Path) -> None:
    program, path = other_program, tmp_path / "t.jsonl"
    _append(path, LINES[0])
    with running(program, "import", str(tmp_path), "--follow") as importing:
        assert importing.next()["created"] == 1
        session = program.json("sessions", "list")[0]["id"]
        with running(program, "sessions", "show", session, "--follow") as watching:
            first = watching.until(lambda event: event["kind"] == "user_message")
            assert first["text"] == _said(json.loads(LINES[0]))
            for line in LINES[1:]:
                half = len(line) // 2
                _append(path, line[:half])
                time.sleep(0.01)  # so that half a line is there to be seen
                _append(path, line[half:])
                said = _said(json.loads(line))
                if said:
                    assert watching.until(lambda event: event["kind"].endswith("_message"))["text"] == said
            assert watching.end(signal.SIGINT)[0] == 130
        code, error = importing.end(signal.SIGTERM)
    assert (code, error) == (0, "")
    again = program.json("import", str(tmp_path))
    assert (again["unchanged"], again["updated"], again["events"]) == (1, 0, 19)


def _said(record: dict[str, Any]) -> str | None:
    """The text of a record that is nothing but a message."""
    content = record.get("message", {}).get("content")
    if isinstance(content, list) and [block["type"] for block in content] == ["text"]:
        content = content[0]["text"]
    return content if isinstance(content, str) else None


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_with_everything_written(other_program: Program, tmp_path: Path, number, expected) -> None:
    talk = Talk()
    for prompt in range(300):
        talk.prompt(f"u{prompt}")
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in talk.records))
    with running(other_program, "import", str(path), "--follow") as importing:
        assert importing.next()["events"] == 299
        assert importing.end(number)[0] == expected
    assert other_program.json("sessions", "list")[0]["events"] == 301
    assert other_program.json("import", str(path))["unchanged"] == 1


def test_places_that_come_later(other_program: Program, tmp_path: Path) -> None:
    place = tmp_path / "not" / "yet"
    with running(other_program, "import", str(place), "--follow") as importing:
        assert importing.next()["sources"] == 0
        place.mkdir(parents=True)
        _append(place / "t.jsonl", LINES[0][:40])
        _append(place / "t.jsonl", LINES[0][40:])
        assert importing.until(lambda report: report["events"] > 0)["created"] == 1
        (place / "t.jsonl").rename(place / "old")
        new = Talk("another")
        new.prompt("n1", "after the rotation")
        _append(place / "t.jsonl", json.dumps(new.records[0]).encode() + b"\n")
        assert importing.until(lambda report: report["created"] > 0)["events"] == 1
        code, error = importing.end(signal.SIGTERM)
    assert code == 0
    assert error == f"{place} does not exist yet; it is followed as soon as it is there.\n"


def test_the_default_places_are_followed(other_program: Program) -> None:
    projects = other_program.folder / "user" / ".claude" / "projects" / "-repo"
    with running(other_program, "import", "--follow") as importing:
        importing.next()
        projects.mkdir(parents=True)
        _append(projects / "t.jsonl", LINES[0])
        assert importing.until(lambda report: report["events"] > 0)["created"] == 1
        importing.end(signal.SIGTERM)


def test_a_workspace_for_each_folder(other_program: Program, tmp_path: Path) -> None:
    with running(other_program, "import", str(tmp_path), "--follow", "--by-folder") as importing:
        importing.next()
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            talk = Talk(name, str(tmp_path / name))
            talk.prompt("u1")
            _append(tmp_path / name / "t.jsonl", json.dumps(talk.records[0]).encode() + b"\n")
            importing.until(lambda report: report["created"] > 0)
        importing.end(signal.SIGTERM)
    names = {row["name"] for row in other_program.json("workspace", "list")}
    assert {"one", "two"} <= names


def test_what_cannot_be_followed_is_said(other_program: Program) -> None:
    for words in (["--dry-run"], ["--format", "lovelace"]):
        result = other_program.run("import", "--follow", *words)
        assert result.code == 2 and "--follow" in result.err


_OPENCODE_WRITER = """
import sys, time
from pathlib import Path
from tests.app.importers.foreign import Opencode, opencode_schema, writing

with writing(Path(sys.argv[1])) as connection:
    opencode_schema(connection)
    tool = Opencode(connection)
    tool.session("ses_1")
    for number in range(4):
        prompt = tool.prompt("ses_1", f"prompt {number}")
        print(time.time(), flush=True)
        sys.stdin.readline()
        answer = tool.answer("ses_1", prompt, f"answer {number}")
        print(time.time(), flush=True)
        sys.stdin.readline()
"""


def test_what_opencode_writes_into_its_database_comes_within_a_second(other_program: Program) -> None:
    data = other_program.folder / "user" / ".local" / "share" / "opencode"
    data.mkdir(parents=True)
    words = [sys.executable, "-c", _OPENCODE_WRITER, str(data / "opencode.db")]
    took = []
    with running(other_program, "import", "--follow", "--format", "opencode") as importing:
        importing.next()
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=other_program.environment, cwd=CHECKOUT
        ) as writer:
            assert writer.stdin and writer.stdout
            for _ in range(8):
                written = float(writer.stdout.readline())
                importing.until(lambda report: report["events"] > 0)
                took.append(time.time() - written)
                writer.stdin.write("\n")
                writer.stdin.flush()
        assert writer.returncode == 0
        assert importing.end(signal.SIGTERM)[0] == 0
    assert sorted(took)[len(took) // 2] < 1
    session = other_program.json("sessions", "list")[0]
    assert (session["agent"], session["title"]) == ("opencode", "A title")
    again = other_program.json("import", "--format", "opencode")
    assert (again["unchanged"], again["events"], again["updated"]) == (1, 8, 0)
