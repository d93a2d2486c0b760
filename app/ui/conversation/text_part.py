"""Parts made of text: Markdown as a document, the heading above what somebody says, lines across."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QFont,
    QFontMetricsF,
    QPainter,
    QPalette,
    QPen,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)

from app.ui.conversation.blocks import Divider, Heading
from app.ui.conversation.parts import Fold, Link, Part, Range, Style, Target, found_in

_CLOSING = re.compile(r"(\s*</\w+>\s*)+$")
"""The ends of elements that a text may go on in."""


class TextPart(Part):
    """A QTextDocument."""

    gap_above = 10

    def __init__(self, style: Style, html: str, *, color: str = "text") -> None:
        self._style = style
        self._palette = QPalette(style.palette)
        self._palette.setColor(QPalette.ColorRole.Text, style.color(color))
        self._html = html
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
        if width == self._document.textWidth():  # Qt would wrap it all once more
            return
        self._document.setTextWidth(width)
        self.height = round(self._document.size().height())

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the document, with the selection behind its text."""
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette = self._palette
        context.clip = clip
        ranges = [(span, "found_here" if self.is_current else "found") for span in self.marks]
        if selected is not None:
            ranges.append((selected, "highlight"))
        if ranges:
            context.selections = [self._behind(*span, color) for span, color in ranges]
        self._document.documentLayout().draw(painter, context)

    def begin_of_lines(self, count: int) -> int:
        """The character with which the last lines begin; 0 where there are not twice as many."""
        layout = self._document.lastBlock().layout()
        lines = layout.lineCount()
        return layout.lineAt(lines - count).textStart() if lines >= 2 * count else 0

    def same_height(self, before: TextPart) -> int:
        """So many pixels from the top look as they do in a part of the same width, whose text goes on in this one.

        The last line may wrap otherwise now, and columns of a table may have other widths.
        """
        begin = _CLOSING.sub("", before._html)
        if not self._html.startswith(begin) or "<table" in begin:
            return 0
        block = before._document.lastBlock()
        line = block.layout().lineAt(max(0, block.layout().lineCount() - 1))
        top = before._document.documentLayout().blockBoundingRect(block).top()
        return int(top + (line.y() if line.isValid() else 0))

    def position_at(self, x: float, y: float) -> int:
        """The nearest character."""
        return max(0, self._document.documentLayout().hitTest(QPointF(x, y), Qt.HitTestAccuracy.FuzzyHit))

    def text(self, first: int, last: int) -> str:
        """Plain text of a range."""
        return self._cursor(first, last).selection().toPlainText()

    def mark(self, wanted: re.Pattern[str] | None, *, current: bool) -> None:
        """Mark in the characters as the document counts them."""
        text = self._document.toRawText() if wanted is not None else ""
        self.marks, self.is_current = found_in(wanted, text), current

    def first_mark(self) -> int | None:
        """The y of the line with the first mark."""
        if not self.marks:
            return None
        block = self._document.findBlock(self.marks[0][0])
        top = self._document.documentLayout().blockBoundingRect(block).top()
        line = block.layout().lineForTextPosition(self.marks[0][0] - block.position())
        return round(top + (line.y() if line.isValid() else 0))

    def target_at(self, x: float, y: float) -> Target | None:
        """The link at a point."""
        address = self._document.documentLayout().anchorAt(QPointF(x, y))
        return Link(address) if address else None

    def _behind(self, first: int, last: int, color: str) -> QAbstractTextDocumentLayout.Selection:
        selection = QAbstractTextDocumentLayout.Selection()
        selection.cursor = self._cursor(first, last)
        form = QTextCharFormat()
        form.setBackground(self._style.color(color))
        if color != "highlight":
            form.setForeground(self._style.color("text"))
        selection.format = form
        return selection

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
    """A name and a time; for a prompt, the fold of its turn. Not selectable: copied text holds what was said."""

    gap_above = 6

    def __init__(self, style: Style, heading: Heading) -> None:
        self._style, self._heading = style, heading
        self._bold, self._small = QFontMetricsF(style.bold_font), QFontMetricsF(style.small_font)
        self.height = style.px(20)

    def resize(self, width: int) -> None:
        """The fold stands at the right."""
        self._width = width

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw all on one base line."""
        style, heading = self._style, self._heading
        fold = self._fold_box()
        room = (fold.left() if fold else self._width) - 8.0
        painter.setFont(style.bold_font)
        painter.setPen(style.color("text"))
        baseline = style.px(13)
        name = self._bold.elidedText(heading.name, Qt.TextElideMode.ElideRight, max(40.0, room - 60))
        painter.drawText(QPointF(0, baseline), name)
        left = self._bold.horizontalAdvance(name) + 6
        painter.setFont(style.small_font)
        painter.setPen(style.color("muted"))
        detail = " · ".join(word for word in (heading.time, heading.detail) if word)
        shown = self._small.elidedText(detail, Qt.TextElideMode.ElideRight, max(0.0, room - left))
        painter.drawText(QPointF(left, baseline), shown)
        if fold is not None:
            painter.drawText(QPointF(fold.left(), baseline), self._fold_words())
            paint_angle(painter, style, fold.right() - 4, style.px(9), opened=not heading.hides)

    def target_at(self, x: float, y: float) -> Target | None:
        """The fold of the turn."""
        box = self._fold_box()
        return Fold() if box is not None and x >= box.left() - 6 else None

    def _fold_words(self) -> str:
        hides = self._heading.hides
        return f"{hides:,} {'entry' if hides == 1 else 'entries'} folded" if hides else ""

    def _fold_box(self) -> QRectF | None:
        if self._heading.hides is None:
            return None
        width = self._small.horizontalAdvance(self._fold_words()) + 20
        return QRectF(self._width - width, 0, width, self.height)


class DividerPart(Part):
    """A line across with a word in its middle."""

    gap_above = 4

    def __init__(self, style: Style, divider: Divider) -> None:
        self._style, self._divider = style, divider
        self.height = style.px(24)

    def resize(self, width: int) -> None:
        """The line is as wide as the column."""
        self._width = width

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the word, and a line at both sides of it."""
        style, text = self._style, self._divider.text
        metrics = QFontMetricsF(style.small_font)
        width, middle = metrics.horizontalAdvance(text), self.height / 2
        left = (self._width - width) / 2
        painter.setPen(style.color("accent" if self._divider.is_new else "line"))
        painter.drawLine(QPointF(0, middle), QPointF(left - 10, middle))
        painter.drawLine(QPointF(left + width + 10, middle), QPointF(self._width, middle))
        painter.setFont(style.small_font)
        painter.setPen(style.color("accent" if self._divider.is_new else "muted"))
        painter.drawText(QPointF(left, middle + metrics.ascent() / 2 - 1), text)


def paint_angle(painter: QPainter, style: Style, x: float, y: float, *, opened: bool) -> None:
    """The sign for what opens (pointing right) and what is open (pointing down), around a point."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(style.color("muted"), 1.4))
    points = [(-3.5, -2), (0, 2), (3.5, -2)] if opened else [(-2, -3.5), (2, 0), (-2, 3.5)]
    painter.drawPolyline([QPointF(x + dx, y + dy) for dx, dy in points])
