"""The conversation: a QListView for model, current item and accessibility, with its own geometry and painting.

QListView lays out every item before it shows the first. Here only visible rows are measured; all others have the
height estimated from their stored number of lines. The reader's place is an anchor (row, offset below its upper edge),
so measuring rows above it never moves the text. While the end is in sight the view sticks to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from app.ui.conversation.heights import HeightIndex
from app.ui.conversation.layout import RowLayout
from app.ui.conversation.parts import Answer, Link, Style, Target, Toggle
from app.ui.conversation.selection import END_OF_ROW, Selection, TextPoint
from app.ui.models.conversation import ConversationModel

Index = QModelIndex | QPersistentModelIndex

COLUMN, MARGIN, BOTTOM = 860, 20, 18
"""The widest column of text, the least margin beside it, the space below the last row."""
ESTIMATED_CHROME, ESTIMATED_LINE = 24, 19
KEPT_LAYOUTS = 400
AHEAD_DOWN, AHEAD_UP = 25, 15
"""Rows laid out in idle moments, in the direction of scrolling."""
DRAG_SCROLL_MS, DRAG_SCROLL_STEP = 30, 28
WHEEL_STEP = 60


class ConversationView(QListView):
    """link_clicked: an address. answered: (request, choice). copy_wanted: the selection holds rows whose text must be
    fetched. following_changed: whether the view sticks to the end. column_changed: `column` gives other values."""

    link_clicked = Signal(str)
    answered = Signal(str, str)
    copy_wanted = Signal()
    copied = Signal(str)
    following_changed = Signal(bool)
    column_changed = Signal()

    def __init__(self, model: ConversationModel, style: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._style = style
        self._heights = HeightIndex()
        self._layouts: OrderedDict[int, RowLayout] = OrderedDict()
        self._opened: set[int] = set()
        self._visible: list[tuple[int, int]] = []
        self._anchor = (0, 0)
        self._following = True
        self._scrolling = False
        self._direction = 1
        self._selection: Selection | None = None
        self._pressed: tuple[QPoint, Target | None] | None = None
        self._flashed: int | None = None
        self._prepare_widget()
        self._arrange_soon = self._timer(0, self._arrange)
        self._idle = self._timer(0, self._lay_out_ahead)
        self._drag_scroll = self._timer(DRAG_SCROLL_MS, self._scroll_while_dragging)
        self._flash_end = self._timer(1200, self._end_flash)
        self.setModel(model)
        model.contents_changed.connect(self._refresh_rows)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    def _prepare_widget(self) -> None:
        self.setAccessibleName("Conversation")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setMouseTracking(True)

    def _timer(self, interval: int, slot: object) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=interval)
        timer.timeout.connect(slot)
        return timer

    # For the panel

    def set_style(self, style: Style) -> None:
        """Paint in another theme."""
        self._style = style
        self._layouts.clear()
        self._arrange()

    def show_end(self) -> None:
        """Go to the end and stay there while it grows."""
        self._follow(True)
        self._arrange()

    def show_row(self, row: int) -> None:
        """Bring a row to the upper part of the view and mark it for a moment."""
        self._follow(False)
        self._anchor = (row, -min(80, self._heights.top(row)))
        self._flashed = self._model.row_id(row)
        self._flash_end.start()
        self.setCurrentIndex(self._model.index(row, 0))
        self._arrange()

    def place(self) -> tuple[int, int] | None:
        """Where the reader is, to come back to: (row id, offset); None: at the end."""
        if self._following or not len(self._heights):
            return None
        return self._model.row_id(self._anchor[0]), self._anchor[1]

    def go_to_place(self, place: tuple[int, int] | None) -> bool:
        """Come back; False: that row is not known (yet)."""
        row = None if place is None else self._model.row_of(place[0])
        if place is not None and row is None:
            return False
        self._follow(place is None)
        if place is not None and row is not None:
            self._anchor = (row, place[1])
        self._arrange()
        return True

    def step_turn(self, direction: int) -> None:
        """Go to the previous (-1) or next (1) prompt among the rows that are here."""
        row = self._anchor[0] if direction > 0 else self._anchor[0] + (self._anchor[1] > 0)
        row += direction
        while 0 <= row < len(self._heights):
            if self._model.turn_of(row):
                self._follow(False)
                self._anchor = (row, 0)
                self.setCurrentIndex(self._model.index(row, 0))
                self._arrange()
                return
            row += direction
        self.show_end() if direction > 0 else self.go_to_row(0)

    def go_to_row(self, row: int) -> None:
        """Put a row at the upper edge."""
        self._follow(False)
        self._anchor = (row, 0)
        self._arrange()

    def toggle(self, row: int) -> None:
        """Open or close the card of a row, in place."""
        identifier = self._model.row_id(row)
        self._opened ^= {identifier}
        self._layouts.pop(identifier, None)
        self._follow(False)
        self._arrange()

    def selection(self) -> Selection | None:
        """What is selected, if anything is."""
        return None if self._selection is None or self._selection.is_empty else self._selection

    def selected_text(self) -> str | None:
        """The selected text: parts of the first and last row, Markdown of those between; None if some are not here."""
        selection = self.selection()
        if selection is None:
            return ""
        texts = [self.row_text(row) for row in range(selection.first.row, selection.last.row + 1)]
        return None if None in texts else join_rows(text for text in texts if text is not None)

    def row_text(self, row: int) -> str | None:
        """The selected text of one row; None if its event is not here."""
        assert self._selection is not None
        chosen = self._selection.within(row) or (0, 0)
        if chosen[0] == 0 and chosen[1] == END_OF_ROW:
            return self._model.text(row)
        layout = self._lay_out(row)
        return None if layout is None else layout.text(chosen[0], min(chosen[1], layout.length))

    # Layout

    def column(self) -> tuple[int, int]:
        """The left edge and the width of the text."""
        width = self.viewport().width()
        column = max(80, min(COLUMN, width - 2 * MARGIN))
        return (width - column) // 2, column

    def _lay_out(self, row: int) -> RowLayout | None:
        """The layout of a row, made if need be; its height is then exact. None: its event is not here."""
        identifier = self._model.row_id(row)
        layout = self._layouts.get(identifier)
        width = self.column()[1]
        if layout is None:
            blocks = self._model.blocks(row, identifier in self._opened)
            if blocks is None:
                return None
            layout = self._layouts[identifier] = RowLayout(self._style, blocks, width)
            if len(self._layouts) > KEPT_LAYOUTS:
                self._layouts.popitem(last=False)
        else:
            self._layouts.move_to_end(identifier)
            if layout.width != width:
                layout.resize(width)
        self._heights.set(row, layout.height)
        return layout

    def _arrange(self) -> None:
        """Lay out what is visible around the anchor, then tell the scroll bar, then paint."""
        self._arrange_soon.stop()
        if len(self._heights):
            self._anchor_to_end() if self._following else self._normalise_anchor()
            self._visible = self._rows_from_anchor()
            self._model.want(self._visible[0][0], self._visible[-1][0])
        else:
            self._visible = []
        self._update_scroll_bar()
        self.viewport().update()

    def _anchor_to_end(self) -> None:
        row, room = len(self._heights), self.viewport().height() - BOTTOM
        while row > 0 and room > 0:
            row -= 1
            self._lay_out(row)
            room -= self._heights[row]
        self._anchor = (row, max(0, -room))

    def _normalise_anchor(self) -> None:
        """Carry offsets beyond the anchor row over to its neighbours; stop at both ends."""
        row, offset = min(self._anchor[0], len(self._heights) - 1), self._anchor[1]
        self._lay_out(row)
        while offset < 0 and row > 0:
            row -= 1
            self._lay_out(row)
            offset += self._heights[row]
        while offset >= self._heights[row] and row < len(self._heights) - 1:
            offset -= self._heights[row]
            row += 1
            self._lay_out(row)
        self._anchor = (row, max(0, offset))
        if self._room_below() > 0:
            self._anchor_to_end()

    def _room_below(self) -> int:
        row, bottom = self._anchor[0], -self._anchor[1]
        height = self.viewport().height()
        while row < len(self._heights) and bottom < height:
            self._lay_out(row)
            bottom += self._heights[row]
            row += 1
        return height - BOTTOM - bottom if row == len(self._heights) else 0

    def _rows_from_anchor(self) -> list[tuple[int, int]]:
        row, top = self._anchor[0], -self._anchor[1]
        visible = []
        while row < len(self._heights) and top < self.viewport().height():
            self._lay_out(row)
            visible.append((row, top))
            top += self._heights[row]
            row += 1
        return visible

    def _update_scroll_bar(self) -> None:
        bar, height = self.verticalScrollBar(), self.viewport().height()
        whole = self._heights.total + BOTTOM
        self._scrolling = True
        bar.setPageStep(height)
        bar.setSingleStep(WHEEL_STEP // 3)
        bar.setRange(0, max(0, whole - height))
        bar.setValue(bar.maximum() if self._following else self._heights.top(self._anchor[0]) + self._anchor[1])
        self._scrolling = False

    def _scrolled(self, value: int) -> None:
        if self._scrolling or not len(self._heights):
            return
        here = self._heights.top(self._anchor[0]) + self._anchor[1]
        self._direction = 1 if value >= here else -1
        self._follow(value >= self.verticalScrollBar().maximum())
        if abs(value - here) < 4 * self.viewport().height():
            self._anchor = (self._anchor[0], self._anchor[1] + value - here)
        else:
            self._anchor = self._heights.find(value)
        self._arrange()
        self._idle.start()

    def _lay_out_ahead(self) -> None:
        """One row in each idle slice, in the direction of scrolling."""
        if not self._visible or not self.isVisible():
            return
        first, last = self._visible[0][0], self._visible[-1][0]
        rows = range(last + 1, last + AHEAD_DOWN) if self._direction > 0 else range(first - 1, first - AHEAD_UP, -1)
        for row in rows:
            if 0 <= row < len(self._heights) and self._model.row_id(row) not in self._layouts:
                if self._lay_out(row) is not None:
                    self._idle.start()
                return

    def _follow(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)

    def _refresh_rows(self, identifiers: Iterable[int]) -> None:
        """Contents changed: streamed text grows in its layout, everything else is laid out anew when it is seen."""
        for identifier in identifiers:
            layout = self._layouts.get(identifier)
            row = self._model.row_of(identifier) if layout is not None and identifier < 0 else None
            blocks = None if row is None else self._model.blocks(row, False)
            if layout is None or blocks is None or not layout.update(blocks):
                self._layouts.pop(identifier, None)
        self._arrange_soon.start()

    def _estimates(self, first: int, last: int) -> list[int]:
        return [ESTIMATED_CHROME + ESTIMATED_LINE * lines for lines in self._model.lines(first, last)]

    # Pointing

    def _point_at(self, position: QPoint) -> TextPoint:
        """The character nearest to a point of the viewport."""
        if not self._visible:
            return TextPoint(0, 0)
        row, top = next(((r, t) for r, t in reversed(self._visible) if t <= position.y()), self._visible[0])
        layout = self._lay_out(row)
        if layout is None:
            return TextPoint(row, 0)
        return TextPoint(row, layout.position_at(position.x() - self.column()[0], position.y() - top))

    def _target_at(self, position: QPoint) -> tuple[int, Target] | None:
        for row, top in self._visible:
            if top <= position.y() < top + self._heights[row]:
                layout = self._lay_out(row)
                x, y = position.x() - self.column()[0], position.y() - top
                target = layout.target_at(x, y) if layout is not None and 0 <= x < layout.width else None
                return None if target is None else (row, target)
        return None

    def _activate(self, row: int, target: Target) -> None:
        match target:
            case Toggle():
                self.toggle(row)
            case Link(address=address):
                self.link_clicked.emit(address)
            case Answer(request=request, choice=choice):
                self.answered.emit(request, choice)

    def _scroll_while_dragging(self) -> None:
        pointer = self.viewport().mapFromGlobal(self.cursor().pos())
        height = self.viewport().height()
        if self._selection is None or 0 <= pointer.y() < height:
            return
        step = -DRAG_SCROLL_STEP if pointer.y() < 0 else DRAG_SCROLL_STEP
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + step)
        edge = QPoint(pointer.x(), 0 if step < 0 else height - 1)
        self._selection = Selection(self._selection.anchor, self._point_at(edge))
        self._drag_scroll.start()

    def _select_word(self, point: TextPoint) -> None:
        layout = self._lay_out(point.row)
        if layout is not None:
            first, last = layout.word_at(point.character)
            self._selection = Selection(TextPoint(point.row, first), TextPoint(point.row, last))
            self.viewport().update()

    def _copy(self) -> None:
        text = self.selected_text()
        if text is None:
            self.copy_wanted.emit()
        elif text:
            self.copied.emit(text)

    def _end_flash(self) -> None:
        self._flashed = None
        self.viewport().update()

    # Painting

    def _paint_row(self, painter: QPainter, row: int, top: int, clip: QRectF) -> None:
        left, width = self.column()
        layout = self._layouts.get(self._model.row_id(row))
        if layout is None:
            self._paint_placeholder(painter, QRectF(left, top + 10, width, self._heights[row] - 14))
            return
        if layout.height == 0:
            return
        gap = max(0, layout.padding[1] - 6)
        self._paint_marks(painter, row, QRectF(left - 8, top + gap, width + 16, layout.height - gap + 4))
        painter.save()
        painter.translate(left, top)
        selected = self._selection.within(row) if self._selection else None
        layout.paint(painter, clip.translated(-left, -top), selected and (selected[0], min(selected[1], layout.length)))
        painter.restore()

    def _paint_marks(self, painter: QPainter, row: int, box: QRectF) -> None:
        """The row a search led to, and the current row while the keyboard is here."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._flashed == self._model.row_id(row):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._style.color("selected"))
            painter.drawRoundedRect(box, 8, 8)
        if self.hasFocus() and row == self.currentIndex().row():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._style.color("accent"), 1))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)

    def _paint_placeholder(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._style.color("raised"))
        for number in range(min(3, max(1, int(box.height() / 20)))):
            width = box.width() * (0.92, 0.85, 0.6)[number]
            painter.drawRoundedRect(QRectF(box.x(), box.y() + 20 * number, width, 10), 4, 4)

    # Qt: geometry is ours

    def doItemsLayout(self) -> None:
        self._arrange_soon.start()

    def updateGeometries(self) -> None:
        pass

    def reset(self) -> None:
        super().reset()
        self._layouts.clear()
        self._selection = None
        self._anchor = (0, 0)
        count = self._model.rowCount()
        self._heights = HeightIndex(self._estimates(0, count - 1) if count else ())
        self._arrange_soon.start()

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        self._heights.insert(start, self._estimates(start, end))
        count = end - start + 1
        if start <= self._anchor[0] and start < len(self._heights) - count:
            self._anchor = (self._anchor[0] + count, self._anchor[1])
            self._selection = self._selection.moved(count) if self._selection else None
            self._visible = [(row + count, top) for row, top in self._visible]
        self._arrange_soon.start()

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        super().rowsAboutToBeRemoved(parent, start, end)
        self._heights.remove(start, end)
        self._visible = [(row, top) for row, top in self._visible if row < start]
        if self._selection and self._selection.last.row >= start:
            self._selection = None
        self._arrange_soon.start()

    def dataChanged(self, top_left: Index, bottom_right: Index, roles: Iterable[int] = ()) -> None:
        self._arrange_soon.start()

    def setSelection(self, rect: QRect, command: object) -> None:
        pass

    def visualRegionForSelection(self, selection: object) -> QRegion:
        return QRegion()

    def visualRect(self, index: Index) -> QRect:
        row = index.row()
        if not index.isValid() or row >= len(self._heights):
            return QRect()
        top = next((top for visible, top in self._visible if visible == row), None)
        if top is None:
            top = self._heights.top(row) - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), self._heights[row])

    def indexAt(self, point: QPoint) -> QModelIndex:
        for row, top in self._visible:
            if top <= point.y() < top + self._heights[row]:
                return self._model.index(row, 0)
        return QModelIndex()

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        box, height = self.visualRect(index), self.viewport().height()
        if not index.isValid() or (box.top() >= 0 and box.bottom() <= height):
            return
        self._follow(False)
        if box.top() < 0 or box.height() > height:
            self._anchor = (index.row(), 0)
        else:
            self._anchor = (index.row(), box.height() - height + BOTTOM)
        self._arrange()

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        actions = QAbstractItemView.CursorAction
        row, last = max(0, self.currentIndex().row()), len(self._heights) - 1
        if action in (actions.MoveHome, actions.MoveEnd):
            row = 0 if action == actions.MoveHome else last
        step = {actions.MoveDown: 1, actions.MoveNext: 1, actions.MoveUp: -1, actions.MovePrevious: -1}.get(action, 0)
        row += step
        while 0 <= row <= last and self._heights[row] == 0 and step:
            row += step
        return self._model.index(max(0, min(last, row)), 0)

    def keyboardSearch(self, search: str) -> None:
        """Typing does not look through 100,000 rows; searching does."""

    # Qt: events

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = QRectF(event.rect())
        painter.fillRect(clip, self._style.color("base"))
        for row, top in self._visible:
            if row < len(self._heights) and top < clip.bottom() and top + self._heights[row] > clip.top():
                self._paint_row(painter, row, top, clip)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self.column_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex().row()
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll) and len(self._heights):
            end = TextPoint(len(self._heights) - 1, END_OF_ROW)
            self._selection = Selection(TextPoint(0, 0), end)
            self.viewport().update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and current >= 0:
            self._toggle_current(current)
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            bar = self.verticalScrollBar()
            page = bar.pageStep() - 3 * ESTIMATED_LINE
            bar.setValue(bar.value() + (page if event.key() == Qt.Key.Key_PageDown else -page))
        elif event.key() == Qt.Key.Key_End:
            self.setCurrentIndex(self._model.index(len(self._heights) - 1, 0))
            self.show_end()
        else:
            super().keyPressEvent(event)

    def _toggle_current(self, row: int) -> None:
        layout = self._lay_out(row)
        if layout is not None and any(getattr(block, "foldable", False) for block in layout.blocks):
            self.toggle(row)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._visible:
            return
        position = event.position().toPoint()
        found = self._target_at(position)
        self._pressed = (position, found[1] if found else None)
        point = self._point_at(position)
        extend = self._selection is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self._selection = Selection(self._selection.anchor if extend and self._selection else point, point)
        index = self.indexAt(position)
        if index.isValid():
            self.selectionModel().setCurrentIndex(index, self.selectionModel().SelectionFlag.NoUpdate)
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if not event.buttons() & Qt.MouseButton.LeftButton or self._selection is None:
            target = self._target_at(position)
            self.viewport().setCursor(_cursor_shape(target[1] if target else None))
            return
        self._selection = Selection(self._selection.anchor, self._point_at(position))
        if not 0 <= position.y() < self.viewport().height() and not self._drag_scroll.isActive():
            self._drag_scroll.start()
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag_scroll.stop()
        pressed, self._pressed = self._pressed, None
        if pressed is None or pressed[1] is None:
            return
        position = event.position().toPoint()
        found = self._target_at(position)
        moved = (position - pressed[0]).manhattanLength() > 4
        if found is not None and found[1] == pressed[1] and not moved:
            self._selection = None
            self._activate(*found)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._visible and self._target_at(event.position().toPoint()) is None:
            self._select_word(self._point_at(event.position().toPoint()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        sideways = event.angleDelta().x() or (
            event.angleDelta().y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0
        )
        if sideways and self._scroll_part(event.position(), -sideways / 2):
            self.viewport().update()
            event.accept()
            return
        pixels = event.pixelDelta().y() or event.angleDelta().y() / 120 * WHEEL_STEP
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - round(pixels))
        event.accept()

    def _scroll_part(self, position: QPointF, pixels: float) -> bool:
        for row, top in self._visible:
            if top <= position.y() < top + self._heights[row]:
                layout = self._lay_out(row)
                left = self.column()[0]
                return layout is not None and layout.scroll_sideways(position.x() - left, position.y() - top, pixels)
        return False

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.ignore()

    def focusInEvent(self, event: object) -> None:
        super().focusInEvent(event)  # type: ignore[arg-type]
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        # QListView would look for hovered items and tool tips by its own geometry.
        if event.type() in (QEvent.Type.HoverMove, QEvent.Type.HoverEnter, QEvent.Type.HoverLeave, QEvent.Type.ToolTip):
            return True
        return super().viewportEvent(event)


def join_rows(texts: Iterable[str]) -> str:
    """The copied texts of several rows as one."""
    return "\n\n".join(text for text in texts if text)


def _cursor_shape(target: Target | None) -> Qt.CursorShape:
    return Qt.CursorShape.IBeamCursor if target is None else Qt.CursorShape.PointingHandCursor
