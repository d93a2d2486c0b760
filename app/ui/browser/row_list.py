"""A list of rows under headings: a QListView for model, selection, keys, editing and accessibility, with its own
geometry. QListView asks every item for its height before it shows the first; here there are two heights, that of a row
and that of a heading, so ten thousand rows are laid out as soon as one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, cast

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from app.ui.browser.items import Items, Look

Index = QModelIndex | QPersistentModelIndex
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class HasHeadings(Protocol):
    """What the model must tell besides: rows that are headings, rising."""

    def headings(self) -> Sequence[int]: ...


class RowList(QListView):
    """opened: a row was chosen by Enter. opened_beside: by the middle button or Ctrl+Enter. menu_wanted: where, on the
    screen. left_top: Up was pressed in the first row.

    keys: what further keys do; they work also where the window has them as shortcuts.
    """

    opened = Signal(QModelIndex)
    opened_beside = Signal(QModelIndex)
    menu_wanted = Signal(QPoint)
    left_top = Signal()

    def __init__(self, model: QAbstractItemModel, items: Items, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = items
        self._headings: list[int] = []
        self._anchor: tuple[QPersistentModelIndex, int] | None = None
        self.keys: dict[str, Callable[[], object]] = {}
        self.setAccessibleName(name)
        self.setItemDelegate(items)
        self.setModel(model)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        model.rowsAboutToBeRemoved.connect(self._spare_anchor)
        model.rowsAboutToBeMoved.connect(self._spare_anchor)
        for changed in (model.rowsInserted, model.rowsRemoved, model.rowsMoved):
            changed.connect(self._hold_place)
        self.verticalScrollBar().valueChanged.connect(self._find_anchor)

    def restyle(self) -> None:
        """Fonts or colours are others."""
        self._items.restyle()
        self._arrange()

    # Geometry

    def _top(self, row: int) -> int:
        """Pixels above a row in the whole list."""
        headings = bisect_left(self._headings, row)
        return headings * self._items.heading_height + (row - headings) * self._items.item_height

    def _row_at(self, y: int) -> int:
        """The row at so many pixels of the whole list; -1 above it, the number of rows below."""
        count = self.model().rowCount()
        return count if y >= self._top(count) else bisect_right(range(count), y, key=self._top) - 1

    def _arrange(self) -> None:
        self._headings = list(cast(HasHeadings, self.model()).headings())
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self._top(self.model().rowCount()) - height))
        bar.setPageStep(height)
        bar.setSingleStep(self._items.item_height)
        self.updateEditorGeometries()
        self.viewport().update()

    # The reader's place: the first row in sight stays where it is, unless that is the top of the list

    def _find_anchor(self, value: int) -> None:
        index = self.model().index(self._row_at(value), 0)
        self._anchor = (QPersistentModelIndex(index), value - self._top(index.row())) if value else None

    def _spare_anchor(self, _parent: Index, first: int, last: int, *_target: object) -> None:
        if self._anchor is not None and first <= self._anchor[0].row() <= last:
            self._anchor = (QPersistentModelIndex(self.model().index(last + 1, 0)), 0)

    def _hold_place(self) -> None:
        anchor = self._anchor
        self._arrange()
        if anchor is not None and anchor[0].isValid():
            self.verticalScrollBar().setValue(self._top(anchor[0].row()) + anchor[1])

    # Qt: geometry is ours

    def doItemsLayout(self) -> None:
        self._arrange()

    def updateGeometries(self) -> None:
        pass

    def reset(self) -> None:
        super().reset()
        self._anchor = None
        self._arrange()

    def dataChanged(self, top_left: Index, bottom_right: Index, roles: Iterable[int] = ()) -> None:
        self.viewport().update()

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.updateEditorGeometries()
        self.viewport().update()

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid():
            return QRect()
        top = self._top(index.row())
        height = self._top(index.row() + 1) - top
        return QRect(0, top - self.verticalOffset(), self.viewport().width(), height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        return self.model().index(self._row_at(point.y() + self.verticalOffset()), 0)

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        box, height = self.visualRect(index), self.viewport().height()
        above = self._items.heading_height if index.row() - 1 in self._headings[:1] else 0
        if index.isValid() and box.top() - above < 0:
            self.verticalScrollBar().setValue(self.verticalOffset() + box.top() - above)
        elif index.isValid() and box.bottom() >= height:
            self.verticalScrollBar().setValue(self.verticalOffset() + box.bottom() + 1 - height)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        first = self._row_at(min(rect.top(), rect.bottom()) + self.verticalOffset())
        last = self._row_at(max(rect.top(), rect.bottom()) + self.verticalOffset())
        model, count = self.model(), self.model().rowCount()
        chosen = QItemSelection()
        if first < count and last >= 0:
            chosen.select(model.index(max(first, 0), 0), model.index(min(last, count - 1), 0))
        self.selectionModel().select(chosen, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        actions, row, count = QAbstractItemView.CursorAction, self.currentIndex().row(), self.model().rowCount()
        page = max(1, self.viewport().height() // self._items.item_height - 1)
        steps = {
            actions.MoveDown: 1, actions.MoveNext: 1, actions.MoveUp: -1, actions.MovePrevious: -1,
            actions.MovePageDown: page, actions.MovePageUp: -page, actions.MoveHome: -count, actions.MoveEnd: count,
        }  # fmt: skip
        step = steps.get(action, 0)
        return self.model().index(self._passed(max(0, min(count - 1, row + step)), 1 if step > 0 else -1), 0)

    def _passed(self, row: int, direction: int) -> int:
        """The row, or where it is a heading, the next one in a direction, or the other way at an end."""
        headings = self._headings
        for way in (direction, -direction):
            found = row
            while 0 <= found < self.model().rowCount():
                if found != next(iter(headings[bisect_left(headings, found) :]), None):
                    return found
                found += way
        return -1

    def keyboardSearch(self, search: str) -> None:
        """Typing does not look through thousands of rows; searching does."""

    # Qt: events

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        count = self.model().rowCount()
        first = max(0, self._row_at(event.rect().top() + self.verticalOffset()))
        last = min(count - 1, self._row_at(event.rect().bottom() + self.verticalOffset()))
        hovered, focused = self._hovered(), self.currentIndex().row() if self.hasFocus() else -1
        for row in range(first, last + 1):
            index = self.model().index(row, 0)
            look = Look(self.selectionModel().isSelected(index), row == hovered, row == focused)
            self._items.paint_row(painter, QRectF(self.visualRect(index)), index, look)

    def _hovered(self) -> int:
        inside = self.viewport().underMouse()
        return self.indexAt(self.viewport().mapFromGlobal(QCursor.pos())).row() if inside else -1

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton:
            if self._is_row(index):
                self.opened_beside.emit(index)
        elif self._is_row(index):
            super().mousePressEvent(event)

    def _is_row(self, index: QModelIndex) -> bool:
        return bool(index.flags() & Qt.ItemFlag.ItemIsSelectable)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._own_key(event):
            event.accept()
            return True
        return super().event(event)

    def _own_key(self, event: QKeyEvent) -> Callable[[], object] | None:
        if self.state() == QAbstractItemView.State.EditingState:
            return None
        keys = QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)
        current = self.currentIndex()
        if event.key() in _ENTER and current.isValid():
            beside = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            return lambda: (self.opened_beside if beside else self.opened).emit(current)
        if event.key() == Qt.Key.Key_Up and not event.modifiers() and current.row() <= self._passed(0, 1):
            return self.left_top.emit
        return self.keys.get(keys)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        act = self._own_key(event)
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.scrollTo(self.currentIndex())
            self.menu_wanted.emit(self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center()))
        elif self._is_row(self.indexAt(event.pos())):
            self.menu_wanted.emit(event.globalPos())
