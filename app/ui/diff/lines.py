"""One line as it is shown: its text with what cannot be seen made visible, laid out and coloured; kept for a while."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCharFormat, QTextLayout, QTextOption

from app.sessions.languages import language_of
from app.sessions.line_diff import TAB, FileDiff
from app.ui.conversation.lexing import Span, Spans
from app.ui.conversation.parts import Style
from app.ui.diff.rows import Row
from app.ui.diff.words import Spot, differing

LONGEST_LINE = 2_000
"""Characters of one line that are shown."""
_KEPT = 1_500
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_PICTURES = {**{code: chr(0x2400 + code) for code in range(0x20)}, 0x7F: "\u2421"}


def shown_text(line: str, *, ends: bool = False) -> str:
    """A line without its end. Each control character, also those that turn the order of others, is one visible sign.

    ends: show the carriage return of a CR LF.
    """
    text = line[: LONGEST_LINE + 2].removesuffix("\n").removesuffix("\r") + (
        "␍" if ends and line[-2:-1] == "\r" else ""
    )
    if len(line) > LONGEST_LINE + 2:
        text = f"{line[:LONGEST_LINE]} … {len(line) - LONGEST_LINE:,} more characters"
    return _UNSEEN.sub(lambda found: _PICTURES.get(ord(found[0]), "\ufffd"), text)


def lexed_text(text: str) -> str:
    """A text for the lexer, which takes each carriage return for a line and drops a mark of the byte order."""
    return text.replace("\r\n", "\n").replace("\r", " ").replace("\ufeff", " ")


@dataclass(slots=True)
class Line:
    """A laid-out line. marks: (left, right) of the words that differ, in pixels from its beginning."""

    text: str
    layout: QTextLayout
    marks: list[tuple[float, float]]

    def character_at(self, x: float) -> int:
        """The nearest place between two characters."""
        return _character(self.text, self.layout.lineAt(0).xToCursor(x))

    def x_of(self, character: int) -> float:
        """Where a character begins."""
        return _x_of(self.layout, unit(self.text, character))


class LineCache:
    """Lines of one change, in the style and with the colours in force."""

    def __init__(self, style: Style, diff: FileDiff) -> None:
        self._style = style
        self._diff = diff
        self._language = language_of(diff.path)
        self._texts = [
            lexed_text(text) if len(text) <= style.lexer.largest else "" for text in (diff.old_text, diff.new_text)
        ]
        self._firsts = [
            [0, *accumulate(len(side) for side in sides)]
            for sides in zip(*((stretch.old, stretch.new) for stretch in diff.stretches), strict=True)
        ]
        self._spans: list[Spans | None] = [None, None]
        self._lines: OrderedDict[tuple[int, int, int], Line] = OrderedDict()
        self._formats: dict[str, QTextCharFormat] = {}
        self._option = QTextOption()
        self._option.setWrapMode(QTextOption.WrapMode.NoWrap)
        self._option.setTextDirection(Qt.LayoutDirection.LeftToRight)
        self._option.setTabStopDistance(TAB * style.mono_metrics.horizontalAdvance(" "))

    def refresh(self) -> None:
        """Take up colours that have come."""
        for side in (1, 0):  # the new one first: two at once would both come late
            if self._spans[side] is None:
                spans = self._style.lexer.spans(self._texts[side], self._language)
                if spans is None:
                    return
                self._spans[side] = spans
                self._lines.clear()

    def line(self, row: Row, side: int) -> Line | None:
        """A row's line of one side (0: old, 1: new), None where it has none."""
        index = row.old if side == 0 else row.new
        if index < 0:
            return None
        side = 1 if row.run.kind == "same" else side
        key = (side, row.run.stretch, index)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._make(row, side, index)
            if len(self._lines) > _KEPT:
                self._lines.popitem(last=False)
        else:
            self._lines.move_to_end(key)
        return line

    def _make(self, row: Row, side: int, index: int) -> Line:
        stretch = self._diff.stretches[row.run.stretch]
        raw = (stretch.new if side else stretch.old)[index]
        text = shown_text(raw, ends=self._diff.has_mixed_ends)
        layout = QTextLayout(text, self._style.mono_font)
        layout.setCacheEnabled(True)  # else each painting shapes the text again
        layout.setTextOption(self._option)
        layout.setFormats(self._ranges(text, self._line_spans(row.run.stretch, side, index)))
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        marks = [
            (_x_of(layout, unit(text, first)), _x_of(layout, unit(text, last)))
            for first, last in self._spots(row.run.stretch, side, index)
        ]
        return Line(text, layout, marks)

    def _line_spans(self, stretch: int, side: int, index: int) -> Sequence[Span]:
        spans = self._spans[side]
        number = self._firsts[side][stretch] + index
        return spans[number] if spans and number < len(spans) else ()

    def _ranges(self, text: str, spans: Sequence[Span]) -> list[QTextLayout.FormatRange]:
        ranges = []
        for start, length, name in spans:
            if start >= LONGEST_LINE:
                break
            span = QTextLayout.FormatRange()
            span.start = unit(text, start)
            span.length = unit(text, min(start + length, LONGEST_LINE)) - span.start
            span.format = self._format(name)
            ranges.append(span)
        return ranges

    def _format(self, name: str) -> QTextCharFormat:
        if name not in self._formats:
            made = self._formats[name] = QTextCharFormat()
            made.setForeground(self._style.syntax_color(name))
        return self._formats[name]

    def _spots(self, number: int, side: int, index: int) -> Sequence[Spot]:
        stretch = self._diff.stretches[number]
        if stretch.kind != "changed":
            return ()
        pairs = stretch.pairs
        pair = next((pairs[at] for at in range(index, len(pairs)) if pairs[at][side] == index), (-1, -1))
        if -1 in pair:
            return ()
        ends = self._diff.has_mixed_ends
        return differing(shown_text(stretch.old[pair[0]], ends=ends), shown_text(stretch.new[pair[1]], ends=ends))[side]


def unit(text: str, character: int) -> int:
    """The UTF-16 unit, by which Qt counts, that a character begins with."""
    if text.isascii():
        return character
    return character + sum(one > "\uffff" for one in text[:character])


def _character(text: str, wanted: int) -> int:
    """The character that a UTF-16 unit belongs to."""
    if text.isascii():
        return min(wanted, len(text))
    units = accumulate((1 + (one > "\uffff") for one in text), initial=0)
    return next((at for at, first in enumerate(units) if first >= wanted), len(text))


def _x_of(layout: QTextLayout, at: int) -> float:
    x: Any = layout.lineAt(0).cursorToX(at)  # the stubs say float
    return float(x[0])
