"""One file's change, laid out and painted: unified or side by side, unchanged stretches folded, lines coloured.

It knows nothing of where changes come from. What is shown is a `FileDiff`; what can be done with its hunks, such as
staging them, the owner says with `set_controls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QWidget

from app.sessions.line_diff import FileDiff
from app.ui.conversation.parts import Style
from app.ui.conversation.selection import Selection
from app.ui.diff.buttons import HunkControls
from app.ui.diff.columns import MARGIN, Column, columns
from app.ui.diff.even_rows import EvenRowsView
from app.ui.diff.lines import LONGEST_LINE, LineCache
from app.ui.diff.painting import RowPainter, Scene
from app.ui.diff.rows import Rows, stretches_at
from app.ui.models.diff import DiffModel

Side = Literal["old", "new"]

NAME = "Changes of a file"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader is: a line, and how far below the upper edge it stands, in pixels; sideways too."""

    side: Side
    number: int
    offset: int
    sideways: int


class ChangeView(EvenRowsView):
    """ended: there is no change further on in a direction (-1, 1).

    Whoever inherits selects: `_selection` on `_side` (0 old, 1 new, None: both are in one column).
    """

    ended = Signal(int)

    def __init__(self, style: Style, parent: QWidget | None = None) -> None:
        self._model = DiffModel()
        super().__init__(self._model, parent)
        self._model.setParent(self)
        self._style = style
        self._split = False
        self._opened: frozenset[int] = frozenset()
        self._controls: Mapping[int, HunkControls] = {}
        self._lines: LineCache | None = None
        self._painter: RowPainter | None = None
        self._selection: Selection | None = None
        self._side: int | None = None
        self._remark = ""
        self._widest = self._highest = 0
        self._measure()
        self.setAccessibleName(NAME)
        style.lexer.arrived.connect(self.viewport().update)

    # What is shown

    @property
    def diff(self) -> FileDiff | None:
        """What is shown."""
        return None if self._model.rows is None else self._model.rows.diff

    @property
    def rows(self) -> Rows | None:
        """Its rows."""
        return self._model.rows

    def show_diff(self, diff: FileDiff | None, *, keep_place: bool = False) -> None:
        """Show a change, from its first changed line, or where the reader was in the one before."""
        place = self.place() if keep_place else None
        opened = self._opened_lines() if keep_place else []
        self._opened = frozenset() if diff is None else stretches_at(diff, opened)
        self._remark = "" if diff is None else diff.remark
        self.setAccessibleDescription(self._remark)
        self._widest = 0 if diff is None else min(diff.widest, 2 * LONGEST_LINE)
        self._highest = 0 if diff is None else diff.highest
        self._make_lines(diff)
        self._make_rows(diff)
        if place is not None:
            self.go_to_place(place)
        else:
            self.horizontalScrollBar().setValue(0)
            self.verticalScrollBar().setValue(0)
            self._show_first_change()

    def set_split(self, split: bool) -> None:
        """Side by side or unified, at the same place."""
        if split != self._split:
            self._split = split
            self._keeping_place()

    @property
    def _has_two_columns(self) -> bool:
        """A file with one side only is shown in one."""
        return self.rows is not None and self.rows.split

    @property
    def is_split(self) -> bool:
        """Whether the sides stand beside each other."""
        return self._split

    def set_style(self, style: Style) -> None:
        """Paint in another theme or with other fonts."""
        if style.lexer is not self._style.lexer:
            self._style.lexer.arrived.disconnect(self.viewport().update)
            style.lexer.arrived.connect(self.viewport().update)
        place = self.place()
        self._style = style
        self._measure()
        self._make_lines(self.diff)
        self.update_scroll_bars()
        if place is not None:
            self.go_to_place(place)
        self.viewport().update()

    def set_controls(self, controls: Mapping[int, HunkControls]) -> None:
        """What stands on the rows before hunks, by the number of the hunk in `diff.hunks`."""
        had = bool(self._controls)
        self._controls = dict(controls)
        self._model.set_hunk_words({hunk: one.words for hunk, one in controls.items()})
        if had != bool(controls):
            self._keeping_place()
        self.viewport().update()

    # Moving

    def step_change(self, direction: int) -> None:
        """Go to the next (1) or previous (-1) changed lines; `ended` where there are none."""
        rows = self.rows
        changes = () if rows is None else rows.changes
        here = self.currentIndex().row()
        found = [row for row in changes if (row > here if direction > 0 else row < self._change_start(here))]
        if not found:
            self.ended.emit(direction)
            return
        self.go_to_row(found[0] if direction > 0 else found[-1])

    def go_to_edge_change(self, direction: int) -> None:
        """Go to the first changed lines, or to the last where one comes from behind (-1)."""
        rows = self.rows
        if rows is not None and rows.changes:
            self.go_to_row(rows.changes[0 if direction > 0 else -1])

    def go_to_line(self, number: int, side: Side = "new") -> None:
        """Go to a line by its number, counted from 1; a fold that hides it is opened."""
        if self.rows is None or not len(self.rows):
            return
        row, folded = self.rows.row_of_line(side, number)
        if folded is not None:
            self.open_fold(folded)
            row, _ = self.rows.row_of_line(side, number)
        self.go_to_row(row)

    def open_fold(self, stretch: int) -> None:
        """Show the unchanged lines of a stretch."""
        self._opened |= {stretch}
        self._keeping_place()

    def toggle_all(self) -> None:
        """Show all unchanged lines, or fold them again."""
        rows = self.rows
        folded = rows is not None and any(run.kind == "fold" and run.hidden for run in rows.runs)
        self._opened = frozenset(range(len(rows.diff.stretches))) if rows is not None and folded else frozenset()
        self._keeping_place()

    def current_line(self) -> int:
        """The number of the current row's line, of the new file where it is there; 1 without one."""
        line = self._line_of(self.currentIndex().row())
        return 1 if line is None else line[1]

    def place(self) -> Place | None:
        """Where the reader is; None where nothing is shown."""
        rows = self.rows
        if rows is None:
            return None
        for row in self.visible_rows():
            run, old, new = rows[row]
            stretch, offset = rows.diff.stretches[run.stretch], self.top_of(row)
            sideways = self.horizontalScrollBar().value()
            if new >= 0:
                return Place("new", stretch.new_start + new + 1, offset, sideways)
            if old >= 0:
                return Place("old", stretch.old_start + old + 1, offset, sideways)
        return None

    def go_to_place(self, place: Place) -> None:
        """Come back to where the reader was."""
        if self.rows is not None and len(self.rows):
            row, _ = self.rows.row_of_line(place.side, place.number)
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.top_of(row) - place.offset)
            self.horizontalScrollBar().setValue(place.sideways)

    # Layout

    def _measure(self) -> None:
        self.row_height = round(self._style.mono_metrics.lineSpacing()) + 2

    def _make_lines(self, diff: FileDiff | None) -> None:
        self._lines = None if diff is None else LineCache(self._style, diff)
        self._painter = None if self._lines is None else RowPainter(self._style, self._lines)

    def _make_rows(self, diff: FileDiff | None) -> None:
        self._selection = self._side = None
        rows = None
        if diff is not None:
            split = self._split and not (diff.created or diff.deleted)
            rows = Rows(diff, split=split, opened=self._opened, heads=bool(self._controls))
        self._model.set_rows(rows)
        self.update_scroll_bars()
        self.viewport().update()

    def _keeping_place(self) -> None:
        """Make the rows anew; what is seen and the current row stay."""
        place, current = self.place(), self._line_of(self.currentIndex().row())
        at_top = self.verticalScrollBar().value() == 0
        self._make_rows(self.diff)
        if current is not None and self.rows is not None:
            row, _ = self.rows.row_of_line(*current)
            self.setCurrentIndex(self._model.index(row, 0))
        if at_top:
            self.verticalScrollBar().setValue(0)
        elif place is not None:
            self.go_to_place(place)

    def _line_of(self, number: int) -> tuple[Side, int] | None:
        rows = self.rows
        if rows is None or number < 0:
            return None
        run, old, new = rows[number]
        stretch = rows.diff.stretches[run.stretch]
        if new >= 0 or old < 0:
            return "new", stretch.new_start + max(new, run.offset) + 1
        return "old", stretch.old_start + old + 1

    def _opened_lines(self) -> list[int]:
        """First new lines of the stretches that are not folded."""
        diff = self.diff
        return [] if diff is None else [diff.stretches[number].new_start for number in sorted(self._opened)]

    def _show_first_change(self) -> None:
        rows = self.rows
        if rows is not None and rows.changes:
            self.setCurrentIndex(self._model.index(rows.changes[0], 0))

    def _change_start(self, row: int) -> int:
        """The first row of the change a row is in, else the row itself."""
        rows = self.rows
        if rows is None or row < 0 or rows[row].run.kind not in ("removed", "added", "pairs"):
            return row
        return max((start for start in rows.changes if start <= row), default=row)

    def _remark_height(self) -> int:
        box = QRect(0, 0, max(1, self.viewport().width() - 4 * MARGIN), 10_000)
        flags = int(Qt.TextFlag.TextWordWrap)
        return self.fontMetrics().boundingRect(box, flags, self._remark).height()

    def _columns(self) -> tuple[Column, ...]:
        return columns(self.viewport().width(), self._style, self._highest, split=self._has_two_columns)

    # Painting

    def _scene(self) -> Scene | None:
        if self.rows is None:
            return None
        return Scene(
            self.rows,
            self._columns(),
            self.row_height,
            self.horizontalScrollBar().value(),
            None if self._selection is None or self._selection.is_empty else self._selection,
            self._side if self._has_two_columns else None,
            self.currentIndex().row() if self.hasFocus() else -1,
            self._controls,
        )

    def _paint_remark(self, painter: QPainter) -> None:
        top = MARGIN - self.verticalScrollBar().value()
        width = self.viewport().width() - 4 * MARGIN
        painter.setFont(self.font())
        painter.setPen(self._style.color("muted"))
        box = QRectF(2 * MARGIN, top, width, self._remark_height())
        painter.drawText(box, int(Qt.TextFlag.TextWordWrap), self._remark)

    # Overrides

    def first_top(self) -> int:
        return MARGIN + (self._remark_height() + MARGIN if self._remark else 0)

    def overflow(self) -> tuple[int, int]:
        column = self._columns()[-1]
        digit = self._style.mono_metrics.horizontalAdvance("0")
        room = round(column.right - column.text)
        return round((self._widest + 2) * digit) - room, room

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = QRectF(event.rect())
        painter.fillRect(clip, self._style.color("base"))
        if self._remark:
            self._paint_remark(painter)
        scene = self._scene()
        if scene is not None and self._painter is not None:
            self._painter.paint(painter, scene, [(row, self.top_of(row)) for row in self.visible_rows()], clip)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._style.lexer.hold()
        super().scrollContentsBy(dx, dy)
