"""Keeping one's own folder of a mailbox in order: what is missing in it, what to merge, what may go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from sync.protocol.mailbox import MAX_NUMBER, ObjectName, to_read

SMALL_BYTES = 64 << 10
LARGE_BYTES = 1 << 20
KEPT_DAYS = 30
"""How long objects stay that a larger one has replaced, for devices that are slow to read."""
MERGED_TOGETHER = 16
"""Small objects in a row that are worth merging."""

Range = tuple[int, int]
"""First and last number, both included."""


def gaps(names: Iterable[ObjectName], last: int) -> list[Range]:
    """What of 1 … last is in no object."""
    found: list[Range] = []
    n = 0
    for name in sorted(names, key=lambda name: name.first):
        if name.first > n + 1 and n < last:
            found.append((n + 1, min(name.first - 1, last)))
        n = max(n, name.last)
    return found if n >= last else [*found, (n + 1, last)]


def merges(names: Sequence[ObjectName]) -> list[tuple[ObjectName, ...]]:
    """Rows of small objects, each to be replaced by a larger one."""
    found: list[tuple[ObjectName, ...]] = []
    row: list[ObjectName] = []
    for name in to_read(names, 0, (), ()):
        if row and (
            name.size >= SMALL_BYTES
            or name.first > row[-1].last + 1
            or sum(small.size for small in row) + name.size > LARGE_BYTES
        ):
            found.append(tuple(row))
            row = []
        if name.size < SMALL_BYTES:
            row.append(name)
    return [row for row in [*found, tuple(row)] if len(row) >= MERGED_TOGETHER]


def replaced(names: Sequence[ObjectName], today: int) -> list[ObjectName]:
    """Objects whose numbers have stood in a larger one for `KEPT_DAYS`."""
    found: list[ObjectName] = []
    widest = 0
    for name in sorted(names, key=lambda name: (name.first, -name.last, name.day)):
        if name.last <= widest:
            found.append(name)
        elif name.day <= today - KEPT_DAYS:
            widest = name.last
    return found


def overlapping(names: Iterable[ObjectName], numbers: Iterable[int]) -> list[ObjectName]:
    """Objects that hold one of these numbers."""
    wanted = [*sorted(numbers), MAX_NUMBER + 1]
    return [name for name in names if wanted[bisect_left(wanted, name.first)] <= name.last]
