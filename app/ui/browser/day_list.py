"""Sessions in the order of their time, with a heading above each day or month: which row holds what.

Rows count headings too. Thousands of sessions have a few headings, so those are kept apart and everything is found by
bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from app.ui.ages import day_span

Key = tuple[int, str]
"""(-time, id): sorts the newest first."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a key is or would be: its number among keys, and that of its heading, which may be missing."""

    position: int
    group: int
    exists: bool

    @property
    def row(self) -> int:
        return self.position + self.group + 1


class DayList:
    """keys: sorted. starts: the position at which each heading's keys begin. labels: what headings say."""

    def __init__(self, keys: Iterable[Key], now: int) -> None:
        self.keys = list(keys)
        self.now = now
        self.starts: list[int] = []
        self.labels: list[str] = []
        self._floors: list[int] = []  # the negated time at which each heading's span begins: rising
        position = 0
        while position < len(self.keys):
            label, floor = day_span(-self.keys[position][0], now)
            self.add_group(Slot(position, len(self.starts), False), label, floor)
            position = bisect_right(self.keys, (-floor, "\U0010ffff"))

    def __len__(self) -> int:
        return len(self.keys) + len(self.starts)

    def headings(self) -> list[int]:
        """Rows of the headings."""
        return [start + group for group, start in enumerate(self.starts)]

    def heading_at(self, row: int) -> str | None:
        """What the heading in a row says; None: there is a key."""
        group = self._group_of_row(row)
        return self.labels[group] if self.starts[group] + group == row else None

    def key_at(self, row: int) -> Key:
        """The key in a row that is no heading."""
        return self.keys[row - self._group_of_row(row) - 1]

    def _group_of_row(self, row: int) -> int:
        return bisect_right(range(len(self.starts)), row, key=lambda group: self.starts[group] + group) - 1

    def find(self, key: Key) -> Slot:
        """Where a key stands or would be put."""
        group = bisect_left(self._floors, key[0])
        exists = group < len(self._floors) and day_span(-key[0], self.now)[1] == -self._floors[group]
        return Slot(bisect_left(self.keys, key), group, exists)

    # Steps, each of which changes one run of rows

    def add_group(self, slot: Slot, label: str, floor: int) -> None:
        """A heading without keys, before the key of the slot. floor: when its span begins."""
        self.starts.insert(slot.group, slot.position)
        self.labels.insert(slot.group, label)
        self._floors.insert(slot.group, -floor)

    def drop_group(self, group: int) -> None:
        """Take a heading that has no keys away."""
        del self.starts[group], self.labels[group], self._floors[group]

    def is_bare(self, group: int) -> bool:
        """Whether a heading has no keys."""
        end = self.starts[group + 1] if group + 1 < len(self.starts) else len(self.keys)
        return self.starts[group] == end

    def insert(self, key: Key, slot: Slot) -> None:
        """Put a key under a heading that exists."""
        self.keys.insert(slot.position, key)
        self._shift(slot.group, 1)

    def remove(self, slot: Slot) -> None:
        """Take a key away; its heading stays."""
        del self.keys[slot.position]
        self._shift(slot.group, -1)

    def _shift(self, group: int, by: int) -> None:
        for later in range(group + 1, len(self.starts)):
            self.starts[later] += by
