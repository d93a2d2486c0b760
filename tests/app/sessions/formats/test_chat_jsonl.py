"""Chat JSON Lines: valid conversations for trainers, whatever a session went through."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.sessions import events as kinds
from app.sessions.events import AnyBody, BlobRef
from app.sessions.formats.chat_jsonl import NO_RESULT, chat_messages, session_line
from app.sessions.views import Author, Event
from tests.app.sessions.test_markdown import _row
from tests.helpers.bodies import bodies


def events(wanted: Iterable[AnyBody], agent: str | None = "hal") -> list[Event]:
    author = Author("aa", "bb", "Ada", agent)
    return [Event(f"{number:026}", "S", "t", 0, author, body, number) for number, body in enumerate(wanted)]


def messages(*wanted: AnyBody, agent: str | None = "hal") -> list[dict[str, Any]]:
    found = list(chat_messages(events(wanted, agent)))
    check(found)
    return found


def check(found: list[dict[str, Any]]) -> None:
    """What trainers insist on."""
    waiting: list[str] = []
    seen: set[str] = set()
    previous = None
    for message in found:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
            continue
        assert not waiting and isinstance(message["content"], str)
        assert message["role"] == "assistant" or (message["role"] == "user" != previous and message["content"])
        previous = message["role"]
        for call in message.get("tool_calls", ()):
            assert call["id"] not in seen and isinstance(json.loads(call["function"]["arguments"]), dict)
            seen.add(call["id"])
            waiting.append(call["id"])
    assert not waiting


def call(call_id: str, name: str = "look", **more: Any) -> kinds.ToolCall:
    return kinds.ToolCall(call_id=call_id, name=name, **more)


def result(call_id: str, output: str = "seen", **more: Any) -> kinds.ToolResult:
    return kinds.ToolResult(call_id=call_id, status=more.pop("status", "completed"), output=output, **more)


def test_a_conversation() -> None:
    found = messages(
        kinds.UserMessage(text="Mend it."), kinds.AgentThought(text="Hm."), kinds.AgentMessage(text="I look."),
        call("c", "mcp.tool/x", input={"path": "a"}), result("c"), kinds.AgentMessage(text="Done."),
        kinds.UserMessage(text="Thanks."),
    )  # fmt: skip
    function = {"name": "mcp_tool_x", "arguments": '{"path":"a"}'}
    assert found == [
        {"role": "user", "content": "Mend it."},
        {
            "role": "assistant", "content": "I look.", "reasoning_content": "Hm.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Thanks."},
    ]  # fmt: skip


def roles(found: list[dict[str, Any]]) -> list[str]:
    return [f"{one['role'][0]}{len(one.get('tool_calls', ())) or ''}" for one in found]


def test_calls_side_by_side_share_a_message_and_others_do_not() -> None:
    assert roles(messages(call("a"), call("b"), result("b", "B"), result("a", "A"))) == ["a2", "t", "t"]
    assert roles(messages(call("a"), result("a"), call("b"), result("b"))) == ["a1", "t", "a1", "t"]
    three = messages(call("a"), call("b"), result("a", "A"), call("c"), result("b", "B"), result("c", "C"))
    assert roles(three) == ["a2", "t", "t", "a1", "t"]
    assert [one["content"] for one in three if one["role"] == "tool"] == ["A", "B", "C"]


def test_ids_used_again_are_told_apart() -> None:
    found = messages(call("a"), result("a", "1"), call("a"), result("a", "2"))
    assert [one.get("tool_call_id") for one in found] == [None, "call_1", None, "call_2"]


def test_a_call_without_a_result() -> None:
    found = messages(kinds.UserMessage(text="x"), call("a"), kinds.UserMessage(text="y"))
    assert roles(found) == ["u", "a1", "t", "u"] and found[2]["content"] == NO_RESULT


def test_interrupted_answers_are_not_to_be_learnt() -> None:
    found = messages(
        kinds.UserMessage(text="x"), kinds.AgentMessage(text="hal", interrupted=True), kinds.UserMessage(text="y"),
        kinds.AgentMessage(text="whole"),
    )  # fmt: skip
    assert [one.get("weight") for one in found] == [None, 0, None, None]
    assert messages(kinds.AgentThought(text="only a thought"))[0]["weight"] == 0


def test_prompts_in_a_row_are_joined() -> None:
    picture = BlobRef(blob="ab" * 32, size=1, name="a\nb.png")
    found = messages(kinds.UserMessage(text="one"), kinds.UserMessage(text="", attachments=(picture,)))
    assert found == [{"role": "user", "content": "one\n\n[attached: a b.png]"}]


def test_what_results_say() -> None:
    ended = kinds.CommandResult(call_id="a", exit_code=2, stdout="out\n", stderr="err\n")
    command = kinds.Command(call_id="a", command="make")
    assert messages(call("a"), command, ended, result("a", ""))[1]["content"] == "out\nerr\n[exit code 2]"
    assert messages(call("a"), result("a", "", status="denied"))[1]["content"] == "denied"
    assert messages(call("a"), result("a", "", content={"x": 1}))[1]["content"] == '{"x":1}'
    run = messages(command, ended)
    assert run[0]["tool_calls"][0]["function"] == {"name": "run", "arguments": '{"command":"make"}'}
    assert messages(command, ended, agent=None) == [{"role": "user", "content": "$ make\nout\nerr\n[exit code 2]"}]


def test_a_line_with_its_metadata() -> None:
    row = _row(origin=("O", "1"))
    answer = kinds.AgentMessage(text="a\u2028b\x85", model="m1")
    line = "".join(session_line(row, events([kinds.UserMessage(text="x"), answer])))
    assert line.endswith("}\n") and len(line.splitlines()) == 1
    value = json.loads(line)
    assert value["id"] == "S" and value["title"] == "Mend #1" and value["models"] == ["m1"]
    assert value["origin"] == {"session": "O", "event": "1"} and "workspace" not in value
    assert value["messages"][1]["content"] == "a\u2028b\x85"


def test_a_session_without_words_gives_no_line() -> None:
    assert list(session_line(_row(), events([kinds.SessionSet(fields={}), kinds.UserMessage(text=" ")]))) == []


@given(st.lists(bodies, max_size=12), st.sampled_from([None, "hal"]))
def test_any_session_is_a_valid_conversation(wanted: list[AnyBody], agent: str | None) -> None:
    messages(*wanted, agent=agent)


ids = st.sampled_from("ab")
_talk = st.one_of(
    st.builds(call, ids), st.builds(result, ids), st.builds(lambda i: kinds.Command(call_id=i, command="x"), ids),
    st.just(kinds.UserMessage(text="u")), st.just(kinds.AgentMessage(text="a")), st.just(kinds.AgentThought(text="t")),
)  # fmt: skip


@given(st.lists(_talk, max_size=20), st.sampled_from([None, "hal"]))
def test_any_order_of_calls_is_a_valid_conversation(wanted: list[AnyBody], agent: str | None) -> None:
    messages(*wanted, agent=agent)
