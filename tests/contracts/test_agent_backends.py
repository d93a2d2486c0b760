"""What every agent backend promises: one suite, run for each backend through the same few scenes."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.agents.backend import AgentBackend, OutputDelta, TextDelta
from app.agents.local.backend import local_backend
from app.agents.local.grammar_model import grammar_model
from app.agents.local.server import LocalServer
from app.agents.models import Endpoint, OpenModel, open_compatible
from app.agents.pydantic_backend import ModelBackend
from app.agents.scripted import ScriptedBackend, parse_script
from app.errors import AgentError
from app.sessions.events import AgentMessage, FileChange, ToolCall, ToolResult, UserMessage
from tests.app.agents.support import MemoryRecorder, Past, assert_calls_answered, bodies, collect, context, run
from tests.helpers.external_agents import external_agent
from tests.helpers.model_server import Call, ModelServer, Reply

WRITE = {"path": "a.txt", "content": "hello\n"}
SLEEP = {"command": "echo started; sleep 1000"}

Opened = AbstractAsyncContextManager[AgentBackend]


@asynccontextmanager
async def scripted(scene: str) -> AsyncIterator[AgentBackend]:
    """The scripted agent."""
    scenes: dict[str, list[dict[str, Any]]] = {
        "talk": [{"think": "hm"}, {"say": "Hello my friend."}],
        "work": [{"say": "I write."}, {"tool": "write", "input": WRITE}, {"say": "Written."}],
        "hang": [{"say": "I run."}, {"tool": "run", "input": SLEEP}],
        "wait": [{"say": "Wait"}, {"delay_ms": 3_600_000}],
        "fail": [{"say": "Half"}, {"fail": "The agent broke off."}],
    }
    turns = [[{"say": "first"}], [{"say": "second"}]] if scene == "remember" else [scenes[scene]]
    yield ScriptedBackend(parse_script(json.dumps(turns).encode(), scene))


@asynccontextmanager
async def compatible(scene: str) -> AsyncIterator[AgentBackend]:
    """A model behind an OpenAI-compatible server."""
    scenes = {
        "talk": [Reply(thinking="hm", text="Hello my friend.")],
        "work": [Reply(text="I write.", calls=[Call("write", WRITE)]), Reply(text="Written.")],
        "hang": [Reply(text="I run.", calls=[Call("run", SLEEP)])],
        "wait": [Reply(text="Wait", fault="hangs")],
        "fail": [Reply(text="Half", fault="dies")],
        "remember": [Reply(text="second")],
    }
    async with ModelServer(scenes[scene]) as server:
        yield ModelBackend("model", "test", partial(open_compatible, Endpoint("test", server.url)), server.url)


def step(tool: str, arguments: dict[str, Any]) -> Reply:
    return Reply(text=json.dumps({"tool": tool, "arguments": arguments}))


def needs(kind: str) -> Reply:
    return Reply(text=json.dumps({"kind": kind}))


def reply(text: str, **faults: Any) -> Reply:
    return Reply(text=json.dumps({"reply": text}), **faults)


@asynccontextmanager
async def grammar(scene: str) -> AsyncIterator[AgentBackend]:
    """The embedded model's way of working in steps, with its answers given."""
    scenes = {
        "talk": [needs("answer"), reply("Hello my friend.")],
        "work": [needs("change"), step("write", WRITE), reply("Written.")],
        "hang": [needs("run"), step("run", SLEEP)],
        "wait": [needs("answer"), Reply(text='{"reply": "Wait', fault="hangs")],
        "fail": [needs("answer"), Reply(text='{"reply": "Half', fault="dies")],
        "remember": [needs("answer"), reply("second")],
    }
    async with ModelServer(scenes[scene]) as server:

        async def connect() -> OpenModel:
            from openai import AsyncOpenAI

            client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
            return OpenModel(grammar_model(client, "test"), client.close)

        yield ModelBackend("grammar", "test", connect, "the test server")


@asynccontextmanager
async def external(scene: str) -> AsyncIterator[AgentBackend]:
    """An agent that is a program of its own and speaks the Agent Client Protocol."""
    call = {"toolCallId": "t1", "kind": "edit", "title": "Write a.txt", "locations": [{"path": "{cwd}/a.txt"}]}
    diff = [{"type": "diff", "path": "{cwd}/a.txt", "oldText": None, "newText": WRITE["content"]}]
    done = {"sessionUpdate": "tool_call_update", "toolCallId": "t1", "status": "completed", "content": diff}
    scenes: dict[str, list[dict[str, Any]]] = {
        "talk": [{"think": "hm"}, {"say": "Hello my friend."}],
        "work": [
            {"say": "I write."},
            {"update": {"sessionUpdate": "tool_call", "status": "pending", "rawInput": {"path": "a.txt"}, **call}},
            {"ask": call},
            {"effect": ["{cwd}/a.txt", None, WRITE["content"]]},
            {"update": done},
            {"say": "Written."},
        ],
        "hang": [{"say": "I run."}, {"run": SLEEP["command"]}],
        "wait": [{"say": "Wait"}, {"wait": 3600}],
        "fail": [{"say": "Half"}, {"stderr": "Something is wrong.\n"}, {"die": 3}],
        "remember": [{"say": "second"}],
    }
    with tempfile.TemporaryDirectory() as folder:
        yield external_agent(Path(folder), {"turns": [scenes[scene]]})


BACKENDS: list[Callable[[str], Opened]] = [scripted, compatible, grammar, external]


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
def backend(request: pytest.FixtureRequest) -> Callable[[str], Opened]:
    opened: Callable[[str], Opened] = request.param
    return opened


def test_text_comes_in_order(backend: Callable[[str], Opened], tmp_path: Path) -> None:
    async def talk() -> None:
        async with backend("talk") as agent:
            conversation = await agent.start(context(tmp_path))
            updates = await collect(conversation)
            await conversation.close()
        said = [update.text for update in updates if isinstance(update, TextDelta) and update.kind == "agent_message"]
        assert len(said) > 1
        assert "".join(said) == "Hello my friend."

    run(talk())


def test_a_call_is_done_recorded_and_answered(backend: Callable[[str], Opened], tmp_path: Path) -> None:
    async def work() -> None:
        async with backend("work") as agent:
            conversation = await agent.start(context(tmp_path))
            updates = await collect(conversation)
            await conversation.close()
        assert_calls_answered(updates)
        kinds = [body.kind for body in bodies(updates) if body.kind != "notice"]
        assert kinds[: kinds.index("tool_result") + 1] == [
            "tool_call", "permission_request", "permission_answer", "file_change", "tool_result"
        ]  # fmt: skip
        assert bodies(updates, FileChange)[0].path == "a.txt"
        assert (tmp_path / "a.txt").read_text() == "hello\n"
        last = [update for update in updates if isinstance(update, TextDelta) and update.kind == "agent_message"]
        assert updates.index(last[-1]) > updates.index(bodies(updates, ToolResult)[0])
        assert "".join(delta.text for delta in last).endswith("Written.")

    run(work())


@pytest.mark.parametrize("scene", ["hang", "wait"])
def test_cancel_ends_the_stream(backend: Callable[[str], Opened], scene: str, tmp_path: Path) -> None:
    async def cancel() -> float:
        async with backend(scene) as agent:
            conversation = await agent.start(context(tmp_path))
            updates = []
            cancelled = 0.0
            async for update in conversation.prompt([]):
                updates.append(update)
                awaited = OutputDelta if scene == "hang" else TextDelta
                if isinstance(update, awaited) and not cancelled:
                    cancelled = time.monotonic()
                    stop = asyncio.ensure_future(conversation.cancel())
            took = time.monotonic() - cancelled
            await stop
            await conversation.close()
        assert_calls_answered(updates)
        assert [result.status for result in bodies(updates, ToolResult)] == (["cancelled"] if scene == "hang" else [])
        return took

    assert run(cancel()) < 10  # a second when the machine is idle; the command and the server would take an hour


def test_a_failure_is_one_sentence_after_what_was_said(backend: Callable[[str], Opened], tmp_path: Path) -> None:
    async def fail() -> None:
        async with backend("fail") as agent:
            conversation = await agent.start(context(tmp_path))
            said = ""
            with pytest.raises(AgentError, match="broke off") as failure:
                async for update in conversation.prompt([]):
                    said += update.text if isinstance(update, TextDelta) and update.kind == "agent_message" else ""
            await conversation.close()
        assert said.strip() == "Half"
        assert "\n" not in str(failure.value)

    run(fail())


def test_a_session_goes_on_from_its_events(backend: Callable[[str], Opened], tmp_path: Path) -> None:
    history = [
        Past(UserMessage(text="My name is Ada.")),
        Past(AgentMessage(text="Hello Ada.")),
        Past(ToolCall(call_id="1", name="read", input={"path": "x"})),
    ]

    async def go_on() -> None:
        async with backend("remember") as agent:
            conversation = await agent.start(context(tmp_path, history=history))
            updates = await collect(conversation, "What is my name?")
            await conversation.close()
        assert "".join(u.text for u in updates if isinstance(u, TextDelta) and u.kind == "agent_message") == "second"

    run(go_on())


def test_a_model_is_told_the_history(tmp_path: Path) -> None:
    async def asked() -> list[dict[str, Any]]:
        async with ModelServer([Reply(text="Ada")]) as server:
            model = ModelBackend("m", "test", partial(open_compatible, Endpoint("test", server.url)), server.url)
            history = [
                Past(UserMessage(text="My name is Ada.")),
                Past(ToolCall(call_id="1", name="read", input={"path": "x"})),
                Past(ToolResult(call_id="1", status="completed", output="content of x")),
                Past(AgentMessage(text="Hello Ada.")),
            ]
            conversation = await model.start(context(tmp_path, history=history))
            await collect(conversation, "What is my name?")
            await collect(conversation, "And again?")
            await conversation.close()
            return server.requests

    first, second = run(asked())
    assert [message["role"] for message in first["messages"]][1:] == ["user", "assistant", "tool", "assistant", "user"]
    assert "content of x" in json.dumps(first)
    assert [message.get("content") for message in second["messages"]][-3:] == ["What is my name?", "Ada", "And again?"]


@pytest.mark.model
@pytest.mark.timeout(900)
def test_the_embedded_model_answers_remembers_and_works(embedded_model: Path, tmp_path: Path) -> None:
    async def talk() -> None:
        server = LocalServer(embedded_model)
        try:
            agent = local_backend("local", "embedded", server)
            history = [Past(UserMessage(text="My name is Ada.")), Past(AgentMessage(text="Nice to meet you, Ada."))]
            chat = await agent.start(context(history=history))
            updates = await collect(chat, "What is my name? Answer with the name only.")
            assert "Ada" in "".join(update.text for update in updates if isinstance(update, TextDelta))
            await chat.close()
            recorder = MemoryRecorder()
            work = await agent.start(context(tmp_path, keep=recorder.keep))
            updates = await collect(work, "Write a file hello.py that prints hello, then run it with python3.")
            await work.close()
            assert_calls_answered(updates)
            assert "hello" in (tmp_path / "hello.py").read_text()
            assert any("hello" in result.output for result in bodies(updates, ToolResult))
        finally:
            server.close()

    run(talk(), seconds=890)
