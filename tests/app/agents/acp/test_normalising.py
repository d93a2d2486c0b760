"""What the calls of each kind of agent mean, and that nothing an agent sends can make the reading fail."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.agents.acp.calls import CallState
from app.agents.acp.choices import read_choices
from app.agents.acp.explaining import last_line, login_methods
from app.agents.acp.normalising import KINDS, PLAIN, CommandLine, Outcome, Plain, normaliser, plan_entries, read_usage
from app.agents.acp.spending import Spending
from app.agents.acp.values import content_text, within
from app.agents.acp.wire import read_message
from app.agents.limits import LimitReached
from app.sessions.events import CommandResult, Plan, ToolCall
from tests.helpers.acp_recording import AGENTS, updates

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
KEYS = st.sampled_from(
    "command cmd cwd exitCode exit_code exit stdout stderr output metadata signal todos content type text path oldText "
    "newText line _meta claudeCode toolName toolResponse usage inputTokens truncated interrupted title kind status "
    "toolCallId rawInput rawOutput locations sessionUpdate options value modes availableModes configOptions".split()
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip
UPDATES = st.fixed_dictionaries(
    {"kind": JSON | st.just("execute"), "status": JSON | st.sampled_from(["completed", "failed", "pending"])},
    optional={"title": JSON, "rawInput": JSON, "rawOutput": JSON, "content": JSON, "locations": JSON, "_meta": JSON},
)


def call(**update: Any) -> CallState:
    state = CallState("t")
    state.merge(update)
    return state


@settings(deadline=None)
@given(told=st.lists(UPDATES, min_size=1, max_size=2))
def test_whatever_an_agent_sends_is_read(told: list[dict[str, Any]]) -> None:
    state = CallState("t")
    for update in told:
        state.merge(update)
    for agent in (PLAIN, *KINDS):
        read_all(agent, state)
        for update in told:
            agent.spent(update), agent.total(update), agent.usage(update)
    state.paths(), state.claims(), state.text


def read_all(agent: Plain, state: CallState) -> None:
    line, outcome = agent.command(state), agent.outcome(state)
    assert line is None or line.command
    event = CommandResult(call_id="c", exit_code=outcome.exit_code, signal=outcome.signal, stdout=outcome.stdout)
    assert msgspec.json.decode(msgspec.json.encode(event), type=CommandResult) == event
    name = agent.tool_name(state)
    kept = ToolCall(call_id="c", name=name, tool_kind=state.kind, title=state.title, input=within(state.input))
    msgspec.json.decode(msgspec.json.encode(kept), type=ToolCall)
    assert isinstance(agent.result_text(state), str) and isinstance(agent.is_ready(state), bool)
    msgspec.json.decode(msgspec.json.encode(Plan(entries=agent.plan(state))), type=Plan)


@given(value=JSON)
def test_whatever_else_an_agent_sends_is_read(value: Any) -> None:
    content_text(value)
    plan_entries(value)
    read_usage(value)
    login_methods(value)
    if isinstance(value, dict):
        read_choices(value, "mode"), read_choices(value, "model")


@given(line=st.binary(max_size=200) | JSON.map(lambda value: msgspec.json.encode(value)))
def test_a_line_is_a_message_or_nothing(line: bytes) -> None:
    message = read_message(line)
    assert message is None or isinstance(message.get("method", ""), str)


def test_agents_are_known_by_their_names_and_commands() -> None:
    found = {
        told: type(normaliser(*told)).__name__
        for told in [("OpenCode",), ("@mistralai/mistral-vibe",), ("qwen-code",), ("", "/usr/bin/gemini"), ("other",),
                     ("@zed-industries/claude-code-acp",), ("codex-acp",), ("", "goose", "acp")]
    }  # fmt: skip
    assert list(found.values()) == ["OpenCode", "Vibe", "Qwen", "Gemini", "Plain", "Claude", "Codex", "Goose"]


COMMANDS = [
    (PLAIN, {"rawInput": {"command": "ls -l", "cwd": "/w"}}, CommandLine("ls -l", "/w")),
    (PLAIN, {"rawInput": {"command": ["git", "log", "a b"]}}, CommandLine("git log 'a b'")),
    (
        normaliser("codex"),
        {"rawInput": {"command": ["/bin/bash", "-lc", "ls | wc"], "cwd": "/w"}},
        CommandLine("ls | wc", "/w"),
    ),
    (normaliser("claude"), {"title": "`npm test`", "rawInput": {}}, CommandLine("npm test")),
    (
        normaliser("claude"),
        {"title": "`x`", "rawInput": {"command": "npm t", "description": "d"}},
        CommandLine("npm t"),
    ),
    (
        normaliser("gemini"),
        {"title": "ls -la [current working directory /w/a] (List the files)"},
        CommandLine("ls -la", "/w/a"),
    ),
    (normaliser("gemini"), {"title": "git status (Show what is changed)"}, CommandLine("git status")),
    (PLAIN, {"rawInput": {"command": ["a", 1]}}, None),
]


@pytest.mark.parametrize(("agent", "update", "line"), COMMANDS)
def test_command_lines(agent: Plain, update: dict[str, Any], line: CommandLine | None) -> None:
    assert agent.command(call(kind="execute", **update)) == line
    assert agent.command(call(kind="read", **update)) is None


def fenced(text: str) -> list[dict[str, Any]]:
    return [{"type": "content", "content": {"type": "text", "text": text}}]


OUTCOMES = [
    (PLAIN, {"rawOutput": {"exit_code": 2, "stdout": "a", "stderr": "b"}}, Outcome(2, None, "a", "b")),
    (PLAIN, {"rawOutput": {"exitCode": True, "output": "a"}}, Outcome(None, None, "a")),
    (PLAIN, {"rawOutput": {"exit_code": 10**30}}, Outcome()),
    (PLAIN, {"rawOutput": {"signal": "SIGKILL", "exitCode": None}}, Outcome(None, "SIGKILL")),
    (normaliser("codex"), {"rawOutput": {"exit_code": 0, "aggregated_output": "all"}}, Outcome(0, None, "all")),
    (normaliser("claude"), {"status": "completed", "content": fenced("```console\nok\n```")}, Outcome(0, None, "ok")),
    (
        normaliser("claude"),
        {"status": "failed", "content": fenced("```\nExit code 3\nno\n```")},
        Outcome(3, None, "no"),
    ),
    (
        normaliser("claude"),
        {"status": "completed", "_meta": {"claudeCode": {"toolResponse": {"stdout": "o", "stderr": "e"}}}},
        Outcome(0, None, "o", "e"),
    ),
    (
        normaliser("qwen"),
        {"content": fenced("Command: x\nOutput: a\nb\nError: (none)\nExit Code: 4\n")},
        Outcome(4, None, "a\nb\n"),
    ),
    (
        normaliser("opencode"),
        {"rawOutput": {"output": "o", "metadata": {"exit": 1, "truncated": True}}},
        Outcome(1, None, "o", "", True),
    ),
    (
        normaliser("vibe"),
        {"rawOutput": {"stdout": "o", "stderr": "e", "truncated": False}},
        Outcome(None, None, "o", "e"),
    ),
]


@pytest.mark.parametrize(("agent", "update", "outcome"), OUTCOMES)
def test_how_commands_ended(agent: Plain, update: dict[str, Any], outcome: Outcome) -> None:
    assert agent.outcome(call(kind="execute", **update)) == outcome


@pytest.mark.parametrize("agent", AGENTS)
def test_every_recorded_update_is_understood(agent: str) -> None:
    known = normaliser(agent)
    for update in updates(agent):
        if update["sessionUpdate"] == "tool_call_update" and update.get("status") in ("completed", "failed"):
            state = call(kind=update.get("kind", "execute"), **{k: v for k, v in update.items() if k != "kind"})
            assert known.result_text(state) or state.claims()


def test_a_token_limit_ends_the_turn() -> None:
    spending = Spending(normaliser("qwen"), 500)
    update = {"_meta": {"usage": {"inputTokens": 200, "outputTokens": 40}}}
    spending.see(update)
    spending.see(update)
    with pytest.raises(LimitReached, match="500 tokens"):
        spending.see(update)


def test_the_last_line_that_says_something() -> None:
    assert last_line("a\n\x1b[1;31merror:\x1b[0m  no  such thing\n \n") == "error: no such thing"
    assert last_line("") == ""
