"""The view of a command's output: a QListView for model, current item and accessibility, with its own painting.

Rows are parts of one grid, so nothing is measured before it is shown. While its end is in sight it follows what comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QWidget

from app.ui.conversation.selection import END_OF_ROW, Selection, TextPoint, word_around
from app.ui.painted_list import DragScroll, Index, PaintedList
from app.ui.terminal.cells import character_at, column_of
from app.ui.terminal.geometry import Steps
from app.ui.terminal.inks import Inks
from app.ui.terminal.output import OutputModel
from app.ui.terminal.painting import LinePainter, Mark, Strip
from app.ui.theme import Theme, color

MARGIN, TOP = 16, 8
DRAG_SCROLL_LINES, WHEEL_LINES = 2, 3


class OutputView(PaintedList):
    """copied: text for the clipboard. following_changed: whether the view sticks to the end."""

    copied = Signal(str)
    following_changed = Signal(bool)

    def __init__(self, model: OutputModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._theme = theme
        self._inks = Inks(theme, model.pens)
        self._painter = LinePainter(self._inks)
        self._steps = Steps()
        self._wrapped = True
        self._following = True
        self._scrolling = False
        self._selection: Selection | None = None
        self._found: Mapping[int, Sequence[Mark]] = {}
        self.setAccessibleName("Command output")
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self._arrange_soon = QTimer(self, singleShot=True, interval=0)
        self._arrange_soon.timeout.connect(self._arrange)
        self._drag_scroll = DragScroll(self, lambda: DRAG_SCROLL_LINES * self._inks.line_height, self._select_to)
        self.setModel(model)
        self.prepare()
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.horizontalScrollBar().valueChanged.connect(self.viewport().update)

    # For the panel

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme or text size."""
        self._theme = theme
        self._take_pens()
        self._rebuild()

    @property
    def wraps(self) -> bool:
        """Whether long lines go on in the next."""
        return self._wrapped

    def set_wrapped(self, wrapped: bool) -> None:
        """Let long lines go on in the next, or beyond the right edge."""
        row = self._row_at(0)[0]
        self._wrapped = wrapped
        self._rebuild()
        if not self._following:
            self._scroll_to_step(self._steps.top(row))

    @property
    def is_following(self) -> bool:
        """Whether the view sticks to the end."""
        return self._following

    def show_end(self) -> None:
        """Go to the end and stay there while it grows."""
        self._follow(True)
        self._arrange()

    def show_match(self, row: int, first: int) -> None:
        """Bring a place into the view."""
        self._follow(False)
        self._arrange()
        line = self._model.lines[row]
        column = column_of(line, first)
        step = self._steps.top(row) + (column // self._steps.columns if self._steps.columns else 0)
        top, height = self.verticalScrollBar().value(), self.viewport().height()
        y = TOP + step * self._inks.line_height
        if not top <= y <= top + height - 2 * self._inks.line_height:
            self._scroll_to_step(step - height // self._inks.line_height // 3)
        x = column * self._inks.cell
        bar = self.horizontalScrollBar()
        if not self._wrapped and not bar.value() <= x <= bar.value() + self.viewport().width() - 4 * MARGIN:
            bar.setValue(round(x) - self.viewport().width() // 3)
        self.setCurrentIndex(self._model.index(row))
        self._follow(self.verticalScrollBar().value() >= self.verticalScrollBar().maximum())

    def show_found(self, marks: Mapping[int, Sequence[Mark]]) -> None:
        """Mark what a search found, by row."""
        self._found = marks
        self.viewport().update()

    def first_visible(self) -> int:
        """The row at the upper edge."""
        return self._row_at(0)[0]

    def selected_text(self) -> str:
        """The selected text, without control sequences; lines that were cut into rows are whole again."""
        selection = self._selection
        if selection is None or selection.is_empty or not self._model.lines:
            return ""
        first, last = selection.first, selection.last
        text = self._model.text(first.row, last.row)
        end = self._model.lines[last.row]
        cut = len(end.text) - min(last.character, len(end.text)) + end.ends
        return text[first.character : len(text) - cut]

    def select_all(self) -> None:
        """Select everything."""
        if self._model.lines:
            self._selection = Selection(TextPoint(0, 0), TextPoint(len(self._model.lines) - 1, END_OF_ROW))
            self.viewport().update()

    def copy(self) -> None:
        """Copy what is selected."""
        if text := self.selected_text():
            self.copied.emit(text)

    # Layout

    def _take_pens(self) -> None:
        self._inks = Inks(self._theme, self._model.pens)
        self._painter = LinePainter(self._inks)

    def _columns(self) -> int:
        room = self.viewport().width() - 2 * MARGIN
        return max(8, int(room // self._inks.cell)) if self._wrapped else 0

    def _rebuild(self) -> None:
        self._steps.build(self._model.lines, self._columns())
        self._arrange()

    def _arrange(self) -> None:
        """Tell the scroll bars what there is, stick to the end, paint."""
        self._arrange_soon.stop()
        bar, height = self.verticalScrollBar(), self.viewport().height()
        self._scrolling = True
        bar.setPageStep(height)
        bar.setSingleStep(self._inks.line_height)
        bar.setRange(0, max(0, 2 * TOP + self._steps.total * self._inks.line_height - height))
        if self._following:
            bar.setValue(bar.maximum())
        self._scrolling = False
        sideways, width = self.horizontalScrollBar(), self.viewport().width()
        text = round(self._model.widest * self._inks.cell) + 2 * MARGIN
        sideways.setPageStep(width)
        sideways.setSingleStep(round(4 * self._inks.cell))
        sideways.setRange(0, 0 if self._wrapped else max(0, text - width))
        self.viewport().update()

    def _follow(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)

    def _scrolled(self, value: int) -> None:
        if not self._scrolling:
            self._follow(value >= self.verticalScrollBar().maximum())
        self.viewport().update()

    def _scroll_to_step(self, step: int) -> None:
        self.verticalScrollBar().setValue(max(0, step) * self._inks.line_height + (TOP if step > 0 else 0))

    def _row_at(self, y: int) -> tuple[int, int]:
        """(row, step inside it) at a y of the viewport."""
        return self._steps.find((y + self.verticalScrollBar().value() - TOP) // self._inks.line_height)

    def _top_of(self, row: int) -> int:
        return TOP + self._steps.top(row) * self._inks.line_height - self.verticalScrollBar().value()

    def _point_at(self, position: QPoint) -> TextPoint:
        if not self._model.lines:
            return TextPoint(0, 0)
        y = position.y() + self.verticalScrollBar().value() - TOP
        if y >= self._steps.total * self._inks.line_height:
            return TextPoint(len(self._model.lines) - 1, END_OF_ROW)
        row, step = self._row_at(position.y())
        column = (position.x() - MARGIN + self.horizontalScrollBar().value()) / self._inks.cell
        if self._steps.columns:
            column = max(0, min(column, self._steps.columns)) + step * self._steps.columns
        return TextPoint(row, character_at(self._model.lines[row], column))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = event.rect()
        painter.fillRect(clip, color(self._theme.base))
        if not self._model.lines:
            return
        row, step = self._row_at(clip.top())
        y = self._top_of(row) + step * self._inks.line_height
        while row < len(self._model.lines) and y <= clip.bottom():
            for part in range(step, self._steps.height(row)):
                self._paint_part(painter, row, part, y)
                y += self._inks.line_height
                if y > clip.bottom():
                    break
            row, step = row + 1, 0

    def _paint_part(self, painter: QPainter, row: int, part: int, y: int) -> None:
        line, inks = self._model.lines[row], self._inks
        if self._model.stderr is not None and row >= self._model.stderr:
            painter.fillRect(QRectF(5, y, 2, inks.line_height), color(self._theme.failed))
        if self.hasFocus() and row == self.currentIndex().row():
            painter.fillRect(QRectF(0, y, 3, inks.line_height), color(self._theme.accent))
        marks = self._marks(row)
        if self._steps.columns:
            strip = Strip(part * self._steps.columns, (part + 1) * self._steps.columns, MARGIN, y)
        else:
            first = max(0, int((self.horizontalScrollBar().value() - MARGIN) // inks.cell))
            last = first + int(self.viewport().width() // inks.cell) + 3
            strip = Strip(first, last, MARGIN + first * inks.cell - self.horizontalScrollBar().value(), y)
        self._painter.paint(painter, line, strip, marks)

    def _marks(self, row: int) -> list[Mark]:
        marks = list(self._found.get(row, ()))
        selected = self._selection.within(row) if self._selection else None
        if selected is not None:
            marks.append(Mark(selected[0], min(selected[1], len(self._model.lines[row].text)), "selected"))
        return marks

    # Qt: geometry is ours

    def doItemsLayout(self) -> None:
        self._arrange_soon.start()

    def reset(self) -> None:
        """Another output: at its end, or as far from it as the reader was."""
        from_end = self.verticalScrollBar().maximum() - self.verticalScrollBar().value()
        super().reset()
        self._selection = None
        self._found = {}
        self._take_pens()
        self._rebuild()
        if not self._following:
            self.verticalScrollBar().setValue(self.verticalScrollBar().maximum() - from_end)

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        self._steps.extend(self._model.lines[start : end + 1])
        self._arrange_soon.start()

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        self._scrolling = True
        super().rowsAboutToBeRemoved(parent, start, end)
        if start == 0:
            gone = (self._steps.top(end) + self._steps.height(end)) * self._inks.line_height
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() - gone)
        self._scrolling = False
        if start == 0 or (self._selection is not None and self._selection.last.row >= start):
            self._selection = None
        self._found = {}
        self._steps.remove(start, end)
        self._arrange_soon.start()

    def dataChanged(self, top_left: Index, bottom_right: Index, roles: Iterable[int] = ()) -> None:
        self._steps.change(top_left.row(), self._model.lines[top_left.row()])
        self._arrange_soon.start()

    def visualRect(self, index: Index) -> QRect:
        row = index.row()
        if not index.isValid() or row >= len(self._model.lines):
            return QRect()
        height = self._steps.height(row) * self._inks.line_height
        return QRect(0, self._top_of(row), self.viewport().width(), height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        return self._model.index(self._row_at(point.y())[0]) if self._model.lines else QModelIndex()

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        box, height = self.visualRect(index), self.viewport().height()
        bar = self.verticalScrollBar()
        if box.top() < TOP:
            bar.setValue(bar.value() + box.top() - TOP)
        elif box.bottom() > height - TOP:
            bar.setValue(bar.value() + min(box.top(), box.bottom() - height + TOP))

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        actions = QAbstractItemView.CursorAction
        last, row = len(self._model.lines) - 1, self.currentIndex().row()
        if row < 0:
            return self._model.index(max(0, self._row_at(self.viewport().height() - TOP)[0]))
        if action in (actions.MoveHome, actions.MoveEnd):
            row = 0 if action == actions.MoveHome else last
        step = {actions.MoveDown: 1, actions.MoveNext: 1, actions.MoveUp: -1, actions.MovePrevious: -1}.get(action, 0)
        return self._model.index(max(0, min(last, row + step)))

    # Qt: events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._columns() != self._steps.columns:
            row = self._row_at(0)[0]
            self._rebuild()
            if not self._following and self._model.lines:
                self._scroll_to_step(self._steps.top(row))
        else:
            self._arrange()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            bar = self.verticalScrollBar()
            page = bar.pageStep() - 2 * self._inks.line_height
            bar.setValue(bar.value() + (page if event.key() == Qt.Key.Key_PageDown else -page))
        elif event.key() == Qt.Key.Key_End:
            super().keyPressEvent(event)
            self.show_end()
        elif shifted and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._select_rows(-1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def _select_rows(self, step: int) -> None:
        """Extend the selection by a row, from the keyboard."""
        if not self._model.lines:
            return
        row = self.currentIndex().row()
        if row < 0:
            row = self.moveCursor(QAbstractItemView.CursorAction.MoveDown, Qt.KeyboardModifier.NoModifier).row()
        anchor = row if self._selection is None or self._selection.is_empty else self._selection.anchor.row
        row = max(0, min(len(self._model.lines) - 1, row + step))
        ends = (0, END_OF_ROW) if row >= anchor else (END_OF_ROW, 0)
        self._selection = Selection(TextPoint(anchor, ends[0]), TextPoint(row, ends[1]))
        self.make_current(self._model.index(row))
        self.scrollTo(self._model.index(row))
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._model.lines:
            return
        point = self._point_at(event.position().toPoint())
        extend = self._selection is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self._selection = Selection(self._selection.anchor if extend and self._selection else point, point)
        self.make_current(self._model.index(point.row))
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not event.buttons() & Qt.MouseButton.LeftButton or self._selection is None:
            return
        position = event.position().toPoint()
        self._select_to(position)
        self._drag_scroll.follow(position)

    def _select_to(self, position: QPoint) -> None:
        if self._selection is not None:
            self._selection = Selection(self._selection.anchor, self._point_at(position))
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag_scroll.stop()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._model.lines:
            row, character = self._point_at(event.position().toPoint())
            first, last = word_around(self._model.lines[row].text, character)
            self._selection = Selection(TextPoint(row, first), TextPoint(row, last))
            self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        sideways = turned.x() or (turned.y() if shifted else 0)
        if sideways:
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - round(sideways / 2))
        else:
            bar = self.verticalScrollBar()
            pixels = event.pixelDelta().y() or turned.y() / 120 * WHEEL_LINES * self._inks.line_height
            bar.setValue(bar.value() - round(pixels))
        event.accept()
