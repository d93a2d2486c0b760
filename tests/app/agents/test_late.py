"""A conversation that starts with its first prompt: recorded before the agent is up, stopped while it comes up."""

from __future__ import annotations

import asyncio

import pytest

from app.agents.backend import Conversation
from app.agents.late import LateConversation
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.turn import TurnRunner
from app.errors import AgentError
from tests.app.agents.support import MemoryRecorder, context, run


async def scripted(tmp_path) -> Conversation:  # type: ignore[no-untyped-def]
    return await ScriptedBackend(parse_script(b'[[{"say": "Hi."}]]', "test")).start(context(tmp_path))


def test_the_prompt_is_recorded_before_the_agent_is_up(tmp_path) -> None:
    async def turn() -> list[str]:
        recorder, begun, up = MemoryRecorder(), asyncio.Event(), asyncio.Event()

        async def start() -> Conversation:
            begun.set()
            await up.wait()
            return await scripted(tmp_path)

        conversation = LateConversation(start)
        running = asyncio.ensure_future(TurnRunner(conversation, recorder).run("Hello"))
        await begun.wait()
        before = list(recorder.kinds)
        up.set()
        result = await running
        await conversation.close()
        assert result.text == "Hi."
        return before

    assert run(turn()) == ["user_message"]


def test_an_agent_that_does_not_come_up_fails_the_turn(tmp_path) -> None:
    recorder = MemoryRecorder()

    async def start() -> Conversation:
        raise AgentError("It is not there.")

    async def turn() -> None:
        conversation = LateConversation(start)
        with pytest.raises(AgentError, match="not there"):
            await TurnRunner(conversation, recorder).run("Hello")
        await conversation.close()

    run(turn())
    assert recorder.kinds == ["user_message", "notice"]


def test_stopped_while_it_comes_up(tmp_path) -> None:
    recorder = MemoryRecorder()

    async def turn() -> str:
        begun = asyncio.Event()

        async def start() -> Conversation:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        conversation = LateConversation(start)
        runner = TurnRunner(conversation, recorder)
        running = asyncio.ensure_future(runner.run("Hello"))
        await begun.wait()
        await runner.cancel()
        result = await running
        await conversation.close()
        return result.outcome

    assert run(turn()) == "cancelled"
    assert recorder.kinds == ["user_message", "notice"]


def test_the_second_prompt_finds_it_up(tmp_path) -> None:
    starts: list[int] = []

    async def turns() -> None:
        async def start() -> Conversation:
            starts.append(1)
            return await scripted(tmp_path)

        conversation = LateConversation(start)
        for _ in range(2):
            await TurnRunner(conversation, MemoryRecorder()).run("Hello")
        await conversation.close()

    run(turns())
    assert starts == [1]
