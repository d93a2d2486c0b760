"""The conversation: a QListView for model, current item and accessibility, with its own geometry and painting.

QListView lays out every item before it shows the first. Here only visible rows are measured; all others have the
height estimated from their stored number of lines (see `geometry.py`). While the end is in sight the view sticks to it.
"""

from __future__ import annotations

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

from app.ui.conversation.geometry import BOTTOM, ESTIMATED_LINE, Geometry
from app.ui.conversation.parts import Answer, Link, Style, Target, Toggle
from app.ui.conversation.selection import END_OF_ROW, Selection, TextPoint, join_rows
from app.ui.models.conversation import ConversationModel

Index = QModelIndex | QPersistentModelIndex

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
        self._rows = Geometry(model, style, self.following_changed.emit)
        self._scrolling = False
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
        self._rows.set_style(style)
        self._arrange()

    def show_end(self) -> None:
        """Go to the end and stay there while it grows."""
        self._rows.follow(True)
        self._arrange()

    def show_row(self, row: int) -> None:
        """Bring a row to the upper part of the view and mark it for a moment."""
        self._rows.follow(False)
        self._rows.anchor = (row, -min(80, self._rows.heights.top(row)))
        self._flashed = self._model.row_id(row)
        self._flash_end.start()
        self.setCurrentIndex(self._model.index(row, 0))
        self._arrange()

    def place(self) -> tuple[int, int] | None:
        """Where the reader is, to come back to: (row id, offset); None: at the end."""
        if self._rows.following or not len(self._rows.heights):
            return None
        return self._model.row_id(self._rows.anchor[0]), self._rows.anchor[1]

    def go_to_place(self, place: tuple[int, int] | None) -> bool:
        """Come back; False: that row is not known (yet)."""
        row = None if place is None else self._model.row_of(place[0])
        if place is not None and row is None:
            return False
        self._rows.follow(place is None)
        if place is not None and row is not None:
            self._rows.anchor = (row, place[1])
        self._arrange()
        return True

    def step_turn(self, direction: int) -> None:
        """Go to the previous (-1) or next (1) prompt among the rows that are here."""
        row = self._rows.anchor[0] if direction > 0 else self._rows.anchor[0] + (self._rows.anchor[1] > 0)
        row += direction
        while 0 <= row < len(self._rows.heights):
            if self._model.turn_of(row):
                self._rows.follow(False)
                self._rows.anchor = (row, 0)
                self.setCurrentIndex(self._model.index(row, 0))
                self._arrange()
                return
            row += direction
        self.show_end() if direction > 0 else self.go_to_row(0)

    def go_to_row(self, row: int) -> None:
        """Put a row at the upper edge."""
        self._rows.follow(False)
        self._rows.anchor = (row, 0)
        self._arrange()

    def toggle(self, row: int) -> None:
        """Open or close the card of a row, in place."""
        self._rows.toggle(row)
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
        layout = self._rows.lay_out(row)
        return None if layout is None else layout.text(chosen[0], min(chosen[1], layout.length))

    # Layout

    def column(self) -> tuple[int, int]:
        """The left edge and the width of the text."""
        return self._rows.column()

    def _arrange(self) -> None:
        """Lay out what is visible, then tell the scroll bar, then paint."""
        self._arrange_soon.stop()
        self._rows.resize(self.viewport().width(), self.viewport().height())
        self._rows.arrange()
        self._update_scroll_bar()
        self.viewport().update()

    def _update_scroll_bar(self) -> None:
        bar, height = self.verticalScrollBar(), self.viewport().height()
        self._scrolling = True
        bar.setPageStep(height)
        bar.setSingleStep(WHEEL_STEP // 3)
        bar.setRange(0, max(0, self._rows.extent - height))
        bar.setValue(self._rows.position)
        self._scrolling = False

    def _scrolled(self, value: int) -> None:
        if self._scrolling or not len(self._rows.heights):
            return
        self._rows.scroll_to(value, at_end=value >= self.verticalScrollBar().maximum())
        self._arrange()
        self._idle.start()

    def _lay_out_ahead(self) -> None:
        """One row in each idle slice, in the direction of scrolling."""
        if self.isVisible() and self._rows.lay_out_ahead():
            self._idle.start()

    def _refresh_rows(self, identifiers: Iterable[int]) -> None:
        self._rows.refresh(identifiers)
        self._arrange_soon.start()

    # Pointing

    def _point_at(self, position: QPoint) -> TextPoint:
        """The character nearest to a point of the viewport."""
        if not self._rows.visible:
            return TextPoint(0, 0)
        row, top = next(((r, t) for r, t in reversed(self._rows.visible) if t <= position.y()), self._rows.visible[0])
        layout = self._rows.lay_out(row)
        if layout is None:
            return TextPoint(row, 0)
        return TextPoint(row, layout.position_at(position.x() - self.column()[0], position.y() - top))

    def _target_at(self, position: QPoint) -> tuple[int, Target] | None:
        found = self._rows.row_at(position.y())
        if found is None:
            return None
        row, top = found
        layout = self._rows.lay_out(row)
        x, y = position.x() - self.column()[0], position.y() - top
        target = layout.target_at(x, y) if layout is not None and 0 <= x < layout.width else None
        return None if target is None else (row, target)

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
        layout = self._rows.lay_out(point.row)
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
        layout = self._rows.layout_of(row)
        if layout is None:
            self._paint_placeholder(painter, QRectF(left, top + 10, width, self._rows.heights[row] - 14))
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
        self._selection = None
        self._rows.reset()
        self._arrange_soon.start()

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        if self._rows.insert(start, end) and self._selection:
            self._selection = self._selection.moved(end - start + 1)
        self._arrange_soon.start()

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        super().rowsAboutToBeRemoved(parent, start, end)
        self._rows.remove(start, end)
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
        if not index.isValid() or row >= len(self._rows.heights):
            return QRect()
        return QRect(0, self._rows.top_of(row), self.viewport().width(), self._rows.heights[row])

    def indexAt(self, point: QPoint) -> QModelIndex:
        found = self._rows.row_at(point.y())
        return QModelIndex() if found is None else self._model.index(found[0], 0)

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        box, height = self.visualRect(index), self.viewport().height()
        if not index.isValid() or (box.top() >= 0 and box.bottom() <= height):
            return
        self._rows.follow(False)
        if box.top() < 0 or box.height() > height:
            self._rows.anchor = (index.row(), 0)
        else:
            self._rows.anchor = (index.row(), box.height() - height + BOTTOM)
        self._arrange()

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        actions = QAbstractItemView.CursorAction
        row, last = max(0, self.currentIndex().row()), len(self._rows.heights) - 1
        if action in (actions.MoveHome, actions.MoveEnd):
            row = 0 if action == actions.MoveHome else last
        step = {actions.MoveDown: 1, actions.MoveNext: 1, actions.MoveUp: -1, actions.MovePrevious: -1}.get(action, 0)
        row += step
        while 0 <= row <= last and self._rows.heights[row] == 0 and step:
            row += step
        return self._model.index(max(0, min(last, row)), 0)

    def keyboardSearch(self, search: str) -> None:
        """Typing does not look through 100,000 rows; searching does."""

    # Qt: events

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        clip = QRectF(event.rect())
        painter.fillRect(clip, self._style.color("base"))
        for row, top in self._rows.visible:
            if row < len(self._rows.heights) and top < clip.bottom() and top + self._rows.heights[row] > clip.top():
                self._paint_row(painter, row, top, clip)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self.column_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex().row()
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll) and len(self._rows.heights):
            end = TextPoint(len(self._rows.heights) - 1, END_OF_ROW)
            self._selection = Selection(TextPoint(0, 0), end)
            self.viewport().update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and current >= 0:
            self._toggle_current(current)
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            bar = self.verticalScrollBar()
            page = bar.pageStep() - 3 * ESTIMATED_LINE
            bar.setValue(bar.value() + (page if event.key() == Qt.Key.Key_PageDown else -page))
        elif event.key() == Qt.Key.Key_End:
            self.setCurrentIndex(self._model.index(len(self._rows.heights) - 1, 0))
            self.show_end()
        else:
            super().keyPressEvent(event)

    def _toggle_current(self, row: int) -> None:
        layout = self._rows.lay_out(row)
        if layout is not None and any(getattr(block, "foldable", False) for block in layout.blocks):
            self.toggle(row)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._rows.visible:
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
        if self._rows.visible and self._target_at(event.position().toPoint()) is None:
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
        found = self._rows.row_at(int(position.y()))
        layout = None if found is None else self._rows.lay_out(found[0])
        if found is None or layout is None:
            return False
        return layout.scroll_sideways(position.x() - self.column()[0], position.y() - found[1], pixels)

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


def _cursor_shape(target: Target | None) -> Qt.CursorShape:
    return Qt.CursorShape.IBeamCursor if target is None else Qt.CursorShape.PointingHandCursor
