"""Many entries of one segment at once: the short road for transfers.

It takes in a batch only where nothing about it is out of the ordinary: every entry is signed, admitted by membership
and of the segment's device, nothing of the document is set aside, and all the changes together pass every check that
they would pass one by one (`receive_segment` for single changes, `receive_bundle` for a whole segment). For anything
else it gives None and has changed nothing: the road entry by entry (`Receiver.receive`) then finds out what is wrong
with which entry. Both leave equal rows; only a segment that came as a bundle may be kept as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.documents.bundle import receive_bundle
from sync.documents.change import split_chunks
from sync.documents.entry import SignedEntry, verify_entry
from sync.documents.intake import OpenedEntry, ReceivedEvents, check_changes, receive_segment
from sync.errors import DocumentError, ProtocolError
from sync.protocol.envelope import Batch
from sync.repository.opened import OpenDocument, WorkspaceKeys
from sync.repository.receiving import Author, Receiver, find_author, guard_of, kind_of
from sync.store import aside, bundles, chain_sums, entries, left_chains
from sync.store.entries import DocumentRow
from sync.store.schema import ADMITTED, SEGMENT, UNKNOWN


@dataclass(frozen=True, slots=True)
class _Intake:
    """What a batch adds. new: entries that are not here yet. chunks: the changes of each; None: the bundle is kept."""

    document: OpenDocument
    new: list[SignedEntry]
    chunks: list[list[bytes]] | None
    received: ReceivedEvents
    first: bool


def receive_batch(receiver: Receiver, keys: WorkspaceKeys, batch: Batch) -> list[int | None] | None:
    """Take in a batch as a whole and give the states of its entries; None where it is to go entry by entry."""
    first = batch.parts[0].entry
    author = find_author(receiver.connection, keys.row, first.device)
    if author is None or first.device == receiver.own_device or batch.form == "none":
        return None
    row = _place(receiver, keys, author, first.document)
    if row is None:
        return None
    try:
        signed = [verify_entry(part.entry, part.signature) for part in batch.parts]
        numbers = first.n, signed[-1].entry.n
        known = aside.find_entries(receiver.connection, keys.row, author.row, *numbers)
        new = [one for one in signed if (one.entry.n, one.hash) not in known]
        if _contradicts(receiver, keys, author, new):
            return None
        if any(receiver.judge_of(author, one).outcome != "admitted" for one in new):
            return None
        intake = _open(receiver, keys, row, batch, new)
    except (DocumentError, ProtocolError):
        return None
    if intake is not None:
        _keep(receiver, keys, author, intake, batch.payload)
    return [known.get((one.entry.n, one.hash), ADMITTED) for one in signed]


def _contradicts(receiver: Receiver, keys: WorkspaceKeys, author: Author, new: list[SignedEntry]) -> bool:
    """Whether some of these stand where this home wrote entries itself."""
    left = left_chains.find_left(receiver.connection, keys.row, author.row)
    return left is not None and any(one.entry.n <= left.n for one in new)


def _place(receiver: Receiver, keys: WorkspaceKeys, author: Author, document: bytes) -> DocumentRow | None:
    """Where the entries belong, perhaps not stored yet; None where that is no ordinary segment of their device."""
    row = entries.find_document(receiver.connection, document)
    if row is None:
        return DocumentRow(0, document, keys.row, UNKNOWN, "", None, None)
    is_theirs = row.workspace == keys.row and row.kind == SEGMENT and row.device == author.row
    return row if is_theirs and not aside.has_aside(receiver.connection, row.row) else None


def _open(
    receiver: Receiver, keys: WorkspaceKeys, row: DocumentRow, batch: Batch, new: list[SignedEntry]
) -> _Intake | None:
    """Apply the changes of new entries; None where there are none. Raises DocumentError."""
    if batch.form == "bundle":
        return _open_bundle(receiver, keys, row, batch, new)
    chunks = _chunks(batch, new)
    return _apply(receiver, keys, row, new, chunks) if new else None


def _open_bundle(
    receiver: Receiver, keys: WorkspaceKeys, row: DocumentRow, batch: Batch, new: list[SignedEntry]
) -> _Intake:
    """Build a document from its bundle; raises DocumentError where a part of it is here already."""
    if row.kind != UNKNOWN or len(new) < len(batch.parts):
        raise DocumentError("A part of the bundle is here already.")
    document = receiver.repository.blank(keys, row, SEGMENT)
    bundle = receive_bundle(document.segment, new, batch.payload)
    kept = bundle.chunks
    single = None if kept is None else [[kept[digest] for digest in one.entry.changes] for one in new]
    return _Intake(document, new, single, bundle.events, first=True)


def _apply(
    receiver: Receiver, keys: WorkspaceKeys, row: DocumentRow, new: list[SignedEntry], chunks: list[list[bytes]]
) -> _Intake:
    """Apply single changes to their document; if that fails it is in memory only, and dead."""
    opened = [check_changes(one, own) for one, own in zip(new, chunks, strict=True)]
    is_new = row.kind == UNKNOWN
    if is_new and kind_of(opened[0]) != SEGMENT:
        raise DocumentError("The document is no segment.")
    document = receiver.repository.blank(keys, row, SEGMENT) if is_new else receiver.repository.open(keys, row)
    first = document.segment.header() is None
    headers = tuple(header for one in opened for header in one.headers)
    received = receive_segment(document.segment, guard_of(document), OpenedEntry(new[0], headers))
    return _Intake(document, new, chunks, received, first)


def _chunks(batch: Batch, new: Sequence[SignedEntry]) -> list[list[bytes]]:
    """The changes of each new entry; raises DocumentError where the payload has others than the entries name."""
    chunks, at, found = split_chunks(batch.payload), 0, list[list[bytes]]()
    wanted = {one.signature for one in new}
    for part in batch.parts:
        end = at + len(part.entry.changes)
        if part.signature in wanted:
            found.append(chunks[at:end])
        at = end
    if at != len(chunks) or len(found) != len(new):
        raise DocumentError("An envelope does not hold the changes that its entries name.")
    return found


def _keep(receiver: Receiver, keys: WorkspaceKeys, author: Author, intake: _Intake, payload: bytes) -> None:
    """Store and show what was taken in."""
    document, new = intake.document, intake.new
    chain_sums.retract(receiver.connection, keys.row, author.row, new[0].entry.n)
    document.header = intake.received.header
    if document.row.kind == UNKNOWN:
        receiver.begin_segment(keys, author, document, new[0].entry.grant)
    document.last = entries.add_entries(receiver.connection, document.row, author.row, new, intake.chunks)
    if intake.chunks is None:
        bundles.keep_received(receiver.connection, document.row.row, payload)
    receiver.shown.show_segment(keys, author, document, intake.received.items, first=intake.first)
    receiver.repository.remember(document)
