"""Code and output: own lines with a background, fixed line height and sideways scrolling.

QTextDocument gives code neither background nor scrolling and lays out every line; here only visible lines are laid out.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QTextCharFormat, QTextLayout, QTextOption

from app.ui.conversation.lexing import Spans
from app.ui.conversation.parts import CopyText, Part, Range, Style, Target

PADDING_X, PADDING_Y = 12, 9
LONGEST_LINE = 2_000
"""Characters of one line that are shown."""
_TINTS = {"+": "added", "-": "removed", "@": "raised"}


class CodePart(Part):
    """Lines in the fixed font, coloured when the lexer has answered. tints: see `blocks.Code`."""

    gap_above = 6

    def __init__(
        self,
        style: Style,
        text: str,
        language: str | None,
        tints: str = "",
        *,
        surface: str = "raised",
        copyable: bool = False,
    ) -> None:
        self._style = style
        self._copied = text if copyable else None
        self._language = language
        self._tints = tints
        self._surface = surface
        self._lines = [_shortened(line) for line in text.split("\n")]
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines)]
        # A diff is lexed without its first column.
        self._source = "\n".join(line[1:] for line in self._lines) if tints else "\n".join(self._lines)
        self._line_height = round(style.mono_metrics.lineSpacing() * 1.2)
        self._spans: Spans | None = None
        self._laid_out: dict[int, QTextLayout] = {}
        self._scrolled = 0.0
        self.length = self._starts[-1] - 1
        longest = max(self._lines, key=len)
        self._text_width = style.mono_metrics.horizontalAdvance(longest.expandtabs(4))

    def resize(self, width: int) -> None:
        """The height is that of the lines; nothing wraps."""
        self._width = width
        self.height = len(self._lines) * self._line_height + 2 * PADDING_Y
        self._scrolled = min(self._scrolled, self._overflow())

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the background and the visible lines."""
        box = QRectF(0, 0, self._width, self.height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._style.color(self._surface))
        painter.drawRoundedRect(box, 6, 6)
        painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
        self._refresh_spans()
        first = max(0, int((clip.top() - PADDING_Y) // self._line_height))
        last = min(len(self._lines), int((clip.bottom() - PADDING_Y) // self._line_height) + 1)
        for number in range(first, last):
            self._paint_line(painter, number, selected)
        self._paint_scroll_mark(painter)
        if self._copied is not None:
            self._paint_copy(painter)

    def position_at(self, x: float, y: float) -> int:
        """The nearest character."""
        number = max(0, min(len(self._lines) - 1, int((y - PADDING_Y) // self._line_height)))
        column = self._layout(number).lineAt(0).xToCursor(x - PADDING_X + self._scrolled)
        return self._starts[number] + max(0, min(column, len(self._lines[number])))

    def text(self, first: int, last: int) -> str:
        """The characters of a range."""
        start = max(0, bisect_right(self._starts, first) - 1)
        end = min(len(self._lines), bisect_right(self._starts, last))
        joined = "\n".join(self._lines[start:end])
        return joined[first - self._starts[start] : last - self._starts[start]]

    def first_mark(self) -> int | None:
        """The y of the line with the first mark."""
        if not self.marks:
            return None
        return PADDING_Y + (bisect_right(self._starts, self.marks[0][0]) - 1) * self._line_height

    def target_at(self, x: float, y: float) -> Target | None:
        """The button that copies the code."""
        return CopyText(self._copied) if self._copied is not None and self._copy_box().contains(x, y) else None

    def scroll_sideways(self, x: float, y: float, pixels: float) -> bool:
        """Move by `pixels`, as far as the longest line goes."""
        if not self._overflow():
            return False
        self._scrolled = max(0.0, min(self._overflow(), self._scrolled + pixels))
        return True

    def _overflow(self) -> float:
        return max(0.0, self._text_width + 2 * PADDING_X - self._width)

    def _refresh_spans(self) -> None:
        spans = self._style.lexer.spans(self._source, self._language)
        if spans is not self._spans:
            self._spans = spans
            self._laid_out.clear()

    def _paint_line(self, painter: QPainter, number: int, selected: Range | None) -> None:
        y = PADDING_Y + number * self._line_height
        tint = _TINTS.get(self._tints[number : number + 1])
        if tint:
            painter.fillRect(QRectF(0, y, self._width, self._line_height), self._style.color(tint))
        painter.setPen(self._style.color("muted" if tint == "raised" else "text"))
        formats = [self._behind(number, span, "found_here" if self.is_current else "found") for span in self.marks]
        if selected is not None:
            formats.append(self._behind(number, selected, "highlight"))
        shown = [mark for mark in formats if mark is not None]
        self._layout(number).draw(painter, QPointF(PADDING_X - self._scrolled, y), shown)

    def _behind(self, number: int, span: Range, color: str) -> QTextLayout.FormatRange | None:
        """A background for the part of a range that is on a line."""
        start, length = self._starts[number], len(self._lines[number])
        if span[0] > start + length or span[1] <= start:
            return None
        mark = QTextLayout.FormatRange()
        mark.start = max(0, span[0] - start)
        mark.length = min(length, span[1] - start) - mark.start
        mark.format = QTextCharFormat()
        mark.format.setBackground(self._style.color(color))
        if color != "highlight":
            mark.format.setForeground(self._style.color("text"))
        return mark

    def _layout(self, number: int) -> QTextLayout:
        layout = self._laid_out.get(number)
        if layout is None:
            layout = self._laid_out[number] = self._make_layout(number)
        return layout

    def _make_layout(self, number: int) -> QTextLayout:
        layout = QTextLayout(self._lines[number], self._style.mono_font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.NoWrap)
        option.setTabStopDistance(4 * self._style.mono_metrics.horizontalAdvance(" "))
        layout.setTextOption(option)
        layout.setFormats(self._formats(number))
        layout.beginLayout()
        line = layout.createLine()
        line.setPosition(QPointF(0, (self._line_height - self._style.mono_metrics.height()) / 2))
        layout.endLayout()
        return layout

    def _formats(self, number: int) -> list[QTextLayout.FormatRange]:
        if not self._spans or number >= len(self._spans) or self._tints[number : number + 1] == "@":
            return []
        shift = 1 if self._tints else 0
        formats = []
        for start, length, name in self._spans[number]:
            span = QTextLayout.FormatRange()
            span.start, span.length = start + shift, length
            span.format = QTextCharFormat()
            span.format.setForeground(self._style.syntax_color(name))
            formats.append(span)
        return formats

    def _copy_box(self) -> QRectF:
        size = self._style.px(24)
        return QRectF(self._width - size - 4, 4, size, size)

    def _paint_copy(self, painter: QPainter) -> None:
        """Two sheets, one upon the other."""
        box = self._copy_box()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._style.color(self._surface))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QPen(self._style.color("muted"), 1.1))
        size, x, y = box.width() * 0.36, box.center().x(), box.center().y()
        for shift in (1.5, -1.5):
            sheet = QRectF(x - size / 2 + shift, y - size / 2 + shift, size, size * 1.1)
            painter.drawRoundedRect(sheet, 1.5, 1.5)
            painter.setBrush(self._style.color(self._surface))

    def _paint_scroll_mark(self, painter: QPainter) -> None:
        """A thin bar below code that is wider than the part."""
        if not self._overflow():
            return
        whole = self._width + self._overflow()
        width = self._width * self._width / whole
        left = self._scrolled / whole * self._width
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._style.color("field_line"))
        painter.drawRoundedRect(QRectF(left + 4, self.height - 6, width - 8, 3), 1.5, 1.5)


def _shortened(line: str) -> str:
    line = line.rstrip("\r")
    return (
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} … {len(line) - LONGEST_LINE:,} more characters"
    )
