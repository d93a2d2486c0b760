"""Paints one line of output on the grid: its runs, what is selected and what a search found in it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from app.sessions.terminal.parser import Row
from app.ui.terminal.cells import Line, cells, characters_between, is_plain, reads_from_right, starts
from app.ui.terminal.inks import Ink, Inks
from app.ui.theme import color


class Mark(NamedTuple):
    """Characters that stand out. kind: "selected", "found" or "current"."""

    first: int
    last: int
    kind: str


@dataclass(frozen=True, slots=True)
class Strip:
    """What of a line is painted: the columns `first` to before `last`, at x and y."""

    first: int
    last: int
    x: float
    y: float


class LinePainter:
    """Draws lines with the inks of one output."""

    def __init__(self, inks: Inks) -> None:
        self._inks = inks
        theme = inks.theme
        self._marks = {
            "selected": (color(theme.highlight), color(theme.text)),
            "found": (color(theme.selected), color(theme.text)),
            "current": (color(theme.accent), color(theme.on_accent)),
        }

    def paint(self, painter: QPainter, line: Line, strip: Strip, marks: Sequence[Mark]) -> None:
        """Draw a strip of a line."""
        begin, end = characters_between(line, strip.first, strip.last)
        columns = None if is_plain(line) else starts(line.text)
        for first, last, pen in Row(line.text, line.runs).pieces():
            first, last = max(first, begin), min(last, end)
            if first < last:
                ink = self._inks[pen]
                for start, stop, kind in _split(first, last, marks) if marks else ((first, last, ""),):
                    colors = self._marks[kind] if kind else (ink.back, ink.front)
                    self._piece(painter, line.text, columns, strip, (start, stop), ink, colors)

    def _piece(
        self,
        painter: QPainter,
        text: str,
        columns: array[int] | None,
        strip: Strip,
        part: tuple[int, int],
        ink: Ink,
        colors: tuple[QColor | None, QColor],
    ) -> None:
        """Draw characters of one ink. columns: of the text's characters, None where these are their numbers."""
        inks, (start, stop), (back, front) = self._inks, part, colors
        left = start if columns is None else columns[start]
        x, baseline = strip.x + (left - strip.first) * inks.cell, strip.y + inks.baseline
        if back is not None or ink.underlined or ink.struck:
            right = stop if columns is None else columns[stop]
            self._decorate(painter, QRectF(x, strip.y, (right - left) * inks.cell, inks.line_height), ink, colors)
        elif text[start:stop].isspace():
            return
        painter.setFont(inks.fonts[ink.font])
        painter.setPen(front)
        if columns is None:
            painter.drawText(QPointF(x, baseline), text[start:stop])
            return
        for at, piece in clusters(text, start, stop):
            painter.drawText(QPointF(strip.x + (columns[at] - strip.first) * inks.cell, baseline), piece)

    def _decorate(self, painter: QPainter, box: QRectF, ink: Ink, colors: tuple[QColor | None, QColor]) -> None:
        """What is behind, below and across the text."""
        back, front = colors
        baseline = box.y() + self._inks.baseline
        if back is not None:
            painter.fillRect(box, back)
        if ink.underlined:
            painter.fillRect(QRectF(box.x(), baseline + 2, box.width(), 1), front)
        if ink.struck:
            painter.fillRect(QRectF(box.x(), baseline - self._inks.baseline // 3, box.width(), 1), front)


def _split(first: int, last: int, marks: Sequence[Mark]) -> Iterator[tuple[int, int, str]]:
    """Parts of a run by the mark that lies on them; of several the later one counts."""
    edges = {first, last}
    for mark in marks:
        edges.update(edge for edge in mark[:2] if first < edge < last)
    ordered = sorted(edges)
    for start, stop in pairwise(ordered):
        kind = ""
        for mark in marks:
            if mark.first <= start and stop <= mark.last:
                kind = mark.kind
        yield start, stop, kind


def clusters(text: str, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """Stretches that are drawn at once: ASCII together, words that read from the right together, as their letters join;
    all others one by one, with what combines with them."""
    at = start
    while at < stop:
        end = at + 1
        if text[at] == "\t":
            at = end
            continue
        if " " <= text[at] <= "~":
            while end < stop and " " <= text[end] <= "~":
                end += 1
        elif reads_from_right(text[at]):
            while end < stop and _goes_on(text, end, stop):
                end += 1
        while end < stop and cells(text[end]) == 0:
            end += 1
        yield at, text[at:end]
        at = end


def _goes_on(text: str, at: int, stop: int) -> bool:
    """Whether a stretch that reads from the right goes on: with a letter, its marks, or a space before a letter."""
    if text[at] == " ":
        return at + 1 < stop and reads_from_right(text[at + 1])
    return reads_from_right(text[at]) or (cells(text[at]) == 0 and text[at] != "\t")
