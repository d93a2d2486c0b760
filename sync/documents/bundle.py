"""Bundles: a closed document as one saved Automerge document instead of its single changes.

The entries of the document stay as they are; their signatures cover change hashes, and a bundle is made only if every
one of these hashes is reproduced from it. Single changes of some hundred bytes become a quarter as large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sync.documents.change import MAGIC, deflate_change, hash_plain, header_bytes, parse_change
from sync.documents.columns import check_saved
from sync.documents.core import AppliedChange, unpack_document, unpack_history
from sync.documents.entry import SignedEntry
from sync.documents.guard import actor_id
from sync.documents.intake import MAX_SEGMENT_OPERATIONS, ReceivedEvents
from sync.documents.leb import read_bytes, read_uleb
from sync.documents.segment import Segment, segment_id
from sync.errors import DocumentError, RejectedChange

_DOCUMENT = b"\0"
_CHECKSUM_BYTES = 4
SPARE_ROWS = 64
"""Besides the operations that a segment may have: those of its genesis, and its changes' own."""


def open_bundle(data: bytes) -> dict[bytes, bytes]:
    """The changes of a bundle: hash → chunk as it is stored singly; raises DocumentError if it is damaged."""
    return {digest: deflate_change(chunk) for digest, chunk in unpack_document(data).items()}


def check_bundle(data: bytes) -> None:
    """Raises RejectedChange for what no segment's bundle is; for bytes from outside, before they are opened.

    The document core expands what a saved document says without asking: a few bytes may stand for billions of rows.
    """
    if data[:4] != MAGIC or data[8:9] != _DOCUMENT:
        raise RejectedChange("not a saved document")
    length, at = read_uleb(data, len(MAGIC) + _CHECKSUM_BYTES + 1)
    if at + length != len(data):
        raise RejectedChange("length does not match")
    actors, at = read_uleb(data, at)
    for _ in range(actors):
        _, at = read_bytes(data, at)
    heads, at = read_uleb(data, at)
    check_saved(data, at + 32 * heads, MAX_SEGMENT_OPERATIONS + SPARE_ROWS)


@dataclass(frozen=True, slots=True)
class ReceivedBundle:
    """What a bundle from outside brought. events: in the order of their ids.

    chunks: by hash, as they are kept singly; None where the document that they make is saved as these very bytes, so
    that these may be kept instead.
    """

    events: ReceivedEvents
    chunks: dict[bytes, bytes] | None


def receive_bundle(segment: Segment, signed: Sequence[SignedEntry], data: bytes) -> ReceivedBundle:
    """Fill an empty segment with a bundle of exactly the changes that these entries of one segment name, in order.

    Nothing comes in that `receive_segment` would refuse of the single changes, and of segments that were tampered with
    (a key named twice) nothing at all. What the bundle says beside its changes, whose hashes alone are signed, does not
    count: they are taken out of it and applied. Raises DocumentError; the segment is then good for nothing.
    """
    entry = signed[0].entry
    check_bundle(data)
    changes = unpack_history(data)
    if [change.hash for change, _ in changes] != [digest for one in signed for digest in one.entry.changes]:
        raise RejectedChange("the bundle does not hold the changes it should")
    _check_line(changes, segment.core.history(), actor_id(entry.workspace, entry.document, entry.device))
    arrived = segment.receive_plain([chunk for _, chunk in changes], [change.hash for change, _ in changes])
    if any(arrived.get(change.hash) != change.max_op for change, _ in changes):
        raise RejectedChange("wrong number of operations")
    header = segment.header()
    if header is None or segment_id(header.session, entry.device, entry.grant, header.k) != entry.document:
        raise RejectedChange("the segment belongs elsewhere")
    events = ReceivedEvents(header, segment.events())
    if segment.core.save() == data:
        return ReceivedBundle(events, None)
    return ReceivedBundle(events, {change.hash: deflate_change(chunk) for change, chunk in changes})


def _check_line(changes: Sequence[tuple[AppliedChange, bytes]], before: Sequence[AppliedChange], actor: bytes) -> None:
    """Raises RejectedChange unless these are changes of an actor from its first on, each after the one before it."""
    previous = before[-1]
    for seq, (change, chunk) in enumerate(changes, 1):
        header = header_bytes((previous.hash,), actor, seq, previous.max_op + 1)
        if hash_plain(chunk, header) != change.hash:
            raise RejectedChange("the changes of a segment must form a line")
        if change.max_op <= previous.max_op:
            raise RejectedChange("wrong operation number")
        previous = change
    if previous.max_op > MAX_SEGMENT_OPERATIONS:
        raise RejectedChange("too many operations")


def verify_bundle(data: bytes, hashes: Iterable[bytes]) -> None:
    """Raises DocumentError unless the bundle gives exactly the changes with these hashes, byte for byte."""
    changes = unpack_document(data)
    if changes.keys() != set(hashes):
        raise DocumentError("The bundle does not hold the changes it should.")
    if any(parse_change(chunk).hash != digest for digest, chunk in changes.items()):
        raise DocumentError("The bundle does not reproduce its changes.")
