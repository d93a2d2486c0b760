from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.agents.limits import LimitReached
from app.agents.models import Endpoint, open_anthropic, open_compatible
from app.agents.permission import GROUPS, Policy
from app.agents.pydantic_backend import ModelBackend
from app.agents.rules import Rules
from app.agents.turn import TurnRunner
from app.errors import AgentError
from app.sessions.events import AgentMessage, Notice, ToolCall, ToolResult, Usage
from tests.app.agents.support import MemoryRecorder, assert_calls_answered, bodies, context, run
from tests.helpers.model_server import Call, ModelServer, Reply

KEY = "the-right-key"


def ask(
    replies: Sequence[Reply],
    recorder: MemoryRecorder,
    *,
    folder: Path | None = None,
    url: str | None = None,
    opener: Any = open_compatible,
    wants: str | None = None,
    endpoint: dict[str, Any] | None = None,
    **changes: Any,
) -> ModelServer:
    async def talk() -> ModelServer:
        async with ModelServer(replies, key=wants) as server:
            where = url or server.url
            connect = partial(opener, Endpoint("test", where, **(endpoint or {})))
            made = context(folder, keep=recorder.keep, policy=Policy(allowed=GROUPS), **changes)
            conversation = await ModelBackend("mine", "test", connect, where).start(made)
            try:
                await TurnRunner(conversation, recorder).run("please")
            finally:
                await conversation.close()
            return server

    return run(talk())


@pytest.mark.parametrize(
    ("replies", "options", "sentence"),
    [
        ([Reply()], {"url": "http://127.0.0.1:9/v1"}, "cannot reach http://127.0.0.1:9/v1"),
        ([Reply(text="half", fault="dies")], {}, "broke off"),
        ([Reply(text="half", fault="hangs")], {"endpoint": {"silence_seconds": 0.3}}, "took too long"),
        ([Reply(text="half", fault="garbage")], {}, "not an answer"),
        ([Reply(text="half", fault="not json")], {}, "refused the request"),
        ([Reply(fault="empty")], {}, "did not follow the protocol"),
        ([Reply()], {"wants": KEY, "endpoint": {"key": "wrong"}}, "the key is missing or wrong"),
        ([Reply(status=404)], {}, "has no model 'test'"),
        ([Reply(status=429)], {}, "allows no more requests"),
        ([Reply(status=500)], {}, "has a problem of its own"),
        ([Reply(status=400, message="x" * 5000)], {}, "refused the request"),
        ([Reply(text="x")], {"opener": open_anthropic}, "'mine'"),
    ],
)
def test_each_way_to_fail_is_one_sentence(replies: list[Reply], options: dict[str, Any], sentence: str) -> None:
    recorder = MemoryRecorder()
    with pytest.raises(AgentError, match=sentence) as failure:
        ask(replies, recorder, **options)
    assert len(str(failure.value)) < 400
    assert recorder.bodies[-1] == Notice(text=str(failure.value), level="error")
    if replies[0].text == "half":
        assert recorder.bodies[1] == AgentMessage(text="half", interrupted=True)


def test_the_key_is_sent_and_never_told() -> None:
    recorder = MemoryRecorder()
    ask([Reply(text="fine")], recorder, wants=KEY, endpoint={"key": KEY})
    assert recorder.bodies[1] == AgentMessage(text="fine")
    with pytest.raises(AgentError) as failure:
        ask([Reply(text="fine")], recorder, wants=KEY, endpoint={"key": "other-secret"})
    assert "other-secret" not in str(failure.value) + str(recorder.bodies)


def test_calls_that_make_no_sense_are_recorded_and_the_model_goes_on(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    senseless = [Call("fly", {}), Call("write", "{no json"), Call("write", {"path": 1})]
    ask([*(Reply(calls=[call]) for call in senseless), Reply(text="I give up.")], recorder, folder=tmp_path)
    assert_calls_answered(recorder.bodies)
    assert [call.name for call in bodies(recorder.bodies, ToolCall)] == ["fly", "write", "write"]
    assert {result.status for result in bodies(recorder.bodies, ToolResult)} == {"failed"}
    assert bodies(recorder.bodies, AgentMessage)[-1].text == "I give up."


def test_a_call_repeated_for_ever_ends_the_turn(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    with pytest.raises(LimitReached, match="again and again"):
        ask([Reply(calls=[Call("list", {})])], recorder, folder=tmp_path)
    assert_calls_answered(recorder.bodies)
    assert len(bodies(recorder.bodies, ToolCall)) == 5


def test_tokens_are_counted_and_limited(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    ask([Reply(text="fine")], recorder)
    assert bodies(recorder.bodies, Usage) == [Usage(input=100, output=20, model="test")]
    with pytest.raises(LimitReached, match="limit"):
        ask([Reply(calls=[Call("list", {})])], recorder, folder=tmp_path, rules=Rules(tokens=150))


def test_several_calls_at_once_are_done_one_after_the_other(tmp_path: Path) -> None:
    recorder = MemoryRecorder()
    calls = [Call("write", {"path": f"{n}", "content": "x"}) for n in range(3)]
    ask([Reply(calls=calls), Reply(text="done")], recorder, folder=tmp_path)
    kinds = [body.kind for body in recorder.bodies if body.kind in ("tool_call", "tool_result")]
    assert kinds == ["tool_call", "tool_result"] * 3


def test_without_tools_none_are_offered() -> None:
    server = ask([Reply(text="fine")], MemoryRecorder())
    assert "tools" not in server.requests[0]
