"""Bundles: a closed document as one saved Automerge document instead of its single changes.

The entries of the document stay as they are; their signatures cover change hashes, and a bundle is made only if every
one of these hashes is reproduced from it. Single changes of some hundred bytes become a quarter as large.
"""

from __future__ import annotations

from collections.abc import Iterable

from sync.documents.change import MAGIC, deflate_change, parse_change
from sync.documents.columns import check_saved
from sync.documents.core import unpack_document
from sync.documents.intake import MAX_SEGMENT_OPERATIONS
from sync.documents.leb import read_bytes, read_uleb
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


def verify_bundle(data: bytes, hashes: Iterable[bytes]) -> None:
    """Raises DocumentError unless the bundle gives exactly the changes with these hashes, byte for byte."""
    changes = unpack_document(data)
    if changes.keys() != set(hashes):
        raise DocumentError("The bundle does not hold the changes it should.")
    if any(parse_change(chunk).hash != digest for digest, chunk in changes.items()):
        raise DocumentError("The bundle does not reproduce its changes.")
