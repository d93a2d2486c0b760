"""Segments: the first value of an id wins, whether changes come one by one or all at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.documents.core import BuiltChange, Draft
from sync.documents.guard import ChangeGuard
from sync.documents.intake import open_entry, receive_segment
from sync.documents.segment import Segment
from sync.errors import DocumentError
from tests.sync.documents.forging import Author, Reader

KEYS = "abcde"
_edit = st.tuples(
    st.sampled_from(["put", "put", "put", "delete", "number", "map", "text"]),
    st.sampled_from(KEYS),
    st.text("xyz", max_size=2),
)
_changes = st.lists(st.lists(_edit, min_size=1, max_size=4), min_size=1, max_size=8)


class _Vandal(Author):
    """Edits its own segment as no honest program does."""

    def change(self, edits: list[tuple[str, str, str]]) -> BuiltChange | None:
        core, events = self.segment.core, self.segment.core.child("events")

        def edit(draft: Draft) -> None:
            for kind, key, value in edits:
                match kind:
                    case "put":
                        draft.put(events, key, value)
                    case "number":
                        draft.put(events, key, 1)
                    case "map":
                        draft.put(draft.create_map(events, key), "inner", value)
                    case "text":
                        draft.splice(draft.create_text(events, key), 0, 0, value)
                    case "delete":
                        draft._document.attempt(draft._transaction.delete, events, key)

        return core.transact(edit)


def _texts(segment: Segment) -> dict[str, str]:
    """What Automerge shows now, whoever was first."""
    core, events = segment.core, segment.core.child("events")
    values = {key: core.value(events, key) for key in core.keys(events)}
    return {key: value for key, value in values.items() if isinstance(value, str)}


@settings(max_examples=300)
@given(_changes, st.integers(1, 3))
def test_first_value_wins_incrementally_and_rebuilt(changes: list[list[tuple[str, str, str]]], step: int) -> None:
    author = _Vandal()
    author.write(("first", "1"))
    expected = {"first": "1"}
    made = []
    for edits in changes:
        change = author.change(edits)
        if change is not None:
            made.append(change)
            expected = _texts(author.segment) | expected
    for at in range(0, len(made), step):
        pieces = made[at : at + step]
        author.sign([piece.hash for piece in pieces], [piece.chunk for piece in pieces])

    reader = Reader(author)
    for entry in author.signed:
        reader.receive(*entry)
    assert reader.seen == dict(reader.segment.events()) == expected
    reader.rebuild()
    assert dict(reader.segment.events()) == expected
    for split in range(1, len(author.signed)):
        _assert_in_two_steps(author, split, expected)


def _assert_in_two_steps(author: Author, split: int, expected: dict[str, str]) -> None:
    """Loaded from rows up to somewhere, received from there on, as after a restart."""
    reader = Reader(author)
    for signed, chunks in author.signed[:split]:
        reader.rows.append((chunks, list(signed.entry.changes)))
    reader.rebuild()
    for signed, chunks in author.signed[split:]:
        guard = ChangeGuard(reader.segment.core)
        receive_segment(reader.segment, guard, open_entry(signed.entry, signed.signature, chunks))
    assert dict(reader.segment.events()) == expected
    assert {key: reader.segment.event(key) for key in expected} == expected


def test_honest_segments_are_read_without_their_history(monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author()
    for number in range(50):
        author.write((f"{number:026d}", "x"))
    segment = Segment(b"r" * 16)
    monkeypatch.setattr("sync.documents.segment.parse_change", None)
    for signed, chunks in author.signed:
        segment.apply(chunks, signed.entry.changes)
    assert segment.count == 50 and segment.events() == author.segment.events()


def test_an_id_that_is_there_keeps_its_body() -> None:
    author = Author()
    author.write(("a", "1"))
    new = author.segment.unseen([("a", "2"), ("b", "3"), ("b", "4")])
    assert new == [("b", "3")]
    author.write(*new)
    assert author.segment.unseen([("a", "5")]) == [] and author.segment.append([]) is None
    assert author.segment.events() == [("a", "1"), ("b", "3")]
    reader = Reader(author)
    for entry in author.signed:
        reader.receive(*entry)
    assert reader.segment.events() == author.segment.events()


def test_appending_goes_on_after_a_restart_and_after_vandalism() -> None:
    author = _Vandal()
    author.write(("a", "1"))
    change = author.change([("put", "a", "2"), ("delete", "a", "")])
    assert change is not None
    author.sign([change.hash], [change.chunk])
    again = Segment(author.actor)
    for signed, chunks in author.signed:
        again.apply(chunks, signed.entry.changes)
    added = again.append(again.unseen([("a", "3"), ("b", "4")]))
    assert added is not None
    author.sign([added.hash], [added.chunk])
    reader = Reader(author)
    for entry in author.signed:
        reader.receive(*entry)
    assert again.events() == reader.segment.events() == [("a", "1"), ("b", "4")]
    assert again.header() == reader.segment.header() == author.header


def test_what_the_core_refuses_rolls_back_and_leaves_the_segment_usable() -> None:
    segment = Author().segment
    for items in ([("a", "1"), ("", "2")], [("b", "\ud800")]):
        with pytest.raises(DocumentError, match="does not take"):
            segment.append(items)
    assert segment.events() == [] and segment.count == 0
    assert segment.append([("a", "1")]) is not None
    assert segment.events() == [("a", "1")]
