"""How a choice of the palette is painted: its kind, its title with the matches, and a detail at the right."""

from __future__ import annotations

import re

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.ui.theme import SMALL_SIZE, Themes, color, ui_font

KindRole = Qt.ItemDataRole.UserRole
DetailRole = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
_MARKS = re.compile("[‹›]")
_KIND_WIDTH = 76


class PaletteItems(QStyledItemDelegate):
    """One line for each choice."""

    def __init__(self, themes: Themes, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, round(QFontMetricsF(ui_font()).height()) + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme = self._themes.theme
        box = QRectF(option.rect).adjusted(2, 1, -2, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.selected))
            painter.drawRoundedRect(box, 6, 6)
        small, plain = ui_font(SMALL_SIZE), ui_font()
        baseline = box.center().y() + QFontMetricsF(plain).ascent() / 2 - 1
        painter.setFont(small)
        painter.setPen(color(theme.muted))
        painter.drawText(QPointF(box.x() + 10, baseline), str(index.data(KindRole)))
        left, right = box.x() + 10 + _KIND_WIDTH, box.right() - 10
        metrics = QFontMetricsF(small)
        detail = metrics.elidedText(str(index.data(DetailRole)), Qt.TextElideMode.ElideRight, (right - left) / 3)
        width = metrics.horizontalAdvance(detail)
        painter.drawText(QPointF(right - width, baseline), detail)
        painter.setFont(plain)
        painter.setPen(color(theme.text))
        title = _MARKS.sub("", str(index.data()))
        room = right - left - width - 12
        painter.drawText(
            QPointF(left, baseline), QFontMetricsF(plain).elidedText(title, Qt.TextElideMode.ElideMiddle, room)
        )
        painter.restore()
