"""Foreign entries: taken in whole or refused whole, and what is refused changes nothing that can be rebuilt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.crypto import signing_key
from sync.documents.change import parse_change
from sync.documents.core import CoreDocument, Draft
from sync.documents.entry import Entry, sign_entry
from sync.documents.guard import ChangeGuard, actor_id
from sync.documents.intake import MAX_SEGMENT_OPERATIONS, open_entry, receive_note
from sync.documents.note import Note, note_id
from sync.documents.segment import Segment
from sync.errors import DocumentError, MissingChanges, ProtocolError, RejectedChange
from tests.sync.documents.forging import (
    GRANT,
    WORKSPACE,
    Author,
    Reader,
    body_of,
    hash_of,
    parts_of,
    wrong_header,
)


@pytest.fixture
def author() -> Author:
    author = Author()
    author.write(("a", '"1"'))
    author.write(("b", '"2"'), ("c", '"3"'))
    return author


@pytest.fixture
def reader(author: Author) -> Reader:
    reader = Reader(author)
    for signed, chunks in author.signed:
        reader.receive(signed, chunks)
    return reader


def _refused(reader: Reader, author: Author, chunks: list[bytes], reason: str, document: bytes | None = None) -> None:
    with pytest.raises(RejectedChange, match=reason):
        reader.receive(*author.forge(chunks, document))
    if reader.segment.core.dead:
        reader.rebuild()
    assert dict(reader.segment.events()) == reader.seen
    reader.receive(*author.write((f"z{author.segment.count}", '"after"')))


def test_entries_arrive_with_their_events_and_header(author: Author) -> None:
    reader = Reader(author)
    first, second = (reader.receive(*entry) for entry in author.signed)
    assert (first.header, first.items) == (author.header, [("a", '"1"')])
    assert second.items == [("b", '"2"'), ("c", '"3"')]
    assert reader.segment.events() == author.segment.events()


def test_an_entry_with_several_changes_is_one_unit(author: Author, reader: Reader) -> None:
    changes = [author.segment.append([(name, "1")]) for name in "def"]
    signed, chunks = author.sign([c.hash for c in changes if c], [c.chunk for c in changes if c])
    assert reader.receive(signed, chunks).items == [("d", "1"), ("e", "1"), ("f", "1")]


def test_signature_of_another_device(author: Author) -> None:
    signed, chunks = author.signed[0]
    with pytest.raises(ProtocolError, match="not signed by its device"):
        open_entry(replace(signed.entry, n=2), signed.signature, chunks)
    other = sign_entry(signed.entry, signing_key(b"x" * 32))
    with pytest.raises(ProtocolError):
        open_entry(signed.entry, other.signature, chunks)


def test_changes_must_be_those_of_the_entry_in_order(author: Author) -> None:
    changes = [c for c in (author.segment.append([(name, "1")]) for name in "de") if c]
    signed, chunks = author.sign([c.hash for c in changes], [c.chunk for c in changes])
    for wrong in (chunks[::-1], chunks[:1], [*chunks, chunks[0]], [chunks[0], author.signed[0][1][0]], []):
        with pytest.raises(RejectedChange, match="not the changes"):
            open_entry(signed.entry, signed.signature, wrong)


def test_wrong_actor_even_when_the_entry_is_signed(author: Author, reader: Reader) -> None:
    change = author.segment.append([("d", "1")])
    assert change is not None
    signed, chunks = author.forge([wrong_header(change, actor=b"x" * 16)])
    with pytest.raises(RejectedChange, match="wrong actor"):
        reader.receive(signed, chunks)
    assert not reader.segment.core.dead


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"seq": 2}, "wrong sequence number"),
        ({"seq": 4}, "wrong sequence number"),
        ({"seq": 0}, "wrong sequence number"),
        ({"start_op": 9}, "wrong operation number"),
        ({"start_op": 11}, "wrong operation number"),
        ({"start_op": 0}, "wrong operation number"),
        ({"start_op": (1 << 63) - 1}, "wrong operation number"),
        ({"deps": ()}, "no dependency"),
    ],
)
def test_wrong_header(author: Author, reader: Reader, fields: dict[str, object], reason: str) -> None:
    spare = Segment(author.actor)
    for _, chunks in author.signed:
        spare.apply(chunks, [parse_change(chunk).hash for chunk in chunks])
    change = spare.append([("evil", "1")])
    assert change is not None and parse_change(change.chunk).start_op == 10
    _refused(reader, author, [wrong_header(change, **fields)], reason)


def test_missing_dependencies_hold_the_entry_and_leave_the_document_alone(author: Author, reader: Reader) -> None:
    later = [author.write(("d", "1")), author.write(("e", "2"))]
    with pytest.raises(MissingChanges):
        reader.receive(*later[1])
    assert not reader.segment.core.dead
    for entry in later:
        reader.receive(*entry)
    assert reader.segment.events() == author.segment.events()


def test_the_same_entry_twice_is_refused(author: Author, reader: Reader) -> None:
    _refused(reader, author, author.signed[1][1], "wrong sequence number")


def test_changes_of_a_segment_form_a_line(author: Author, reader: Reader) -> None:
    spare = Segment(author.actor)
    for _, chunks in author.signed:
        spare.apply(chunks, [parse_change(chunk).hash for chunk in chunks])
    change = spare.append([("evil", "1")])
    assert change is not None
    parts = parts_of(change.chunk)
    deps = tuple(sorted((*parts.deps, author.signed[0][0].entry.changes[0])))
    _refused(reader, author, [replace(parts, deps=deps).chunk()], "must form a line")
    side = replace(parts, deps=(author.signed[0][0].entry.changes[0],), seq=4, start_op=8).chunk()
    _refused(reader, author, [side], "previous change")


def test_replay_into_another_document(author: Author) -> None:
    """The actor ties changes to a document, so the same bytes cannot stand elsewhere."""
    other = Author(k=1)
    signed, chunks = author.forge(author.signed[0][1], other.document)
    with pytest.raises(RejectedChange, match="wrong actor"):
        open_entry(signed.entry, signed.signature, chunks)


def test_header_must_make_the_id_of_the_document(author: Author) -> None:
    for header in (
        replace(author.header, session="another"),
        replace(author.header, k=1),
        replace(author.header, k=-1),
        None,
    ):
        segment = Segment(author.actor)
        change = segment.append([("a", "1")], header)
        assert change is not None
        reader = Reader(author)
        with pytest.raises(RejectedChange, match="belongs elsewhere"):
            reader.receive(*author.forge([change.chunk]))
        assert reader.segment.core.dead


def test_a_header_rewritten_later_is_ignored(author: Author, reader: Reader) -> None:
    change = author.segment.core.transact(lambda draft: draft.put(CoreDocument.root, "session", "elsewhere"))
    assert change is not None
    assert reader.receive(*author.sign([change.hash], [change.chunk])).items == []
    reader.rebuild()
    assert reader.segment.header() == author.header


def test_a_segment_is_bounded(author: Author, reader: Reader) -> None:
    def flood(draft: Draft) -> None:
        for number in range(MAX_SEGMENT_OPERATIONS):
            draft.put(CoreDocument.root, f"x{number}", 1)

    change = author.segment.core.transact(flood)
    assert change is not None
    signed, chunks = author.forge([change.chunk])
    with pytest.raises(RejectedChange, match="too many operations"):
        reader.receive(signed, chunks)
    assert not reader.segment.core.dead


def test_values_of_other_types_are_left_out(author: Author, reader: Reader) -> None:
    events = author.segment.core.child("events")

    def put_others(draft: Draft) -> None:
        draft.put(events, "number", 1)
        draft.create_map(events, "map")
        draft.create_text(events, "text")
        draft.put(events, "good", "1")

    change = author.segment.core.transact(put_others)
    assert change is not None
    assert reader.receive(*author.sign([change.hash], [change.chunk])).items == [("good", "1")]
    reader.rebuild()
    assert dict(reader.segment.events()) == reader.seen


def test_two_honest_devices_and_a_note() -> None:
    document = note_id(WORKSPACE, "profile")
    keys = [signing_key(bytes([seed]) * 32) for seed in (1, 2)]
    notes = [Note(actor_id(WORKSPACE, document, key[32:])) for key in keys]
    guards = [ChangeGuard(note.core) for note in notes]
    for turn in range(12):
        built = [
            note.edit("profile", f"{note.text()}{turn}{place}", {f"f{place}": str(turn)})
            for place, note in enumerate(notes)
        ]
        for place, change in enumerate(built):
            assert change is not None
            entry = Entry(WORKSPACE, document, GRANT, keys[place][32:], turn + 1, bytes(32), (change.hash,))
            signed = sign_entry(entry, keys[place])
            opened = open_entry(entry, signed.signature, [change.chunk])
            assert receive_note(notes[1 - place], guards[1 - place], opened) == "profile"
    assert notes[0].text() == notes[1].text()
    assert notes[0].fields() == notes[1].fields() == {"f0": "11", "f1": "11"}


def test_a_note_must_carry_the_name_of_its_id() -> None:
    key, document = signing_key(b"1" * 32), note_id(WORKSPACE, "profile")
    for name in ("other", "profile"):
        author = Note(actor_id(WORKSPACE, document, key[32:]))
        change = author.edit(name, "text")
        assert change is not None
        entry = Entry(WORKSPACE, document, GRANT, key[32:], 1, bytes(32), (change.hash,))
        opened = open_entry(entry, sign_entry(entry, key).signature, [change.chunk])
        note = Note(b"r" * 16)
        if name == "profile":
            assert receive_note(note, ChangeGuard(note.core), opened) == name
            continue
        with pytest.raises(RejectedChange, match="belongs elsewhere"):
            receive_note(note, ChangeGuard(note.core), opened)
        assert note.core.dead


def test_a_note_author_must_follow_the_own_previous_change() -> None:
    """Skipping one's own change would give two operations one number."""
    key, document = signing_key(b"1" * 32), note_id(WORKSPACE, "profile")
    author = Note(actor_id(WORKSPACE, document, key[32:]))
    first, second = author.edit("profile", "a"), author.edit("profile", "ab")
    assert first is not None and second is not None
    note = Note(b"r" * 16)
    note.apply([first.chunk], [first.hash])
    genesis = parts_of(first.chunk).deps
    forged = replace(parts_of(second.chunk), deps=genesis, start_op=parts_of(first.chunk).start_op).chunk()
    digest = hash_of(body_of(forged))
    entry = Entry(WORKSPACE, document, GRANT, key[32:], 2, bytes(32), (digest,))
    opened = open_entry(entry, sign_entry(entry, key).signature, [forged])
    with pytest.raises(RejectedChange, match="previous change"):
        receive_note(note, ChangeGuard(note.core), opened)


def test_a_dead_document_is_not_blamed_on_the_entry(author: Author, reader: Reader) -> None:
    reader.segment.core.dead = True
    with pytest.raises(DocumentError, match="rebuilt") as caught:
        reader.receive(*author.write(("d", "1")))
    assert not isinstance(caught.value, RejectedChange)
