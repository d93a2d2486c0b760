"""What is searched of an event, and how tall it is."""

from __future__ import annotations

from array import array

from hypothesis import given

from app.sessions.events import (
    AgentMessage,
    AnyBody,
    CommandResult,
    FileChange,
    Plan,
    PlanEntry,
    SessionSet,
    ToolCall,
    ToolResult,
    Unknown,
    UserMessage,
)
from app.sessions.texts import LINE_CHARACTERS, MAX_INDEXED, MAX_LINES, estimated_lines, searchable_text
from tests.helpers.bodies import bodies


@given(bodies)
def test_every_body_has_a_text_and_lines(body: AnyBody) -> None:
    assert len(searchable_text(body)) <= MAX_INDEXED
    array("H", [estimated_lines(body.kind, body)])


def test_texts() -> None:
    assert searchable_text(CommandResult(call_id="c", stdout="out", stderr="err")) == "out\nerr"
    assert searchable_text(FileChange(path="a/b.py", diff="+x")) == "a/b.py\n+x"
    assert (
        searchable_text(ToolCall(call_id="c", name="n", title="t", input={"a": ["deep", {"b": "er"}], "n": 1}))
        == "n t deep er"
    )
    assert searchable_text(SessionSet(fields={"title": "T", "tags": ["no"]})) == "T"
    assert searchable_text(SessionSet(fields={"title": None})) == ""
    assert searchable_text(Unknown("hologram", {"text": "x"})) == ""
    assert len(searchable_text(UserMessage(text="x" * 10**6))) == MAX_INDEXED


def test_heights() -> None:
    assert estimated_lines("agent_message", AgentMessage(text="a\nb")) == 2
    assert estimated_lines("agent_message", AgentMessage(text="x" * (LINE_CHARACTERS * 3))) == 4
    assert estimated_lines("session_set", SessionSet(fields={})) == 0
    assert estimated_lines("agent_message", AgentMessage(text="\n" * 10**6)) == MAX_LINES
    assert estimated_lines("plan", Plan(entries=(PlanEntry(text=""),) * 70_000)) == MAX_LINES
    assert estimated_lines("hologram", Unknown("hologram", {})) > 0


def test_input_nested_very_deeply() -> None:
    value: object = "bottom"
    for _ in range(5000):
        value = [value]
    assert searchable_text(ToolCall(call_id="c", name="n", input=value)).startswith("n")


def test_words_of_coloured_output_are_found_by_themselves() -> None:
    coloured = "\x1b[31mF401\x1b[0m\r\n10%\r100%"
    assert searchable_text(CommandResult(call_id="c", stdout=coloured, stderr="err")) == "F401\n100%\nerr"
    assert searchable_text(ToolResult(call_id="c", status="completed", output=coloured)) == "F401\n100%"
