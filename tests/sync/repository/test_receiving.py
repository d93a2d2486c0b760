"""Entries from outside through the engine: admitted, held, or quarantined without a trace in what is shown."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sync.crypto import signing_key
from sync.documents.core import CoreDocument
from sync.documents.entry import Entry, SignedEntry, sign_entry
from sync.documents.guard import actor_id
from sync.documents.note import Note, note_id
from sync.engine import Engine
from sync.errors import ProtocolError
from sync.store.aside import quarantined
from sync.store.schema import ADMITTED, HELD, QUARANTINED
from tests.sync.documents.forging import SESSION, Author, body_of, chunk_of, hash_of, parts_of
from tests.sync.documents.test_hostile import _mutated
from tests.sync.engine_home import append, first_workspace, notes, open_engine, replay, shown
from tests.sync.repository.support import Member, bundle_all, edit, know, receive

EVIL = '"evil"'


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def author(engine: Engine) -> Author:
    return know(engine, Member(engine, first_workspace(engine)))


def _events(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f'"{name}"') for name in names)


def test_entries_in_order_are_shown(engine: Engine, author: Author) -> None:
    for name in "abc":
        assert receive(engine, *author.write(*_events(name))).state == ADMITTED
    append(engine, 1, SESSION, "mine")
    assert shown(engine.connection) == {SESSION: {"a", "b", "c", "mine"}}
    assert receive(engine, *author.signed[1]).state == ADMITTED, "again is free"
    assert replay(engine.connection) == shown(engine.connection)
    assert engine.rebuild() == 4


def test_entries_out_of_order_wait_for_each_other(engine: Engine, author: Author, tmp_path: Path) -> None:
    for name in "abcdef":
        author.write(*_events(name))
    order = [author.signed[at] for at in (5, 2, 4, 3, 1)]
    assert [receive(engine, *one).state for one in order] == [HELD] * 5
    assert receive(engine, *order[0]).state == HELD and shown(engine.connection) == {}
    assert engine.rebuild() == 0
    engine.close()
    engine = open_engine(tmp_path)
    assert receive(engine, *author.signed[0]).state == ADMITTED
    assert shown(engine.connection) == replay(engine.connection) == {SESSION: set("abcdef")}
    assert engine.rebuild() == 6
    engine.close()


def test_another_process_sees_what_was_held(engine: Engine, author: Author, tmp_path: Path) -> None:
    other = open_engine(tmp_path, "other")
    for name in "abc":
        author.write(*_events(name))
    receive(engine, *author.signed[2])
    receive(other, *author.signed[0])
    receive(engine, *author.signed[1])
    receive(other, *author.write(*_events("d")))
    assert shown(other.connection) == replay(other.connection) == {SESSION: set("abcd")}
    other.close()


def test_what_its_device_did_not_sign_is_forgotten(engine: Engine, author: Author) -> None:
    signed, chunks = author.write(*_events("a"))
    own = sign_entry(replace(signed.entry, device=engine.device.device_id), engine.device.signing_key)
    stranger = Member(engine, first_workspace(engine), seed=9)
    wrong = replace(signed, entry=replace(signed.entry, n=7))
    elsewhere = sign_entry(replace(signed.entry, workspace=b"x" * 32), author.key)
    for bad in (wrong, own, elsewhere, stranger.write(*_events("b"))[0]):
        with pytest.raises(ProtocolError):
            receive(engine, bad, chunks)
    assert engine.connection.execute("SELECT count(*) FROM document").fetchone() == (0,)
    assert receive(engine, signed, chunks).state == ADMITTED


def _refused(engine: Engine, made: tuple[SignedEntry, list[bytes]], reason: str) -> None:
    before, count = shown(engine.connection), len(quarantined(engine.connection))
    received = receive(engine, *made)
    assert (received.state, received.reason) == (QUARANTINED, reason)
    assert receive(engine, *made).state == QUARANTINED, "it is known now"
    assert shown(engine.connection) == before
    assert [one.reason for one in quarantined(engine.connection)][count:] == [reason]


def test_broken_rules_are_quarantined_and_the_author_goes_on(engine: Engine, author: Author) -> None:
    for name in "ab":
        receive(engine, *author.write(*_events(name)))
    honest, chunks = author.write(*_events("c"))
    chunk = chunks[0]
    for fields, reason in (
        ({"seq": 7}, "wrong sequence number"),
        ({"start_op": 99}, "wrong operation number"),
        ({"deps": ()}, "no dependency"),
        ({"actor": b"x" * 16}, "wrong actor"),
    ):
        _refused(engine, author.forge([replace(parts_of(chunk), **fields).chunk()]), reason)
    _refused(engine, author.sign([bytes(32)], [chunk]), "not the changes that the entry names")
    author.signed.pop()
    _refused(engine, author.sign(honest.entry.changes, [chunk[:-1]]), "length does not match")
    author.signed.pop()
    assert receive(engine, honest, chunks).state == ADMITTED
    assert shown(engine.connection) == {SESSION: set("abc")}


def test_a_segment_of_another_device_or_place_is_quarantined(engine: Engine, author: Author) -> None:
    workspace = first_workspace(engine)
    receive(engine, *author.write(*_events("a")))
    vandal = know(engine, Member(engine, workspace, seed=2))
    _, chunks = vandal.write(("x", EVIL))
    vandal.signed.clear()
    over = Entry(vandal.workspace, author.document, vandal.grant, vandal.device, 1, bytes(32), (hash_of(b"x"),))
    received = receive(engine, sign_entry(over, vandal.key), chunks)
    assert received.state == QUARANTINED
    document = author.document
    change = CoreDocumentWriter(actor_id(vandal.workspace, document, vandal.device)).write(vandal)
    _refused(engine, vandal.sign([hash_of(body_of(change))], [change], document), "the segment is another device's")


class CoreDocumentWriter:
    """Writes a first change of a segment under any actor."""

    def __init__(self, actor: bytes) -> None:
        self._actor = actor

    def write(self, author: Author) -> bytes:
        from sync.documents.segment import Segment

        change = Segment(self._actor).append([("x", EVIL)], author.header)
        assert change is not None
        return change.chunk


def test_a_claim_on_the_segment_that_this_device_begins_next(engine: Engine, author: Author) -> None:
    """Its id can be told in advance; that must not keep the device from writing."""
    from sync.documents.segment import segment_id

    workspace = first_workspace(engine)
    keys = engine.workspace(workspace)
    target = segment_id("s", engine.device.device_id, keys.grant, 0)
    change = CoreDocumentWriter(actor_id(keys.id, target, author.device)).write(author)
    _refused(engine, author.sign([hash_of(body_of(change))], [change], target), "the segment belongs elsewhere")
    note = note_id(keys.id, "notes")
    change = CoreDocumentWriter(actor_id(keys.id, note, author.device)).write(author)
    _refused(engine, author.sign([hash_of(body_of(change))], [change], note), "the segment belongs elsewhere")
    append(engine, workspace, "s", "a")
    edit(engine, workspace, "text")
    append(engine, workspace, "s", "b")
    engine.rebuild()
    assert shown(engine.connection) == replay(engine.connection) == {"s": {"a", "b"}}
    assert notes(engine.connection) == {"notes": "text"}


def test_a_quarantined_entry_holds_back_what_builds_on_it(engine: Engine, author: Author, tmp_path: Path) -> None:
    receive(engine, *author.write(*_events("a")))
    evil = author.segment.core.transact(lambda draft: [draft.put(CoreDocument.root, f"x{n}", n) for n in range(5000)])
    assert evil is not None
    assert receive(engine, *author.sign([evil.hash], [evil.chunk])).reason == "too many operations"
    assert receive(engine, *author.write(*_events("b"))).state == HELD
    append(engine, first_workspace(engine), SESSION, "mine")
    engine.close()
    engine = open_engine(tmp_path)
    assert engine.rebuild() == 2
    assert shown(engine.connection) == replay(engine.connection) == {SESSION: {"a", "mine"}}
    assert [one.n for one in quarantined(engine.connection)] == [2]
    engine.close()


def test_what_is_set_aside_is_bounded(engine: Engine, author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.repository.receiving.HELD_ENTRIES", 3)
    for name in "abcdefg":
        author.write(*_events(name))
    states = [receive(engine, *author.signed[at]).state for at in range(1, 7)]
    assert states == [HELD, HELD, HELD, None, None, None]
    assert receive(engine, *author.signed[0]).state == ADMITTED
    assert [receive(engine, *author.signed[at]).state for at in range(1, 7)] == [ADMITTED] * 6
    monkeypatch.setattr("sync.repository.receiving.ASIDE_BYTES", 10)
    bad = chunk_of(body_of(author.signed[0][1][0]))
    assert receive(engine, *author.forge([bad])).state == QUARANTINED
    kept = engine.connection.execute("SELECT changes FROM entry WHERE state=?", (QUARANTINED,)).fetchall()
    assert kept == [(None,)]
    assert shown(engine.connection) == replay(engine.connection) == {SESSION: set("abcdefg")}


def test_segments_of_others_are_bundled_when_they_write_the_next(engine: Engine, author: Author) -> None:
    for name in "abc":
        receive(engine, *author.write(*_events(name)))
    later = Member(engine, first_workspace(engine), k=1)
    later.signed = author.signed
    receive(engine, *later.write(*_events("d")))
    bundle_all(engine)
    assert engine.connection.execute("SELECT count(data) FROM bundle").fetchone() == (1,)
    assert receive(engine, *author.write(*_events("late"))).state == ADMITTED, "a bundle does not shut the door"
    engine._forget()
    assert receive(engine, *author.write(*_events("later"))).state == ADMITTED
    assert engine.rebuild() == 6
    assert shown(engine.connection) == replay(engine.connection) == {SESSION: {*"abcd", "late", "later"}}


def test_an_entry_that_comes_while_its_segment_is_bundled(engine: Engine, author: Author) -> None:
    receive(engine, *author.write(*_events("a")))
    later = Member(engine, first_workspace(engine), k=1)
    later.signed = author.signed
    receive(engine, *later.write(*_events("b")))
    while engine.connection.execute("SELECT count(data) FROM bundle").fetchone() == (0,):
        engine.bundle_step()
    receive(engine, *author.write(*_events("late")))
    bundle_all(engine)
    engine._forget()
    assert shown(engine.connection) == replay(engine.connection) == {SESSION: {"a", "b", "late"}}
    assert engine.rebuild() == 3


def test_a_note_of_two_devices(engine: Engine, author: Author, tmp_path: Path) -> None:
    workspace = first_workspace(engine)
    keys = engine.workspace(workspace)
    document = note_id(keys.id, "notes")
    edit(engine, workspace, "mine")
    theirs = Note(actor_id(keys.id, document, author.device))
    for text in ("theirs", "theirs too"):
        change = theirs.edit("notes", text)
        assert change is not None
        assert receive(engine, *author.sign([change.hash], [change.chunk], document)).state == ADMITTED
    assert "mine" in notes(engine.connection)["notes"] and "theirs too" in notes(engine.connection)["notes"]
    merged = notes(engine.connection)["notes"] + "!"
    edit(engine, workspace, merged)
    change = theirs.edit("other name", "x")
    assert change is not None
    engine.close()
    engine = open_engine(tmp_path)
    for _ in range(2):
        assert notes(engine.connection) == {"notes": merged}
        engine.rebuild()
    engine.close()


def test_a_note_that_others_began_anew(engine: Engine, author: Author) -> None:
    workspace = first_workspace(engine)
    keys = engine.workspace(workspace)
    edit(engine, workspace, "old")
    document = note_id(keys.id, "notes~1")
    change = Note(actor_id(keys.id, document, author.device)).edit("notes~1", "new")
    assert change is not None
    receive(engine, *author.sign([change.hash], [change.chunk], document))
    theirs = Note(actor_id(keys.id, note_id(keys.id, "notes"), author.device))
    late = theirs.edit("notes", "to the old one")
    assert late is not None
    receive(engine, *author.sign([late.hash], [late.chunk], note_id(keys.id, "notes")))
    for _ in range(2):
        assert notes(engine.connection) == {"notes": "new"}
        engine.rebuild()
    edit(engine, workspace, "newer")
    assert notes(engine.connection) == {"notes": "newer"}


@pytest.mark.timeout(300)
def test_crafted_changes_leave_no_trace(engine: Engine, tmp_path: Path) -> None:
    """As `test_hostile`, through the engine: shown and rebuilt rows agree, and this device writes on throughout."""
    workspace, dice, outcomes, names = first_workspace(engine), random.Random(20260301), Counter[str](), set[str]()
    expected: dict[str, str] = {}
    for number in range(300):
        author = know(engine, Member(engine, workspace, seed=1, k=number))
        for name in ("a", "b"):
            event = f"{number}{name}"
            assert receive(engine, *author.write((event, f'"{event}"'))).state == ADMITTED
            expected[event] = f'"{event}"'
        honest = author.write((f"{number}c", f'"{number}c"'))
        author.signed.pop()
        spare = body_of(author.signed[0][1][0])
        received = receive(engine, *author.forge([chunk_of(_mutated(body_of(honest[1][0]), dice, spare))]))
        outcomes[received.reason or str(received.state)] += 1
        if received.state == QUARANTINED:
            assert receive(engine, *honest).state == ADMITTED
            expected[f"{number}c"] = f'"{number}c"'
        if number % 20 == 0:
            names.add(f"mine{number}")
            append(engine, workspace, SESSION, f"mine{number}")
    rows = dict(engine.connection.execute("SELECT id, body FROM shown").fetchall())
    assert expected.items() <= rows.items() and names <= rows.keys()
    assert outcomes["the document core broke over it"] + outcomes["the change cannot be applied"], outcomes
    bundle_all(engine)
    engine.close()
    engine = open_engine(tmp_path)
    engine.rebuild()
    assert dict(engine.connection.execute("SELECT id, body FROM shown").fetchall()) == rows
    engine.close()


def test_a_device_that_signs_two_entries_at_one_number(engine: Engine, author: Author) -> None:
    receive(engine, *author.write(*_events("a")))
    twin = Member(engine, first_workspace(engine), k=1)
    twin.signed = list(author.signed)
    assert receive(engine, *author.write(*_events("b"))).state == ADMITTED
    assert receive(engine, *twin.write(*_events("c"))).state == ADMITTED, "both are kept: the proof of a fork"
    assert engine.connection.execute("SELECT count(*) FROM entry WHERE n=2").fetchone() == (2,)
    assert signing_key(b"\1" * 32) == author.key
    assert engine.rebuild() == 3


@pytest.mark.timeout(300)
def test_crafted_changes_of_a_note_leave_it_writable(engine: Engine, author: Author) -> None:
    """What the intake lets pass may still break the core over a later edit: then the note begins anew."""
    workspace, dice, outcomes = first_workspace(engine), random.Random(20260302), Counter[str]()
    keys = engine.workspace(workspace)
    for number in range(250):
        name = f"note{number}"
        document = note_id(keys.id, name)
        theirs = Note(actor_id(keys.id, document, author.device))
        built = [theirs.edit(name, "The quick fox", {"a": "b"}), theirs.edit(name, "A brown fox jumps", {"a": "c"})]
        first, second = (change for change in built if change is not None)
        assert receive(engine, *author.sign([first.hash], [first.chunk], document)).state == ADMITTED
        crafted = chunk_of(_mutated(body_of(second.chunk), dice, body_of(first.chunk)))
        received = receive(engine, *author.forge([crafted], document))
        outcomes[received.reason or str(received.state)] += 1
        if received.state == QUARANTINED:
            assert notes(engine.connection)[name] == "The quick fox"
        with engine.transaction() as tx:
            engine.edit_note(tx, workspace, name, f"Something else {number}")
        assert notes(engine.connection)[name] == f"Something else {number}"
    before = notes(engine.connection)
    engine.rebuild()
    assert notes(engine.connection) == before and len(before) == 250
    begun_anew = engine.connection.execute("SELECT count(*) FROM document WHERE kind='note' AND k>0").fetchone()[0]
    assert outcomes[str(ADMITTED)] and outcomes["the change cannot be applied"], outcomes
    assert begun_anew <= outcomes[str(ADMITTED)]
