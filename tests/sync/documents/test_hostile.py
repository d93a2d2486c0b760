"""Thousands of crafted changes under a good checksum and a good signature: never a crash, never a trace.

Each is a real change with bytes of its body altered. It is either refused, and then the document is what it was (after
a rebuild from its rows, if the core broke), or taken in, and then a rebuild shows the same as the first reading did.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sync.crypto import signing_key
from sync.documents.entry import Entry, sign_entry
from sync.documents.guard import ChangeGuard, actor_id
from sync.documents.intake import open_entry, receive_note
from sync.documents.note import Note, note_id
from sync.errors import DocumentError, ProtocolError
from tests.sync.documents.forging import GRANT, WORKSPACE, Author, Reader, body_of, chunk_of, hash_of

SEGMENT_MUTATIONS = 3000
NOTE_MUTATIONS = 2000


def _mutated(body: bytes, dice: random.Random, spare: bytes) -> bytes:
    """One to three edits, mostly behind the header, where only the columns are."""
    data = bytearray(body)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        at = dice.randrange(len(data)) if dice.random() < 0.2 else dice.randrange(len(data) * 2 // 3, len(data))
        match dice.randrange(6):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                data[at] = dice.choice((0, 1, 2, 0x3F, 0x40, 0x7E, 0x7F, 0x80, 0xFE, 0xFF))
            case 2:
                del data[at : at + dice.choice((1, 1, 2, 8))]
            case 3:
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.choice((1, 1, 2, 5))))
            case 4:
                start = dice.randrange(len(spare))
                data[at : at + 4] = spare[start : start + 4]
            case 5:
                data[at], data[-1] = data[-1], data[at]
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


@pytest.mark.timeout(300)
def test_mutated_changes_of_a_segment() -> None:
    dice, outcomes = random.Random(20260101), Counter[str]()
    author = Author()
    for number in range(4):
        author.write(*((f"{number}{name}", f'"{name * 40}"') for name in "abc"))
    honest = author.signed[:3]
    bodies = [body_of(author.signed[3][1][0]), body_of(author.signed[1][1][0])]
    for number in range(SEGMENT_MUTATIONS):
        reader = Reader(author)
        for entry in honest:
            reader.receive(*entry)
        before = reader.segment.events()
        chunk = chunk_of(_mutated(bodies[0], dice, bodies[number % 2]))
        try:
            reader.receive(*author.forge([chunk]))
        except (DocumentError, ProtocolError) as error:
            outcomes[str(error)] += 1
            if not reader.segment.core.dead:
                assert reader.segment.events() == before
            reader.rebuild()
            assert reader.segment.events() == before
            reader.receive(*author.signed[3])
        else:
            outcomes["taken in"] += 1
            reader.rebuild()
            assert dict(before).items() <= reader.seen.items()
        assert dict(reader.segment.events()) == reader.seen
        assert reader.segment.header() == author.header
    assert outcomes["the document core broke over it"] and outcomes["the change cannot be applied"], outcomes
    assert outcomes["taken in"] and len(outcomes) > 8, outcomes


@pytest.mark.timeout(300)
def test_mutated_changes_of_a_note() -> None:
    dice, outcomes = random.Random(20260102), Counter[str]()
    document, keys = note_id(WORKSPACE, "profile"), [signing_key(bytes([seed]) * 32) for seed in (1, 2)]
    evil, good = (Note(actor_id(WORKSPACE, document, key[32:])) for key in keys)
    changes = [evil.edit("profile", "The quick brown fox"), evil.edit("profile", "The brown fox", {"name": "x"})]
    rows = [change for change in changes if change is not None]
    good.apply([row.chunk for row in rows], [row.hash for row in rows])
    rows += [change for change in [good.edit("profile", "The brown fox jumps")] if change is not None]
    evil.apply([rows[2].chunk], [rows[2].hash])
    last = evil.edit("profile", "A brown fox jumps high", {"name": "y"})
    assert last is not None
    body, spare = body_of(last.chunk), body_of(rows[0].chunk)
    for _ in range(NOTE_MUTATIONS):
        note = _note(rows)
        chunk = chunk_of(_mutated(body, dice, spare))
        digest = hash_of(body_of(chunk))
        entry = Entry(WORKSPACE, document, GRANT, keys[0][32:], 3, bytes(32), (digest,))
        signature = sign_entry(entry, keys[0]).signature
        try:
            receive_note(note, ChangeGuard(note.core), open_entry(entry, signature, [chunk]))
        except (DocumentError, ProtocolError) as error:
            outcomes[str(error)] += 1
            if not note.core.dead:
                assert note.text() == "The brown fox jumps"
            note = _note(rows)
            note.apply([last.chunk], [last.hash])
            assert (note.text(), note.fields()) == ("A brown fox jumps high", {"name": "y"})
        else:
            outcomes["taken in"] += 1
            shown = note.text(), note.fields()
            note = _note(rows)
            note.apply([chunk], [digest])
            assert (note.text(), note.fields()) == shown
            outcomes["can be edited" if _is_editable(note) else "cannot be edited"] += 1
    assert outcomes["taken in"] and len(outcomes) > 8, outcomes


def _note(rows: list) -> Note:  # type: ignore[type-arg]
    note = Note(b"r" * 16)
    note.apply([row.chunk for row in rows], [row.hash for row in rows])
    return note


def _is_editable(note: Note) -> bool:
    """A note that was vandalised may refuse, with our error; it never takes the process with it."""
    try:
        note.edit("profile", "Something else", {"name": "z"})
    except DocumentError:
        return False
    return note.text() == "Something else"
