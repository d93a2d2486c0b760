"""Leaving a branch of one's own chain.

A home that is an older copy of another one (a disk rolled back, a folder copied while nobody looked) writes entries
under numbers that its device has used elsewhere. As soon as it meets those others it becomes a new device; what it had
written from there on is then taken out of the old device's chain and written anew by the new one, events under the same
ids. Where nothing of the branch had left, it has never been; and what the other branch holds comes as it is.

Of a branch that had left, others may have either side, and of two changes of one document only the first counts for
them. So its entries are kept aside as the proof that they are, and this device, which sees both sides, writes the other
one anew too (`carry`), whenever more of it comes: everybody has both then, by this device. A note is begun anew for
that, because nobody could build on both sides of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.documents.change import parse_change
from sync.errors import MembershipError
from sync.repository.judging import unbundle
from sync.repository.opened import OpenDocument, Repository, WorkspaceKeys, require_writing
from sync.repository.showing import Shower, show_anew
from sync.repository.transaction import Transaction
from sync.store import aside, chain_sums, entries, left_chains
from sync.store.bundles import forget_bundle
from sync.store.database import Connection
from sync.store.entries import DocumentRow
from sync.store.left_chains import LeftChain, LeftNote
from sync.store.projector import Projector
from sync.store.purge import is_purged
from sync.store.schema import ADMITTED, NOTE, PURGED, QUARANTINED, SEGMENT

PIECE_EVENTS, PIECE_CHARACTERS = 100, 256 << 10
WRITTEN_ANEW = "its device wrote two chains; this one was written anew by another device"


class Writing(Protocol):
    """What is written by the device that this home is now; as the methods of the engine."""

    def append(
        self,
        tx: Transaction,
        workspace: int,
        session: str,
        items: Sequence[tuple[str, str]],
        opening: Callable[[], str],
    ) -> None: ...

    def edit_note(
        self,
        tx: Transaction,
        workspace: int,
        name: str,
        text: str | None,
        fields: Mapping[str, str] | None = None,
        *,
        base: str | None = None,
    ) -> None: ...

    def begin_note_anew(
        self, tx: Transaction, workspace: int, name: str, text: str, fields: Mapping[str, str]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """An admitted entry of the branch. row: of the entry."""

    row: int
    n: int
    document: DocumentRow


@dataclass(frozen=True, slots=True)
class _Events:
    """What entries of one segment have brought."""

    session: str
    opening: str
    items: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a note reads in its last generation. document: None if there is none."""

    document: int | None
    text: str
    fields: Mapping[str, str]


class Branches:
    """Takes branches out and writes them anew, for one engine. own: the row of its device."""

    def __init__(
        self,
        connection: Connection,
        repository: Repository,
        projector: Projector,
        shower: Callable[[Transaction], Shower],
        own: Callable[[], int],
        writing: Writing,
    ) -> None:
        self._connection = connection
        self._repository = repository
        self._projector = projector
        self._shower = shower
        self._own = own
        self._writing = writing

    def leave(self, tx: Transaction, keys: WorkspaceKeys, device: int, n: int) -> None:
        """Write anew what this home wrote into a chain from number n on; device: the row of the one it was.

        Who may not write any more keeps it as it is.
        """
        left = left_chains.find_left(self._connection, keys.row, device)
        if left is None or n > left.n:
            return
        try:
            require_writing(keys)
        except MembershipError:
            left_chains.forget(self._connection, keys.row, device)
            return
        branch = self._branch(keys.row, device, n, left.n)
        events = [self._events_of(keys, document, rows) for document, rows in _by_document(branch)]
        names = dict.fromkeys(each.document.name for each in branch if each.document.kind == NOTE)
        after = {name: self._read(keys, name) for name in names}
        self._take_out(tx, keys, device, branch, left)
        before = {name: self._show_note(tx, keys, name) for name in names}
        public = {each.document.name for each in branch if each.n <= left.published}
        for each in filter(None, events):
            self._append(tx, keys, each, each.items)
        for name in names:
            self._write_note(tx, keys, name, before[name], after[name], is_public=name in public)
        written = sum(len(each.items) for each in filter(None, events)) + len(names)
        left_chains.shorten(self._connection, keys.row, left, n, written)

    def carry(self, tx: Transaction, keys: WorkspaceKeys) -> None:
        """Write anew what has come of other branches, where the one that was left had left this home."""
        for left in left_chains.left_chains(self._connection, keys.row):
            if left.fork is not None:
                for document in self._torn(keys.row, left.device, left.fork):
                    self._carry_segment(tx, keys, document, left.device, left.fork)
        for note in left_chains.left_notes(self._connection, keys.row):
            self._carry_note(tx, keys, note)

    # reading

    def _branch(self, workspace: int, device: int, first: int, last: int) -> list[_Entry]:
        rows = self._connection.execute(
            "SELECT e.id, e.n, d.row, d.id, d.workspace, d.kind, d.name, d.device, d.k FROM entry e "
            "JOIN document d ON d.row=e.document WHERE e.workspace=? AND e.device=? AND e.n BETWEEN ? AND ? "
            "AND e.state=? ORDER BY e.n, e.id",
            (workspace, device, first, last, ADMITTED),
        ).fetchall()
        return [_Entry(row, n, DocumentRow(*document)) for row, n, *document in rows]

    def _events_of(self, keys: WorkspaceKeys, document: DocumentRow, rows: Sequence[int]) -> _Events | None:
        """What entries (row ids) of a document have brought; None where that is nothing to be written anew."""
        if document.kind != SEGMENT or is_purged(self._connection, keys.row, document.name):
            return None
        unbundle(self._connection, document.row)
        opened = self._repository.load(keys, document)
        header = opened.segment.header()
        return None if header is None else _Events(header.session, header.opening, self._items(opened, set(rows)))

    def _items(self, opened: OpenDocument, rows: set[int]) -> list[tuple[str, str]]:
        """The events of some entries (row ids), in their order; DocumentError where they are damaged."""
        stored = entries.stored_changes(self._connection, opened.row.row)
        chunks = [chunk for each in stored if each.last in rows for chunk in each.chunks]
        names = dict.fromkeys(key for chunk in chunks for key in parse_change(chunk).keys)
        return [(name, body) for name in names if (body := opened.segment.event(name)) is not None]

    def _read(self, keys: WorkspaceKeys, name: str) -> _Reading:
        row = entries.latest_note(self._connection, keys.row, name)
        if row is None:
            return _Reading(None, "", {})
        note = self._repository.load(keys, row).note
        return _Reading(row.row, note.text(), note.fields())

    # taking out

    def _take_out(
        self, tx: Transaction, keys: WorkspaceKeys, device: int, branch: Sequence[_Entry], left: LeftChain
    ) -> None:
        for each in branch:
            if each.n > left.published:
                self._connection.execute("DELETE FROM entry WHERE id=?", (each.row,))
            else:
                aside.set_aside(self._connection, each.row, WRITTEN_ANEW)
            chain_sums.retract(self._connection, keys.row, device, each.n)
        documents = {each.document.row: each.document for each in branch}
        for document in documents.values():
            self._repository.drop(document.row)
            if document.kind != PURGED:
                self._remove_empty(document.row)
        for session in sorted({each.name for each in documents.values() if each.kind == SEGMENT}):
            show_anew(tx, self._repository, self._projector, self._shower(tx), keys, session)

    def _remove_empty(self, document: int) -> None:
        if self._connection.execute("SELECT 1 FROM entry WHERE document=? LIMIT 1", (document,)).fetchone() is None:
            forget_bundle(self._connection, document)
            self._connection.execute("DELETE FROM document WHERE row=?", (document,))

    def _show_note(self, tx: Transaction, keys: WorkspaceKeys, name: str) -> _Reading:
        reading = self._read(keys, name)
        self._projector.apply_note(tx.connection, keys.row, name, reading.text, reading.fields)
        tx.touch(f"note/{name}")
        return reading

    # writing

    def _append(self, tx: Transaction, keys: WorkspaceKeys, events: _Events, items: Sequence[tuple[str, str]]) -> None:
        for piece in _pieces(items):
            self._writing.append(tx, keys.row, events.session, piece, lambda: events.opening)

    def _write_note(
        self, tx: Transaction, keys: WorkspaceKeys, name: str, before: _Reading, after: _Reading, *, is_public: bool
    ) -> None:
        if is_purged(self._connection, keys.row, name):
            return
        if is_public and before.document is not None:
            left_chains.keep_note(
                self._connection, keys.row, LeftNote(before.document, name, before.text, before.fields)
            )
            self._writing.begin_note_anew(tx, keys.row, name, after.text, after.fields)
        else:
            fields = _changed(before.fields, after.fields)
            self._writing.edit_note(tx, keys.row, name, after.text, fields, base=before.text)

    # carrying

    def _torn(self, workspace: int, device: int, fork: int) -> list[DocumentRow]:
        """The segments in which entries of the branch that was left stand aside."""
        rows = self._connection.execute(
            "SELECT DISTINCT d.id FROM entry e JOIN document d ON d.row=e.document WHERE e.workspace=? AND e.device=? "
            "AND e.n>=? AND e.state=? AND d.kind=?",
            (workspace, device, fork, QUARANTINED, SEGMENT),
        ).fetchall()
        found = (entries.find_document(self._connection, bytes(ident)) for (ident,) in rows)
        return [document for document in found if document is not None]

    def _carry_segment(
        self, tx: Transaction, keys: WorkspaceKeys, document: DocumentRow, device: int, fork: int
    ) -> None:
        rows = self._connection.execute(
            "SELECT id FROM entry WHERE document=? AND device=? AND n>=? AND state=?",
            (document.row, device, fork, ADMITTED),
        ).fetchall()
        events = self._events_of(keys, document, [row for (row,) in rows]) if rows else None
        if events is None:
            return
        own = entries.segments(self._connection, events.session, self._own(), keys.grant)
        written = [self._repository.open(keys, row).segment for row in own]
        items = [item for item in events.items if all(segment.event(item[0]) is None for segment in written)]
        self._append(tx, keys, events, items)

    def _carry_note(self, tx: Transaction, keys: WorkspaceKeys, note: LeftNote) -> None:
        """Bring what has come into the old document of a note into its new one."""
        rows = self._connection.execute("SELECT id FROM document WHERE row=? AND kind=?", (note.document, NOTE))
        row = next((entries.find_document(self._connection, bytes(ident)) for (ident,) in rows.fetchall()), None)
        if row is None:
            return
        old = self._repository.load(keys, row).note
        text, fields = old.text(), old.fields()
        if (text, fields) != (note.text, dict(note.fields)):
            left_chains.keep_note(self._connection, keys.row, LeftNote(note.document, note.name, text, fields))
            changed = _changed(note.fields, fields)
            self._writing.edit_note(tx, keys.row, note.name, text, changed, base=note.text)


def _by_document(branch: Iterable[_Entry]) -> list[tuple[DocumentRow, list[int]]]:
    """Documents with the rows of their entries."""
    found: dict[int, tuple[DocumentRow, list[int]]] = {}
    for each in branch:
        found.setdefault(each.document.row, (each.document, []))[1].append(each.row)
    return list(found.values())


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in after.items() if before.get(name) != value}


def _pieces(items: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """What is written as one change at a time."""
    piece, size = list[tuple[str, str]](), 0
    for item in items:
        if piece and (len(piece) >= PIECE_EVENTS or size + len(item[1]) > PIECE_CHARACTERS):
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += len(item[1])
    if piece:
        yield piece
