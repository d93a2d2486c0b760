"""The embedded model at real work: slow, and only where the model is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.agents.backend import TextDelta
from app.agents.local.backend import local_backend
from app.agents.local.server import LocalServer
from app.agents.permission import GROUPS, Policy
from app.agents.rules import TASK_RULES
from app.agents.task import Task
from app.sessions.events import CommandResult, FileChange, ToolCall
from tests.app.agents.support import MemoryRecorder, assert_calls_answered, bodies, collect, context, run

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(900)]

FIZZBUZZ = "Write a file fizz.py with a FizzBuzz program for 1 to 15, then run it with python3 and tell me the output."
PRIMES = "Create primes.py that prints all prime numbers below 50, run it and report the output."


@pytest.mark.parametrize(
    ("text", "printed"), [(FIZZBUZZ, "14\nFizzBuzz"), (PRIMES, "43\n47")], ids=["fizzbuzz", "primes"]
)
def test_it_writes_a_program_runs_it_and_reports(text: str, printed: str, embedded_model: Path, tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    server = LocalServer(embedded_model)
    try:
        backend = local_backend("local", "embedded", server)
        result = run(Task(backend, context(tmp_path, keep=recorder.keep, rules=TASK_RULES), recorder).run(text), 890)
    finally:
        server.close()
    assert_calls_answered(recorder.bodies)
    assert result.outcome == "completed", result.text
    assert bodies(recorder.bodies, FileChange)
    assert printed in bodies(recorder.bodies, CommandResult)[-1].stdout


def test_with_tools_a_plain_question_changes_and_runs_nothing(embedded_model: Path, tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("keep")
    server = LocalServer(embedded_model)

    async def ask() -> tuple[str, set[str]]:
        conversation = await local_backend("local", "embedded", server).start(
            context(tmp_path, policy=Policy(allowed=GROUPS))
        )
        updates = await collect(conversation, "Hello! What is a CRDT, in one sentence?")
        await conversation.close()
        said = "".join(update.text for update in updates if isinstance(update, TextDelta))
        return said, {call.name for call in bodies(updates, ToolCall)}

    try:
        said, used = run(ask(), 890)
    finally:
        server.close()
    assert said
    assert used <= {"list", "read", "search"}
    assert (tmp_path / "keep.txt").read_text() == "keep"
