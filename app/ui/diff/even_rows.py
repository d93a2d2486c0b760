"""A list whose rows all have one height, painted by whoever inherits it, with sideways scrolling."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from app.ui.painted_list import DragScroll, Index, PaintedList

WHEEL_ROWS = 3
DRAG_SCROLL_ROWS = 2
MARGIN = 8
"""Above the first row and below the last."""


class EvenRowsView(PaintedList):
    """row_height: pixels; 0, and nothing is laid out, until whoever inherits sets it.

    Whoever inherits also paints, and says how wide rows are.
    """

    def __init__(self, model: QAbstractListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row_height = 0
        self._drag_scroll = DragScroll(self, lambda: DRAG_SCROLL_ROWS * self.row_height, self.dragged)
        self.setModel(model)
        self.prepare()
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)

    def row_count(self) -> int:
        """How many rows there are."""
        return self.model().rowCount()

    def first_top(self) -> int:
        """The upper edge of the first row when nothing is scrolled."""
        return MARGIN

    def overflow(self) -> tuple[int, int]:
        """(how far rows can be scrolled sideways, how much of them is in sight), in pixels."""
        return 0, 1

    def top_of(self, row: int) -> int:
        """The upper edge of a row in the viewport; negative above it."""
        return self.first_top() + row * self.row_height - self.verticalScrollBar().value()

    def row_at(self, y: int) -> int:
        """The row nearest to a y of the viewport; -1 without any."""
        count = self.row_count()
        return min(count - 1, max(0, (y - self.top_of(0)) // self.row_height)) if count else -1

    def row_under(self, y: int) -> int:
        """The row at a y of the viewport; -1 beside all rows."""
        row = self.row_at(y)
        return row if row >= 0 and 0 <= y - self.top_of(row) < self.row_height else -1

    def visible_rows(self) -> range:
        """The rows in sight."""
        count, top = self.row_count(), self.top_of(0)
        first = max(0, -top // self.row_height)
        last = (self.viewport().height() - top) // self.row_height + 1
        return range(min(first, count), max(0, min(last, count)))

    def go_to_row(self, row: int) -> None:
        """Make a row the current one and bring it to the upper part of the view."""
        self.setCurrentIndex(self.model().index(row, 0))
        bar, top, height = self.verticalScrollBar(), self.top_of(row), self.viewport().height()
        if not self.row_height <= top <= height * 2 // 3:
            bar.setValue(bar.value() + top - height // 4)
        self.viewport().update()

    def step_sideways(self, direction: int) -> None:
        """Scroll a little to the left (-1) or right (1)."""
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() + direction * bar.singleStep())

    def drag(self, position: QPoint) -> None:
        """The pointer was moved while pressed: rows come into view while it is above or below."""
        self.dragged(position)
        self._drag_scroll.follow(position)

    def end_drag(self) -> None:
        """The pointer was let go."""
        self._drag_scroll.stop()

    def dragged(self, position: QPoint) -> None:
        """The pressed pointer is at a point of the viewport now."""

    def update_scroll_bars(self) -> None:
        """Rows, their height or the size of the view have changed."""
        if not self.row_height:
            return
        height = self.viewport().height()
        vertical, horizontal = self.verticalScrollBar(), self.horizontalScrollBar()
        vertical.setSingleStep(self.row_height)
        vertical.setPageStep(max(1, height - 2 * self.row_height))
        vertical.setRange(0, max(0, self.first_top() + self.row_count() * self.row_height + MARGIN - height))
        beyond, room = self.overflow()
        horizontal.setSingleStep(2 * self.row_height)
        horizontal.setPageStep(max(1, room))
        horizontal.setRange(0, max(0, beyond))

    # Qt: geometry is ours

    def doItemsLayout(self) -> None:
        self.update_scroll_bars()

    def updateGeometries(self) -> None:
        self.update_scroll_bars()

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid():
            return QRect()
        return QRect(0, self.top_of(index.row()), self.viewport().width(), self.row_height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self.row_under(point.y())
        return self.model().index(row, 0) if row >= 0 else QModelIndex()

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        top, bar = self.top_of(index.row()), self.verticalScrollBar()
        below = top + self.row_height - self.viewport().height()
        if top < 0:
            bar.setValue(bar.value() + top)
        elif below > 0:
            bar.setValue(bar.value() + below)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        actions = QAbstractItemView.CursorAction
        count = self.row_count()
        page = max(1, self.viewport().height() // self.row_height - 2)
        steps = {
            actions.MoveDown: 1,
            actions.MoveNext: 1,
            actions.MoveUp: -1,
            actions.MovePrevious: -1,
            actions.MovePageDown: page,
            actions.MovePageUp: -page,
            actions.MoveHome: -count,
            actions.MoveEnd: count,
        }
        row = self.currentIndex().row() + steps.get(action, 0)
        return self.model().index(max(0, min(count - 1, row)), 0) if count else QModelIndex()

    # Qt: events

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.update_scroll_bars()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta, pixels = event.angleDelta(), event.pixelDelta()
        sideways = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        x, y = (delta.y(), 0) if sideways else (delta.x(), delta.y())
        step = WHEEL_ROWS * self.row_height / 120
        vertical, horizontal = self.verticalScrollBar(), self.horizontalScrollBar()
        horizontal.setValue(horizontal.value() - round(x * step))
        vertical.setValue(vertical.value() - round(pixels.y() if pixels.y() and not sideways else y * step))
        event.accept()
