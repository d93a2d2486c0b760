"""Which rows a change is shown in: unified or side by side, with unchanged stretches folded. Pure.

Rows are never made one by one: a few runs say what their rows are, so that 100,000 lines cost no more than their hunks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.sessions.line_diff import CONTEXT, FileDiff, Stretch

RunKind = Literal["fold", "head", "same", "removed", "added", "pairs"]
_LEAST_FOLDED = 4
"""Fewer unchanged lines stay: a row that says so would save nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of one kind. first: its first row. offset: of its first line (of `pairs`: pair) in the stretch.

    hunk: the number of the hunk that a fold or head stands before, -1 where it stands before none.
    hidden: lines that a fold hides, None where their number is not known.
    """

    kind: RunKind
    first: int
    count: int
    stretch: int
    offset: int = 0
    hunk: int = -1
    hidden: int | None = 0


class Row(NamedTuple):
    """old, new: indexes of its lines in the stretch, -1 where there is none."""

    run: Run
    old: int
    new: int


class Rows:
    """split: side by side. opened: numbers of stretches that are not folded. heads: every hunk has a row before it."""

    def __init__(self, diff: FileDiff, *, split: bool, opened: Set[int] = frozenset(), heads: bool = False) -> None:
        self.diff = diff
        self.split = split
        self.opened = frozenset(opened)
        self._heads = heads
        self._hunks = {hunk.first: number for number, hunk in enumerate(diff.hunks)}
        self.runs: list[Run] = []
        self._count = 0
        for number, stretch in enumerate(diff.stretches):
            self._add_stretch(number, stretch)
        self._firsts = [run.first for run in self.runs]
        self.changes = tuple(self._first_rows_of_changes())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Row:
        run = self.runs[bisect_right(self._firsts, row) - 1]
        at = row - run.first + run.offset
        match run.kind:
            case "same":
                return Row(run, at, at)
            case "removed":
                return Row(run, at, -1)
            case "added":
                return Row(run, -1, at)
            case "pairs":
                return Row(run, *self.diff.stretches[run.stretch].pairs[at])
            case _:
                return Row(run, -1, -1)

    def raw(self, row: Row, side: int) -> str:
        """A row's line of a side (0: old, 1: new) as the file has it, with its end."""
        stretch = self.diff.stretches[row.run.stretch]
        return stretch.new[row.new] if side else stretch.old[row.old]

    def hunk_of(self, row: int) -> int:
        """The number of the hunk a row belongs to, or stands before; -1: none."""
        run = self[row].run
        if run.hunk >= 0 or not self.diff.hunks:
            return run.hunk
        stretch = run.stretch
        for number, hunk in enumerate(self.diff.hunks):
            if stretch <= hunk.last + (run.kind == "same" and run.offset == 0):
                return number
        return -1

    def row_of_line(self, side: Literal["old", "new"], number: int) -> tuple[int, int | None]:
        """(row, None) of a line, counted from 1; (row, stretch) of the fold that hides it; the nearest row else."""
        nearest = 0
        for run in self.runs:
            stretch = self.diff.stretches[run.stretch]
            start = stretch.old_start if side == "old" else stretch.new_start
            if run.kind == "fold":
                hidden = run.hidden or 0
                if start + run.offset < number <= start + run.offset + hidden:
                    return run.first, run.stretch
                continue
            found = self._within(run, side, number - 1 - start)
            if found is not None:
                return found, None
            if start + run.offset < number:
                nearest = run.first + run.count - 1
        return nearest, None

    def _within(self, run: Run, side: Literal["old", "new"], index: int) -> int | None:
        if run.kind == "pairs":
            place = 0 if side == "old" else 1
            pairs = self.diff.stretches[run.stretch].pairs
            return next((run.first + at for at, pair in enumerate(pairs) if pair[place] == index), None)
        if run.kind == "same" or run.kind == ("removed" if side == "old" else "added"):
            return run.first + index - run.offset if run.offset <= index < run.offset + run.count else None
        return None

    # Making runs

    def _add_stretch(self, number: int, stretch: Stretch) -> None:
        hunk = self._hunks.get(number + 1, -1)
        if stretch.kind == "unknown":
            self._add("fold", 1, number, hunk=hunk, hidden=stretch.count)
        elif stretch.kind == "same":
            self._add_same(number, stretch, hunk)
        else:
            if self._heads and number in self._hunks and not self._has_head(number):
                self._add("head", 1, number, hunk=self._hunks[number])
            self._add_changed(number, stretch)

    def _has_head(self, number: int) -> bool:
        """Whether the stretch before a hunk has brought its head."""
        return any(run.hunk == self._hunks[number] for run in self.runs[-2:])

    def _add_same(self, number: int, stretch: Stretch, hunk: int) -> None:
        size = len(stretch.old)
        above = CONTEXT if self._is_changed(number - 1) else 0
        below = CONTEXT if self._is_changed(number + 1) else 0
        hidden = size - above - below
        if number in self.opened or hidden < _LEAST_FOLDED:
            cut = max(0, size - CONTEXT) if self._heads and hunk >= 0 else size
            self._add("same", cut, number)
            if cut < size or (self._heads and hunk >= 0):
                self._add("head", 1, number, hunk=hunk)
                self._add("same", size - cut, number, cut)
            return
        self._add("same", above, number)
        self._add("fold", 1, number, above, hunk, hidden)
        self._add("same", below, number, above + hidden)

    def _add_changed(self, number: int, stretch: Stretch) -> None:
        if self.split:
            self._add("pairs", len(stretch.pairs), number)
        else:
            self._add("removed", len(stretch.old), number)
            self._add("added", len(stretch.new), number)

    def _is_changed(self, number: int) -> bool:
        return 0 <= number < len(self.diff.stretches) and self.diff.stretches[number].kind == "changed"

    def _add(
        self, kind: RunKind, count: int, stretch: int, offset: int = 0, hunk: int = -1, hidden: int | None = 0
    ) -> None:
        if count > 0:
            self.runs.append(Run(kind, self._count, count, stretch, offset, hunk, hidden))
            self._count += count

    def _first_rows_of_changes(self) -> Iterator[int]:
        before = -1
        for run in self.runs:
            if run.kind in ("removed", "added", "pairs") and run.stretch != before:
                before = run.stretch
                yield run.first


def shown_side(row: Row, wanted: int | None) -> int | None:
    """The side (0: old, 1: new) whose line a row shows where only one is wanted, or both are in one column (None)."""
    if wanted is not None:
        return wanted if (row.old, row.new)[wanted] >= 0 else None
    return 1 if row.new >= 0 else 0 if row.old >= 0 else None


def stretches_at(diff: FileDiff, lines: Iterable[int]) -> frozenset[int]:
    """The numbers of the unchanged stretches that hold these new lines, counted from 0."""
    return frozenset(
        number
        for line in lines
        for number, stretch in enumerate(diff.stretches)
        if stretch.kind == "same" and stretch.new_start <= line < stretch.new_start + len(stretch.new)
    )
