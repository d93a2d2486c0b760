"""How items of the browser's lists are painted: sessions with their state, search results with their matches."""

from __future__ import annotations

import re

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.ui.models.sessions import DetailRole, StateRole
from app.ui.theme import SMALL_SIZE, Theme, Themes, color, ui_font

Index = QModelIndex | QPersistentModelIndex
SESSION_HEIGHT, HIT_HEIGHT = 54, 62
_MATCH = re.compile("‹(.*?)›")
_DOTS = {"running": "running", "waiting": "waiting", "failed": "failed", "paused": "paused"}


class _Items(QStyledItemDelegate):
    """Shared by both: fonts, the background, a line of text that is cut where room ends."""

    item_height = SESSION_HEIGHT

    def __init__(self, themes: Themes, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes
        self._font = ui_font()
        self._bold = ui_font()
        self._bold.setWeight(QFont.Weight.DemiBold)
        self._small = ui_font(SMALL_SIZE)

    @property
    def _theme(self) -> Theme:
        return self._themes.theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, self.item_height)

    def _background(self, painter: QPainter, option: QStyleOptionViewItem) -> QRectF:
        box = QRectF(option.rect).adjusted(8, 2, -8, -2)
        state = option.state
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(self._theme.selected if chosen else self._theme.raised))
            painter.drawRoundedRect(box, 8, 8)
        if chosen and state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color(self._theme.accent), 1))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        return box

    def _line(
        self, painter: QPainter, font: QFont, ink: str, left: float, baseline: float, room: float, text: str
    ) -> None:
        painter.setFont(font)
        painter.setPen(color(ink))
        cut = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(left, baseline), cut)


class SessionItems(_Items):
    """A dot for the state, the title, a line with workspace, age and who wrote."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        box = self._background(painter, option)
        state = str(index.data(StateRole))
        self._dot(painter, QPointF(box.x() + 14, box.y() + 17), state)
        left, room = box.x() + 28, box.width() - 38
        title = self._font if state == "idle" else self._bold
        self._line(painter, title, self._theme.text, left, box.y() + 20, room, str(index.data()))
        self._line(painter, self._small, self._theme.muted, left, box.y() + 39, room, str(index.data(DetailRole)))
        painter.restore()

    def _dot(self, painter: QPainter, center: QPointF, state: str) -> None:
        if state in _DOTS:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(getattr(self._theme, _DOTS[state])))
            painter.drawEllipse(center, 4, 4)
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color(self._theme.muted), 1.2))
            painter.drawEllipse(center, 3, 3)


class HitItems(_Items):
    """The session's title and age, and the snippet with its matches in bold."""

    item_height = HIT_HEIGHT

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        box = self._background(painter, option)
        left, room = box.x() + 12, box.width() - 24
        age = str(index.data(StateRole))
        width = QFontMetricsF(self._small).horizontalAdvance(age)
        self._line(painter, self._small, self._theme.muted, box.right() - 12 - width, box.y() + 20, width + 2, age)
        self._line(painter, self._bold, self._theme.text, left, box.y() + 20, room - width - 8, str(index.data()))
        self._snippet(painter, QRectF(left, box.y() + 25, room, 32), str(index.data(DetailRole)))
        painter.restore()

    def _snippet(self, painter: QPainter, box: QRectF, text: str) -> None:
        """Two lines; the words that matched in the text colour, the others muted."""
        bold = QFont(self._small)
        bold.setWeight(QFont.Weight.DemiBold)
        metrics, bold_metrics = QFontMetricsF(self._small), QFontMetricsF(bold)
        x, y = box.x(), box.y() + 13
        for word, matched in _words(text):
            width = (bold_metrics if matched else metrics).horizontalAdvance(word)
            if x + width > box.right() and x > box.x():
                if y > box.y() + 14:
                    break
                x, y = box.x(), y + 16
            painter.setFont(bold if matched else self._small)
            painter.setPen(color(self._theme.text if matched else self._theme.muted))
            painter.drawText(QPointF(x, y), word)
            x += width


def _words(snippet: str) -> list[tuple[str, bool]]:
    """Words with their following space, and whether they matched."""
    found: list[tuple[str, bool]] = []
    for number, piece in enumerate(_MATCH.split(snippet)):
        found += [(word, number % 2 == 1) for word in re.findall(r"\S+\s*|\s+", piece)]
    return found
