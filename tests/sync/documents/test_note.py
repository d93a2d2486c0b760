"""Notes: what several people write at once stays, and long texts take no time."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.documents import note as note_module
from sync.documents.core import CoreDocument, Draft
from sync.documents.note import Note, Splice, merged_text, splices_between

_text = st.text(st.sampled_from("ab \n😀é"), max_size=40)


def _applied(old: str, splices: list[Splice]) -> str:
    for at, delete, insert in splices:
        old = old[:at] + insert + old[at + delete :]
    return old


@settings(max_examples=400)
@given(_text, _text)
def test_splices_turn_one_text_into_the_other(old: str, new: str) -> None:
    assert _applied(old, splices_between(old, new)) == new


@settings(max_examples=300)
@given(_text, _text, st.integers(0, 200), st.integers(0, 30))
def test_splices_of_long_texts_too(old: str, new: str, characters: int, lines: int) -> None:
    """The same with bounds so small that lines, and whole replacement, take over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(note_module, "MAX_COMPARED", characters)
        patch.setattr(note_module, "MAX_LINES_COMPARED", lines)
        assert _applied(old, splices_between(old, new)) == new


def test_long_texts_are_compared_quickly_and_sparingly() -> None:
    dice = random.Random(1)
    old = "".join(dice.choice("etaoin shrdlu,.") for _ in range(100_000))
    lines = "\n".join(old[at : at + 60] for at in range(0, len(old), 60))
    edited = lines[:1000] + "one" + lines[1000:50_000] + lines[50_100:99_000] + "three" + lines[99_000:]
    cases = [(old, old[::-1]), ("a" * 100_000, "b" + "a" * 50_000 + "b"), (lines, edited), (old, ""), ("", old)]
    started = time.process_time()
    for before, after in cases:
        assert _applied(before, splices_between(before, after)) == after
    assert time.process_time() - started < 10  # a thousand times what it takes; comparing all takes minutes
    assert sum(delete + len(insert) for _, delete, insert in splices_between(lines, edited)) < 300


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), _text, st.booleans()), min_size=1, max_size=8))
def test_two_authors_end_with_the_same_note(edits: list[tuple[bool, str, bool]]) -> None:
    notes = Note(b"a" * 16), Note(b"b" * 16)
    waiting: tuple[list, list] = ([], [])  # type: ignore[type-arg]

    def exchange() -> None:
        for mine, other in ((0, 1), (1, 0)):
            if waiting[mine]:
                notes[other].apply([c.chunk for c in waiting[mine]], [c.hash for c in waiting[mine]])
                waiting[mine].clear()

    for second, text, meet in edits:
        note = notes[second]
        if (change := note.edit("profile", text, {"who": str(second)})) is not None:
            waiting[second].append(change)
        assert note.text() == text and note.fields() == {"who": str(second)}
        if meet:
            exchange()
    exchange()
    assert notes[0].text() == notes[1].text()
    assert notes[0].fields() == notes[1].fields()
    assert notes[0].core.heads() == notes[1].core.heads()


def test_concurrent_edits_of_different_places_both_stay() -> None:
    one, other = Note(b"a" * 16), Note(b"b" * 16)
    first = one.edit("profile", "The quick fox")
    assert first is not None
    other.apply([first.chunk], [first.hash])
    left, right = one.edit("profile", "The very quick fox"), other.edit("profile", "The quick fox jumps")
    assert left is not None and right is not None
    one.apply([right.chunk], [right.hash])
    other.apply([left.chunk], [left.hash])
    assert one.text() == other.text() == "The very quick fox jumps"
    assert one.name() == other.name() == "profile"


def test_the_same_text_makes_no_change() -> None:
    note = Note(b"a" * 16)
    assert note.edit("profile", "", {}) is None
    assert note.name() is None
    assert note.edit("profile", "x", {"a": "b"}) is not None
    assert note.edit("profile", "x", {"a": "b"}) is None


def test_elements_of_several_characters_are_replaced_whole() -> None:
    """Other programs may insert a word as one element; then places in the text are not places in the document."""
    note = Note(b"a" * 16)
    text = note.core.child("text")

    def insert_words(draft: Draft) -> None:
        for at, word in enumerate(("Hello ", "wide ", "world")):
            draft._document.attempt(draft._transaction.insert, text, at, _STR, word)

    from automerge.core import ScalarType

    _STR = ScalarType.Str
    note.core.transact(insert_words)
    assert note.text() == "Hello wide world" and len(note.core.keys(text)) == 3
    assert note.edit("profile", "Hello world") is not None
    assert note.text() == "Hello world"
    assert note.edit("profile", "Hello new world") is not None
    assert note.text() == "Hello new world"


def test_fields_of_other_types_are_left_out() -> None:
    note = Note(b"a" * 16)
    fields = note.core.child("fields")

    def put_others(draft: Draft) -> None:
        draft.put(fields, "number", 1)
        draft.create_map(fields, "map")
        draft.put(CoreDocument.root, "name", 5)

    note.core.transact(put_others)
    assert note.fields() == {} and note.name() is None
    note.edit("profile", None, {"number": "one"})
    assert note.fields() == {"number": "one"} and note.name() == "profile"


@settings(max_examples=150)
@given(_text, _text, _text)
def test_merged_texts_hold_both_edits(base: str, one: str, other: str) -> None:
    assert merged_text(base, base, other) == other
    assert merged_text(base, one, base) == one
    assert merged_text(base, one, one) == one
    assert merged_text("", one + "1", other + "2") in (f"{one}1{other}2", f"{other}2{one}1")
    assert sorted(merged_text(base, "<" + base, base + ">")) == sorted(f"<{base}>")
    assert not base or merged_text(base, "<" + base, base + ">") == f"<{base}>"


def test_edits_of_different_places_both_stay() -> None:
    base = "first\nsecond\nthird\n"
    assert merged_text(base, "First\nsecond\nthird\n", "first\nsecond\nthird!\n") == "First\nsecond\nthird!\n"
    assert merged_text(base, "first\nthird\n", "first\nsecond\nthird\nfourth\n") == "first\nthird\nfourth\n"
