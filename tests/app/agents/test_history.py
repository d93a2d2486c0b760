from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart

from app.agents.history import PastCall, PastText, cut_middle, model_messages, past_items
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    AnyBody,
    Compaction,
    Notice,
    ToolCall,
    ToolResult,
    Unknown,
    UserMessage,
)

PLENTY = 1_000_000


def test_a_conversation_with_a_call() -> None:
    events: list[AnyBody] = [
        UserMessage(text="hello"),
        AgentThought(text="hm"),
        AgentMessage(text="I look."),
        ToolCall(call_id="1", name="read", input={"path": "a"}),
        ToolResult(call_id="1", status="completed", output="content"),
        AgentMessage(text="It says content."),
        Unknown(kind="new", fields={}),
    ]
    assert past_items(events, PLENTY) == [
        PastText(True, "hello"),
        PastText(False, "I look."),
        PastCall("read", {"path": "a"}, "content"),
        PastText(False, "It says content."),
    ]


def test_a_missing_result_is_said() -> None:
    items = past_items([UserMessage(text="x"), ToolCall(call_id="1", name="run")], PLENTY)
    assert items[1] == PastCall("run", {}, "No result: the turn was interrupted.")


def test_a_compaction_stands_for_what_was_before() -> None:
    items = past_items([UserMessage(text="old"), Compaction(text="in short"), UserMessage(text="new")], PLENTY)
    assert items == [PastText(True, "What happened before, in short:\nin short"), PastText(True, "new")]


def test_the_oldest_turns_are_left_out_first() -> None:
    events: list[AnyBody] = [UserMessage(text=f"{n}" * 100) for n in range(10)]
    items = past_items(events, 400)
    assert [item.text[0] for item in items if isinstance(item, PastText)] == ["7", "8", "9"]


def test_the_last_turn_loses_the_middle_of_its_texts() -> None:
    events: list[AnyBody] = [
        UserMessage(text="short"),
        ToolCall(call_id="1", name="read", input={"path": "a" * 9000}),
        ToolResult(call_id="1", status="completed", output="start" + "x" * 100_000 + "end"),
    ]
    items = past_items(events, 2000)
    assert items[0] == PastText(True, "short")
    assert isinstance(items[1], PastCall)
    assert items[1].result.startswith("start")
    assert items[1].result.endswith("end")
    assert len(items[1].result) + len(str(items[1].arguments)) < 2000


names = st.text(max_size=80)
calls = st.sampled_from(["1", "2", "3"])
values: st.SearchStrategy[Any] = st.none() | st.text() | st.dictionaries(st.text(), st.integers())
events = st.lists(
    st.one_of(
        st.builds(UserMessage, text=st.text()),
        st.builds(AgentMessage, text=st.text()),
        st.builds(ToolCall, call_id=calls, name=names, input=values),
        st.builds(ToolResult, call_id=calls, status=st.just("completed"), output=st.text()),
        st.builds(Compaction, text=st.text()),
        st.builds(Notice, text=st.text()),
    )
)


@given(bodies=events, budget=st.integers(0, 500))
def test_any_events_make_messages_with_each_call_answered(bodies: list[AnyBody], budget: int) -> None:
    messages = model_messages(past_items(bodies, budget), with_tools=True)
    for call, answer in itertools.pairwise([*messages, ModelRequest(parts=[])]):
        if isinstance(call, ModelResponse) and isinstance(part := call.parts[0], ToolCallPart):
            returned = answer.parts[0]
            assert isinstance(returned, ToolReturnPart)
            assert returned.tool_call_id == part.tool_call_id
            assert 0 < len(part.tool_name) <= 64


def test_without_tools_calls_are_told_as_text() -> None:
    messages = model_messages([PastCall("read", {}, "content")], with_tools=False)
    assert messages[0].parts[0].content == "(Used read: content)"  # type: ignore[union-attr]


@given(text=st.text(), limit=st.integers(20, 100))
def test_cutting(text: str, limit: int) -> None:
    assert len(cut_middle(text, limit)) <= max(limit, 11)
    assert cut_middle(text, len(text)) == text
