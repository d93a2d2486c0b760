"""The commands of a session as a list: mark, command line, how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from app.ui.ages import duration
from app.ui.item_list import paint_ground
from app.ui.theme import SMALL_SIZE, Themes, color, mono_font, ui_font

if TYPE_CHECKING:
    from app.sessions.views import CommandRow

Index = QModelIndex | QPersistentModelIndex
RowRole = int(Qt.ItemDataRole.UserRole)
_TOP = QModelIndex()


def ending(row: CommandRow) -> str:
    """How a command ended, in a word or two."""
    if row.running:
        return "running"
    if row.result is None:
        return "no result"
    if row.signal is not None:
        return f"ended by {row.signal}"
    return "ended, nobody knows how" if row.exit_code is None else f"exit {row.exit_code}"


def first_line(command: str) -> str:
    """What a list shows of a command."""
    lines = [line.strip() for line in command[:2000].splitlines() if line.strip()]
    return (lines[0] + (" …" if len(lines) > 1 else "")) if lines else ""


class CommandsModel(QAbstractListModel):
    """Rows in the order in which they began."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[CommandRow] = []
        self._numbers: dict[tuple[str | None, str], int] = {}

    def show(self, rows: Sequence[CommandRow]) -> None:
        """Other commands in place of these."""
        self.beginResetModel()
        self.rows = list(rows)
        self._count()
        self.endResetModel()

    def put_before(self, rows: Sequence[CommandRow]) -> None:
        """Older ones."""
        if rows:
            self.beginInsertRows(_TOP, 0, len(rows) - 1)
            self.rows[:0] = rows
            self._count()
            self.endInsertRows()

    def put(self, rows: Iterable[CommandRow]) -> None:
        """New ones, or others of which more is known."""
        for row in rows:
            number = self._numbers.get(row.key)
            if number is None:
                number = len(self.rows)
                self.beginInsertRows(_TOP, number, number)
                self.rows.append(row)
                self._numbers[row.key] = number
                self.endInsertRows()
            elif row != self.rows[number]:
                self.rows[number] = row
                self.dataChanged.emit(self.index(number), self.index(number))

    def number(self, key: tuple[str | None, str] | None) -> int | None:
        """Where a command is."""
        return None if key is None else self._numbers.get(key)

    def _count(self) -> None:
        self._numbers = {row.key: number for number, row in enumerate(self.rows)}

    # Qt

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == RowRole:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{first_line(row.command)}: {ending(row)}"
        return row.command[:2000] if role == Qt.ItemDataRole.ToolTipRole and "\n" in row.command else None


class CommandItems(QStyledItemDelegate):
    """Paints a command in one line."""

    def __init__(self, themes: Themes, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes
        self.take_fonts()

    def take_fonts(self) -> None:
        """The text size is another."""
        self._mono, self._small, self._mark = mono_font(), ui_font(SMALL_SIZE), ui_font()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, round(QFontMetricsF(self._mono).height() + 12))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: CommandRow = index.data(RowRole)
        painter.save()
        box = paint_ground(painter, option, self._themes.theme)
        self._end_mark(painter, box, row)
        spent = "" if row.duration_ms is None else duration(row.duration_ms)
        theme, small = self._themes.theme, QFontMetricsF(self._small)
        middle = box.center().y()
        width = small.horizontalAdvance(spent)
        painter.setFont(self._small)
        painter.setPen(color(theme.muted))
        baseline = middle + (small.ascent() - small.descent()) / 2
        painter.drawText(QPointF(box.right() - 10 - width, baseline), spent)
        metrics = QFontMetricsF(self._mono)
        room = box.width() - 30 - width - 22
        painter.setFont(self._mono)
        painter.setPen(color(theme.text))
        cut = metrics.elidedText(first_line(row.command), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(box.x() + 30, middle + (metrics.ascent() - metrics.descent()) / 2), cut)
        painter.restore()

    def _end_mark(self, painter: QPainter, box: QRectF, row: CommandRow) -> None:
        theme = self._themes.theme
        if row.running:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(theme.running))
            painter.drawEllipse(QPointF(box.x() + 15, box.center().y()), 4, 4)
            return
        known = row.result is not None and not (row.exit_code is None and row.signal is None)
        text, ink = ("✗", theme.failed) if row.failed else ("✓", theme.running) if known else ("…", theme.muted)
        metrics = QFontMetricsF(self._mark)
        painter.setFont(self._mark)
        painter.setPen(color(ink))
        middle = box.center().y() + (metrics.ascent() - metrics.descent()) / 2
        painter.drawText(QPointF(box.x() + 15 - metrics.horizontalAdvance(text) / 2, middle), text)
