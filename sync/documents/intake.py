"""Taking in what other devices wrote: every rule between bytes from outside and a document.

First `open_entry`, which needs no document: signature, form of each change, that they are exactly those the entry
names. Then `receive_segment` or `receive_note`, which check the changes against the document, apply them and read them
back.

What the caller does with what is raised, an entry being taken in or refused as a whole:
- `ProtocolError`: not from that device. Forget it; whoever sent it is to blame.
- `MissingChanges`: hold the entry until others arrived. The document is untouched.
- `RejectedChange`: its author broke a rule, or made a change that the core does not bear. Quarantine the entry. If
  `document.core.dead` is then set, drop the document and build it again from its rows, which do not have this entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sync.documents.change import ChangeHeader, parse_change
from sync.documents.core import CoreDocument
from sync.documents.entry import Entry, SignedEntry, verify_entry
from sync.documents.guard import ChangeGuard, actor_id
from sync.documents.note import Note, note_id
from sync.documents.segment import Segment, SegmentHeader, segment_id
from sync.errors import DocumentError, RejectedChange

MAX_SEGMENT_OPERATIONS = 4096
MAX_NOTE_OPERATIONS = 1 << 24

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class OpenedEntry:
    """An entry whose signature and changes fit together. headers: of its changes, in order."""

    signed: SignedEntry
    headers: tuple[ChangeHeader, ...]


@dataclass(frozen=True, slots=True)
class ReceivedEvents:
    """What an entry added to a segment: (event id, JSON body) pairs that were not there before."""

    header: SegmentHeader
    items: list[tuple[str, str]]


def open_entry(entry: Entry, signature: bytes, chunks: Sequence[bytes]) -> OpenedEntry:
    """Check an entry and the change chunks that came with it; raises ProtocolError or RejectedChange."""
    return check_changes(verify_entry(entry, signature), chunks)


def check_changes(signed: SignedEntry, chunks: Sequence[bytes]) -> OpenedEntry:
    """As `open_entry`, for an entry whose signature is known to be good; raises RejectedChange."""
    entry = signed.entry
    if len(chunks) != len(entry.changes):
        raise RejectedChange("not the changes that the entry names")
    actor = actor_id(entry.workspace, entry.document, entry.device)
    headers = []
    for chunk, digest in zip(chunks, entry.changes, strict=True):
        header = parse_change(chunk)
        if header.hash != digest:
            raise RejectedChange("not the changes that the entry names")
        if header.actor != actor:
            raise RejectedChange("wrong actor")
        headers.append(header)
    return OpenedEntry(signed, tuple(headers))


def receive_segment(segment: Segment, guard: ChangeGuard, opened: OpenedEntry) -> ReceivedEvents:
    """Apply an entry to the segment that it names; `guard` is that of the segment."""
    entry, headers = opened.signed.entry, opened.headers
    _check(guard, opened, MAX_SEGMENT_OPERATIONS)
    previous = segment.core.heads()
    for header in headers:
        if list(header.deps) != previous:
            raise RejectedChange("the changes of a segment must form a line")
        previous = [header.hash]

    def receive() -> ReceivedEvents:
        items = segment.receive(headers)
        header = segment.header()
        if header is None or segment_id(header.session, entry.device, entry.grant, header.k) != entry.document:
            raise RejectedChange("the segment belongs elsewhere")
        return ReceivedEvents(header, items)

    return _apply(segment.core, headers, receive)


def receive_note(note: Note, guard: ChangeGuard, opened: OpenedEntry) -> str:
    """Apply an entry to the note that it names and read all of it; gives the note's name."""
    entry, headers = opened.signed.entry, opened.headers
    _check(guard, opened, MAX_NOTE_OPERATIONS)

    def receive() -> str:
        note.apply([header.chunk for header in headers], [header.hash for header in headers])
        name = note.name()
        if name is None or note_id(entry.workspace, name) != entry.document:
            raise RejectedChange("the note belongs elsewhere")
        note.text()
        note.fields()
        return name

    return _apply(note.core, headers, receive)


def _check(guard: ChangeGuard, opened: OpenedEntry, max_operations: int) -> None:
    entry = opened.signed.entry
    guard.check(opened.headers, actor_id(entry.workspace, entry.document, entry.device))
    if opened.headers[-1].max_op > max_operations:
        raise RejectedChange("too many operations")


def _apply(core: CoreDocument, headers: Sequence[ChangeHeader], receive: Callable[[], Result]) -> Result:
    """Run what changes the document; after any failure it is dead."""
    before = core.heads()
    try:
        received = receive()
        numbers = {change.hash: change.max_op for change in core.history(before)}
        if any(numbers.get(header.hash) != header.max_op for header in headers):
            raise RejectedChange("wrong number of operations")
    except RejectedChange:
        core.dead = True
        raise
    except DocumentError as error:
        core.dead = True
        raise RejectedChange("the document core broke over it") from error
    return received
