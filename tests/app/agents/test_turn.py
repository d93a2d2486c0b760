from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest

from app.agents.backend import OutputDelta, PromptPart, TextDelta, Update
from app.agents.stream import Joiner, UpdateStream
from app.agents.turn import Asking, TurnResult, TurnRunner
from app.errors import AgentError
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    Body,
    Command,
    CommandResult,
    Notice,
    PermissionRequest,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
)
from tests.app.agents.support import MemoryRecorder, Person, run


class Told:
    """A conversation that emits what it is told; an exception among the updates is raised, None waits for ever."""

    def __init__(self, *updates: Update | Exception | None, last: Callable[[], None] = lambda: None) -> None:
        self._updates = updates
        self._stream = UpdateStream()
        self._last = last
        self.waiting = asyncio.Event()

    def prompt(self, parts: Sequence[PromptPart]) -> AsyncGenerator[Update, None]:
        return self._stream.run(self._tell())

    async def _tell(self) -> None:
        call: ToolCall | None = None
        try:
            for update in self._updates:
                if isinstance(update, Exception):
                    raise update
                if update is None:
                    self.waiting.set()
                    await asyncio.Event().wait()
                    continue
                call = update if isinstance(update, ToolCall) else call
                self._stream.emit(update)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if call is not None:
                self._stream.emit(ToolResult(call_id=call.call_id, status="cancelled"))
            raise

    async def cancel(self) -> None:
        await self._stream.cancel()

    async def close(self) -> None:
        await self._stream.cancel()


def text(*words: str) -> list[Update]:
    return [TextDelta("agent_message", word) for word in words]


def turn(conversation: Told, recorder: MemoryRecorder, **options: Any) -> TurnResult:
    return run(TurnRunner(conversation, recorder, **options).run("hello"))


def test_output_is_saved_while_a_command_runs() -> None:
    recorder = MemoryRecorder()
    turn(
        Told(
            Command(call_id="c", command="make"),
            OutputDelta("c", "stdout", "one "),
            OutputDelta("c", "stderr", "two"),
            AgentMessage(text="x"),
            CommandResult(call_id="c", exit_code=0),
        ),
        recorder,
        draft_seconds=0,
    )
    assert recorder.outputs[0] == ("c", [(0, "")])
    assert recorder.outputs[-1] == ("c", [(0, "one two")])


def test_what_lies_ready_is_recorded_together_and_in_order() -> None:
    class Counting(MemoryRecorder):
        async def record(self, *bodies: Body) -> Sequence[str]:
            times.append(len(bodies))
            await asyncio.sleep(0.001)
            return await super().record(*bodies)

    calls = [ToolCall(call_id=f"{n}", name="x") for n in range(500)]
    for listener in (None, heard := []):  # type: ignore[var-annotated]
        times: list[int] = []
        recorder = Counting()
        turn(Told(*calls), recorder, listener=None if listener is None else listener.append)
        assert recorder.bodies[1:] == calls
        assert len(times) < 50
    assert heard == calls


def test_who_listens_hears_of_a_text_when_what_came_before_it_is_recorded() -> None:
    recorder, seen = MemoryRecorder(), []
    call, words = ToolCall(call_id="1", name="x"), text("b")[0]
    updates = [*([call] * 40), words]
    turn(Told(*updates), recorder, listener=lambda one: seen.append((one, len(recorder.bodies))))
    assert seen[-1] == (words, 41)


def test_deltas_become_one_message() -> None:
    recorder, heard = MemoryRecorder(), []
    result = turn(Told(*text("a ", "b")), recorder, model="m", runner="device", listener=heard.append)
    assert recorder.bodies == [
        UserMessage(text="hello", model="m", runner="device"),
        AgentMessage(text="a b", model="m"),
    ]
    assert (result.outcome, result.text) == ("completed", "a b")
    assert heard == text("a ", "b")


def test_whatever_follows_ends_a_message() -> None:
    recorder = MemoryRecorder()
    call, answer = ToolCall(call_id="1", name="x"), ToolResult(call_id="1", status="completed")
    thought = TextDelta("agent_thought", "hm")
    turn(Told(thought, *text("a"), call, OutputDelta("1", "stdout", "…"), answer, *text("b")), recorder)
    assert recorder.bodies[1:] == [
        AgentThought(text="hm"),
        AgentMessage(text="a"),
        call,
        answer,
        AgentMessage(text="b"),
    ]


def test_drafts_are_saved_while_it_speaks_and_cleared_at_the_end() -> None:
    recorder = MemoryRecorder()
    turn(Told(*text(*(f"{n} " for n in range(200)))), recorder, draft_seconds=0)
    drafts = [entry[1] for entry in recorder.log if isinstance(entry, tuple) and entry[0] == "draft"]
    assert drafts[0] == "0 "
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(drafts))
    assert recorder.log[-1] == ("clear", "")


def test_drafts_are_few() -> None:
    recorder = MemoryRecorder()
    turn(Told(*text(*"many words at once")), recorder, draft_seconds=1000)
    assert [entry for entry in recorder.log if isinstance(entry, tuple)] == [("draft", "m"), ("clear", "")]


def test_a_failure_keeps_what_was_said_and_says_why() -> None:
    recorder = MemoryRecorder()
    with pytest.raises(AgentError, match="gone"):
        turn(Told(*text("half a"), AgentError("The server is gone.")), recorder)
    assert recorder.bodies[1:] == [
        AgentMessage(text="half a", interrupted=True),
        Notice(text="The server is gone.", level="error"),
    ]
    assert recorder.log[-2] == ("clear", "")


def test_cancel_keeps_what_was_said() -> None:
    recorder = MemoryRecorder()

    async def cancel() -> TurnResult:
        conversation = Told(*text("half"), ToolCall(call_id="1", name="x"), None)
        runner = TurnRunner(conversation, recorder)
        work = asyncio.ensure_future(runner.run("hello"))
        await conversation.waiting.wait()
        await runner.cancel()
        return await work

    assert run(cancel()).outcome == "cancelled"
    assert recorder.bodies[1:] == [
        AgentMessage(text="half"),
        ToolCall(call_id="1", name="x"),
        ToolResult(call_id="1", status="cancelled"),
        Notice(text="Cancelled."),
    ]


def test_cancelling_the_caller_records_the_end_too() -> None:
    recorder = MemoryRecorder()

    async def cancel() -> None:
        conversation = Told(*text("half"), None)
        work = asyncio.ensure_future(TurnRunner(conversation, recorder).run("hello"))
        await conversation.waiting.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run(cancel())
    assert recorder.bodies[1:] == [AgentMessage(text="half", interrupted=True), Notice(text="Cancelled.")]


def test_a_full_disk_stops_the_agent() -> None:
    class Full(MemoryRecorder):
        async def record(self, *bodies: Body) -> Sequence[str]:
            if any(isinstance(body, AgentMessage) for body in bodies):
                raise OSError("disk full")
            return await super().record(*bodies)

    with pytest.raises(OSError, match="disk full"):
        turn(Told(*text("a"), ToolCall(call_id="1", name="x"), None), Full())


def test_tokens_are_added_up() -> None:
    result = turn(Told(Usage(input=1, output=2), Usage(input=3, output=4)), MemoryRecorder())
    assert (result.input_tokens, result.output_tokens) == (4, 6)


def test_a_person_is_asked_after_the_request_is_recorded() -> None:
    recorder, person = MemoryRecorder(), Person()
    request = PermissionRequest(request_id="r", call_id="1", name="write", title="")

    async def talk() -> list[str]:
        asking = Asking(person.ask)
        question = asyncio.ensure_future(asking.ask(request))
        await asyncio.sleep(0)
        assert person.asked == []
        await TurnRunner(Told(request), recorder, asking=asking).run("hello")
        await question
        return recorder.kinds

    assert run(talk()) == ["user_message", "permission_request"]
    assert person.asked == [request]


def test_a_prompt_that_is_not_a_persons_is_a_notice() -> None:
    recorder = MemoryRecorder()
    run(TurnRunner(Told(), recorder).run("try again", by_person=False))
    assert recorder.bodies == [Notice(text="try again")]


def test_blank_text_is_no_message() -> None:
    joiner = Joiner()
    assert joiner.feed(TextDelta("agent_message", " \n")) == []
    assert joiner.finish() == []


def test_a_work_that_dies_by_itself_is_an_error() -> None:
    async def dies() -> None:
        raise asyncio.CancelledError

    async def consume() -> None:
        async for _ in UpdateStream().run(dies()):
            pass

    with pytest.raises(AgentError, match="broke off"):
        run(consume())
