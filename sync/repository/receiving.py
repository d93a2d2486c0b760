"""Entries that come from outside, on their way into the store.

An entry that its device did not sign, or of a device or workspace that is not known, is forgotten (`ProtocolError`).
Any other is kept: admitted into its document and shown; held while it builds on changes that are not here, or while the
membership log does not let it count; quarantined when its author broke a rule or the core does not bear it. A document
that broke over an entry is dropped and built again from its rows, which do not have it. What is set aside is bounded
for each device: beyond that, entries to be held are dropped (they can be asked for again) and those to be quarantined
lose their changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.documents.change import split_chunks
from sync.documents.entry import Entry, SignedEntry, verify_entry
from sync.documents.guard import ChangeGuard
from sync.documents.intake import OpenedEntry, check_changes, receive_note, receive_segment
from sync.documents.note import Note, split_name
from sync.documents.segment import Segment
from sync.errors import MissingChanges, ProtocolError, RejectedChange
from sync.membership.admission import Verdict
from sync.repository.needed import Waiting, needed_entries
from sync.repository.opened import OpenDocument, Repository, WorkspaceKeys
from sync.store import aside, chain_sums, entries, left_chains
from sync.store.bundles import mark_closed
from sync.store.database import Connection
from sync.store.entries import DocumentRow
from sync.store.schema import ADMITTED, HELD, NOTE, PURGED, QUARANTINED, SEGMENT, UNKNOWN

HELD_ENTRIES = 4096
ASIDE_BYTES = 16 << 20
"""Of one device: entries that are held or quarantined, and the bytes of their changes."""
_GENESIS = {
    Segment(bytes(16)).core.genesis[0]: SEGMENT,
    Note(bytes(16)).core.genesis[0]: NOTE,
}


@dataclass(frozen=True, slots=True)
class Author:
    """Who signed an entry. row: of the device."""

    row: int
    device: bytes
    identity: bytes


_AUTHOR = (
    "SELECT d.row, d.id, coalesce(c.person, d.identity) FROM device d "
    "LEFT JOIN copied_author c ON c.device=d.row AND c.workspace=? WHERE "
)


def find_author(connection: Connection, workspace: int, device: bytes) -> Author | None:
    """A device by its id, as the author of what it wrote into a workspace (row id)."""
    row = connection.execute(f"{_AUTHOR} d.id=?", (workspace, device)).fetchone()
    return Author(*row) if row else None


def author_at(connection: Connection, workspace: int, row: int) -> Author:
    """As `find_author`, by the row of the device."""
    return Author(*connection.execute(f"{_AUTHOR} d.row=?", (workspace, row)).fetchone())


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an entry. state: as in the store, None when it was dropped. reason: of a quarantine."""

    state: int | None
    reason: str = ""


class OwnEntry(ProtocolError):
    """Somebody has an entry of this very device that is not here: this home is an older copy of another one."""


class LeftEntry(ProtocolError):
    """An entry stands where this home wrote one as the device that it was before. device: its row."""

    def __init__(self, device: int, n: int) -> None:
        super().__init__(f"Entry {n} contradicts one that was written here.")
        self.device, self.n = device, n


class _Held(Exception):
    """Membership does not let an entry count now; the text says why."""


class Shown(Protocol):
    """Who shows what was admitted."""

    def show_segment(
        self,
        keys: WorkspaceKeys,
        author: Author,
        opened: OpenDocument,
        items: Sequence[tuple[str, str]],
        *,
        first: bool,
    ) -> object:
        """Events were added to a segment; first: the change with its header is among them."""
        ...

    def show_note(self, keys: WorkspaceKeys, opened: OpenDocument) -> None:
        """A note reads differently."""
        ...


Judge = Callable[[SignedEntry], Verdict]
"""Whether an entry counts by membership; see `sync.membership.admission`."""


PlaceGone = Callable[[WorkspaceKeys, Author, Entry, bytes], DocumentRow | None]
"""Where an entry belongs that came without its changes, if it is believed that they were purged."""


class Receiver:
    """Takes in entries within one transaction."""

    def __init__(
        self,
        connection: Connection,
        repository: Repository,
        shown: Shown,
        own_device: bytes,
        judge: Judge,
        place_gone: PlaceGone = lambda _keys, _author, _entry, _payload: None,
    ) -> None:
        self.connection = connection
        self.repository = repository
        self.shown = shown
        self.own_device = own_device
        self.judge = judge
        self._place_gone = place_gone
        self._unsettled: set[bytes] = set()
        self._chained: set[int] = set()
        """Authors (row ids) of whom it depends on the rest of their chains what counts."""

    def receive(
        self,
        keys: WorkspaceKeys,
        entry: Entry,
        signature: bytes,
        chunks: Sequence[bytes] | None,
        gone: bytes = b"",
    ) -> Received:
        """Take in an entry, and what was held for the lack of it; raises ProtocolError (`OwnEntry`, `LeftEntry`).

        chunks: None where its sender has erased them, which is only believed of documents that are purged here too;
        gone: what it says of the document then.
        """
        signed = verify_entry(entry, signature)
        author = self._author(keys, entry)
        known = aside.find_entry(self.connection, keys.row, author.row, entry.n, signed.hash)
        if known is not None:
            return Received(known)
        if entry.device == self.own_device:
            raise OwnEntry(f"An entry ({entry.n}) claims to be of this device, which does not know it.")
        left = left_chains.find_left(self.connection, keys.row, author.row)
        if left is not None and entry.n <= left.n:
            raise LeftEntry(author.row, entry.n)
        chain_sums.retract(self.connection, keys.row, author.row, entry.n)
        row = entries.find_document(self.connection, entry.document)
        if row is not None and row.workspace != keys.row:
            raise ProtocolError("An entry names a document of another workspace.")
        if chunks is None and (row is None or row.kind == UNKNOWN):
            row = self._place_gone(keys, author, entry, gone)
        if row is not None and row.kind == PURGED:
            entries.add_entry(self.connection, row, author.row, signed, None)
            return Received(ADMITTED)
        if chunks is None:
            return Received(None)
        row = row or entries.add_unknown(self.connection, entry.document, keys.row)
        received = self._take_in(keys, author, row, signed, chunks)
        if received.state == ADMITTED:
            self.release(keys, row.id)
        elif received.state == HELD and row.kind != SEGMENT:
            self._unsettled.add(row.id)
        return received

    def settle(self, keys: WorkspaceKeys) -> None:
        """After the last entry: take in what is held of notes and others build on, or for the rest of its chain."""
        for author in self._chained:
            self._unsettled |= set(aside.held_of(self.connection, keys.row, author))
        self._chained.clear()
        while self._unsettled:
            self.release(keys, self._unsettled.pop())

    def judge_of(self, author: Author, signed: SignedEntry) -> Verdict:
        """Whether a new entry of an author counts."""
        verdict = self.judge(signed)
        if verdict.by_chain:
            self._chained.add(author.row)
        return verdict

    def _author(self, keys: WorkspaceKeys, entry: Entry) -> Author:
        if entry.workspace != keys.id:
            raise ProtocolError("An entry belongs to another workspace.")
        author = find_author(self.connection, keys.row, entry.device)
        if author is None:
            raise ProtocolError("An entry is of a device that is not known.")
        return author

    def _take_in(
        self, keys: WorkspaceKeys, author: Author, row: DocumentRow, signed: SignedEntry, chunks: Sequence[bytes]
    ) -> Received:
        try:
            opened = check_changes(signed, chunks)
            _require_counting(self.judge_of(author, signed))
            settled = self._admit(keys, author, row, opened, None)
        except (MissingChanges, _Held) as error:
            count, size = aside.aside(self.connection, author.row)
            if count >= HELD_ENTRIES or size + sum(map(len, chunks)) > ASIDE_BYTES:
                return Received(None)
            entries.add_entry(self.connection, row, author.row, signed, list(chunks), HELD)
            return Received(HELD, str(error))
        except RejectedChange as error:
            _count, size = aside.aside(self.connection, author.row)
            kept = list(chunks) if size + sum(map(len, chunks)) <= ASIDE_BYTES else None
            added = entries.add_entry(self.connection, row, author.row, signed, kept, QUARANTINED)
            aside.set_aside(self.connection, added, error.reason)
            return Received(QUARANTINED, error.reason)
        return Received(settled)

    def release(self, keys: WorkspaceKeys, document: bytes) -> bool:
        """Try again what is held of a document, until nothing of it moves any more; gives whether anything did."""
        ever = self._release(keys, document, frozenset())
        while needed := self._needed(document):
            if not self._release(keys, document, needed):
                break
            ever = True
        return ever

    def _release(self, keys: WorkspaceKeys, document: bytes, needed: frozenset[int]) -> bool:
        moved, ever = True, False
        while moved:
            row = entries.find_document(self.connection, document)
            waiting = [] if row is None else aside.held_entries(self.connection, row.row)
            moved = False
            for held in waiting:
                row = entries.find_document(self.connection, document)
                moved |= row is not None and self._try_again(keys, row, held, needed)
            ever |= moved
        return ever

    def _needed(self, document: bytes) -> frozenset[int]:
        """Rows of held entries of a note that others build on; see `sync.repository.needed`."""
        row = entries.find_document(self.connection, document)
        if row is None or row.kind == SEGMENT:
            return frozenset()
        held = aside.held_entries(self.connection, row.row)
        needed = needed_entries(filter(None, map(self._look_at, held)))
        begun = {_GENESIS.get(dep) for each in needed for header in each.headers for dep in header.deps}
        is_note = row.kind == NOTE or (NOTE in begun and SEGMENT not in begun)
        return frozenset(each.row for each in needed if not each.counts) if is_note else frozenset()

    def _look_at(self, held: aside.HeldEntry) -> Waiting | None:
        outcome = self.judge(held.signed).outcome
        try:
            opened = check_changes(held.signed, split_chunks(held.changes))
        except RejectedChange:
            return None
        return None if outcome == "rejected" else Waiting(held.row, outcome == "admitted", opened.headers)

    def _try_again(self, keys: WorkspaceKeys, row: DocumentRow, held: aside.HeldEntry, needed: frozenset[int]) -> bool:
        author = self._author(keys, held.signed.entry)
        try:
            opened = check_changes(held.signed, split_chunks(held.changes))
            if held.row not in needed:
                _require_counting(self.judge(held.signed))
            self._admit(keys, author, row, opened, held.row)
        except (MissingChanges, _Held):
            return False
        except RejectedChange as error:
            aside.set_aside(self.connection, held.row, error.reason)
        return True

    def _admit(
        self, keys: WorkspaceKeys, author: Author, row: DocumentRow, opened: OpenedEntry, held: int | None
    ) -> int:
        """Apply an entry to its document, store and show it. held: its row, when it was stored before."""
        kind = row.kind if row.kind != UNKNOWN else kind_of(opened)
        if kind == SEGMENT and row.device not in (None, author.row):
            raise RejectedChange("the segment is another device's")
        is_new = row.kind == UNKNOWN
        document = self.repository.blank(keys, row, kind) if is_new else self.repository.open(keys, row)
        if kind == SEGMENT:
            self._admit_to_segment(keys, author, document, opened, held)
        else:
            self._admit_to_note(keys, author, document, opened, held)
        self.repository.remember(document)
        return ADMITTED

    def _admit_to_segment(
        self, keys: WorkspaceKeys, author: Author, document: OpenDocument, opened: OpenedEntry, held: int | None
    ) -> None:
        first = document.segment.header() is None
        received = receive_segment(document.segment, guard_of(document), opened)
        document.header = received.header
        if document.row.kind == UNKNOWN:
            self.begin_segment(keys, author, document, opened.signed.entry.grant)
        document.last = self._store(document.row, author, opened, held)
        self.shown.show_segment(keys, author, document, received.items, first=first)

    def _admit_to_note(
        self, keys: WorkspaceKeys, author: Author, document: OpenDocument, opened: OpenedEntry, held: int | None
    ) -> None:
        name, generation = split_name(receive_note(document.note, guard_of(document), opened))
        if document.row.kind == UNKNOWN:
            document.row = entries.add_note(self.connection, document.row.id, keys.row, name, generation)
        document.last = self._store(document.row, author, opened, held)
        self.shown.show_note(keys, document)

    def _store(self, row: DocumentRow, author: Author, opened: OpenedEntry, held: int | None) -> int:
        if held is not None:
            return aside.admit_held(self.connection, held)
        chunks = [header.chunk for header in opened.headers]
        return entries.add_entry(self.connection, row, author.row, opened.signed, chunks)

    def begin_segment(self, keys: WorkspaceKeys, author: Author, document: OpenDocument, grant: bytes) -> None:
        """Store what a document turned out to be. A device that writes a segment has closed those before it."""
        header, ident = document.header, document.row.id
        assert header is not None
        document.row = entries.add_segment(
            self.connection, ident, keys.row, header.session, author.row, grant, header.k
        )
        for segment in entries.segments(self.connection, header.session, author.row, grant)[:-1]:
            mark_closed(self.connection, segment.row)


def _require_counting(verdict: Verdict) -> None:
    if verdict.outcome == "held":
        raise _Held(verdict.reason)
    if verdict.outcome == "rejected":
        raise RejectedChange(verdict.reason)


def guard_of(document: OpenDocument) -> ChangeGuard:
    """The guard of a document, made when it is first needed."""
    if document.guard is None:
        document.guard = ChangeGuard(document.document.core)
    return document.guard


def kind_of(opened: OpenedEntry) -> str:
    """What a document is that nothing was admitted to: a first change builds on the genesis of its kind."""
    for dep in opened.headers[0].deps:
        if dep in _GENESIS:
            return _GENESIS[dep]
    raise MissingChanges("The change depends on changes that are not here.")
