"""The documents that an engine has in memory, each as far as the rows it was built from.

A document is built from its rows, caught up when another process has written, and dropped when its core broke. Rows
that cannot be taken in any more (a flipped byte, a change the core does not bear) are quarantined when they are met:
the rest of the document stays, and the device writes on in a new segment, or begins the note anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.documents.bundle import open_bundle
from sync.documents.change import parse_change
from sync.documents.guard import ChangeGuard, actor_id
from sync.documents.note import Note, note_id, restarted_name
from sync.documents.segment import Segment, SegmentHeader, segment_id
from sync.errors import DocumentError, MembershipError, RejectedChange
from sync.identity.device import DeviceKeys
from sync.store import entries
from sync.store.aside import set_aside
from sync.store.bundles import find_bundle, mark_closed
from sync.store.database import Connection
from sync.store.entries import DocumentRow, RawChanges
from sync.store.operations import FOUNDER_ROLE, LINK_ROLE, NO_ROLE
from sync.store.purge import require_not_purged
from sync.store.schema import NOTE, SEGMENT


@dataclass(frozen=True, slots=True)
class WorkspaceKeys:
    """What this device needs to write into a workspace. row: of the store; role: see `sync.store.operations`."""

    row: int
    id: bytes
    grant: bytes
    blob_secret: bytes = field(repr=False)
    role: str = FOUNDER_ROLE
    mailbox_secret: bytes = field(default=b"", repr=False)


_REFUSALS = {
    "reader": "You are a reader in this workspace: you see everything and change nothing. An owner can change that.",
    "guest": "You are a guest in this workspace: you see what was shared with you and change nothing.",
    LINK_ROLE: "This session was shared by a link: it can be read here and not changed.",
    NO_ROLE: "You are not a member of this workspace (yet, or any more). An owner can let you in.",
}


def may_write(keys: WorkspaceKeys) -> bool:
    """Whether this person may write in a workspace."""
    return keys.role not in _REFUSALS


def require_writing(keys: WorkspaceKeys) -> None:
    """Raises MembershipError, with a sentence, where this person may not write."""
    if keys.role in _REFUSALS:
        raise MembershipError(_REFUSALS[keys.role])


@dataclass(frozen=True, slots=True)
class Damage:
    """Entries of a document that were found damaged and set aside. name: of its session or note."""

    kind: str
    name: str
    entries: int
    reason: str

    def __str__(self) -> str:
        """A sentence for people."""
        what = "session" if self.kind == SEGMENT else "note"
        return (
            f"{self.entries} stored entries of {what} {self.name} are damaged ({self.reason}) and were set aside; "
            "the rest is kept and can be written on. A backup from before brings them back."
        )


@dataclass(slots=True)
class OpenDocument:
    """A document in memory with the row id of the last entry it holds. checked: the generation it was caught up in."""

    row: DocumentRow
    document: Segment | Note
    last: int
    checked: int
    header: SegmentHeader | None = None
    guard: ChangeGuard | None = None

    @property
    def segment(self) -> Segment:
        assert isinstance(self.document, Segment)
        return self.document

    @property
    def note(self) -> Note:
        assert isinstance(self.document, Note)
        return self.document

    @property
    def own_name(self) -> str:
        """What a note calls itself."""
        return restarted_name(self.row.name, self.row.k or 0)


class Repository:
    """Opens documents for the device that `write_as` names. limit: so many stay in memory.

    damages: what was found since somebody emptied the list.
    """

    def __init__(self, connection: Connection, limit: int) -> None:
        self.damages: list[Damage] = []
        self._connection = connection
        self._device = b""
        self._device_row = 0
        self._limit = limit
        self._documents: OrderedDict[int, OpenDocument] = OrderedDict()
        self._written: dict[tuple[int, str], int] = {}
        self._generation = 0

    def write_as(self, device: DeviceKeys, row: int) -> None:
        """From now on write as this device; row: of the device."""
        self._device, self._device_row = device.device_id, row

    def doubt(self) -> None:
        """Another process wrote: nothing in memory counts until it is caught up with the rows."""
        self._generation += 1
        self._written.clear()

    def forget(self) -> None:
        """Drop everything: documents may be ahead of their rows."""
        self._documents.clear()
        self.damages.clear()
        self.doubt()

    # what this device writes

    def segment(self, keys: WorkspaceKeys, session: str, most: int) -> OpenDocument:
        """The segment with room (fewer than `most` events) that this device writes now; a new one if there is none."""
        row = self._written.get((keys.row, session))
        opened = None if row is None else self._documents.get(row)
        if opened is None or opened.segment.count >= most or opened.document.core.dead:
            opened = self._find_segment(keys, session, most)
            self._written[keys.row, session] = opened.row.row
        return self.remember(opened)

    def _find_segment(self, keys: WorkspaceKeys, session: str, most: int) -> OpenDocument:
        row = entries.latest_segment(self._connection, session, self._device_row, keys.grant)
        if row is None:
            return self._begin_segment(keys, session, 0)
        opened = self.open(keys, row)
        is_broken = self.is_broken(opened)
        if opened.segment.count < most and not is_broken:
            return opened
        if not is_broken:
            mark_closed(self._connection, row.row)
        return self._begin_segment(keys, session, (row.k or 0) + 1)

    def _begin_segment(self, keys: WorkspaceKeys, session: str, k: int) -> OpenDocument:
        require_not_purged(self._connection, keys.row, session)
        document = segment_id(session, self._device, keys.grant, k)
        row = entries.add_segment(self._connection, document, keys.row, session, self._device_row, keys.grant, k)
        return self.blank(keys, row, SEGMENT)

    def note(self, keys: WorkspaceKeys, name: str) -> OpenDocument:
        """The note with this name, a new one if there is none; see `is_broken` before writing into it."""
        row = entries.latest_note(self._connection, keys.row, name)
        if row is None:
            row = entries.add_note(self._connection, note_id(keys.id, name), keys.row, name)
        return self.open(keys, row)

    def is_broken(self, opened: OpenDocument) -> bool:
        """Whether something that this device wrote into a document is lost, so that it cannot write on there."""
        return entries.is_broken(self._connection, opened.row.row, self._device_row)

    def has_others(self, opened: OpenDocument) -> bool:
        """Whether another device wrote into a document too."""
        return entries.has_others(self._connection, opened.row.row, self._device_row)

    def begin_anew(self, keys: WorkspaceKeys, old: DocumentRow) -> OpenDocument:
        """The next generation of a note, still empty."""
        k = (old.k or 0) + 1
        document = note_id(keys.id, restarted_name(old.name, k))
        row = entries.add_note(self._connection, document, keys.row, old.name, k)
        return self.remember(self.blank(keys, row, NOTE))

    # opening

    def open(self, keys: WorkspaceKeys, row: DocumentRow) -> OpenDocument:
        """A document as its rows have it; it stays in memory."""
        opened = self._documents.get(row.row)
        if opened is None or opened.document.core.dead or opened.row.id != row.id:
            return self.remember(self.load(keys, row))  # row ids of copies that were removed are used again
        if opened.checked != self._generation:
            opened = self._catch_up(keys, opened)
        return self.remember(opened)

    def load(self, keys: WorkspaceKeys, row: DocumentRow) -> OpenDocument:
        """A document built anew from its rows; it does not stay in memory."""
        return self._catch_up(keys, self.blank(keys, row, row.kind))

    def blank(self, keys: WorkspaceKeys, row: DocumentRow, kind: str) -> OpenDocument:
        """A document before its first change."""
        actor = actor_id(keys.id, row.id, self._device)
        document = Segment(actor) if kind == SEGMENT else Note(actor)
        return OpenDocument(row, document, 0, self._generation)

    def drop(self, row: int) -> None:
        """Let go of a document, which is built anew when it is needed again."""
        self._documents.pop(row, None)

    def remember(self, opened: OpenDocument) -> OpenDocument:
        """Keep a document in memory."""
        self._documents[opened.row.row] = opened
        self._documents.move_to_end(opened.row.row)
        if len(self._documents) > self._limit:
            self._documents.popitem(last=False)
        return opened

    def _catch_up(self, keys: WorkspaceKeys, opened: OpenDocument) -> OpenDocument:
        """Apply what is stored and not in memory yet."""
        rows = entries.raw_changes(self._connection, opened.row.row, opened.last)
        if rows:
            try:
                _apply(opened.document, rows, self._chunks(opened.row.row, rows))
                opened.last = rows[-1].last
            except DocumentError:
                return self.mend(keys, opened.row)
        opened.checked = self._generation
        return opened

    def _chunks(self, document: int, rows: list[RawChanges]) -> list[bytes]:
        """What to apply: a bundle as a whole, then single changes."""
        single = [chunk for row in rows if row.changes is not None for chunk in entries.chunks_of(row, {})]
        if all(row.changes is not None for row in rows):
            return single
        bundle = find_bundle(self._connection, document)
        return single if bundle is None else [bundle, *single]

    # mending

    def mend(self, keys: WorkspaceKeys, row: DocumentRow) -> OpenDocument:
        """Build a document row by row and quarantine the entries that it does not bear, or that miss those."""
        self.drop(row.row)
        opened, kept, reasons = self.blank(keys, row, row.kind), list[tuple[RawChanges, list[bytes]]](), list[str]()
        bundled = self._readable_bundle(row.row)
        for entry in entries.raw_changes(self._connection, row.row):
            try:
                chunks = entries.chunks_of(entry, bundled)
                _check(opened.document, entry, chunks)
                _apply(opened.document, [entry], chunks)
                kept.append((entry, chunks))
            except DocumentError as error:
                set_aside(self._connection, entry.last, str(error))
                reasons.append(str(error))
            if opened.document.core.dead:
                opened = self.blank(keys, row, row.kind)
                for known, known_chunks in kept:
                    _apply(opened.document, [known], known_chunks)
            opened.last = entry.last
        if reasons:
            self.damages.append(Damage(row.kind, row.name, len(reasons), reasons[0]))
        return opened

    def _readable_bundle(self, document: int) -> Mapping[bytes, bytes]:
        data = find_bundle(self._connection, document)
        if data is None:
            return {}
        try:
            return open_bundle(data)
        except DocumentError:
            return {}


def _apply(document: Segment | Note, rows: list[RawChanges], chunks: list[bytes]) -> None:
    document.apply(chunks, [digest for row in rows for digest in row.hashes])
    if isinstance(document, Note):
        document.text()  # what cannot be read must not come in
        document.fields()


def _check(document: Segment | Note, row: RawChanges, chunks: list[bytes]) -> None:
    """Raises RejectedChange unless these are the changes of the entry and all they build on is in the document."""
    headers = [parse_change(chunk) for chunk in chunks]
    if [header.hash for header in headers] != row.hashes:
        raise RejectedChange("not the changes that the entry names")
    known = {change.hash for change in document.core.history()} | set(row.hashes)
    if any(dep not in known for header in headers for dep in header.deps):
        raise RejectedChange("it builds on a damaged change")
