"""The pieces a row is painted from. A part knows its height for a width, paints itself, and maps points to characters.

Coordinates are pixels from the part's own upper left corner. Selectable characters are counted from 0 within the part;
a `Stack` counts through its children, with one character (a line break) between two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPalette,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)

from app.ui.conversation.selection import word_around
from app.ui.theme import SMALL_SIZE, Theme, mono_font, palette, ui_font

if TYPE_CHECKING:
    from app.ui.conversation.lexing import Lexer

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


Target: TypeAlias = Link | Toggle | Answer


class Style:
    """What parts share: theme, fonts, metrics, the lexer. Made anew when the theme changes."""

    def __init__(self, theme: Theme, lexer: Lexer) -> None:
        self.theme = theme
        self.lexer = lexer
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
        self.css = _CSS.format(
            **{name: getattr(theme, name) for name in ("text", "muted", "accent", "raised", "line")},
            mono=", ".join(f"'{family}'" for family in self.mono_font.families()),
        )

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
h1 {{ font-size: 14pt; font-weight: 600; margin: 8px 0 6px 0; }}
h2 {{ font-size: 12pt; font-weight: 600; margin: 8px 0 6px 0; }}
h3, h4, h5, h6 {{ font-size: 10pt; font-weight: 600; margin: 6px 0 4px 0; }}
code {{ font-family: {mono}; font-size: 9pt; background-color: {raised}; }}
pre {{ font-family: {mono}; font-size: 9pt; margin: 0 0 8px 0; }}
blockquote {{ margin: 0 0 8px 12px; color: {muted}; }}
a {{ color: {accent}; text-decoration: none; }}
th, td {{ padding: 3px 8px; border: 1px solid {line}; }}
th {{ font-weight: 600; text-align: left; }}
table {{ border-collapse: collapse; margin: 0 0 8px 0; }}
"""


class Part:
    """Base of all parts: draws nothing, holds no text."""

    height = 0
    length = 0
    gap_above = 0
    """Pixels wanted between this part and the one above it."""

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

    def word_at(self, position: int) -> Range:
        """The word around a character."""
        return word_around(self.text(0, self.length), position)

    def target_at(self, x: float, y: float) -> Target | None:
        """What a click there would do."""
        return None

    def scroll_sideways(self, x: float, y: float, pixels: float) -> bool:
        """Move what is wider than the part; whether there was anything to move."""
        return False


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


class TextPart(Part):
    """A QTextDocument."""

    gap_above = 10

    def __init__(self, style: Style, html: str, *, color: str = "text") -> None:
        self._style = style
        self._palette = QPalette(style.palette)
        self._palette.setColor(QPalette.ColorRole.Text, style.color(color))
        self._document = QTextDocument()
        self._document.setDocumentMargin(0)
        self._document.setDefaultFont(style.text_font)
        self._document.setDefaultStyleSheet(style.css)
        self._document.setUndoRedoEnabled(False)
        self._document.setHtml(html)
        if "<code" in html:
            _without_ligatures(self._document, style.mono_font)
        self.length = max(0, self._document.characterCount() - 1)

    def resize(self, width: int) -> None:
        """Wrap at the width."""
        self._document.setTextWidth(width)
        self.height = round(self._document.size().height())

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the document, with the selection behind its text."""
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette = self._palette
        context.clip = clip
        if selected is not None:
            selection = QAbstractTextDocumentLayout.Selection()
            selection.cursor = self._cursor(*selected)
            form = QTextCharFormat()
            form.setBackground(self._style.color("highlight"))
            selection.format = form
            context.selections = [selection]
        self._document.documentLayout().draw(painter, context)

    def position_at(self, x: float, y: float) -> int:
        """The nearest character."""
        return max(0, self._document.documentLayout().hitTest(QPointF(x, y), Qt.HitTestAccuracy.FuzzyHit))

    def text(self, first: int, last: int) -> str:
        """Plain text of a range."""
        return self._cursor(first, last).selection().toPlainText()

    def target_at(self, x: float, y: float) -> Target | None:
        """The link at a point."""
        address = self._document.documentLayout().anchorAt(QPointF(x, y))
        return Link(address) if address else None

    def _cursor(self, first: int, last: int) -> QTextCursor:
        cursor = QTextCursor(self._document)
        cursor.setPosition(min(first, self.length))
        cursor.setPosition(min(last, self.length), QTextCursor.MoveMode.KeepAnchor)
        return cursor


def _without_ligatures(document: QTextDocument, mono: QFont) -> None:
    """HTML cannot name font features: put the code font, with its own, on every run of inline code."""
    form = QTextCharFormat()
    form.setFontFeatures({tag: mono.featureValue(tag) for tag in mono.featureTags()})
    block = document.begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            fragment = pieces.fragment()
            families: Sequence[str] = fragment.charFormat().fontFamilies() or ()
            if fragment.isValid() and mono.families()[0] in families:
                cursor = QTextCursor(document)
                cursor.setPosition(fragment.position())
                cursor.setPosition(fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor)
                cursor.mergeCharFormat(form)
            pieces += 1
        block = block.next()


class HeadingPart(Part):
    """A name and a time. Not selectable: copied text holds what was said."""

    height = 20
    gap_above = 6

    def __init__(self, style: Style, name: str, time: str) -> None:
        self._style, self._name, self._time = style, name, time

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw both on one base line."""
        style = self._style
        painter.setFont(style.bold_font)
        painter.setPen(style.color("text"))
        baseline = 13.0
        painter.drawText(QPointF(0, baseline), self._name)
        left = QFontMetricsF(style.bold_font).horizontalAdvance(self._name) + 6
        painter.setFont(style.small_font)
        painter.setPen(style.color("muted"))
        painter.drawText(QPointF(left, baseline), self._time)
