"""Digests of sets that grow by one element at a time and do not depend on the order.

A digest is the sum, modulo 2**256, of a keyed hash of every element. Adding and comparing cost the same whatever the
size. A member who searches for long enough may construct sets that compare equal: the harm is that two replicas do not
notice a difference that this member's own entries make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.crypto import domain_hash

EMPTY = bytes(32)
_DOMAIN = "lovelace/set-element/1"
_SETS_DOMAIN = "lovelace/sets/1"
_MODULUS = 1 << 256


def add(digest: bytes, *elements: bytes) -> bytes:
    """The digest with further elements (hashes or ids)."""
    total = int.from_bytes(digest, "big")
    for element in elements:
        total += int.from_bytes(domain_hash(_DOMAIN, element), "big")
    return (total % _MODULUS).to_bytes(32, "big")


def set_digest(elements: Iterable[bytes]) -> bytes:
    """The digest of a set, each element given once."""
    return add(EMPTY, *elements)


def union(digests: Iterable[bytes]) -> bytes:
    """The digest of disjoint sets together."""
    return (sum(int.from_bytes(digest, "big") for digest in digests) % _MODULUS).to_bytes(32, "big")


def sets_digest(sets: Mapping[bytes, tuple[int, bytes]]) -> bytes:
    """One digest for many sets: id → (count, digest) of each."""
    rows = (ident + count.to_bytes(8, "big") + digest for ident, (count, digest) in sorted(sets.items()))
    return domain_hash(_SETS_DOMAIN, b"".join(rows))
