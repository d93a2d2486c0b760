"""The conversation: a QListView for model, current item and accessibility, with its own geometry and painting.

QListView lays out every item before it shows the first. Here only visible rows are measured; all others have the
height estimated from their stored number of lines (see `geometry.py`). While the end is in sight the view sticks to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QWidget

from app.ui.conversation.blocks import Opens
from app.ui.conversation.geometry import BOTTOM, ESTIMATED_LINE, Geometry
from app.ui.conversation.painting import OUTLINE, RowPainter
from app.ui.conversation.parts import Answer, CopyText, Fold, Link, Style, Target, Toggle
from app.ui.conversation.pointing import Pointing
from app.ui.conversation.repainting import Shown, repaint
from app.ui.conversation.selection import END_OF_ROW, Selection, join_rows
from app.ui.models.conversation import ConversationModel
from app.ui.painted_list import Index, PaintedList

WHEEL_STEP = 60


class ConversationView(PaintedList):
    """link_clicked: an address. opens: what another panel shows (`blocks.Opens`). answered: (request, choice).
    copied: a text. copy_wanted: the selection holds rows whose text must be fetched. menu_wanted: (row, global point).
    following_changed: whether the view sticks to the end. column_changed: `column` gives other values."""

    link_clicked = Signal(str)
    opens = Signal(object)
    menu_wanted = Signal(int, object)
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
        self._shown: list[Shown] = []
        self.pointing = Pointing(self, self._rows)
        self._flashed: int | None = None
        self.setAccessibleName("Conversation")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._arrange_soon = self._timer(0, self._arrange)
        self._idle = self._timer(0, self._lay_out_ahead)
        self._flash_end = self._timer(1200, self._end_flash)
        self.setModel(model)
        self.prepare()
        model.contents_changed.connect(self._refresh_rows)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.pointing.activated.connect(self._activate)
        self.pointing.selected.connect(self.viewport().update)

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
        if self._model.folds.is_hidden(row):
            self._rows.fold(row)
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
        """Go to the previous (-1) or next (1) prompt."""
        row = self._rows.anchor[0] if direction > 0 else self._rows.anchor[0] + (self._rows.anchor[1] > 0)
        row += direction
        prompts = self._model.folds.prompts
        number = bisect_left(prompts, row) if direction > 0 else bisect_right(prompts, row) - 1
        if 0 <= number < len(prompts):
            self.setCurrentIndex(self._model.index(prompts[number], 0))
            self.go_to_row(prompts[number])
        else:
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

    def fold(self, row: int) -> None:
        """Fold or unfold the turn of a row."""
        self._rows.fold(row)
        self._arrange()

    def fold_all(self, folded: bool) -> None:
        """Fold or unfold all turns."""
        self._rows.fold_all(folded)
        self._arrange()

    def row_in_front(self) -> int:
        """The row that a command means: the current one if it is in sight, else the first in sight."""
        current, shown = self.currentIndex().row(), [row for row, _top in self._rows.visible]
        return current if current in shown or not shown else shown[0]

    def row_opens(self, row: int) -> Opens | None:
        """Where another panel shows more of a row."""
        layout = self._rows.lay_out(row) if 0 <= row < len(self._rows.heights) else None
        return None if layout is None else layout.opens

    def mark(self, wanted: re.Pattern[str] | None, current: int | None = None) -> None:
        """Mark what is looked for in every row; current: the row id of the find that the reader is at."""
        self._rows.mark(wanted, current)
        self.viewport().update()

    def show_mark(self, row: int) -> None:
        """Bring the first mark of a row into sight, opening its card if it is inside."""
        if self._model.folds.is_hidden(row):
            self._rows.fold(row)
        layout = self._rows.lay_out(row)
        if layout is not None and layout.first_mark() is None and layout.foldable and not self._rows.is_open(row):
            self._rows.toggle(row)
            layout = self._rows.lay_out(row)
        inside = (layout.first_mark() if layout is not None else None) or 0
        self.setCurrentIndex(self._model.index(row, 0))  # first: it scrolls
        self._rows.follow(False)
        self._rows.anchor = (row, inside - min(self.viewport().height() // 3, self._rows.heights.top(row) + inside))
        self._arrange()

    def selection(self) -> Selection | None:
        """What is selected, if anything is."""
        chosen = self.pointing.selection
        return None if chosen is None or chosen.is_empty else chosen

    def selected_text(self) -> str | None:
        """The selected text: parts of the first and last row, Markdown of those between; None if some are not here."""
        selection = self.selection()
        if selection is None:
            return ""
        texts = [self.row_text(row) for row in range(selection.first.row, selection.last.row + 1)]
        return None if None in texts else join_rows(text for text in texts if text is not None)

    def row_text(self, row: int) -> str | None:
        """The selected text of one row; None if its event is not here."""
        assert self.pointing.selection is not None
        chosen = self.pointing.selection.within(row) or (0, 0)
        if chosen[0] == 0 and chosen[1] == END_OF_ROW:
            return self._model.text(row)
        layout = self._rows.lay_out(row)
        return None if layout is None else layout.text(chosen[0], min(chosen[1], layout.length))

    # Layout

    def column(self) -> tuple[int, int]:
        """The left edge and the width of the text."""
        return self._rows.column()

    def _arrange(self) -> None:
        """Lay out what is visible, then tell the scroll bar, then paint what looks otherwise now."""
        self._arrange_soon.stop()
        viewport = self.viewport()
        self._rows.resize(viewport.width(), viewport.height())
        self._rows.arrange()
        self._update_scroll_bar()
        before, self._shown = self._shown, self._rows.shown()
        shift, strips = repaint(before, self._shown, viewport.height())
        if shift:
            viewport.scroll(0, shift)
        for top, bottom in strips:
            viewport.update(0, top, viewport.width(), bottom - top)

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

    # Doing

    def _activate(self, row: int, target: Target) -> None:
        match target:
            case Toggle():
                self.toggle(row)
            case Link(address=address):
                self.link_clicked.emit(address)
            case Answer(request=request, choice=choice):
                self.answered.emit(request, choice)
            case Fold():
                self.fold(row)
            case CopyText(text=text):
                self.copied.emit(text)
            case Opens():
                self.opens.emit(target)

    def _copy(self) -> None:
        text = self.selected_text()
        if text is None:
            self.copy_wanted.emit()
        elif text:
            self.copied.emit(text)

    def _end_flash(self) -> None:
        self._flashed = None
        self.viewport().update()

    # Qt: geometry is ours

    def doItemsLayout(self) -> None:
        self._arrange_soon.start()

    def reset(self) -> None:
        super().reset()
        self.pointing.forget()
        self._rows.reset()
        self._arrange_soon.start()

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        if self._rows.insert(start, end) and self.pointing.selection:
            self.pointing.selection = self.pointing.selection.moved(end - start + 1)
        self._arrange_soon.start()

    def rowsAboutToBeRemoved(self, parent: Index, start: int, end: int) -> None:
        super().rowsAboutToBeRemoved(parent, start, end)
        self._rows.remove(start, end)
        if self.pointing.selection and self.pointing.selection.last.row >= start:
            self.pointing.forget()
        self._arrange_soon.start()

    def dataChanged(self, top_left: Index, bottom_right: Index, roles: Iterable[int] = ()) -> None:
        self._arrange_soon.start()

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        for index in (current, previous):
            self.viewport().update(self.visualRect(index).adjusted(0, 0, 0, OUTLINE))

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

    # Qt: events

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Moving what is drawn is part of arranging it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        current = self.currentIndex().row() if self.hasFocus() else None
        rows = RowPainter(
            painter,
            self._rows,
            self._model,
            self._style,
            selection=self.pointing.selection,
            flashed=self._flashed,
            current=current,
        )
        for strip in event.region():  # type: ignore[attr-defined]
            painter.setClipRect(strip)
            rows.paint(QRectF(strip))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self.column_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex().row()
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.pointing.select_all()
        elif event.key() == Qt.Key.Key_O and not event.modifiers():
            self.open_elsewhere(current)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and not event.modifiers():
            self._fold_by_key(current, fold=event.key() == Qt.Key.Key_Left)
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

    def open_elsewhere(self, row: int) -> None:
        """Show in another panel what that has more of."""
        opens = self.row_opens(row)
        if opens is not None:
            self.opens.emit(opens)

    def _fold_by_key(self, row: int, *, fold: bool) -> None:
        turn = self._model.folds.turn_at(row) if row >= 0 else None
        if turn is not None and self._model.folds.is_folded(turn[0]) != fold:
            self.fold(row)
            self.setCurrentIndex(self._model.index(turn[1], 0))

    def _toggle_current(self, row: int) -> None:
        layout = self._rows.lay_out(row)
        if layout is not None and layout.foldable:
            self.toggle(row)
        elif layout is not None and self._model.turn_of(row):
            self.fold(row)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._rows.visible:
            return
        self.pointing.press(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            self.make_current(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointing.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.pointing.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.pointing.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.pointing.scroll_sideways(event):
            self.viewport().update()
            event.accept()
            return
        pixels = event.pixelDelta().y() or event.angleDelta().y() / 120 * WHEEL_STEP
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - round(pixels))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            box = self.visualRect(self.currentIndex())
            self.menu_wanted.emit(
                self.row_in_front(), self.viewport().mapToGlobal(QPoint(self.column()[0], max(0, box.top()) + 20))
            )
            return
        index = self.indexAt(event.pos())
        if index.isValid():
            self.make_current(index)
            self.menu_wanted.emit(index.row(), event.globalPos())
