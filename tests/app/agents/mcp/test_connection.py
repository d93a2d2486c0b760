"""Connections to real servers, over both transports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import Connection, connect
from app.agents.mcp.explaining import CallError, ServerError
from app.agents.mcp.launch import plan
from app.agents.mcp.limits import Limits
from app.errors import AgentError
from tests.app.agents.mcp.support import DEMO, Willing, demo_address
from tests.app.agents.support import run


@pytest.fixture(scope="module", params=["stdio", "http"])
def config(request: pytest.FixtureRequest) -> Iterator[ServerConfig]:
    if request.param == "stdio":
        yield DEMO
    else:
        with demo_address() as address:
            yield ServerConfig(name="demo", url=address)


async def opened(config: ServerConfig, limits: Limits | None = None) -> Connection:
    return await connect(plan(config), limits=limits)


def test_a_server_says_what_it_has(config: ServerConfig) -> None:
    async def look() -> None:
        connection = await opened(config)
        try:
            info = connection.info
            assert (info.name, info.version, info.instructions) == ("Demo", "1.2", "Use echo.")
            tools = {tool.name: tool for tool in await connection.tools()}
            assert tools["echo"].title == "Say it back"
            assert tools["add"].title == "add"
            assert tools["add"].input_schema["required"] == ["a", "b"]
            assert [one.uri for one in await connection.resources()] == ["memo://hello"]
            assert [(one.name, one.arguments) for one in await connection.prompts()] == [
                ("review", (("code", "", True),))
            ]
            assert (await connection.read("memo://hello")).text() == "[memo://hello]\nhello"
            assert (await connection.prompt("review", {"code": "x"})).text() == "Review this: x"
        finally:
            await connection.close()

    run(look())


def test_tools_are_called(config: ServerConfig) -> None:
    async def call() -> None:
        connection = await opened(config)
        try:
            answer = await connection.call("add", {"a": 2, "b": 3})
            assert (answer.is_error, answer.text(), answer.structured) == (False, "5", {"result": 5})
            assert (await connection.call("fail", {"why": "no"})).is_error
            assert (await connection.call("echo", {})).is_error
            assert "nope" in (await connection.call("nope", {})).text()
            assert (await connection.call("picture", {})).text() == "[image image/png, about 9 bytes]"
        finally:
            await connection.close()

    run(call())


def test_progress_is_told(config: ServerConfig) -> None:
    async def call() -> None:
        told: list[tuple[float, float | None, str]] = []
        connection = await opened(config)
        try:
            done = await connection.call("slow", {"seconds": 1}, on_progress=lambda *step: told.append(step))
        finally:
            await connection.close()
        assert done.text() == "done"
        assert len(told) > 3
        assert told[0] == (1, 10, "step 1")

    run(call())


def test_a_call_that_takes_too_long_is_given_up_and_the_server_goes_on(config: ServerConfig) -> None:
    async def call() -> None:
        connection = await opened(config)
        try:
            began = time.monotonic()
            with pytest.raises(ServerError, match=r"did not answer within 0\.3 seconds \(while calling 'slow'\)"):
                await connection.call("slow", {"seconds": 20}, seconds=0.3)
            assert time.monotonic() - began < 2
            assert (await connection.call("echo", {"message": "still here"})).text() == "still here"
        finally:
            await connection.close()

    run(call())


def test_a_call_can_be_cancelled(config: ServerConfig) -> None:
    async def call() -> None:
        connection = await opened(config)
        try:
            started = asyncio.Event()
            work = asyncio.ensure_future(
                connection.call("slow", {"seconds": 20}, on_progress=lambda *_step: started.set())
            )
            await started.wait()
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            assert (await connection.call("echo", {"message": "still here"})).text() == "still here"
        finally:
            await connection.close()

    run(call())


def test_servers_ask_the_person_and_the_model(config: ServerConfig) -> None:
    async def call() -> None:
        willing = Willing(name="Ann", age=3)
        connection = await connect(plan(config), consent=willing)
        try:
            assert (await connection.call("greet", {})).text() == "hello Ann"
            assert (await connection.call("think", {"question": "why?"})).text() == "the model says 42"
        finally:
            await connection.close()
        form, question = willing.asked
        assert "name" in form.schema["properties"]  # type: ignore[union-attr]
        assert question.text() == "why?"  # type: ignore[union-attr]

    run(call())


def test_where_nobody_can_be_asked_it_is_declined(config: ServerConfig) -> None:
    async def call() -> None:
        connection = await opened(config)
        try:
            assert (await connection.call("greet", {})).text() == "declined"
            with pytest.raises(CallError, match="declined"):
                await connection.call("think", {"question": "why?"})
        finally:
            await connection.close()

    run(call())


def test_time_stands_still_while_a_person_is_asked() -> None:
    class Slow(Willing):
        async def elicit(self, wanted):  # type: ignore[no-untyped-def]
            await asyncio.sleep(0.6)
            return await super().elicit(wanted)

    async def call() -> None:
        connection = await connect(plan(DEMO), consent=Slow(name="Ann"))
        try:
            assert (await connection.call("greet", {}, seconds=0.4)).text() == "hello Ann"
        finally:
            await connection.close()

    run(call())


def test_a_program_starts_in_the_folder_with_its_own_variables_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not for servers")
    config = ServerConfig(name="demo", command=DEMO.command, args=DEMO.args, env={"OWN": "${PATH}"})

    async def call() -> None:
        connection = await connect(plan(config, folders=[tmp_path]))
        try:
            assert (await connection.call("surroundings", {"name": "PWD"})).text() == str(tmp_path)
            assert (await connection.call("surroundings", {"name": "ANTHROPIC_API_KEY"})).text() == ""
            assert (await connection.call("surroundings", {"name": "OWN"})).text() != "${PATH}"
        finally:
            await connection.close()

    run(call())


def test_a_closed_connection_says_so() -> None:
    async def call() -> None:
        connection = await opened(DEMO)
        assert connection.is_open
        await connection.close()
        assert not connection.is_open
        with pytest.raises(ServerError, match="is closed"):
            await connection.call("echo", {"message": "x"})

    run(call())


def test_an_address_where_nobody_is() -> None:
    with pytest.raises(AgentError, match="The MCP server 'down' cannot be reached at its address"):
        run(opened(ServerConfig(name="down", url="http://127.0.0.1:9/mcp")))


def test_an_address_with_the_wrong_path() -> None:
    with demo_address() as address, pytest.raises(AgentError, match="is not at that address: it answers 404"):
        run(opened(ServerConfig(name="demo", url=address + "/elsewhere")))
