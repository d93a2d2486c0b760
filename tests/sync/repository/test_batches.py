"""The road for whole batches leaves the same rows as the road entry by entry, whatever the batches are like."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.documents.bundle import open_bundle
from sync.documents.core import CoreDocument
from sync.documents.entry import SignedEntry
from sync.documents.guard import actor_id
from sync.documents.note import Note, note_id
from sync.documents.segment import Segment
from sync.engine import Engine
from sync.errors import DocumentError, ProtocolError
from sync.membership.admission import Verdict
from sync.protocol.envelope import Batch, Form, SignedPart
from sync.repository import replica
from sync.repository.batches import receive_batch
from sync.repository.receiving import Receiver
from sync.store import chain_sums
from sync.store.entries import documents, stored_changes
from tests.sync.documents.forging import Author, body_of, chunk_of, parts_of
from tests.sync.documents.test_hostile import _mutated
from tests.sync.engine_home import first_workspace, open_engine
from tests.sync.repository.support import Member, bundle_all, know

Made = tuple[SignedEntry, list[bytes]]


@dataclass
class Pair:
    """The same home twice: one takes batches as a whole where it can, the other always entry by entry."""

    whole: Engine
    single: Engine
    outcomes: Counter[str] = field(default_factory=Counter)
    authors: int = 0

    def author(self) -> Member:
        """A device that neither has heard of before writes."""
        self.authors += 1
        author = Member(self.whole, first_workspace(self.whole), seed=self.authors % 250 + 1, k=self.authors)
        for engine in (self.whole, self.single):
            if engine.connection.execute("SELECT 1 FROM device WHERE id=?", (author.device,)).fetchone() is None:
                know(engine, author)
        newest = "SELECT max(n) FROM entry e JOIN device d ON d.row=e.device WHERE d.id=?"
        assert self.whole.connection.execute(newest, (author.device,)).fetchone() == (None,)
        return author

    def take(self, batch: Batch, cut: int = 1 << 40) -> None:
        """Both take a batch in; entries of a number over `cut` are held by membership."""
        came = [_take(self.whole, batch, cut), _take(self.single, batch, cut, one_by_one=True)]
        assert came[0][0] == came[1][0]
        self.outcomes["whole" if came[0][1] else "single"] += 1

    def compare(self) -> None:
        """Both have the same in them."""
        assert _rows(self.whole) == _rows(self.single)
        assert _digests(self.whole) == _digests(self.single)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    first = open_engine(one)
    first_workspace(first)
    first.close()
    shutil.copytree(one, two, dirs_exist_ok=True)
    both = Pair(open_engine(one), open_engine(two))
    yield both
    both.whole.close()
    both.single.close()


def _take(engine: Engine, batch: Batch, cut: int, *, one_by_one: bool = False) -> tuple[object, bool]:
    """(states or what was raised, whether it went as a whole)."""
    went: list[bool] = []

    def road(receiver: Receiver, keys: object, batch: Batch) -> list[int | None] | None:
        states = None if one_by_one else receive_batch(receiver, keys, batch)  # type: ignore[arg-type]
        went.append(states is not None)
        return states

    def judge(signed: SignedEntry) -> Verdict:
        return Verdict("held", "cut") if signed.entry.n > cut else Verdict("admitted")

    with pytest.MonkeyPatch.context() as patch, engine.transaction() as tx:
        patch.setattr(replica, "receive_batch", road)
        receiver = engine._judging_receiver(tx, judge)
        try:
            return engine.replica._take_batch(tx, receiver, engine.workspace(1), batch), went[0]
        except (ProtocolError, DocumentError) as error:
            return f"{type(error).__name__}: {error}", went[0]


def _rows(engine: Engine) -> dict[str, object]:
    """Everything but whether a segment's changes are kept singly or as a bundle."""
    connection = engine.connection
    tables = ("document", "quarantine", "chain", "shown", "note", "device")
    found: dict[str, object] = {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables
    }
    found["entry"] = connection.execute(
        "SELECT id, workspace, document, device, grant_id, n, prev, hash, signature, hashes, state "
        "FROM entry ORDER BY id"
    ).fetchall()
    found["aside"] = connection.execute("SELECT id, changes FROM entry WHERE state<>0 ORDER BY id").fetchall()
    found["changes"] = {row.id: stored_changes(connection, row.row) for row in documents(connection)}
    found["subjects"] = connection.execute("SELECT subjects FROM commit_log ORDER BY seq").fetchall()
    return found


def _digests(engine: Engine) -> list[object]:
    with engine.transaction():
        writers = chain_sums.writers(engine.connection, 1)
        return [chain_sums.summarize(engine.connection, 1, row, ident) for row, ident in writers]


def batch_of(made: Sequence[Made], form: Form = "changes", payload: bytes | None = None) -> Batch:
    joined = b"".join(chunk for _, chunks in made for chunk in chunks)
    parts = tuple(SignedPart(signed.entry, signed.signature) for signed, _ in made)
    return Batch(parts, form, joined if payload is None else payload)


def bundle_of(author: Author) -> bytes:
    return author.segment.core.save()


def _write(author: Author, dice: random.Random, count: int) -> None:
    """Entries of one to three changes; a key may come again, and bodies may be no texts."""
    for _ in range(count):
        changes = []
        for _ in range(dice.choice((1, 1, 1, 3))):
            number = len(author.segment.core.history())
            names = [f"{author.seed}.{author.k}.{number:03}{letter}" for letter in "ab"[: dice.choice((1, 2))]]
            header = None if author.segment.header() else author.header
            change = author.segment.append([(name, f'"{name}"') for name in names], header)
            assert change is not None
            changes.append(change)
        author.sign([change.hash for change in changes], [change.chunk for change in changes])


def _tamper(author: Author, dice: random.Random) -> None:
    """Overwrite, delete by overwriting, or put something that is no text."""
    keys = author.segment.core.keys(author.segment._events)
    value: str | int = dice.choice(('"other"', 7))
    key = dice.choice([*keys, "fresh"])
    change = author.segment.core.transact(lambda draft: draft.put(author.segment._events, key, value))
    if change is not None:
        author.sign([change.hash], [change.chunk])


def _spoil(made: Sequence[Made], author: Author, dice: random.Random) -> list[Made]:
    """Replace one entry by one whose header or columns are wrong; those after it are still of the honest chain."""
    at = dice.randrange(len(made))
    signed, chunks = made[at]
    parts = parts_of(chunks[-1])
    wrong = dice.choice(
        (
            replace(parts, seq=parts.seq + 1).chunk(),
            replace(parts, start_op=parts.start_op + 1).chunk(),
            replace(parts, deps=()).chunk(),
            replace(parts, deps=(b"x" * 32,)).chunk(),
            replace(parts, actor=b"x" * 16).chunk(),
            chunk_of(_mutated(body_of(chunks[-1]), dice, body_of(chunks[0]))),
        )
    )
    kept, author.signed = author.signed, [*author.signed[: signed.entry.n - 1]]
    try:
        spoilt = author.forge([*chunks[:-1], wrong])
    finally:
        author.signed = kept
    return [*made[:at], spoilt, *made[at + 1 :]]


def _play(pair: Pair, dice: random.Random) -> None:
    author = pair.author()
    _write(author, dice, dice.randrange(2, 7))
    if dice.random() < 0.3:
        _tamper(author, dice)
        _write(author, dice, dice.randrange(0, 3))
    cut = dice.choice((1 << 40, 1 << 40, 3))
    for _ in range(dice.randrange(1, 5)):
        first = dice.choice((0, 0, dice.randrange(len(author.signed))))
        made = author.signed[first : first + dice.randrange(1, 9)]
        match dice.randrange(9):
            case 0:
                made = _spoil(made, author, dice)
            case 1:
                signed, chunks = made[-1]
                made = [*made[:-1], (replace(signed, signature=bytes(64)), chunks)]
            case 2:
                pair.take(batch_of(made, payload=batch_of(made).payload[: dice.randrange(2000)]), cut)
                continue
            case 3:
                pair.take(batch_of(author.signed, "bundle", bundle_of(author)), cut)
                continue
            case 4:
                data = bytearray(bundle_of(author))
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                pair.take(batch_of(author.signed[: dice.randrange(1, 9)], "bundle", bytes(data)), cut)
                continue
            case 5:
                pair.take(batch_of(made, "bundle", bundle_of(author)), cut)
                continue
            case 6:
                pair.take(batch_of(made, "none", b""), cut)
                continue
        pair.take(batch_of(made), cut)
    _write(author, dice, 2)
    pair.take(batch_of(author.signed[-2:]), cut)
    pair.compare()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
def test_both_roads_leave_the_same_rows(pair: Pair, seed: int) -> None:
    _play(pair, random.Random(seed))


def test_honest_batches_go_as_a_whole(pair: Pair) -> None:
    author, before = pair.author(), pair.outcomes["whole"]
    _write(author, random.Random(1), 12)
    pair.take(batch_of(author.signed[:4]))
    pair.take(batch_of(author.signed[2:9]))
    pair.take(batch_of(author.signed))
    pair.take(batch_of(author.signed))
    assert pair.outcomes["whole"] == before + 4
    pair.compare()


def test_a_bundle_is_kept_as_one_and_can_be_written_on(pair: Pair) -> None:
    author = pair.author()
    _write(author, random.Random(2), 8)
    pair.take(batch_of(author.signed, "bundle", bundle_of(author)))
    row, data = pair.whole.connection.execute("SELECT document, data FROM bundle ORDER BY document DESC").fetchone()
    assert data == bundle_of(author) and len(open_bundle(data)) >= 8
    single = "SELECT count(changes) FROM entry WHERE document=?"
    assert pair.whole.connection.execute(single, (row,)).fetchone() == (0,)
    pair.whole._forget()
    pair.single._forget()
    _write(author, random.Random(3), 3)
    pair.take(batch_of(author.signed[-3:]))
    pair.take(batch_of(author.signed, "bundle", bundle_of(author)))
    for engine in (pair.whole, pair.single):
        bundle_all(engine)
    assert pair.whole.rebuild() == pair.single.rebuild()
    pair.compare()


def test_a_bundle_that_says_more_than_its_changes_is_taken_apart(pair: Pair) -> None:
    """Only hashes of changes are signed: whoever passes a bundle on could write the rest of it otherwise."""
    author = pair.author()
    _write(author, random.Random(4), 3)
    other = Segment(bytes(15) + b"\1")
    chunks = [chunk for _, chunks in author.signed for chunk in chunks]
    other.apply(chunks, [digest for signed, _ in author.signed for digest in signed.entry.changes])
    more = other.append([("more", '"more"')])
    assert more is not None
    for data in (other.core.save(), bundle_of(author) + b"\0", bundle_of(author)[:-1]):
        before = pair.outcomes["single"]
        pair.take(batch_of(author.signed, "bundle", data))
        assert pair.outcomes["single"] == before + 1
    pair.compare()


def test_forks_and_documents_of_others(pair: Pair) -> None:
    author = pair.author()
    twin = Member(pair.whole, first_workspace(pair.whole), author.seed, author.k + 1000)
    _write(author, random.Random(5), 4)
    _write(twin, random.Random(6), 4)
    pair.take(batch_of(author.signed[:3]))
    pair.take(batch_of(twin.signed[:3]))
    pair.take(batch_of([author.signed[3]]))
    vandal = pair.author()
    _write(vandal, random.Random(7), 2)
    over = [vandal.sign(signed.entry.changes, chunks, author.document) for signed, chunks in vandal.signed[:2]]
    pair.take(batch_of(over))
    pair.compare()


def test_notes_and_what_was_purged(pair: Pair) -> None:
    author = pair.author()
    name = f"notes{author.k}"
    document = note_id(author.workspace, name)
    note = Note(actor_id(author.workspace, document, author.device))
    for text in ("a", "ab", "abc"):
        change = note.edit(name, text)
        assert change is not None
        author.sign([change.hash], [change.chunk], document)
    pair.take(batch_of(author.signed))
    pair.compare()
    for engine in (pair.whole, pair.single):
        with engine.transaction() as tx:
            engine.purge(tx, 1, [name], [])
            engine._repository.forget()
    change = note.edit(name, "abcd")
    assert change is not None
    pair.take(batch_of([author.sign([change.hash], [change.chunk], document)]))
    pair.compare()


def test_entries_of_this_device_and_of_strangers(pair: Pair) -> None:
    stranger = Member(pair.whole, first_workspace(pair.whole), seed=255)
    _write(stranger, random.Random(8), 3)
    pair.take(batch_of(stranger.signed))
    assert pair.outcomes["single"]
    pair.compare()


def test_a_change_that_names_too_many_keys_or_too_long_ones(pair: Pair) -> None:
    for key, count in (("k" * 300, 1), ("k", 5000)):
        author = pair.author()
        _write(author, random.Random(9), 2)
        change = author.segment.core.transact(
            lambda draft, key=key, count=count: [  # type: ignore[misc]
                draft.put(CoreDocument.root, f"{key}{number}", number) for number in range(count)
            ]
        )
        assert change is not None
        author.sign([change.hash], [change.chunk])
        for form, payload in (("bundle", bundle_of(author)), ("changes", None)):
            before = pair.outcomes["single"]
            pair.take(batch_of(author.signed, form, payload))  # type: ignore[arg-type]
            assert pair.outcomes["single"] == before + 1
        pair.compare()
