"""How rows of the browser's lists are painted: sessions with their state, search results with their matches, headings.

The mark beside a title says the state by its shape as well as its colour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QLineEdit, QStyledItemDelegate, QWidget

from app.sessions.sizes import human_size
from app.ui.models.hits import More
from app.ui.models.sessions import DetailRole, RowRole, StateRole, TagsRole
from app.ui.theme import SMALL_SIZE, UI_SIZE, Theme, Themes, color, ui_font

if TYPE_CHECKING:
    from PySide6.QtWidgets import QStyleOptionViewItem

Index = QModelIndex | QPersistentModelIndex
WIDE = 420
"""From so many pixels on a row has room for the session's size."""
MOST_PILLS, LINES = 3, 2
_MOST_LAYOUTS = 500
_IN_LINE = int(
    Qt.AlignmentFlag.AlignLeft
    | Qt.AlignmentFlag.AlignAbsolute
    | Qt.AlignmentFlag.AlignVCenter
    | Qt.TextFlag.TextSingleLine
)
_MATCH = re.compile("‹(.*?)›")


class Look(NamedTuple):
    """What distinguishes a row. Qt's own state of an item is slow to import, and not needed by what paints itself."""

    chosen: bool = False
    hovered: bool = False
    focused: bool = False


class Items(QStyledItemDelegate):
    """Shared by both lists. item_height, heading_height: pixels."""

    def __init__(self, themes: Themes, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes
        self.restyle()

    def restyle(self) -> None:
        """Take fonts anew."""
        self._font = ui_font()
        self._bold = ui_font()
        self._bold.setWeight(QFont.Weight.DemiBold)
        self._small = ui_font(SMALL_SIZE)
        self._heading = ui_font(SMALL_SIZE)
        self._heading.setWeight(QFont.Weight.Medium)
        self._line = QFontMetricsF(self._font).height()
        self._small_line = QFontMetricsF(self._small).height()
        self.item_height = self._measure()
        self.heading_height = round(self._small_line + 16)

    def _measure(self) -> int:
        return round(self._line + self._small_line + 24)

    @property
    def _theme(self) -> Theme:
        return self._themes.theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, self.item_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """For Qt: the picture of a row that is dragged."""
        self.paint_row(painter, QRectF(option.rect), index, Look())

    def paint_row(self, painter: QPainter, place: QRectF, index: Index, look: Look) -> None:
        """Paint a row where it is."""
        raise NotImplementedError

    def _background(self, painter: QPainter, place: QRectF, look: Look) -> QRectF:
        box = place.adjusted(8, 2, -8, -2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if look.chosen or look.hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(self._theme.selected if look.chosen else self._theme.raised))
            painter.drawRoundedRect(box, 8, 8)
        if look.focused:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color(self._theme.accent), 1))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        return box

    def _text(self, painter: QPainter, font: QFont, ink: str, box: QRectF, text: str) -> None:
        """One line at the left of a box, cut where it ends."""
        painter.setFont(font)
        painter.setPen(color(ink))
        metrics = QFontMetricsF(font)
        cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, _IN_LINE, cut)

    def _title_box(self, box: QRectF) -> QRectF:
        return QRectF(box.x() + 28, box.y() + 7, box.width() - 38, self._line)


class SessionItems(Items):
    """A mark for the state, the title, a line with workspace, age and who wrote, and tags."""

    def paint_row(self, painter: QPainter, place: QRectF, index: Index, look: Look) -> None:
        painter.save()
        session = index.data(RowRole)
        if session is None:
            box = place.adjusted(20, 8, -16, 0)
            self._text(painter, self._heading, self._theme.muted, box, str(index.data()))
        else:
            box, state = self._background(painter, place, look), str(index.data(StateRole))
            title = self._title_box(box)
            self._mark(painter, QPointF(box.x() + 14, title.center().y()), state)
            loud = session.unread or state in ("running", "waiting", "failed")
            self._text(painter, self._bold if loud else self._font, self._theme.text, title, str(index.data()))
            self._second_line(painter, title.translated(0, self._line + 4), index, session.bytes)
        painter.restore()

    def _second_line(self, painter: QPainter, box: QRectF, index: Index, size: int) -> None:
        words = str(index.data(DetailRole))
        if box.width() >= WIDE:
            words += f" · {human_size(size)}"
        box = QRectF(box.x(), box.y(), box.width(), self._small_line)
        wanted = min(QFontMetricsF(self._small).horizontalAdvance(words) + 1, box.width())
        left = self._pills(painter, box, index.data(TagsRole), wanted)
        self._text(
            painter, self._small, self._theme.muted, QRectF(box.x(), box.y(), left - box.x(), box.height()), words
        )

    def _pills(self, painter: QPainter, box: QRectF, tags: tuple[str, ...], words: float) -> float:
        """Tags at the right, as many as leave room for the words; gives where they begin."""
        pills = self._fitting(tags, box.width() - words)
        left = box.right() - sum(width + 6 for _text, width in pills)
        x = left
        for text, width in pills:
            pill = QRectF(x + 6, box.y() - 1, width, box.height() + 2)
            painter.setPen(QPen(color(self._theme.field_line), 1))
            painter.setBrush(color(self._theme.base))
            painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), pill.height() / 2, pill.height() / 2)
            self._text(painter, self._small, self._theme.muted, pill.adjusted(6, 0, 0, 0), text)
            x += width + 6
        return left

    def _fitting(self, tags: tuple[str, ...], room: float) -> list[tuple[str, float]]:
        """The first tags with their widths, and how many more there are; where that is too much, the first alone."""
        metrics = QFontMetricsF(self._small)
        choices = [
            [*tags[:count], *([f"+{len(tags) - count}"] if count < len(tags) else ())]
            for count in range(min(len(tags), MOST_PILLS), 0, -1)
        ]
        for shown in [*choices, [*tags[:1]]]:
            pills = [(text, metrics.horizontalAdvance(text) + 12) for text in shown]
            if sum(width + 6 for _text, width in pills) <= room:
                return pills
        return []

    def _mark(self, painter: QPainter, center: QPointF, state: str) -> None:
        """running: a disc in a ring; waiting: a diamond; failed: a cross; paused: two bars; unread: a disc."""
        theme = self._theme
        ink = color({"unread": theme.accent, "idle": theme.field_line}.get(state) or getattr(theme, state))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        x, y = center.x(), center.y()
        match state:
            case "waiting":
                points = ((x, y - 5), (x + 5, y), (x, y + 5), (x - 5, y))
                painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
            case "failed":
                painter.setPen(QPen(ink, 2.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawLine(QPointF(x - 3, y - 3), QPointF(x + 3, y + 3))
                painter.drawLine(QPointF(x - 3, y + 3), QPointF(x + 3, y - 3))
            case "paused":
                painter.drawRect(QRectF(x - 3.5, y - 4, 2.5, 8))
                painter.drawRect(QRectF(x + 1, y - 4, 2.5, 8))
            case "running":
                painter.drawEllipse(center, 3, 3)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(ink, 1.2))
                painter.drawEllipse(center, 5, 5)
            case _:
                painter.drawEllipse(center, *((4, 4) if state == "unread" else (3, 3)))

    # Renaming in the row

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName("New title")
        editor.setProperty("role", "inline")
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QLineEdit) and not editor.isModified():
            editor.setText(str(index.data(Qt.ItemDataRole.EditRole)))
            editor.selectAll()

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        box = self._title_box(QRectF(option.rect).adjusted(8, 2, -8, -2)).adjusted(-7, -4, 4, 4)
        editor.setGeometry(QRect(box.toRect()))


@dataclass(slots=True)
class _Run:
    """A piece of a snippet: pixels from the left, the number of its line; style: kind, text or match."""

    x: float
    line: int
    text: str
    style: str
    width: float


class HitItems(Items):
    """Titles of sessions as headings, and below them snippets with their matches marked."""

    def restyle(self) -> None:
        super().restyle()
        self._heading.setPointSizeF(ui_font(UI_SIZE).pointSizeF())
        self._heading.setWeight(QFont.Weight.DemiBold)
        self._strong = ui_font(SMALL_SIZE)
        self._strong.setWeight(QFont.Weight.DemiBold)
        self._ascent = QFontMetricsF(self._small).ascent()
        self._layouts: dict[tuple[str, str, float], list[_Run]] = {}
        self.heading_height = round(self._line + 14)

    def _measure(self) -> int:
        return round(LINES * self._small_line + 16)

    def paint_row(self, painter: QPainter, place: QRectF, index: Index, look: Look) -> None:
        painter.save()
        row = index.data(RowRole)
        if row is None:
            self._title(painter, place.adjusted(20, 8, -20, 0), index)
        else:
            box = self._background(painter, place, look).adjusted(12, 4, -12, -4)
            if isinstance(row, More):
                self._text(painter, self._small, self._theme.muted, box, str(index.data()))
            else:
                self._snippet(painter, box, str(index.data(StateRole)), str(index.data(DetailRole)))
        painter.restore()

    def _title(self, painter: QPainter, box: QRectF, index: Index) -> None:
        age = str(index.data(StateRole))
        width = QFontMetricsF(self._small).horizontalAdvance(age) + 1
        self._text(painter, self._small, self._theme.muted, box.adjusted(box.width() - width, 0, 0, 0), age)
        self._text(painter, self._heading, self._theme.text, box.adjusted(0, 0, -width - 8, 0), str(index.data()))

    def _snippet(self, painter: QPainter, box: QRectF, kind: str, text: str) -> None:
        """Two lines; the words that matched stand on a ground of their own."""
        for run in self._laid(kind, text, box.width()):
            place = box.x() + run.x, box.y() + run.line * self._small_line
            if run.style == "match":
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color(self._theme.highlight))
                painter.drawRoundedRect(QRectF(place[0] - 1, place[1], run.width + 2, self._small_line), 3, 3)
            painter.setFont(self._strong if run.style == "match" else self._small)
            painter.setPen(color(self._theme.muted if run.style == "kind" else self._theme.text))
            painter.drawText(QPointF(place[0], place[1] + self._ascent), run.text)

    def _laid(self, kind: str, text: str, width: float) -> list[_Run]:
        """Where the pieces of a snippet stand; kept, because typing paints the same ones again and again."""
        key = kind, text, width
        if key not in self._layouts:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = self._lay_out(kind, text, width)
        return self._layouts[key]

    def _lay_out(self, kind: str, text: str, width: float) -> list[_Run]:
        small, strong = QFontMetricsF(self._small), QFontMetricsF(self._strong)
        runs: list[_Run] = []
        x, line = 0.0, 0
        for word, style in [(f"{kind}: ", "kind"), *_words(text)]:
            metrics = strong if style == "match" else small
            advance = metrics.horizontalAdvance(word)
            if x and x + metrics.horizontalAdvance(word.rstrip()) > width:
                if line == LINES - 1:
                    break
                x, line = 0.0, line + 1
            if advance > width:
                word = metrics.elidedText(word, Qt.TextElideMode.ElideRight, width)
            last = runs[-1] if runs else None
            if last is not None and last.style == style != "match" and last.line == line:
                last.text += word
            else:
                runs.append(_Run(x, line, word, style, min(metrics.horizontalAdvance(word.rstrip()), width)))
            x += advance
        return runs


def _words(snippet: str) -> list[tuple[str, str]]:
    """Words with their following space, and whether they matched."""
    found: list[tuple[str, str]] = []
    for number, piece in enumerate(_MATCH.split(snippet)):
        found += [(word, "match" if number % 2 else "text") for word in re.findall(r"\S+\s*|\s+", piece)]
    return found
