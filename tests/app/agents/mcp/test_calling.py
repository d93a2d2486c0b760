"""Calls by hand are recorded in an mcp session, whatever comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.agents.mcp.calling import Called, Caller
from app.agents.mcp.config import ServerConfig
from app.agents.mcp.pool import ServerPool
from app.agents.mcp.servers import ServerRegistry
from app.agents.mcp.sessions import session_for
from app.errors import UserError
from app.sessions.events import BlobRef, Notice, PermissionAnswer, PermissionRequest, ToolCall, ToolResult
from app.workspace import Workspace
from tests.app.agents.mcp.support import DEMO, Willing, hostile
from tests.app.agents.support import run
from tests.app.agents.test_registry import Keys
from tests.helpers.homes import open_home


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


async def call(workspace: Workspace, config: ServerConfig, tool: str, consent: Any = None, **arguments: Any) -> Called:
    registry = ServerRegistry(workspace, secrets=Keys())
    await registry.add(config)
    pool = ServerPool(registry)
    try:
        session = await session_for(workspace, config.name)
        caller = Caller(workspace, session, workspace.clock, consent)
        return await caller.call(lambda: pool.connection(config.name), config.name, tool, arguments)
    finally:
        await pool.close()


def bodies(workspace: Workspace, session: str) -> list[Any]:
    return [event.body for event in workspace.read(lambda queries: list(queries.iterate(session)))][1:]


def test_a_call_has_input_result_time_and_status(workspace: Workspace) -> None:
    called = run(call(workspace, DEMO, "add", a=1, b=2))
    row = workspace.read(lambda queries: queries.session(called.session))
    assert (row.type, row.title) == ("mcp", "MCP: demo")
    asked, answered = bodies(workspace, called.session)
    assert (asked.name, asked.title, asked.input) == ("mcp__demo__add", "demo: add", {"a": 1, "b": 2})
    assert (answered.call_id, answered.status, answered.output) == (asked.call_id, "completed", "3")
    assert answered.content is None
    assert answered.duration_ms > 0
    assert workspace.read(lambda queries: queries.event(called.session, called.event)).body == answered


def test_pictures_are_kept_as_payloads(workspace: Workspace) -> None:
    called = run(call(workspace, DEMO, "picture"))
    result = bodies(workspace, called.session)[-1]
    assert isinstance(result, ToolResult)
    [block] = result.content["blocks"]
    assert block["mimeType"] == "image/png"
    ref = BlobRef(blob=block["data"]["blob"], size=block["data"]["size"], key=block["data"].get("key"))
    assert workspace.read(lambda queries: queries.blob(ref)).startswith(b"\x89PNG")


def test_bytes_of_resources_are_kept_as_payloads_too(workspace: Workspace) -> None:
    called = run(call(workspace, DEMO, "parcel"))
    result = bodies(workspace, called.session)[-1]
    assert result.output == "[memo://parcel application/x-parcel, about 6 bytes]"
    [block] = result.content["blocks"]
    assert (block["resource"]["uri"], block["resource"]["mimeType"]) == ("memo://parcel", "application/x-parcel")
    ref = msgspec.convert(block["resource"]["blob"], BlobRef)
    assert (ref.size, ref.media_type) == (4, "application/x-parcel")
    assert workspace.read(lambda queries: queries.blob(ref)) == b"\x00\x01\x02\xff"


def test_errors_of_tools_and_of_servers_are_recorded(workspace: Workspace) -> None:
    called = run(call(workspace, DEMO, "fail", why="no"))
    assert called.answer is not None and called.answer.is_error
    dead = run(call(workspace, DEMO, "die"))
    assert dead.session == called.session
    assert dead.error is not None and dead.error.exit_code == 5
    away = run(call(workspace, ServerConfig(name="demo", command="/no/such"), "go"))
    assert "no program '/no/such'" in str(away.error)
    results = [body for body in bodies(workspace, called.session) if isinstance(body, ToolResult)]
    assert [result.status for result in results] == ["failed"] * 3
    assert "out of memory" in results[1].output


def test_a_cancelled_call_is_recorded(workspace: Workspace) -> None:
    async def work() -> str:
        session = await session_for(workspace, "demo")
        calling = asyncio.ensure_future(call(workspace, DEMO, "slow", seconds=20))
        async for _ in workspace.changes():
            if bodies(workspace, session):
                break
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        return session

    session = run(work())
    assert bodies(workspace, session)[-1].status == "cancelled"


def test_what_a_server_asks_is_recorded(workspace: Workspace) -> None:
    called = run(call(workspace, DEMO, "greet", Willing(name="Ann")))
    found = bodies(workspace, called.session)
    assert [type(body) for body in found] == [ToolCall, PermissionRequest, PermissionAnswer, Notice, ToolResult]
    assert found[1].title == "demo asks for values: Who are you?"
    assert found[2].answer == "once"
    assert found[3].data == {"name": "Ann"}
    declined = bodies(workspace, run(call(workspace, DEMO, "greet")).session)[-3:]
    assert [type(body) for body in declined] == [PermissionRequest, PermissionAnswer, ToolResult]
    assert declined[1].answer == "reject"


def test_values_that_do_not_fit_are_not_sent(workspace: Workspace) -> None:
    called = run(call(workspace, hostile("elicit"), "go", Willing(name=5)))
    assert called.answer is not None and '"cancel"' in called.answer.text()


def test_what_a_model_was_asked_is_recorded(workspace: Workspace) -> None:
    called = run(call(workspace, hostile("sample"), "go", Willing()))
    request, answer, notice = bodies(workspace, called.session)[1:4]
    assert (request.name, request.input["text"]) == ("sampling", "6 × 7?")
    assert answer.answer == "once"
    assert notice.data == {"text": "42"}


def test_the_session_of_a_server_is_gone_on_with(workspace: Workspace) -> None:
    async def work() -> None:
        first = await session_for(workspace, "demo")
        assert await session_for(workspace, "demo") == first
        assert await session_for(workspace, "other") != first
        second = await session_for(workspace, "demo", new=True)
        assert second != first
        assert await session_for(workspace, "demo", wanted=first) == first
        await workspace.write_async(lambda operations: operations.set_fields(second, {"archived": True}))
        assert await session_for(workspace, "demo") not in (first, second)
        chat = await workspace.write_async(lambda operations: operations.create())
        with pytest.raises(UserError, match="of the type interactive"):
            await session_for(workspace, "demo", wanted=chat)

    run(work())


def test_connections_are_shared_and_made_anew(workspace: Workspace) -> None:
    async def work() -> None:
        registry = ServerRegistry(workspace, secrets=Keys())
        await registry.add(DEMO)
        pool = ServerPool(registry)
        try:
            first, second = await asyncio.gather(pool.connection("demo"), pool.connection("demo"))
            assert first is second
            assert pool.is_open("demo")
            with pytest.raises(UserError):
                await first.call("die", {})
            third = await pool.connection("demo")
            assert third is not first
            await registry.add(ServerConfig(name="demo", command=DEMO.command, args=DEMO.args, env={"A": "b"}))
            assert await pool.connection("demo") is not third
            assert not third.is_open
        finally:
            await pool.close()
        assert not pool.is_open("demo")

    run(work())
