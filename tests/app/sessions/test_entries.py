"""What belongs together: calls side by side, late results, ids used twice, and never more waiting than allowed."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from app.sessions import entries as module
from app.sessions.entries import MAX_WAITING, entries
from app.sessions.events import (
    AgentMessage,
    AnyBody,
    Command,
    CommandResult,
    FileChange,
    PermissionAnswer,
    PermissionRequest,
    ToolCall,
    ToolResult,
)
from app.sessions.views import Author, Event


def event(number: int, body: AnyBody, turn: str | None = "t") -> Event:
    return Event(f"{number:026}", "S", turn, 0, Author("aa", "bb", "Ada", "hal"), body, number, b"x" * 10)


def call(call_id: str) -> ToolCall:
    return ToolCall(call_id=call_id, name="look")


def result(call_id: str) -> ToolResult:
    return ToolResult(call_id=call_id, status="completed")


def shape(bodies: Iterable[AnyBody]) -> list[list[int]]:
    """The numbers of the events of each entry."""
    events = [event(number, body) for number, body in enumerate(bodies)]
    return [[one.row for one in entry.events] for entry in entries(events)]


TEXT = AgentMessage(text="x")


def test_calls_side_by_side() -> None:
    assert shape([call("a"), call("b"), result("b"), TEXT, result("a"), TEXT]) == [[0, 4], [1, 2], [3], [5]]


def test_what_follows_a_result_still_belongs_to_it() -> None:
    command = [call("a"), Command(call_id="a", command="x"), result("a"), CommandResult(call_id="a", exit_code=0)]
    assert shape([*command, FileChange(path="p", call_id="a"), TEXT]) == [[0, 1, 2, 3, 4], [5]]


def test_a_permission_belongs_to_its_call() -> None:
    request = PermissionRequest(request_id="r", call_id="a", name="x", title="X")
    answer = PermissionAnswer(request_id="r", answer="once")
    assert shape([call("a"), request, TEXT, answer, result("a")]) == [[0, 1, 3, 4], [2]]


def test_an_id_used_again_is_another_call() -> None:
    assert shape([call("a"), result("a"), call("a"), result("a")]) == [[0, 1], [2, 3]]
    assert shape([call("a"), TEXT, call("a"), result("a")]) == [[0], [1], [2, 3]]
    assert shape([call("a"), result("a"), result("a")]) == [[0, 1], [2]]


def test_turns_have_calls_of_their_own() -> None:
    events = [event(0, call("a"), "1"), event(1, call("a"), "2"), event(2, result("a"), "1")]
    assert [[one.row for one in entry.events] for entry in entries(events)] == [[0, 2], [1]]


def test_a_call_without_a_result_holds_up_a_bounded_number() -> None:
    read = 0

    def endless() -> Iterable[Event]:
        nonlocal read
        yield event(0, call("a"))
        while True:
            read += 1
            yield event(read, TEXT)

    first = next(iter(entries(endless())))
    assert first.event.row == 0 and read == MAX_WAITING


def test_what_waits_is_bounded_in_bytes(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 100)
    made = list(entries(event(number, TEXT if number else call("a")) for number in range(30)))
    assert [entry.event.row for entry in made] == list(range(30))
    growing = list(entries(event(number, FileChange(path="p", call_id="a")) for number in range(30)))
    assert len(growing) == 3  # an endless call is cut into several entries


bodies = st.sampled_from([
    TEXT, *(make(name) for name in "ab" for make in (call, result)), Command(call_id="a", command="x"),
    CommandResult(call_id="a"), FileChange(path="p", call_id="b"),
])  # fmt: skip


@given(st.lists(bodies))
def test_every_event_is_in_one_entry_and_entries_are_in_order(wanted: list[AnyBody]) -> None:
    found = shape(wanted)
    assert sorted(number for entry in found for number in entry) == list(range(len(wanted)))
    assert [entry[0] for entry in found] == sorted(entry[0] for entry in found)
    assert all(entry == sorted(entry) for entry in found)
