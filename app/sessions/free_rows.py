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
    """Gaps that are known to be free; it is told of every row that is written meanwhile, by `take` and `find`."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._asked = False

    def take(self, row: int) -> bool:
        """Take a row; False where it is not known to be free."""
        at = bisect_right(self._starts, row) - 1
        if at < 0 or row >= self._stops[at]:
            return False
        start, stop = self._starts[at], self._stops[at]
        pieces = [(first, last) for first, last in ((start, row), (row + 1, stop)) if first < last]
        self._starts[at : at + 1] = [first for first, _ in pieces]
        self._stops[at : at + 1] = [last for _, last in pieces]
        return True

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
        at = bisect_right(self._starts, start)
        self._starts.insert(at, start)
        self._stops.insert(at, taken)
        self.take(row)
        return row

    def _forget(self, start: int, stop: int) -> None:
        """Drop gaps inside another one, which was looked at later."""
        first, last = bisect_right(self._starts, start - 1), bisect_right(self._starts, stop - 1)
        del self._starts[first:last], self._stops[first:last]


def _next_taken(connection: Connection, row: int) -> int:
    found: int | None = connection.execute("SELECT min(row) FROM event WHERE row>=?", (row,)).fetchone()[0]
    return MAX_ROW if found is None else found


def _after_last_taken(connection: Connection, row: int) -> int:
    found: int | None = connection.execute("SELECT max(row) FROM event WHERE row<?", (row,)).fetchone()[0]
    return 0 if found is None else found + 1
