from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.agents.backend import Conversation
from app.agents.rules import TASK_RULES, Rules, load_rules
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.task import Task, TaskResult
from app.errors import AgentError, UserError
from app.sessions.events import Conclusion, Notice, Plan, SessionSet, ToolResult, UserMessage, Verification
from tests.app.agents.support import MemoryRecorder, assert_calls_answered, bodies, context, run

WRITE = {"tool": "write", "input": {"path": "a.py", "content": "print(1)\n"}}


def task(folder: Path, turns: list[Any], recorder: MemoryRecorder, rules: Rules = TASK_RULES) -> Task:
    backend = ScriptedBackend(parse_script(json.dumps(turns).encode(), "test"))
    return Task(backend, context(folder, keep=recorder.keep, rules=rules), recorder)


def done(folder: Path, turns: list[Any], recorder: MemoryRecorder, rules: Rules = TASK_RULES) -> TaskResult:
    result = run(task(folder, turns, recorder, rules).run("Write a.py."))
    assert_calls_answered(recorder.bodies)
    conclusion = bodies(recorder.bodies, Conclusion)[-1]
    assert (conclusion.outcome, conclusion.text) == (result.outcome, result.text)
    return result


def status(recorder: MemoryRecorder) -> str:
    return str(bodies(recorder.bodies, SessionSet)[-1].fields["status"])


def test_a_task_is_planned_done_verified_and_concluded(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    run_it = {"tool": "run", "input": {"command": "python3 a.py"}}
    result = done(tmp_path, [[WRITE, run_it, {"say": "It prints 1."}]], recorder)
    assert result == TaskResult("completed", "It prints 1.")
    assert status(recorder) == "completed"
    assert bodies(recorder.bodies, Verification)[0].passed
    assert {entry.status for entry in bodies(recorder.bodies, Plan)[-1].entries} == {"completed"}
    assert "permission_request" not in recorder.kinds


def test_what_fails_goes_back_to_the_agent(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    rules = Rules(checks=("grep -q 2 a.py",))
    better = {"tool": "edit", "input": {"path": "a.py", "old": "1", "new": "2"}}
    result = done(tmp_path, [[WRITE, {"say": "Done."}], [better, {"say": "Now it is right."}]], recorder, rules)
    assert result == TaskResult("completed", "Now it is right.")
    assert [one.passed for one in bodies(recorder.bodies, Verification)] == [False, True]
    assert len(bodies(recorder.bodies, UserMessage)) == 1
    assert "grep -q 2 a.py" in bodies(recorder.bodies, Notice)[0].text


def test_an_agent_that_only_talks_does_not_pass(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    result = done(tmp_path, [[{"say": "All done, believe me."}]], recorder)
    assert (result.outcome, result.unreachable) == ("failed", False)
    assert "after 3 attempts" in result.text
    assert status(recorder) == "failed"


def test_a_last_command_that_failed_does_not_pass(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    result = done(tmp_path, [[{"tool": "run", "input": {"command": "false"}}, {"say": "Fine!"}]], recorder)
    assert result.outcome == "failed"
    assert "exit code 1" in result.text


def test_an_agent_that_cannot_be_reached_leaves_the_task_in_the_session(tmp_path: Path) -> None:
    class Unreachable:
        name, model = "gone", None

        async def start(self, _: object) -> Conversation:
            raise AgentError("The server is gone.")

    recorder = MemoryRecorder()
    result = run(Task(Unreachable(), context(tmp_path), recorder).run("Write a.py."))
    assert result == TaskResult("failed", "The server is gone.", unreachable=True)
    assert bodies(recorder.bodies, UserMessage) == [UserMessage(text="Write a.py.")]
    assert status(recorder) == "failed"


def test_a_limit_means_waiting(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    assert done(tmp_path, [[WRITE, WRITE, WRITE]], recorder, Rules(steps=2)).outcome == "waiting"
    assert status(recorder) == "waiting"
    recorder = MemoryRecorder()
    slow = [[{"say": "Half"}, {"tool": "run", "input": {"command": "sleep 1000"}}]]
    result = done(tmp_path, slow, recorder, Rules(seconds=1))
    assert (result.outcome, "time of 1 seconds" in result.text) == ("waiting", True)
    assert bodies(recorder.bodies, ToolResult)[-1].status == "cancelled"


def test_tokens_are_counted_whatever_the_agent_is(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    spends = {"usage": {"input": 40, "output": 20}}
    result = done(tmp_path, [[WRITE, spends, spends, {"say": "Never said."}]], recorder, Rules(tokens=100))
    assert (result.outcome, result.text) == ("waiting", "The agent has used the 100 tokens that it had.")


def test_the_very_same_call_again_and_again_waits_for_a_person(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    result = done(tmp_path, [[WRITE] * 9], recorder, Rules(repeats=2))
    assert (result.outcome, "again and again" in result.text) == ("waiting", True)


def test_an_agent_that_fails(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    assert done(tmp_path, [[{"fail": "The model is gone."}]], recorder) == TaskResult(
        "failed", "The model is gone.", unreachable=True
    )


def test_what_the_rules_forbid_does_not_happen(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    (tmp_path / "keep").write_text("x")
    evil = [{"tool": "run", "input": {"command": "rm -rf ."}}, {"tool": "run", "input": {"command": "ls; rm keep"}}]
    assert done(tmp_path, [[*evil, {"say": "Done."}]], recorder).outcome == "completed"
    assert {result.status for result in bodies(recorder.bodies, ToolResult)} == {"failed"}
    assert (tmp_path / "keep").exists()


def test_cancelling_concludes(tmp_path: Path) -> None:
    recorder = MemoryRecorder()

    async def cancel() -> None:
        work = asyncio.ensure_future(task(tmp_path, [[{"delay_ms": 3_600_000}]], recorder).run("x"))
        while "user_message" not in recorder.kinds:  # noqa: ASYNC110
            await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run(cancel())
    assert bodies(recorder.bodies, Conclusion)[0].outcome == "cancelled"
    assert status(recorder) == "paused"


def test_rules_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"commands": ["make test"], "network": true, "steps": 5}')
    rules = load_rules(path)
    assert (rules.commands, rules.network, rules.steps) == (("make test",), True, 5)
    assert rules.refuse_command("make test -j2") is None
    assert rules.refuse_command("make install") == "The rules do not allow the command 'make'."
    path.write_text("{}")
    assert load_rules(path) == TASK_RULES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "one JSON object"),
        ("{", "not right"),
        ('{"step": 1}', "unknown field `step`"),
        ('{"steps": "many"}', r"`\$.steps`"),
    ],
)
def test_wrong_rules_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r").write_text(text)
    with pytest.raises(UserError, match=message):
        load_rules(tmp_path / "r")
    with pytest.raises(UserError, match="cannot be read"):
        load_rules(tmp_path / "none")
