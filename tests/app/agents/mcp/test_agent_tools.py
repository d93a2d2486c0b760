"""Agents use the tools of servers: with permission, within rules, recorded as every call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.backend import Answered
from app.agents.mcp.agent_tools import model_name, server_tools, with_servers
from app.agents.mcp.asked_form import ELICITATION, form_schema
from app.agents.mcp.config import ServerConfig
from app.agents.mcp.model_schema import MOST_CHARACTERS, model_schema
from app.agents.mcp.pool import ServerPool
from app.agents.mcp.servers import ServerRegistry
from app.agents.permission import Policy
from app.agents.rules import TASK_RULES, Rules, load_rules
from app.agents.scripted import ScriptedBackend, parse_script
from app.sessions.events import Notice, PermissionAnswer, PermissionRequest, ToolCall, ToolResult
from tests.app.agents.mcp.support import DEMO, hostile
from tests.app.agents.mcp.test_schema import JSON
from tests.app.agents.support import MemoryRecorder, assert_calls_answered, bodies, collect, context, run
from tests.app.agents.test_registry import Keys, Settings


def play(
    tmp_path: Path,
    *steps: dict[str, Any],
    configs: tuple[ServerConfig, ...] = (DEMO,),
    rules: Rules | None = None,
    allowed: bool = False,
    answer: str | None = "once",
    values: dict[str, Any] | None = None,
) -> tuple[list[Any], list[Notice]]:
    """What comes of a script whose agent has the tools of the servers, and what was noted before."""
    asked: list[PermissionRequest] = []

    async def ask(request: PermissionRequest) -> Answered:
        asked.append(request)
        given = values if request.name == ELICITATION else None
        return Answered(PermissionAnswer(request_id=request.request_id, answer=answer, values=given))  # type: ignore[arg-type]

    async def work() -> tuple[list[Any], list[Notice]]:
        registry = ServerRegistry(Settings(), secrets=Keys())
        await registry.add(*configs)
        pool = ServerPool(registry)
        recorder = MemoryRecorder()
        policy = Policy(asks=answer is not None, allowed=frozenset({"read", "run"} if allowed else {"read"}))
        made = replace(context(tmp_path), ask=ask, policy=policy, rules=rules or Rules())
        backend = ScriptedBackend(parse_script(json.dumps([list(steps)]).encode(), "test"))
        try:
            conversation = await backend.start(await with_servers(backend, made, pool, recorder.record))
            updates = await collect(conversation)
            await conversation.close()
        finally:
            await pool.close()
        return updates, [body for body in recorder.bodies if isinstance(body, Notice)]

    return run(work())


def tool(name: str, server: str = "demo", **arguments: Any) -> dict[str, Any]:
    return {"tool": f"mcp__{server}__{name}", "input": arguments}


def results(updates: list[Any]) -> list[tuple[str, str]]:
    return [(one.status, one.output) for one in updates if isinstance(one, ToolResult)]


def test_a_call_asks_is_done_and_recorded(tmp_path: Path) -> None:
    updates, notices = play(tmp_path, tool("add", a=1, b=2))
    assert [type(one) for one in bodies(updates)] == [ToolCall, PermissionRequest, PermissionAnswer, ToolResult]
    call = bodies(updates)[0]
    assert (call.name, call.title, call.tool_kind) == ("mcp__demo__add", "demo: add", "other")
    assert results(updates) == [("completed", "3")]
    assert notices == []


def test_without_a_person_it_is_denied_unless_allowed(tmp_path: Path) -> None:
    assert results(play(tmp_path, tool("add", a=1, b=2), answer=None)[0])[0][0] == "denied"
    assert results(play(tmp_path, tool("add", a=1, b=2), answer=None, allowed=True)[0]) == [("completed", "3")]
    assert results(play(tmp_path, tool("add", a=1, b=2), answer="reject")[0])[0][0] == "denied"


def test_always_is_for_this_tool_only(tmp_path: Path) -> None:
    steps = [tool("add", a=1, b=2), tool("add", a=2, b=2), tool("echo", message="x")]
    updates, _ = play(tmp_path, *steps, answer="always")
    asked = [one.name for one in updates if isinstance(one, PermissionRequest)]
    assert asked == ["mcp__demo__add", "mcp__demo__echo"]


def test_errors_pictures_and_crashes(tmp_path: Path) -> None:
    steps = [tool("fail", why="no"), tool("picture"), tool("die"), tool("echo", message="again"), tool("nope")]
    updates, _ = play(tmp_path, *steps, allowed=True)
    assert_calls_answered(updates)
    found = [one for one in updates if isinstance(one, ToolResult)]
    assert [one.status for one in found] == ["failed", "completed", "failed", "completed", "failed"]
    assert found[1].content["blocks"][0]["data"]["blob"]
    assert "ended with exit code 3" in found[2].output
    assert found[3].output == "again"
    assert "There is no tool 'mcp__demo__nope'" in found[4].output


def test_rules_hold_servers(tmp_path: Path) -> None:
    assert results(play(tmp_path, tool("echo", message="x"), rules=TASK_RULES, allowed=True)[0])[0][0] == "failed"
    rules = msgspec.structs.replace(TASK_RULES, servers=("demo",))
    assert results(play(tmp_path, tool("echo", message="x"), rules=rules, allowed=True)[0]) == [("completed", "x")]
    (tmp_path / "rules.json").write_text('{"servers": ["demo"]}')
    assert load_rules(tmp_path / "rules.json").servers == ("demo",)
    (tmp_path / "rules.json").write_text("{}")
    assert load_rules(tmp_path / "rules.json").servers == ()


def test_a_server_kept_from_agents_is_not_started(tmp_path: Path) -> None:
    config = msgspec.structs.replace(hostile("mute"), agents=False)
    updates, notices = play(tmp_path, {"say": "hi"}, configs=(config,))
    assert notices == [] and updates


def test_a_server_that_is_away_is_told_and_the_rest_works(tmp_path: Path) -> None:
    gone = ServerConfig(name="gone", command="/no/such")
    updates, notices = play(tmp_path, tool("echo", message="x"), configs=(gone, DEMO), allowed=True)
    assert results(updates) == [("completed", "x")]
    assert "no program '/no/such'" in notices[0].text and "goes on without" in notices[0].text


def test_a_form_is_sent_with_what_the_person_fills_in(tmp_path: Path) -> None:
    updates, _ = play(tmp_path, tool("greet"), allowed=True, values={"name": "Ann", "age": 7})
    assert results(updates) == [("completed", "hello Ann")]
    [request] = [one for one in updates if isinstance(one, PermissionRequest)]
    [answer] = [one for one in updates if isinstance(one, PermissionAnswer)]
    assert request.title == "demo asks for values: Who are you?"
    schema = form_schema(request)
    assert schema is not None and list(schema["properties"]) == ["name", "age"]
    assert answer.values == {"name": "Ann", "age": 7}


@pytest.mark.parametrize(
    ("answer", "values", "said", "note"),
    [
        ("reject", {"name": "Ann"}, "declined", ""),
        (None, None, "declined", ""),  # nobody is there
        ("once", None, "canceld", "name is missing"),  # agreed to from where no form is shown
        ("once", {"name": 5}, "canceld", "'name' has the wrong kind of value"),
        ("once", {"name": "Ann", "password": "x"}, "canceld", "nobody asked for 'password'"),
    ],
)
def test_nothing_else_is_sent(tmp_path: Path, answer: Any, values: Any, said: str, note: str) -> None:
    updates, _ = play(tmp_path, tool("greet"), allowed=True, answer=answer, values=values)
    assert results(updates) == [("completed", said)]
    notes = [one.text.lower() for one in updates if isinstance(one, Notice)]
    assert [note in text for text in notes] == ([True] if note else [])


@pytest.mark.parametrize(
    ("answer", "said"), [("once", '"role": "assistant"'), ("reject", "declined"), (None, "declined")]
)
def test_a_model_is_only_asked_with_permission(tmp_path: Path, answer: str | None, said: str) -> None:
    updates, _ = play(
        tmp_path,
        tool("go", server="hostile"),
        configs=(hostile("sample"),),
        allowed=True,
        answer=answer,
        rules=Rules(),
    )
    assert said in results(updates)[0][1]


def test_a_list_without_end_is_cut_and_told(tmp_path: Path) -> None:
    async def work() -> tuple[int, list[str]]:
        registry = ServerRegistry(Settings(), secrets=Keys())
        await registry.add(hostile("many"))
        pool = ServerPool(registry)
        try:
            tools, problems = await server_tools(pool, Rules())
        finally:
            await pool.close()
        return len(tools), problems

    count, problems = run(work())
    assert count == 128
    assert problems == ["Of the MCP server 'hostile' 172 tools are left out: too many."]


@given(st.text(max_size=80), st.text(max_size=80))
def test_models_get_names_they_take(server: str, name: str) -> None:
    made = model_name(server, name)
    assert 0 < len(made) <= 64
    assert all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in made)


def test_other_tools_have_other_names() -> None:
    names = {
        model_name(server, name) for server in ("a b", "a_b", "a.b") for name in ("x", "x" * 80, "x" * 81, "ü", "ö")
    }
    assert len(names) == 15


def test_schemas_are_in_one_piece() -> None:
    schema = {
        "type": "object",
        "title": "X",
        "properties": {"title": {"$ref": "#/$defs/A"}, "b": {"type": "array", "items": {"$ref": "#/$defs/B"}}},
        "$defs": {"A": {"type": "string"}, "B": {"properties": {"b": {"$ref": "#/$defs/B"}}}},
    }
    made, hint = model_schema(schema)
    assert hint == ""
    assert made["properties"]["title"] == {"type": "string"}
    assert "$ref" not in json.dumps(made) and "title" not in made


def test_a_schema_that_grows_without_end_is_replaced() -> None:
    wide = {f"p{n}": {"$ref": f"#/$defs/{n}"} for n in range(50)}
    schema = {"type": "object", "properties": wide, "$defs": {str(n): {"properties": wide} for n in range(50)}}
    made, hint = model_schema(schema)
    assert made["properties"] == {} and "too large" in hint and "p0, p1" in hint


@given(JSON)
def test_whatever_a_schema_says_models_get_an_object(schema: Any) -> None:
    made, _hint = model_schema(schema)
    assert made["type"] == "object" and isinstance(made["properties"], dict)
    assert len(json.dumps(made, default=str)) <= MOST_CHARACTERS


# pydantic-ai


def test_a_model_calls_a_tool_of_a_server(tmp_path: Path) -> None:
    from functools import partial

    from app.agents.models import Endpoint, open_compatible
    from app.agents.pydantic_backend import ModelBackend
    from tests.helpers.model_server import Call, ModelServer, Reply

    async def work() -> tuple[list[Any], Any]:
        registry = ServerRegistry(Settings(), secrets=Keys())
        await registry.add(DEMO)
        pool = ServerPool(registry)
        replies = [Reply(text="I add.", calls=[Call("mcp__demo__add", {"a": 20, "b": 22})]), Reply(text="42.")]
        policy = Policy(allowed=frozenset({"read", "run"}))
        try:
            async with ModelServer(replies) as server:
                backend = ModelBackend("m", "test", partial(open_compatible, Endpoint("test", server.url)), server.url)
                plain = replace(context(tmp_path), policy=policy)
                ready = await with_servers(backend, plain, pool, MemoryRecorder().record)
                conversation = await backend.start(ready)
                updates = await collect(conversation)
                await conversation.close()
                return updates, server.requests
        finally:
            await pool.close()

    updates, requests = run(work())
    assert results(updates) == [("completed", "42")]
    offered = {one["function"]["name"]: one["function"] for one in requests[0]["tools"]}
    assert offered["mcp__demo__add"]["description"].startswith("[demo] Add two numbers.")
    assert set(offered["mcp__demo__add"]["parameters"]["properties"]) == {"a", "b"}
    assert "42" in json.dumps(requests[1]["messages"])
