"""Bundles: a closed document as one saved Automerge document instead of its single changes.

The entries of the document stay as they are; their signatures cover change hashes, and a bundle is made only if every
one of these hashes is reproduced from it. Single changes of some hundred bytes become a quarter as large.
"""

from __future__ import annotations

from collections.abc import Iterable

from sync.documents.change import deflate_change, parse_change
from sync.documents.core import unpack_document
from sync.errors import DocumentError


def open_bundle(data: bytes) -> dict[bytes, bytes]:
    """The changes of a bundle: hash → chunk as it is stored singly; raises DocumentError if it is damaged."""
    return {digest: deflate_change(chunk) for digest, chunk in unpack_document(data).items()}


def verify_bundle(data: bytes, hashes: Iterable[bytes]) -> None:
    """Raises DocumentError unless the bundle gives exactly the changes with these hashes, byte for byte."""
    changes = unpack_document(data)
    if changes.keys() != set(hashes):
        raise DocumentError("The bundle does not hold the changes it should.")
    if any(parse_change(chunk).hash != digest for digest, chunk in changes.items()):
        raise DocumentError("The bundle does not reproduce its changes.")
