from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart

from app.agents.history import PastCall, PastItem, PastText, Reader, cut_middle, model_messages, transcript
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    AnyBody,
    BlobRef,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    FileChange,
    Notice,
    Reference,
    Suggestion,
    ToolCall,
    ToolResult,
    Unknown,
    UserMessage,
    Verification,
)
from app.sessions.views import Author
from tests.app.agents.support import Past

ME, EVE = "aa" * 32, "ee" * 32
READER = Reader(own=ME, agent="model")


def by(identity: str, agent: str | None = None, *, claimed: bool = False) -> Author:
    return Author(identity, "dd" * 32, "Ada" if identity == ME else "Eve", agent, claimed)


def told(events: Sequence[Past], reader: Reader = READER) -> list[PastItem]:
    return [step.item for turn in transcript(events, reader).turns for step in turn]


def bodies_told(*bodies: AnyBody) -> list[PastItem]:
    return told([Past(body) for body in bodies])


def test_a_conversation_with_a_call() -> None:
    assert bodies_told(
        UserMessage(text="hello"),
        AgentThought(text="hm"),
        AgentMessage(text="I look."),
        ToolCall(call_id="1", name="read", input={"path": "a"}),
        ToolResult(call_id="1", status="completed", output="content"),
        AgentMessage(text="It says content."),
        Unknown(kind="new", fields={}),
    ) == [
        PastText(True, "hello"),
        PastText(False, "I look."),
        PastCall("read", {"path": "a"}, "content"),
        PastText(False, "It says content."),
    ]


def test_a_missing_result_is_said() -> None:
    items = bodies_told(UserMessage(text="x"), ToolCall(call_id="1", name="run"))
    assert items[1] == PastCall("run", {}, "No result: the turn was interrupted.")


def test_calls_with_one_id_get_their_results_in_order() -> None:
    call = ToolCall(call_id="1", name="run")
    first, second = (ToolResult(call_id="1", status="completed", output=text) for text in ("one", "two"))
    items = bodies_told(call, first, call, second)
    assert items == [PastCall("run", {}, "one"), PastCall("run", {}, "two")]


def test_an_interrupted_answer_is_marked() -> None:
    assert bodies_told(AgentMessage(text="Half", interrupted=True)) == [
        PastText(False, "Half\n[This answer was interrupted.]")
    ]


def test_own_words_stand_as_they_are_and_those_of_others_have_a_label() -> None:
    call = ToolCall(call_id="1", name="Bash", input={"command": "ls"})
    answer = ToolResult(call_id="1", status="completed", output="a.py")
    assert told(
        [
            Past(UserMessage(text="mine"), author=by(ME)),
            Past(UserMessage(text="hers"), author=by(EVE)),
            Past(UserMessage(text="says it was me"), author=by(ME, claimed=True)),
            Past(AgentMessage(text="by me"), author=by(ME, "model")),
            Past(AgentMessage(text="by it"), author=by(ME, "claude")),
            Past(AgentMessage(text="by hers"), author=by(EVE, "model")),
            Past(call, author=by(ME, "claude")),
            Past(answer, author=by(ME, "claude")),
        ]
    ) == [
        PastText(True, "mine"),
        PastText(True, "[Eve wrote:]\nhers"),
        PastText(True, "[Ada wrote:]\nsays it was me"),
        PastText(False, "by me"),
        PastText(True, "[The agent claude said:]\nby it"),
        PastText(True, "[The agent model of Eve said:]\nby hers"),
        PastText(True, '[The agent claude used Bash {"command": "ls"}:]\na.py'),
    ]


def test_imported_calls_of_an_agent_with_my_name_are_no_calls_of_mine() -> None:
    call = ToolCall(call_id="1", name="Bash")
    items = told([Past(call, author=by(ME, "model"), source="claude:s:1")])
    assert isinstance(items[0], PastText)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (Notice(text="Cancelled."), "[Notice:]\nCancelled."),
        (Suggestion(text="do"), "[The user suggested, which nobody has accepted:]\ndo"),
        (Verification(what="tests", passed=False, evidence="1 failed"), "[Check 'tests' failed.]\n1 failed"),
        (Conclusion(text="Done.", outcome="completed"), "[The task ended, completed:]\nDone."),
        (Compaction(text="in short"), "[Summary of what was before, by The user:]\nin short"),
        (
            FileChange(path="a", cause="person", added=1, diff="+x"),
            "[The user changed a, lines +1 -0.]\n+x",
        ),
        (Command(call_id="9", command="ls"), "[The user ran a command:]\nls"),
        (CommandResult(call_id="9", exit_code=2, stderr="no"), "[It ended with exit code 2.]\nno"),
        (
            UserMessage(text="look", attachments=(BlobRef(blob="b", size=1, name="p.png"),)),
            "look\n[Attached: p.png]",
        ),
    ],
)
def test_what_else_happened_is_told(body: AnyBody, text: str) -> None:
    assert bodies_told(body) == [PastText(True, text)]


def test_other_sessions_are_told_with_what_they_came_to() -> None:
    reader = Reader(ME, "model", {"S2": "Sub: 42"}, {"1": ["S2"]})
    items = told(
        [
            Past(ToolCall(call_id="1", name="task")),
            Past(ToolResult(call_id="1", status="completed", output="started")),
            Past(Reference(target="S3", text="see")),
        ],
        reader,
    )
    assert items == [
        PastCall("task", {}, "started\n[It came to:]\nSub: 42"),
        PastText(True, "[This refers to session S3.]\nsee"),
    ]


def test_a_compaction_stands_for_its_range_only() -> None:
    events = [
        Past(UserMessage(text="old"), id="01"),
        Past(UserMessage(text="kept"), id="02"),
        Past(UserMessage(text="asked"), id="03"),
        Past(Compaction(text="in short", first="01", last="01"), id="04"),
        Past(AgentMessage(text="new"), id="05"),
    ]
    made = transcript(events, READER)
    assert (made.summary, made.start) == ("in short", 1)
    assert told(events) == [PastText(True, "kept"), PastText(True, "asked"), PastText(False, "new")]


def test_of_several_compactions_the_one_that_covers_most_counts() -> None:
    events = [Past(UserMessage(text=f"{n}"), id=f"0{n}") for n in range(5)]
    events += [Past(Compaction(text="to 3", last="03"), id="05"), Past(Compaction(text="to 1", last="01"), id="06")]
    assert transcript(events, READER).summary == "to 3"
    assert told(events) == [PastText(True, "4")]


def test_a_compaction_may_come_without_the_events_it_covers() -> None:
    events = [Past(Compaction(text="in short", last="01"), id="04"), Past(UserMessage(text="kept"), id="02")]
    assert transcript(events, READER).summary == "in short"
    assert told(events) == [PastText(True, "kept")]


@pytest.mark.parametrize("last", ["09", "nothing", ""])
def test_a_compaction_of_what_is_not_before_it_covers_nothing(last: str) -> None:
    events = [Past(UserMessage(text="old"), id="01"), Past(Compaction(text="false", last=last), id="04")]
    events.append(Past(UserMessage(text="new"), id="09"))
    assert transcript(events, READER).summary == ""
    assert told(events) == [PastText(True, "old"), PastText(True, "new")]


def test_a_summary_by_another_person_says_so() -> None:
    events = [Past(Compaction(text="in short", last="01"), id="04", author=by(EVE, "hers"))]
    assert transcript(events, READER).summary == "[This summary was written by hers for Eve.]\nin short"


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


@given(bodies=events)
def test_any_events_make_messages_with_each_call_answered(bodies: list[AnyBody]) -> None:
    messages = model_messages(bodies_told(*bodies), with_tools=True)
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
