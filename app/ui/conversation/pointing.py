"""The mouse in the conversation: what stands under it, selecting text by dragging, clicking what can be clicked."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea

from app.ui.conversation.geometry import Geometry
from app.ui.conversation.parts import Target
from app.ui.conversation.selection import END_OF_ROW, Selection, TextPoint
from app.ui.painted_list import DragScroll

DRAG_SCROLL_STEP = 28
CLICK_PIXELS = 4
"""The pointer may move by so much and it is still a click."""


class Pointing(QObject):
    """activated: (row, target) was clicked. selected: the selection is another one; paint. selection: what is selected,
    perhaps nothing."""

    activated = Signal(int, object)
    selected = Signal()

    def __init__(self, view: QAbstractScrollArea, rows: Geometry) -> None:
        super().__init__(view)
        self.selection: Selection | None = None
        self._view, self._rows = view, rows
        self._pressed: tuple[QPoint, Target | None] | None = None
        self._drag_scroll = DragScroll(view, lambda: DRAG_SCROLL_STEP, self._select_to)

    def forget(self) -> None:
        """Nothing is selected."""
        self.selection = None

    def select_all(self) -> None:
        """Select every row."""
        if len(self._rows.heights):
            self.selection = Selection(TextPoint(0, 0), TextPoint(len(self._rows.heights) - 1, END_OF_ROW))
            self.selected.emit()

    # What is where

    def point_at(self, position: QPoint) -> TextPoint:
        """The character nearest to a point of the viewport."""
        if not self._rows.visible:
            return TextPoint(0, 0)
        row, top = next(((r, t) for r, t in reversed(self._rows.visible) if t <= position.y()), self._rows.visible[0])
        layout = self._rows.lay_out(row)
        if layout is None:
            return TextPoint(row, 0)
        return TextPoint(row, layout.position_at(position.x() - self._rows.column()[0], position.y() - top))

    def target_at(self, position: QPoint) -> tuple[int, Target] | None:
        """(row, what a click there would do)."""
        found = self._rows.row_at(position.y())
        if found is None:
            return None
        row, top = found
        layout = self._rows.lay_out(row)
        x, y = position.x() - self._rows.column()[0], position.y() - top
        target = layout.target_at(x, y) if layout is not None and 0 <= x < layout.width else None
        return None if target is None else (row, target)

    # Events of the viewport

    def press(self, event: QMouseEvent) -> None:
        """Begin a click or a selection; with Shift the selection goes on."""
        position = event.position().toPoint()
        found = self.target_at(position)
        self._pressed = (position, found[1] if found else None)
        point = self.point_at(position)
        extend = self.selection is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self.selection = Selection(self.selection.anchor if extend and self.selection else point, point)
        self.selected.emit()

    def move(self, event: QMouseEvent) -> None:
        """Select up to here, or show what a click would do."""
        position = event.position().toPoint()
        if not event.buttons() & Qt.MouseButton.LeftButton or self.selection is None:
            target = self.target_at(position)
            self._view.viewport().setCursor(_cursor_shape(target[1] if target else None))
            return
        self._select_to(position)
        self._drag_scroll.follow(position)

    def _select_to(self, position: QPoint) -> None:
        if self.selection is not None:
            self.selection = Selection(self.selection.anchor, self.point_at(position))
            self.selected.emit()

    def release(self, event: QMouseEvent) -> None:
        """End it; a click activates what is there."""
        self._drag_scroll.stop()
        pressed, self._pressed = self._pressed, None
        if pressed is None or pressed[1] is None:
            return
        position = event.position().toPoint()
        found = self.target_at(position)
        moved = (position - pressed[0]).manhattanLength() > CLICK_PIXELS
        if found is not None and found[1] == pressed[1] and not moved:
            self.selection = None
            self.activated.emit(*found)

    def double_click(self, event: QMouseEvent) -> None:
        """Select a word."""
        position = event.position().toPoint()
        if not self._rows.visible or self.target_at(position) is not None:
            return
        point = self.point_at(position)
        layout = self._rows.lay_out(point.row)
        if layout is not None:
            first, last = layout.word_at(point.character)
            self.selection = Selection(TextPoint(point.row, first), TextPoint(point.row, last))
            self.selected.emit()

    def scroll_sideways(self, event: QWheelEvent) -> bool:
        """Move what is wider than its row, under the pointer; whether there was anything to move."""
        sideways = event.angleDelta().x() or (
            event.angleDelta().y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0
        )
        return bool(sideways) and self._scroll_part(event.position(), -sideways / 2)

    def _scroll_part(self, position: QPointF, pixels: float) -> bool:
        found = self._rows.row_at(int(position.y()))
        layout = None if found is None else self._rows.lay_out(found[0])
        if found is None or layout is None:
            return False
        return layout.scroll_sideways(position.x() - self._rows.column()[0], position.y() - found[1], pixels)


def _cursor_shape(target: Target | None) -> Qt.CursorShape:
    return Qt.CursorShape.IBeamCursor if target is None else Qt.CursorShape.PointingHandCursor
