"""Lists with one line an item: the widget, and the ground under what is chosen or pointed at."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.theme import Theme, color


def item_list(model: QAbstractItemModel, items: QStyledItemDelegate, name: str, parent: QWidget) -> QListView:
    """A list whose items nobody edits. name: for screen readers."""
    made = QListView(parent)
    made.setModel(model)
    made.setItemDelegate(items)
    made.setUniformItemSizes(True)
    made.setMouseTracking(True)
    made.setAccessibleName(name)
    made.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return made


def paint_ground(painter: QPainter, option: QStyleOptionViewItem, theme: Theme) -> QRectF:
    """Paint what shows that an item is chosen, pointed at or has the keyboard; the box for its text."""
    box, state = QRectF(option.rect).adjusted(8, 1, -8, -1), option.state
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    chosen = bool(state & QStyle.StateFlag.State_Selected)
    if chosen or state & QStyle.StateFlag.State_MouseOver:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(theme.selected if chosen else theme.raised))
        painter.drawRoundedRect(box, 6, 6)
    if chosen and state & QStyle.StateFlag.State_HasFocus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color(theme.accent), 1))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    return box
