"""Tasks in the background: they go on without a terminal, after a kill, and as people say from elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.background.starting import LEASE
from sync.network.lease import is_running
from tests.e2e.conftest import Program, Result

MARKED = {"tool": "write", "input": {"path": "first.txt", "content": "1\n"}}
LATER = {"tool": "write", "input": {"path": "second.txt", "content": "2\n"}}
PLAN = {"plan": ["> Write it", "Look at it"]}
SCRIPTS: dict[str, list[Any]] = {
    "quick": [[MARKED, {"say": "It is written."}]],
    "long": [
        [PLAN, MARKED, {"say": "Now I wait"}, {"delay_ms": 600_000}],
        [LATER, {"say": "Done after all."}],
    ],
    "greedy": [[*({"tool": "read", "input": {"path": f"{n}"}} for n in range(9)), {"say": "Enough."}]],
}


@pytest.fixture
def home(other_program: Program) -> Iterator[Program]:
    """A home whose workspace is a folder, with scripted agents. What runs in its background is ended afterwards."""
    folder = other_program.folder / "project"
    folder.mkdir()
    other_program.json("workspace", "open", str(folder))
    for name, script in SCRIPTS.items():
        path = other_program.folder / f"{name}.json"
        path.write_text(json.dumps(script))
        other_program.json("agents", "add", name, "--script", str(path))
    yield other_program
    for process in keepers(other_program):
        os.kill(process, signal.SIGTERM)
    until(lambda: not keepers(other_program))


def keepers(program: Program) -> list[int]:
    """The processes that do the jobs of a home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(program.home).encode() in words and b"background" in words:
                found.append(int(entry.name))
    return found


def until(done: Callable[[], object], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "that did not happen"
        time.sleep(0.1)


def begin(program: Program, agent: str, *words: str) -> str:
    row = program.json("task", "--agent", agent, "--background", *words, "Write it", cwd=program.folder / "project")
    return str(row["id"])


def events(program: Program, session: str, *kinds: str) -> list[Any]:
    shown = program.run("--json", "sessions", "show", session).lines
    return [event for event in shown if not kinds or event["kind"] in kinds]


def status(program: Program, session: str) -> str:
    rows = program.json("sessions", "list", cwd=program.folder / "project")
    return str(next(row["status"] for row in rows if row["id"] == session))


def waits(program: Program, session: str) -> Callable[[], bool]:
    """Whether the long task has come to its pause."""
    return lambda: (program.folder / "project" / "first.txt").exists() and bool(events(program, session, "tool_result"))


def test_a_task_goes_on_without_its_terminal_while_a_chat_goes_on(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    other = begin(home, "quick")
    chat = home.run("chat", "--new", "--agent", "scripted", "Hello")
    assert chat.code == 0 and chat.out.startswith("You said: Hello")
    until(lambda: status(home, other) == "completed")
    assert status(home, session) == "active" and len(keepers(home)) == 1
    assert events(home, other, "conclusion")[-1]["text"] == "It is written."


def test_a_killed_task_goes_on_with_the_next_program(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    [process] = keepers(home)
    os.kill(process, signal.SIGKILL)
    until(lambda: not keepers(home))
    assert status(home, session) == "active"
    done = home.run("task", "--agent", "quick", "Something else", cwd=home.folder / "project")
    assert done.code == 0
    until(lambda: status(home, session) == "completed")
    assert (home.folder / "project" / "second.txt").read_text() == "2\n"
    said = events(home, session, "user_message", "agent_message", "conclusion", "notice")
    assert [one["kind"] for one in said].count("user_message") == 1
    assert any(one.get("interrupted") for one in said)  # what it was saying when it died is kept
    assert any("The task was interrupted." in one.get("text", "") for one in said)
    assert said[-1]["text"] == "Done after all."
    until(lambda: not keepers(home))
    assert not is_running(home.home, LEASE)


def test_a_machine_that_shuts_down_leaves_the_task_to_the_next_start(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    [process] = keepers(home)
    os.kill(process, signal.SIGTERM)
    until(lambda: not keepers(home))
    assert status(home, session) == "active"
    assert not events(home, session, "conclusion")
    assert "goes on when Lovelace runs again" in events(home, session, "notice")[-1]["text"]
    assert home.run("sessions", "resume", session).code == 0
    until(lambda: status(home, session) == "completed")


def test_pause_resume_and_stop_from_another_process(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    assert home.run("sessions", "pause", session).code == 0
    until(lambda: any("Cancelled" in one["text"] for one in events(home, session, "notice")), 10)
    assert status(home, session) == "paused" and not events(home, session, "conclusion")
    until(lambda: not keepers(home))
    assert home.run("sessions", "resume", session).code == 0
    until(lambda: status(home, session) == "completed")

    other = begin(home, "long")
    until(lambda: events(home, other, "tool_result"))
    assert home.run("sessions", "stop", other).code == 0
    until(lambda: any("Cancelled" in one["text"] for one in events(home, other, "notice")), 10)
    [conclusion] = events(home, other, "conclusion")
    assert conclusion["outcome"] == "cancelled"
    stopped = home.run("sessions", "stop", other)
    assert (stopped.code, stopped.err.count("\n")) == (1, 1)


def test_taking_over_by_hand(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    busy = home.run("chat", "--session", session, "--agent", "scripted", "What are you doing?")
    assert busy.code == 1 and "background" in busy.err
    assert home.run("sessions", "take-over", session).code == 0
    until(lambda: any("Cancelled" in one["text"] for one in events(home, session, "notice")), 10)
    row = next(row for row in home.json("sessions", "list", cwd=home.folder / "project") if row["id"] == session)
    assert (row["type"], row["status"]) == ("interactive", "active")
    until(lambda: home.run("chat", "--session", session, "--agent", "scripted", "I go on").code == 0)
    assert home.run("sessions", "resume", session).code == 0
    time.sleep(1)
    assert not events(home, session, "conclusion")


def test_a_limit_waits_and_is_raised(home: Program) -> None:
    rules = home.folder / "rules.json"
    rules.write_text(json.dumps({"steps": 2}))
    session = begin(home, "greedy", "--rules", str(rules))
    until(lambda: status(home, session) == "waiting")
    assert "2 steps" in events(home, session, "conclusion")[-1]["text"]
    rules.write_text(json.dumps({"steps": 50}))
    assert home.run("sessions", "resume", session, "--rules", str(rules)).code == 0
    until(lambda: status(home, session) in ("completed", "failed"))
    assert len(events(home, session, "tool_call")) > 9


def test_a_task_that_cannot_go_on_says_why(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    for process in keepers(home):
        os.kill(process, signal.SIGKILL)
    until(lambda: not keepers(home))
    home.json("agents", "remove", "long")
    run: Result = home.run("task", "--agent", "quick", "Else", cwd=home.folder / "project")
    assert run.code == 0
    until(lambda: status(home, session) == "waiting")
    assert "no agent 'long'" in events(home, session, "conclusion")[-1]["text"]


def test_a_window_has_tasks_go_on_and_its_end_does_not_end_them(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    for process in keepers(home):
        os.kill(process, signal.SIGKILL)
    until(lambda: not keepers(home))
    with desktop(home):
        until(lambda: status(home, session) == "completed")
        other = begin(home, "long")
        until(lambda: events(home, other, "tool_result"))
        until(lambda: home.json("sync", "status")["running"])  # an open window takes part in the network
    until(lambda: len(keepers(home)) == 1)  # one that comes second leaves
    [process] = keepers(home)
    assert parent_of(process) not in (os.getpid(), 0)
    assert home.run("sessions", "stop", other).code == 0


def test_sync_serve_has_tasks_go_on(home: Program) -> None:
    session = begin(home, "long")
    until(waits(home, session))
    for process in keepers(home):
        os.kill(process, signal.SIGKILL)
    until(lambda: not keepers(home))
    with subprocess.Popen(home.arguments(["sync", "serve"]), env=home.environment, stdout=subprocess.DEVNULL) as serve:
        until(lambda: status(home, session) == "completed")
        serve.terminate()
        assert serve.wait(30) == 0


def test_nothing_is_left_of_a_process_that_ends(home: Program) -> None:
    """No process without a parent that waits for it, no lock, nothing claimed."""
    session = begin(home, "quick")
    until(lambda: status(home, session) == "completed")
    until(lambda: not keepers(home))
    assert not is_running(home.home, LEASE)
    assert not [line for line in children() if " Z" in line]


@contextlib.contextmanager
def desktop(program: Program) -> Iterator[None]:
    """The window, on no screen."""
    environment = program.environment | {"QT_QPA_PLATFORM": "offscreen", "DISPLAY": "none"}
    with subprocess.Popen(program.arguments(["desktop"]), env=environment, cwd=program.folder) as window:
        yield
        window.terminate()
        assert window.wait(30) == 0


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def children() -> list[str]:
    """What the system says of the children of this process."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and parent_of(int(entry.name)) == os.getpid():
                found.append((entry / "stat").read_text())
    return found
