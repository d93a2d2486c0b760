"""The pieces a row is painted from. A part knows its height for a width, paints itself, and maps points to characters.

Coordinates are pixels from the part's own upper left corner. Selectable characters are counted from 0 within the part;
a `Stack` counts through its children, with one character (a line break) between two of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette

from app.ui.conversation.blocks import Opens
from app.ui.conversation.selection import word_around
from app.ui.theme import SMALL_SIZE, UI_SIZE, Theme, mono_font, palette, ui_font

if TYPE_CHECKING:
    from app.ui.conversation.lexing import Lexer
    from app.ui.conversation.pictures import PictureStore

Range: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a document was clicked that leads to an address."""

    address: str


@dataclass(frozen=True, slots=True)
class Toggle:
    """The line of a card was clicked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A button of a permission request was clicked; choice: once, always or reject."""

    request: str
    choice: str


@dataclass(frozen=True, slots=True)
class Fold:
    """The fold of a turn was clicked."""


@dataclass(frozen=True, slots=True)
class CopyText:
    """A text is wanted on the clipboard."""

    text: str


Target: TypeAlias = Link | Toggle | Answer | Fold | CopyText | Opens

MOST_MARKS = 500
"""So many finds of one part are marked."""


class Style:
    """What parts share: theme, fonts, metrics, the lexer, small pictures. Made anew when the theme or zoom changes."""

    def __init__(self, theme: Theme, lexer: Lexer, pictures: PictureStore | None = None) -> None:
        self.theme = theme
        self.lexer = lexer
        self.pictures = pictures
        self.palette: QPalette = palette(theme)
        self.text_font = ui_font()
        self.small_font = ui_font(SMALL_SIZE)
        self.bold_font = ui_font()
        self.bold_font.setWeight(QFont.Weight.DemiBold)
        self.mono_font = mono_font()
        self.mono_bold = mono_font()
        self.mono_bold.setWeight(QFont.Weight.Bold)
        self.mono_metrics = QFontMetricsF(self.mono_font)
        self.mono_bold_metrics = QFontMetricsF(self.mono_bold)
        self._zoom = self.text_font.pointSizeF() / UI_SIZE
        self.css = _CSS.format(
            **{name: getattr(theme, name) for name in ("text", "muted", "accent", "raised", "line")},
            **{f"pt{size}": f"{size * self._zoom:.1f}pt" for size in (9, 10, 12, 14)},
            mono=", ".join(f"'{family}'" for family in self.mono_font.families()),
        )

    def px(self, pixels: float) -> int:
        """Pixels at the zoom in force."""
        return round(pixels * self._zoom)

    def color(self, name: str) -> QColor:
        """A colour of the theme by its field name."""
        return QColor(getattr(self.theme, name))

    def syntax_color(self, name: str) -> QColor:
        """A colour of code by the field name of `theme.Syntax`."""
        return QColor(getattr(self.theme.syntax, name))


_CSS = """
p {{ margin: 0 0 8px 0; line-height: 135%; }}
li {{ margin: 0 0 3px 0; line-height: 135%; }}
ul, ol {{ margin: 0 0 8px 0; }}
h1 {{ font-size: {pt14}; font-weight: 600; margin: 8px 0 6px 0; }}
h2 {{ font-size: {pt12}; font-weight: 600; margin: 8px 0 6px 0; }}
h3, h4, h5, h6 {{ font-size: {pt10}; font-weight: 600; margin: 6px 0 4px 0; }}
code {{ font-family: {mono}; font-size: {pt9}; background-color: {raised}; }}
pre {{ font-family: {mono}; font-size: {pt9}; margin: 0 0 8px 0; }}
blockquote {{ margin: 0 0 8px 12px; color: {muted}; }}
a {{ color: {accent}; text-decoration: none; }}
a.secret {{ color: {text}; background-color: {raised}; }}
th, td {{ padding: 3px 10px; border: 1px solid {line}; border-style: solid; }}
th {{ font-weight: 600; background-color: {raised}; }}
table {{ border-collapse: collapse; margin: 0 0 8px 0; }}
"""


class Part:
    """Base of all parts: draws nothing, holds no text."""

    height = 0
    length = 0
    gap_above: int = 0
    """Pixels wanted between this part and the one above it."""
    marks: tuple[Range, ...] = ()
    """Where what is looked for stands in it."""
    is_current = False
    """Whether the row is the find that the reader is at."""

    def resize(self, width: int) -> None:
        """Lay out for a width and set `height`."""

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw; `clip` is what is visible, in own coordinates. selected: a range of own characters."""

    def position_at(self, x: float, y: float) -> int:
        """The character nearest to a point."""
        return 0

    def text(self, first: int, last: int) -> str:
        """The characters of a range, as plain text."""
        return ""

    def mark(self, wanted: re.Pattern[str] | None, *, current: bool) -> None:
        """Mark what is looked for. current: the reader is at this row."""
        self.marks, self.is_current = found_in(wanted, self.text(0, self.length)), current

    def first_mark(self) -> int | None:
        """The y of the first mark."""
        return 0 if self.marks else None

    def word_at(self, position: int) -> Range:
        """The word around a character."""
        return word_around(self.text(0, self.length), position)

    def target_at(self, x: float, y: float) -> Target | None:
        """What a click there would do."""
        return None

    def scroll_sideways(self, x: float, y: float, pixels: float) -> bool:
        """Move what is wider than the part; whether there was anything to move."""
        return False


def found_in(wanted: re.Pattern[str] | None, text: str) -> tuple[Range, ...]:
    """Where a pattern matches, `MOST_MARKS` times at most."""
    if wanted is None:
        return ()
    spans = (match.span() for match in wanted.finditer(text))
    return tuple(span for span, _number in zip(spans, range(MOST_MARKS), strict=False))


class Stack(Part):
    """Parts below each other, with `padding` (left, top, right, bottom) around."""

    def __init__(self, children: Iterable[Part], padding: tuple[int, int, int, int] = (0, 0, 0, 0)) -> None:
        self.children = list(children)
        self.padding = padding
        self._tops: list[int] = []

    def resize(self, width: int) -> None:
        """Lay out every child."""
        left, y, right, bottom = self.padding
        self._tops = []
        self._width = width
        for number, child in enumerate(self.children):
            y += child.gap_above if number else 0
            child.resize(max(1, width - left - right))
            self._tops.append(y)
            y += child.height
        self.height = y + bottom
        self.length = sum(child.length for child in self.children) + max(0, len(self.children) - 1)

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the visible children."""
        left, start = self.padding[0], 0
        for child, top in zip(self.children, self._tops, strict=True):
            if top < clip.bottom() and top + child.height > clip.top():
                painter.save()
                painter.translate(left, top)
                child.paint(painter, clip.translated(-left, -top), _within(selected, start, child.length))
                painter.restore()
            start += child.length + 1

    def position_at(self, x: float, y: float) -> int:
        """The character nearest to a point, counted through all children."""
        if not self.children:
            return 0
        number = self._child_at(y)
        start = sum(child.length + 1 for child in self.children[:number])
        return start + self.children[number].position_at(x - self.padding[0], y - self._tops[number])

    def text(self, first: int, last: int) -> str:
        """The text of a range, a line for each child."""
        lines, start = [], 0
        for child in self.children:
            inner = _within((first, last), start, child.length)
            if inner is not None:
                lines.append(child.text(*inner))
            start += child.length + 1
        return "\n".join(lines)

    def mark(self, wanted: re.Pattern[str] | None, *, current: bool) -> None:
        """Mark in every child."""
        for child in self.children:
            child.mark(wanted, current=current)

    def first_mark(self) -> int | None:
        """The y of the first mark of all children."""
        for child, top in zip(self.children, self._tops, strict=True):
            inner = child.first_mark()
            if inner is not None:
                return top + inner
        return None

    def word_at(self, position: int) -> Range:
        """The word around a character, in the child that holds it."""
        start = 0
        for child in self.children:
            if position <= start + child.length:
                first, last = child.word_at(position - start)
                return start + first, start + last
            start += child.length + 1
        return position, position

    def target_at(self, x: float, y: float) -> Target | None:
        """What the child at a point would do."""
        child = self._inside(y)
        return None if child is None else self.children[child].target_at(x - self.padding[0], y - self._tops[child])

    def scroll_sideways(self, x: float, y: float, pixels: float) -> bool:
        """Hand on to the child at a point."""
        child = self._inside(y)
        if child is None:
            return False
        return self.children[child].scroll_sideways(x - self.padding[0], y - self._tops[child], pixels)

    def _child_at(self, y: float) -> int:
        return max((number for number, top in enumerate(self._tops) if top <= y), default=0)

    def _inside(self, y: float) -> int | None:
        if not self.children:
            return None
        number = self._child_at(y)
        return number if self._tops[number] <= y < self._tops[number] + self.children[number].height else None


def _within(selected: Range | None, start: int, length: int) -> Range | None:
    """The part of a range that lies in `length` characters from `start`, counted from there; None: nothing."""
    if selected is None:
        return None
    first, last = max(selected[0] - start, 0), min(selected[1] - start, length)
    return (first, last) if first < last else None
