"""A person at a terminal: the chat of `lovelace` without a display, permission, Ctrl+C, tables, passphrases."""

from __future__ import annotations

import errno
import json
import os
import pty
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import PASSPHRASE, PROGRAM, Program

WAIT_S = 30
PROMPT = "› "


class Terminal:
    """The program on a pseudo-terminal, and what it has shown."""

    def __init__(self, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
        self._pid, self._descriptor = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execve(arguments[0], arguments, environment)
        self._unread = ""
        self.code: int | None = None

    def expect(self, text: str) -> str:
        """Read until the text appears; gives everything up to its end."""
        deadline = time.monotonic() + WAIT_S
        while text not in self._unread:
            assert time.monotonic() < deadline, f"{text!r} did not appear after {self._unread!r}"
            if not self._read():
                raise AssertionError(f"the program ended before {text!r}: {self._unread!r}")
        seen, _, self._unread = self._unread.partition(text)
        return seen + text

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def end(self) -> str:
        """Read to the end and take the exit code."""
        deadline = time.monotonic() + WAIT_S
        while self._read():
            assert time.monotonic() < deadline, self._unread
        self._take_code()
        return self._unread

    def close(self) -> None:
        if self.code is None:
            os.kill(self._pid, signal.SIGKILL)
            self._take_code()
        os.close(self._descriptor)

    def _read(self) -> bool:
        """Take what is there, waiting shortly; False at the end."""
        if not select.select([self._descriptor], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._descriptor, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # what Linux says when the other side has gone
                raise
            data = b""
        self._unread += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def _take_code(self) -> None:
        self.code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


@contextmanager
def terminal(program: Program, *words: str, unlock: bool = True, folder: Path | None = None) -> Iterator[Terminal]:
    environment = {**program.environment, "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
    arguments = program.arguments(words) if unlock else [*PROGRAM, *words]
    opened = Terminal(arguments, environment, folder or program.folder)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def agents(program: Program) -> None:
    scripts = {
        "slow": [[{"say": "One moment"}, {"delay_ms": 60_000}]],
        "writer": [[{"tool": "write", "input": {"path": "a.txt", "content": "hi\n"}}, {"say": "Tried."}]],
    }
    for name, script in scripts.items():
        path = program.folder / f"{name}.json"
        path.write_text(json.dumps(script))
        program.json("agents", "add", name, "--script", str(path))


def test_without_a_display_lovelace_chats_in_the_terminal(program, agents) -> None:
    program.json("sessions", "list")
    with terminal(program, "chat", "--agent", "scripted", "--new", "First") as first:
        assert "You said: First" in first.end() and first.code == 0
    with terminal(program) as shown:
        head = shown.expect(PROMPT)
        assert head.startswith("No display is here") and head.count("\n") == 2
        shown.type("Hello\n")
        assert "You said: Hello" in shown.expect("play a script.\n")
        shown.expect(PROMPT)
        shown.type("/help\n")
        assert "/quit" in shown.expect(PROMPT)
        shown.type("/wrong\n")
        assert "There is no /wrong." in shown.expect(PROMPT)
        shown.type("/new\n")
        shown.expect(PROMPT)
        shown.type("Another\n")
        shown.expect("play a script.\n")
        shown.expect(PROMPT)
        shown.type("\x04")
        shown.end()
        assert shown.code == 0
    titles = [row["title"] for row in program.json("sessions", "list")]
    assert titles[:2] == ["Another", "First"]


def test_ctrl_c_stops_the_answer_and_not_the_chat(program, agents) -> None:
    with terminal(program, "chat", "--new", "--agent", "slow") as shown:
        shown.expect(PROMPT)
        shown.type("Wait\n")
        shown.expect("One moment")
        shown.type("\x03")
        shown.expect("Stopped.")
        shown.expect(PROMPT)
        shown.type("\x03")
        shown.expect(PROMPT)
        shown.type("/quit\n")
        shown.end()
        assert shown.code == 0
    last = program.run("--json", "sessions", "show", "--limit", "2").lines
    assert (last[0]["text"], last[0].get("interrupted")) == ("One moment", True)


@pytest.mark.parametrize(("answer", "exists"), [("n\n", False), ("what\ny\n", True), ("\x04", False), ("\x03", False)])
def test_permission_is_asked_on_the_terminal(program, agents, tmp_path, answer, exists) -> None:
    program.json("workspace", "open", str(tmp_path))
    words = ["chat", "--new", "--agent", "writer", "--tools"]
    with terminal(program, *words, folder=tmp_path) as shown:
        shown.expect(PROMPT)
        shown.type("Write\n")
        for line in answer.splitlines(keepends=True):
            shown.expect("[n]o: ")
            shown.type(line)
        shown.expect("Stopped." if answer == "\x03" else "Tried.")
        shown.expect(PROMPT)
        shown.type("/quit\n")
        shown.end()
    assert (tmp_path / "a.txt").exists() is exists


def test_always_holds_in_the_session(program, agents, tmp_path) -> None:
    program.json("workspace", "open", str(tmp_path))
    with terminal(program, "chat", "--new", "--agent", "writer", "--tools", folder=tmp_path) as shown:
        shown.expect(PROMPT)
        shown.type("Write\n")
        shown.expect("[n]o: ")
        shown.type("a\n")
        shown.expect(PROMPT)
        shown.type("Write again\n")
        assert "[n]o" not in shown.expect(PROMPT)
        shown.type("/quit\n")
        shown.end()
    again = program.run("--json", "chat", "--agent", "writer", "--tools", "Once more", cwd=tmp_path).lines
    assert [e["status"] for e in again if e["kind"] == "tool_result"] == ["completed"]


def test_binding_a_folder_is_offered(program, agents, tmp_path) -> None:
    unbound = tmp_path / "unbound"
    unbound.mkdir()
    for answer, code in (("n\n", 1), ("y\n", 0)):
        with terminal(program, "chat", "--new", "--agent", "scripted", "--tools", "Hi", folder=unbound) as shown:
            shown.expect("[y/N] ")
            shown.type(answer)
            shown.end()
            assert shown.code == code
    assert program.json("workspace", "show", cwd=unbound)["folders"] == [str(unbound)]


def test_lists_are_tables_that_fit(program, agents) -> None:
    with terminal(program, "sessions", "list") as shown:
        lines = shown.end().splitlines()
    assert lines[0].split()[:3] == ["ID", "UPDATED", "TYPE"]
    assert all(len(line) <= 100 for line in lines)


def test_the_passphrase_is_asked_and_not_shown(program) -> None:
    with terminal(program, "--home", str(program.home), "workspace", "list", unlock=False) as shown:
        shown.expect("Passphrase: ")
        shown.type(PASSPHRASE + "\n")
        text = shown.end()
        assert shown.code == 0 and "Personal" in text and PASSPHRASE not in text
    with terminal(program, "--home", str(program.home), "workspace", "list", unlock=False) as shown:
        shown.expect("Passphrase: ")
        shown.type("wrong\n")
        shown.end()
        assert shown.code == 3


def test_a_home_without_a_keyring_gets_a_passphrase(fresh_program) -> None:
    words = ["--home", str(fresh_program.home), "init", "--name", "Eve"]
    with terminal(fresh_program, *words, unlock=False) as shown:
        shown.expect("New passphrase: ")
        shown.type("one\n")
        shown.expect("Again: ")
        shown.type("two\n")
        shown.end()
        assert shown.code == 3 and not fresh_program.home.joinpath("keyslots.json").exists()
    with terminal(fresh_program, *words, unlock=False) as shown:
        for question in ("New passphrase: ", "Again: "):
            shown.expect(question)
            shown.type(PASSPHRASE + "\n")
        shown.end()
        assert shown.code == 0
    assert fresh_program.json("init")["name"] == "Eve"
