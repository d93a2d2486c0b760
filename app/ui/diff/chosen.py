"""What a selection in a change holds: its text, and the changed lines it touches. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.sessions.partial_patch import Taken
from app.ui.conversation.selection import END_OF_ROW, Selection, TextPoint
from app.ui.diff.rows import Rows, Run, shown_side


def row_selection(row: int) -> Selection:
    """All of one row."""
    return Selection(TextPoint(row, 0), TextPoint(row, END_OF_ROW))


def all_rows(rows: Rows) -> Selection:
    """Everything."""
    return Selection(TextPoint(0, 0), TextPoint(max(0, len(rows) - 1), END_OF_ROW))


def extended(selection: Selection, row: int) -> Selection:
    """Whole rows from where the selection began to a row."""
    start = selection.anchor.row
    first, last = (0, END_OF_ROW) if row >= start else (END_OF_ROW, 0)
    return Selection(TextPoint(start, first), TextPoint(row, last))


def selected_text(rows: Rows, selection: Selection, side: int | None) -> str:
    """The selected text of one side, or as both are shown in one (None), as the files have it.

    Unchanged lines that are folded between selected ones belong to it.
    """
    first, last = selection.first.row, min(selection.last.row, len(rows) - 1)
    ends = ["".join(_pieces(rows, row, selection, side)) for row in dict.fromkeys((first, last))]
    between = (line for run in rows.runs for line in _whole_lines(rows, run, first + 1, last, side))
    return "".join((ends[0], *between, *ends[1:]))


def _whole_lines(rows: Rows, run: Run, first: int, last: int, side: int | None) -> Sequence[str]:
    """The lines of a run in the rows from `first` to `last` (exclusive): all of them at once, there may be many."""
    start, end = max(0, first - run.first) + run.offset, min(run.count, last - run.first) + run.offset
    if start >= end:
        return ()
    stretch = rows.diff.stretches[run.stretch]
    match run.kind:
        case "fold":
            return stretch.new[run.offset : run.offset + (run.hidden or 0)]
        case "same" | "added":
            return stretch.new[start:end]
        case "removed":
            return stretch.old[start:end]
        case "pairs":
            lines = stretch.new if side else stretch.old
            return [lines[pair[side or 0]] for pair in stretch.pairs[start:end] if pair[side or 0] >= 0]
        case _:
            return ()


def _pieces(rows: Rows, number: int, selection: Selection, side: int | None) -> Iterator[str]:
    row = rows[number]
    if row.run.kind == "fold":
        stretch = rows.diff.stretches[row.run.stretch]
        yield from stretch.new[row.run.offset : row.run.offset + (row.run.hidden or 0)]
        return
    shown, chosen = shown_side(row, side), selection.within(number)
    if shown is None or chosen is None:
        return
    raw = rows.raw(row, shown)
    text = raw.removesuffix("\n").removesuffix("\r")
    yield text[chosen[0] : chosen[1]]
    if chosen[1] == END_OF_ROW:
        yield raw[len(text) :]


def touched_lines(rows: Rows, selection: Selection) -> Taken:
    """The changed lines in the selected rows, of both sides."""
    chosen: set[tuple[int, str, int]] = set()
    for number in range(selection.first.row, min(selection.last.row, len(rows) - 1) + 1):
        run, old, new = rows[number]
        if run.kind in ("removed", "added", "pairs"):
            chosen |= {(run.stretch, side, at) for side, at in (("old", old), ("new", new)) if at >= 0}
    return lambda stretch, side, index: (stretch, side, index) in chosen
