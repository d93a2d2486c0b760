"""Which records of a session have been read, in about 40 bytes each: a session may have millions.

Open addressing in machine arrays instead of a dict (which takes some 250 bytes a record). A record is known by a
64-bit hash of its name; two names with one hash would need about four billion records.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from hashlib import blake2b
from typing import Any

_FIRST_SLOTS = 16
_LONGEST_CACHED = 100


def stable_hash(data: str | bytes) -> int:
    """A signed 64-bit hash that is the same in every process, unlike `hash`."""
    encoded = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "big", signed=True)


_cached_hash = lru_cache(maxsize=1024)(stable_hash)


def hash_of_name(name: str) -> int:
    """A name is asked for again and again at once: for itself, to be added, and as the parent of the next."""
    return _cached_hash(name) if len(name) <= _LONGEST_CACHED else stable_hash(name)


class Seen:
    """A table from a record's hash to its row: its fingerprint, the branch that holds it and its anchor.

    Rows are counted from 0 in the order of `add`. fingerprint: hash of the content. anchor: the row of the nearest
    record of the conversation itself, going up (the record itself, if it is one).
    """

    __slots__ = ("_mask", "_slots", "anchors", "branches", "events", "fingerprints", "hashes")

    def __init__(self) -> None:
        self.hashes = array("q")
        self.fingerprints = array("q")
        self.branches = array("I")
        self.anchors = array("I")
        self.events = array("H")
        self._slots = array("I", bytes(4 * _FIRST_SLOTS))
        self._mask = _FIRST_SLOTS - 1

    def __getstate__(self) -> tuple[array[Any], ...]:
        return self.hashes, self.fingerprints, self.branches, self.anchors, self.events

    def __setstate__(self, columns: tuple[array[Any], ...]) -> None:
        self.hashes, self.fingerprints, self.branches, self.anchors, self.events = columns
        self._spread(max(_FIRST_SLOTS, 4 << len(self.hashes).bit_length()))

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, name: str) -> int | None:
        """The row of the record with this name."""
        return self.find_hash(hash_of_name(name))

    def find_hash(self, key: int) -> int | None:
        """As `find`, for a name that is looked for in many tables. key: its `hash_of_name`."""
        slots, mask, hashes = self._slots, self._mask, self.hashes
        slot = key & mask
        while row := slots[slot]:
            if hashes[row - 1] == key:
                return row - 1
            slot = (slot + 1) & mask
        return None

    def add(self, name: str, fingerprint: int, *, branch: int = 0, anchor: int | None = None, events: int = 1) -> int:
        """Adds a record that `find` does not know; returns its row."""
        row = len(self.hashes)
        self.hashes.append(hash_of_name(name))
        self.fingerprints.append(fingerprint)
        self.branches.append(branch)
        self.anchors.append(row if anchor is None else anchor)
        self.events.append(min(events, 0xFFFF))
        if 2 * row > self._mask:
            self._grow()
        else:
            self._place(row)
        return row

    def _place(self, row: int) -> None:
        slots, mask = self._slots, self._mask
        slot = self.hashes[row] & mask
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = row + 1

    def _grow(self) -> None:
        self._spread(4 * (self._mask + 1))

    def _spread(self, size: int) -> None:
        """Places all rows in a table of this size, a power of two."""
        self._slots = array("I", bytes(4 * size))
        self._mask = size - 1
        for row in range(len(self.hashes)):
            self._place(row)
