"""How the files of a session are painted in their list: name, folder, what became of it, lines, and the disk's mark."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from app.ui.item_list import paint_ground
from app.ui.models.changed_files import DriftRole, EntryRole, mark_of
from app.ui.theme import SMALL_SIZE, Themes, color, ui_font

Index = QModelIndex | QPersistentModelIndex
_PADDING, _GAP, _DOT = 12, 8, 3.5


def counts_of(added: int, removed: int) -> list[tuple[str, str]]:
    """(text, token of its colour) of counts of lines, as everywhere: +12 −4; what is none is not said."""
    both = ((f"+{added:,}", "added_text", added), (f"−{removed:,}", "removed_text", removed))
    return [(text, token) for text, token, count in both if count]


class FileItems(QStyledItemDelegate):
    """One line a file."""

    def __init__(self, themes: Themes, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes
        self.take_fonts()

    def take_fonts(self) -> None:
        """Take up the text size in force."""
        self._font, self._small = ui_font(), ui_font(SMALL_SIZE)
        self._metrics, self._small_metrics = QFontMetricsF(self._font), QFontMetricsF(self._small)

    def row_height(self) -> int:
        """Pixels of each item."""
        return round(self._metrics.height()) + 12

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, self.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        box = paint_ground(painter, option, self._themes.theme)
        entry = index.data(EntryRole)
        right = self._dot(painter, box) if index.data(DriftRole) else box.right() - _PADDING
        if not entry.span.is_binary:
            for text, token in reversed(counts_of(entry.added, entry.removed)):
                right = self._from_right(painter, box, right, text, token)
        mark = mark_of(entry)
        if mark:
            right = self._from_right(painter, box, right, mark, "muted")
        self._name(painter, box, right, entry.span.path)
        painter.restore()

    def _dot(self, painter: QPainter, box: QRectF) -> float:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(self._themes.theme.waiting))
        painter.drawEllipse(QPointF(box.right() - _PADDING - _DOT, box.center().y()), _DOT, _DOT)
        return box.right() - _PADDING - 2 * _DOT - _GAP

    def _from_right(self, painter: QPainter, box: QRectF, right: float, text: str, token: str) -> float:
        width = self._small_metrics.horizontalAdvance(text)
        self._text(painter, self._small, token, QRectF(right - width, box.y(), width + 1, box.height()), text)
        return right - width - _GAP

    def _name(self, painter: QPainter, box: QRectF, right: float, path: str) -> None:
        folder, _, name = path.rpartition("/")
        left = box.x() + _PADDING
        cut = self._metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, max(0.0, right - left))
        width = self._metrics.horizontalAdvance(cut)
        self._text(painter, self._font, "text", QRectF(left, box.y(), width + 1, box.height()), cut)
        left += width + _GAP
        cut = self._small_metrics.elidedText(folder, Qt.TextElideMode.ElideLeft, max(0.0, right - left))
        self._text(painter, self._small, "muted", QRectF(left, box.y(), max(0.0, right - left), box.height()), cut)

    def _text(self, painter: QPainter, font: QFont, token: str, box: QRectF, text: str) -> None:
        painter.setFont(font)
        painter.setPen(color(getattr(self._themes.theme, token)))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
