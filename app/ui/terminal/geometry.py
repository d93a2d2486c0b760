"""Which part of which row stands where: rows of one height, each wrapped at a number of columns or not at all.

Everything is counted in *steps* of one line height; a row that is wrapped takes several.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from app.ui.conversation.heights import HeightIndex
from app.ui.terminal.cells import Line

_FEW = 1000
"""From so many rows on a table of heights by width pays."""
_WIDTH = attrgetter("width")


class Steps:
    """The steps of all rows. columns: where rows wrap; 0: nowhere."""

    def __init__(self) -> None:
        self.columns = 0
        self._count = 0
        self._index = HeightIndex()

    @property
    def total(self) -> int:
        """Of all rows together."""
        return self._index.total if self.columns else self._count

    def build(self, lines: Sequence[Line], columns: int) -> None:
        """Measure everything anew."""
        self.columns, self._count = columns, len(lines)
        self._index = HeightIndex(self._heights(lines)) if columns else HeightIndex()

    def extend(self, lines: Sequence[Line]) -> None:
        """Rows came at the end."""
        self._count += len(lines)
        if self.columns:
            self._index.extend(self._heights(lines))

    def remove(self, first: int, last: int) -> None:
        """Rows are gone, both ends included."""
        self._count -= last - first + 1
        if self.columns:
            self._index.remove(first, last)

    def change(self, row: int, line: Line) -> None:
        """A row is another now."""
        if self.columns:
            self._index.set(row, self._height(line))

    def top(self, row: int) -> int:
        """The first step of a row."""
        return self._index.top(row) if self.columns else row

    def height(self, row: int) -> int:
        """How many steps a row takes."""
        return self._index[row] if self.columns else 1

    def find(self, step: int) -> tuple[int, int]:
        """(row, which of its steps) at a step, clamped to what exists."""
        if self.columns:
            return self._index.find(step)
        return max(0, min(step, self._count - 1)), 0

    def _heights(self, lines: Sequence[Line]) -> list[int]:
        if len(lines) < _FEW:
            return [self._height(line) for line in lines]
        widths = list(map(_WIDTH, lines))
        table = [1, *(-(-width // self.columns) for width in range(1, max(widths) + 1))]
        return list(map(table.__getitem__, widths))

    def _height(self, line: Line) -> int:
        return -(-line.width // self.columns) or 1
