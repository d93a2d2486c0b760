"""Which row ids of events are free, as far as a batch has asked.

Rows sort by time, and what an import brings goes back and forth in it. So the gaps between the rows of others are
remembered, each with what the batch has taken of it: asking the table again would cost as much as writing the row.
"""

from __future__ import annotations

from bisect import bisect_right

from sync.store.database import Connection

MAX_ROW = (1 << 63) - 1
SKIPPED_ROWS = 1_000
"""So many row ids are skipped where a moment is taken; then twice as many, where very many events share it."""


class FreeRows:
    """Gaps that are known to be free; all rows that are written meanwhile come from `take` and `find`."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._areas: list[int] = []
        """Where the gap began before rows were taken of it."""
        self._asked = False

    def take(self, row: int) -> int | None:
        """Take a row or, where it was taken by this batch, the next free one; None where that is not known."""
        at = bisect_right(self._starts, row) - 1
        if at < 0 or row >= self._stops[at]:
            at += 1
            if at == len(self._starts) or self._areas[at] > row:
                return None
            row = self._starts[at]
        self._cut(at, row)
        return row

    def _cut(self, at: int, row: int) -> None:
        stop = self._stops[at]
        if row == self._starts[at]:
            self._starts[at] += 1
        else:
            self._stops[at] = row
            at += 1
            self._insert(at, row + 1, stop, self._areas[at - 1])
        if self._starts[at] == stop:
            del self._starts[at], self._stops[at], self._areas[at]

    def _insert(self, at: int, start: int, stop: int, area: int) -> None:
        self._starts.insert(at, start)
        self._stops.insert(at, stop)
        self._areas.insert(at, area)

    def find(self, connection: Connection, row: int) -> int:
        """Take the first free row from this one on, looking at those that are written."""
        skipped = SKIPPED_ROWS
        while (taken := _next_taken(connection, row)) == row:
            (last,) = connection.execute(
                "SELECT max(row) FROM event WHERE row BETWEEN ? AND ?", (row, row + skipped)
            ).fetchone()
            row, skipped = last + 1, skipped * 2
        start = _after_last_taken(connection, row) if self._asked else row
        self._asked = True  # a single event looks one way only
        self._forget(start, taken)
        self._insert(bisect_right(self._starts, start), start, taken, start)
        self.take(row)
        return row

    def _forget(self, start: int, stop: int) -> None:
        """Drop gaps inside another one, which was looked at later."""
        first, last = bisect_right(self._starts, start - 1), bisect_right(self._starts, stop - 1)
        del self._starts[first:last], self._stops[first:last], self._areas[first:last]


def _next_taken(connection: Connection, row: int) -> int:
    found: int | None = connection.execute("SELECT min(row) FROM event WHERE row>=?", (row,)).fetchone()[0]
    return MAX_ROW if found is None else found


def _after_last_taken(connection: Connection, row: int) -> int:
    found: int | None = connection.execute("SELECT max(row) FROM event WHERE row<?", (row,)).fetchone()[0]
    return 0 if found is None else found + 1
