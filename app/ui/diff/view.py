"""The view of one file's change: selecting its text by pointer and keyboard, copying, pressing what stands on it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
)
from PySide6.QtWidgets import QWidget

from app.sessions.line_diff import FileDiff
from app.sessions.partial_patch import hunks_taken, partial_patch
from app.ui.conversation.parts import Style
from app.ui.conversation.selection import Selection, TextPoint, word_around
from app.ui.diff.change_view import ChangeView
from app.ui.diff.chosen import all_rows, extended, row_selection, selected_text, touched_lines
from app.ui.diff.finding import Match
from app.ui.diff.rows import shown_side


class DiffView(ChangeView):
    """hunk_activated: (number of the hunk, name of the action). copied: a text to be put on the clipboard.

    menu_wanted: a point of the screen.
    """

    hunk_activated = Signal(int, str)
    copied = Signal(str)
    menu_wanted = Signal(QPoint)

    def __init__(self, style: Style, parent: QWidget | None = None) -> None:
        super().__init__(style, parent)
        self._pressed: tuple[QPoint, int] | None = None

    # Selection and copying

    def selected_text(self) -> str:
        """The selected text; '' without a selection."""
        if self._selection is None or self._selection.is_empty or self.rows is None:
            return ""
        return selected_text(self.rows, self._selection, self._side)

    def selected_patch(self, *, backwards: bool = False) -> str:
        """A patch of the changed lines that the selection touches, or else of the current row's hunk.

        backwards: see `partial_patch`.
        """
        rows, hunk = self.rows, self.current_hunk()
        if rows is None:
            return ""
        if self._selection is not None and not self._selection.is_empty:
            return partial_patch(rows.diff, touched_lines(rows, self._selection), backwards=backwards)
        hunks = rows.diff.hunks[hunk : hunk + 1] if hunk >= 0 else ()
        return partial_patch(rows.diff, hunks_taken(hunks), backwards=backwards)

    def current_hunk(self) -> int:
        """The number of the hunk the current row belongs to or stands before; -1: none."""
        row = self.currentIndex().row()
        return -1 if self.rows is None or row < 0 else self.rows.hunk_of(row)

    def select_all(self) -> None:
        """Select every row, of the new side where both stand beside each other."""
        if self.rows is not None and len(self.rows):
            self._side = self._default_side()
            self._selection = all_rows(self.rows)
            self.viewport().update()

    def show_match(self, match: Match) -> None:
        """Select a match and bring it into view; a fold that hides it is opened."""
        self.go_to_line(match.line, "new" if match.side else "old")
        row = self.currentIndex().row()
        if self.rows is None or row < 0:
            return
        self._side = match.side if self._has_two_columns else None
        self._selection = Selection(TextPoint(row, match.first), TextPoint(row, match.last))
        self._scroll_to_character(row, match)
        self.viewport().update()

    def _scroll_to_character(self, row: int, match: Match) -> None:
        assert self.rows is not None
        line = None if self._lines is None else self._lines.line(self.rows[row], match.side)
        bar, (_, room) = self.horizontalScrollBar(), self.overflow()
        if line is not None:
            first, last = line.x_of(match.first), line.x_of(min(match.last, len(line.text)))
            if last <= room:
                bar.setValue(0)
            elif not bar.value() <= first <= last <= bar.value() + room:
                bar.setValue(round(first) - room // 3)

    def _copy(self) -> None:
        row = self.currentIndex().row()
        text = self.selected_text()
        if not text and self.rows is not None and row >= 0:
            text = selected_text(self.rows, row_selection(row), self._default_side())
        if text:
            self.copied.emit(text)

    def _default_side(self) -> int | None:
        """The side that the keyboard selects."""
        return (1 if self._side is None else self._side) if self._has_two_columns else None

    # Pointing

    def _side_at(self, position: QPoint) -> int | None:
        """The side at a point; None where both are in one column."""
        return next(
            (column.side for column in self._columns() if position.x() < column.right), self._columns()[-1].side
        )

    def _point_at(self, position: QPoint) -> TextPoint:
        """The character nearest to a point of the viewport, on the side the selection is in."""
        number = self.row_at(position.y())
        if self.rows is None or self._lines is None or number < 0:
            return TextPoint(0, 0)
        row = self.rows[number]
        side = shown_side(row, self._side)
        line = None if side is None else self._lines.line(row, side)
        if line is None:
            return TextPoint(number, 0)
        column = self._columns()[self._side or 0]
        x = position.x() - column.text + self.horizontalScrollBar().value()
        return TextPoint(number, line.character_at(x))

    def _button_at(self, position: QPoint) -> tuple[int, str] | None:
        """(hunk, action) of the button at a point."""
        number, scene = self.row_under(position.y()), self._scene()
        if scene is None or self._painter is None or number < 0:
            return None
        row = scene.rows[number]
        for button in self._painter.buttons(scene, row, self.top_of(number)):
            if button.name and button.box.contains(position):
                return row.run.hunk, button.name
        return None

    def _fold_at(self, position: QPoint) -> int | None:
        """The number of the stretch that a fold at a point hides."""
        return self._fold(self.row_under(position.y()))

    def _fold(self, number: int) -> int | None:
        rows = self.rows
        run = None if rows is None or number < 0 else rows[number].run
        if rows is None or run is None or run.kind != "fold":
            return None
        return run.stretch if rows.diff.stretches[run.stretch].kind == "same" else None

    def dragged(self, position: QPoint) -> None:
        if self._selection is not None:
            self._selection = Selection(self._selection.anchor, self._point_at(position))
            self.viewport().update()

    def _select_word(self, point: TextPoint) -> None:
        assert self.rows is not None
        assert self._lines is not None
        side = shown_side(self.rows[point.row], self._side)
        line = None if side is None else self._lines.line(self.rows[point.row], side)
        if line is not None:
            first, last = word_around(line.text, point.character)
            self._selection = Selection(TextPoint(point.row, first), TextPoint(point.row, last))
            self.viewport().update()

    def _extend_by_row(self, step: int) -> None:
        """Select whole rows with the keyboard."""
        rows, current = self.rows, self.currentIndex().row()
        if rows is None or current < 0:
            return
        row = min(len(rows) - 1, max(0, current + step))
        if self._selection is None or self._selection.head.row != current:
            self._side = self._default_side()
            self._selection = row_selection(current)
        self._selection = extended(self._selection, row)
        self.setCurrentIndex(self._model.index(row, 0))
        self.viewport().update()

    # Overrides

    def _make_rows(self, diff: FileDiff | None) -> None:
        self._pressed = None
        super()._make_rows(diff)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        keys: dict[int, Callable[[], object]] = {
            Qt.Key.Key_Left: lambda: self.step_sideways(-1),
            Qt.Key.Key_Right: lambda: self.step_sideways(1),
        }
        fold = self._fold(self.currentIndex().row())
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif shift and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._extend_by_row(1 if event.key() == Qt.Key.Key_Down else -1)
        elif event.key() in keys:
            keys[event.key()]()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and fold is not None:
            self.open_fold(fold)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        number = self.row_at(position.y())
        if event.button() != Qt.MouseButton.LeftButton or number < 0:
            return
        self._pressed = (position, number)
        extend = self._selection is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if not extend:
            self._side = self._side_at(position)
        point = self._point_at(position)
        self._selection = Selection(self._selection.anchor if extend and self._selection else point, point)
        self.make_current(self._model.index(number, 0))
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if not event.buttons() & Qt.MouseButton.LeftButton or self._selection is None:
            can_press = self._fold_at(position) is not None or self._button_at(position) is not None
            shape = Qt.CursorShape.PointingHandCursor if can_press else Qt.CursorShape.IBeamCursor
            self.viewport().setCursor(shape)
            return
        self.drag(position)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.end_drag()
        pressed, self._pressed = self._pressed, None
        position = event.position().toPoint()
        if pressed is None or (position - pressed[0]).manhattanLength() > 4:
            return
        button, fold = self._button_at(position), self._fold_at(position)
        if button is not None:
            self.hunk_activated.emit(*button)
        elif fold is not None:
            self.open_fold(fold)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if self.row_at(position.y()) >= 0 and self._fold_at(position) is None:
            self._side = self._side_at(position)
            self._select_word(self._point_at(position))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())
        event.accept()
