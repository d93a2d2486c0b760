"""What lists share that lay out and paint their rows themselves.

QListView gives them model, current row and accessibility; its own layout would measure every row before it shows one.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QRegion
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QListView

Index = QModelIndex | QPersistentModelIndex
DRAG_SCROLL_MS = 30


class PaintedList(QListView):
    """A list for text: rows are not edited, what is selected is text, and typing looks for nothing.

    Whoever inherits lays out, paints and says where rows are.
    """

    def prepare(self) -> None:
        """Whoever inherits calls it once, when all that laying out asks for is there."""
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setMouseTracking(True)

    def make_current(self, index: QModelIndex) -> None:
        """Make a row the current one without bringing it into view."""
        self.selectionModel().setCurrentIndex(index, self.selectionModel().SelectionFlag.NoUpdate)

    def updateGeometries(self) -> None:
        pass

    def setSelection(self, rect: QRect, command: object) -> None:
        pass

    def visualRegionForSelection(self, selection: object) -> QRegion:
        return QRegion()

    def keyboardSearch(self, search: str) -> None:
        """Typing does not look through all rows; finding does."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        # QListView would look for hovered items and tool tips by its own geometry.
        if event.type() in (QEvent.Type.HoverMove, QEvent.Type.HoverEnter, QEvent.Type.HoverLeave, QEvent.Type.ToolTip):
            return True
        return super().viewportEvent(event)


class DragScroll(QObject):
    """Scrolls an area for as long as a pressed pointer is above or below it.

    step: pixels of one turn of the clock. moved: takes the point of the viewport that is nearest to the pointer then.
    """

    def __init__(self, area: QAbstractScrollArea, step: Callable[[], int], moved: Callable[[QPoint], object]) -> None:
        super().__init__(area)
        self._area, self._step_height, self._moved = area, step, moved
        self._pointer = QPoint()
        self._clock = QTimer(self, interval=DRAG_SCROLL_MS)
        self._clock.timeout.connect(self._step)

    def follow(self, pointer: QPoint) -> None:
        """The pressed pointer is at a point of the viewport, or beside it."""
        self._pointer = pointer
        if not self._beyond():
            self.stop()
        elif not self._clock.isActive():
            self._clock.start()

    def stop(self) -> None:
        """The pointer was let go."""
        self._clock.stop()

    def _beyond(self) -> int:
        """-1: the pointer is above, 1: below, 0: inside."""
        y = self._pointer.y()
        return -1 if y < 0 else int(y >= self._area.viewport().height())

    def _step(self) -> None:
        bar, beyond = self._area.verticalScrollBar(), self._beyond()
        bar.setValue(bar.value() + beyond * self._step_height())
        self._moved(QPoint(self._pointer.x(), 0 if beyond < 0 else self._area.viewport().height() - 1))
