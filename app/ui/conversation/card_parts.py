"""Framed parts: cards, permission requests, banners, and the steps of a plan."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from app.ui.conversation.blocks import Ask, Banner, Card, Mark, Steps
from app.ui.conversation.parts import Answer, Part, Range, Stack, Style, Target, Toggle
from app.ui.conversation.text_part import TextPart, paint_angle

CARD_LINE = 32
"""Pixels, before zoom."""
CARD_GAP = 7
PROGRESS = 96
"""Width of the bar of a plan."""
_MARK_COLORS = {
    Mark.DONE: "added_text",
    Mark.FAILED: "removed_text",
    Mark.RUNNING: "running",
    Mark.WAITING: "waiting",
    Mark.DENIED: "removed_text",
    Mark.NONE: "muted",
}
_TONES = {
    "muted": "muted",
    "added": "added_text",
    "removed": "removed_text",
    "info": "muted",
    "warning": "waiting",
    "error": "removed_text",
}
FORM_CHOICES = (("1", "once", "Fill in…"), ("3", "reject", "Decline"))
CHOICES = (("1", "once", "Allow once"), ("2", "always", "Allow in this session"), ("3", "reject", "Reject"))
FOR_GOOD = ("4", "policy", "Always here…")
"""Key, answer and words of the buttons of a permission request."""


def _frame(painter: QPainter, style: Style, width: int, height: int, outline: str | None = None) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(style.color("raised"))
    painter.setPen(QPen(style.color(outline), 1.2) if outline else Qt.PenStyle.NoPen)
    inset = 0.6 if outline else 0.0
    painter.drawRoundedRect(QRectF(inset, inset, width - 2 * inset, height - 2 * inset), 6, 6)


class CardLine(Part):
    """The line of a card: mark, name, summary, words at the right, the way to another panel, an angle that says whether
    it is open."""

    def __init__(self, style: Style, card: Card) -> None:
        self._style, self._card = style, card
        self._metrics = QFontMetricsF(style.small_font)
        self.height = style.px(CARD_LINE)
        self._text = " ".join(word for word in (card.name, card.summary, *(text for text, _ in card.trailing)) if word)
        self.length = len(self._text)

    def resize(self, width: int) -> None:
        """The line never wraps: the summary is cut where room ends."""
        self._width = width

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw from both sides towards the summary."""
        baseline = self.height / 2 + self._style.mono_metrics.ascent() / 2 - 1.5
        if selected is not None:
            painter.fillRect(QRectF(26, 6, self._width - 34, self.height - 12), self._style.color("highlight"))
        self._paint_mark(painter, baseline)
        right = self._paint_trailing(painter, baseline)
        name = self._style.mono_bold_metrics.elidedText(
            self._card.name, Qt.TextElideMode.ElideMiddle, max(60.0, right - 46)
        )
        left = 30 + self._style.mono_bold_metrics.horizontalAdvance(name) + 8
        room = right - left - 8
        summary = self._style.mono_metrics.elidedText(self._card.summary, Qt.TextElideMode.ElideRight, max(0.0, room))
        self._paint_finds(painter, left, min(right, left + max(room, 0)))
        painter.setFont(self._style.mono_bold)
        painter.setPen(self._style.color("text"))
        painter.drawText(QPointF(30, baseline), name)
        if room > 20:
            painter.setFont(self._style.mono_font)
            painter.setPen(self._style.color("text" if self.marks else "muted"))
            painter.drawText(QPointF(left, baseline), summary)

    def position_at(self, x: float, y: float) -> int:
        """A card's line is selected whole or not at all."""
        return 0 if y < self.height / 2 and x < self._width / 2 else self.length

    def text(self, first: int, last: int) -> str:
        """The whole line."""
        return self._text

    def target_at(self, x: float, y: float) -> Target | None:
        """Clicking the line opens and closes the card; the word at its right leads to another panel."""
        opens = self._card.opens
        if opens is not None and (not self._card.foldable or self._opens_left() - 6 <= x < self._opens_right() + 6):
            return opens
        return Toggle() if self._card.foldable else None

    def _opens_right(self) -> float:
        return self._width - (28.0 if self._card.foldable else 12.0)

    def _opens_left(self) -> float:
        words = self._card.opens.words if self._card.opens is not None else ""
        return self._opens_right() - self._metrics.horizontalAdvance(words)

    def _paint_finds(self, painter: QPainter, left: float, right: float) -> None:
        """Behind what is looked for in name and summary."""
        summary_at = len(self._card.name) + 1
        color = self._style.color("found_here" if self.is_current else "found")
        top, height = self.height / 2 - self._style.mono_metrics.height() / 2, self._style.mono_metrics.height()
        for first, last in self.marks:
            if first >= summary_at:
                metrics, text, x = self._style.mono_metrics, self._card.summary, left
                first, last = first - summary_at, last - summary_at
            else:
                metrics, text, x = self._style.mono_bold_metrics, self._card.name, 30.0
            begin = x + metrics.horizontalAdvance(text[:first])
            end = min(right, x + metrics.horizontalAdvance(text[:last]))
            if begin < end:
                painter.fillRect(QRectF(begin, top, end - begin, height), color)

    def _paint_progress(self, painter: QPainter, right: float, progress: float) -> None:
        """A thin bar, as far from the left as things are done."""
        painter.setPen(Qt.PenStyle.NoPen)
        for color, part in (("field_line", 1.0), ("running", progress)):
            painter.setBrush(self._style.color(color))
            if part:
                painter.drawRoundedRect(QRectF(right - PROGRESS, self.height / 2 - 2, PROGRESS * part, 4), 2, 2)

    def _paint_mark(self, painter: QPainter, baseline: float) -> None:
        mark = self._card.mark
        color = self._style.color(_MARK_COLORS[mark])
        if mark in (Mark.RUNNING, Mark.NONE):
            radius = 3.5 if mark is Mark.RUNNING else 1.8
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(QPointF(15, self.height / 2), radius, radius)
            return
        painter.setFont(self._style.mono_bold)
        painter.setPen(color)
        painter.drawText(QPointF(11, baseline), mark.value)

    def _paint_trailing(self, painter: QPainter, baseline: float) -> float:
        right = float(self._width - 12)
        if self._card.foldable:
            paint_angle(painter, self._style, right - 4, self.height / 2, opened=self._card.opened)
            right -= 16
        if self._card.opens is not None:
            painter.setFont(self._style.small_font)
            painter.setPen(self._style.color("accent"))
            painter.drawText(QPointF(self._opens_left(), baseline), self._card.opens.words)
            right = self._opens_left() - 12
        if self._card.progress is not None:
            self._paint_progress(painter, right, self._card.progress)
            right -= PROGRESS + 12
        painter.setFont(self._style.mono_font)
        for text, tone in reversed(self._card.trailing):
            right -= self._style.mono_metrics.horizontalAdvance(text)
            painter.setPen(self._style.color(_TONES[tone]))
            painter.drawText(QPointF(right, baseline), text)
            right -= 10
        return right


class FramedStack(Stack):
    """Parts on one raised surface."""

    gap_above = CARD_GAP

    def __init__(
        self, style: Style, children: Iterable[Part], padding: tuple[int, int, int, int], outline: str | None = None
    ):
        super().__init__(children, padding)
        self._style, self._outline = style, outline

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the surface, then the parts."""
        _frame(painter, self._style, self._width, self.height, self._outline)
        super().paint(painter, clip, selected)


class CardPart(FramedStack):
    """A card: its line and, below, its body."""

    def __init__(self, style: Style, card: Card, body: list[Part]) -> None:
        inner = Stack(body, (12, 0, 12, 10))
        super().__init__(style, [CardLine(style, card), *([inner] if body else [])], (0, 0, 0, 0))


class ButtonRow(Part):
    """The answers to a permission request, with the keys that give them."""

    gap_above = 8

    def __init__(self, style: Style, ask: Ask) -> None:
        self._style, self._request = style, ask.request
        self._choices = FORM_CHOICES if ask.is_form else (*CHOICES, FOR_GOOD) if ask.for_good else CHOICES
        self.height = style.px(34)
        self._metrics = QFontMetricsF(style.text_font)
        self._boxes: list[tuple[QRectF, str]] = []

    def resize(self, width: int) -> None:
        """Place the buttons from the left."""
        self._boxes, left = [], 0.0
        for key, choice, words in self._choices:
            room = self._metrics.horizontalAdvance(f"{key}  {words}") + 26
            self._boxes.append((QRectF(left, 2, room, self.height - 4), choice))
            left += room + 8

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the buttons; the first is the accented one."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._style.text_font)
        for number, ((box, _choice), (key, _answer, words)) in enumerate(zip(self._boxes, self._choices, strict=True)):
            primary = number == 0
            painter.setPen(QPen(self._style.color("accent" if primary else "field_line"), 1))
            painter.setBrush(self._style.color("accent" if primary else "base"))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            inner = box.adjusted(12, 0, -12, 0)
            painter.setPen(self._style.color("on_accent" if primary else "muted"))
            painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, key)
            painter.setPen(self._style.color("on_accent" if primary else "text"))
            painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words)

    def target_at(self, x: float, y: float) -> Target | None:
        """The button at a point."""
        choice = next((choice for box, choice in self._boxes if box.contains(x, y)), None)
        return Answer(self._request, choice) if choice else None


class AskPart(FramedStack):
    """A permission request that waits: what is asked, in full, and the answers."""

    def __init__(self, style: Style, ask: Ask, body: list[Part]) -> None:
        word = "Answer this?" if ask.is_form else "Allow this?"
        question = TextPart(style, f"<p style='margin:0'><b>{word}</b> &nbsp;{escape(ask.title)}</p>")
        super().__init__(style, [question, *body, ButtonRow(style, ask)], (14, 12, 14, 12), "waiting")


class BannerPart(FramedStack):
    """A sentence of the system, with a stripe in its tone."""

    def __init__(self, style: Style, banner: Banner) -> None:
        color = "text" if banner.tone in ("warning", "error") else "muted"
        text = escape(banner.text).replace("\n", "<br>")
        super().__init__(style, [TextPart(style, f"<p style='margin:0'>{text}</p>", color=color)], (16, 8, 12, 8))
        self._tone = _TONES[banner.tone]

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw surface, text and stripe."""
        super().paint(painter, clip, selected)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._style.color(self._tone))
        painter.drawRoundedRect(QRectF(0, 0, 3, self.height), 1.5, 1.5)


def steps_part(style: Style, steps: Steps) -> Part:
    """The entries of a plan, each with its state."""
    theme = style.theme
    signs = {"completed": ("✓", theme.added_text), "in_progress": ("●", theme.running), "pending": ("○", theme.muted)}
    lines = []
    for status, text in steps.entries:
        sign, color = signs.get(status, signs["pending"])
        words = escape(text)
        said = f"<b>{words}</b>" if status == "in_progress" else words
        ink = theme.muted if status == "completed" else theme.text
        lines.append(
            f"<p style='margin:0 0 2px 0'><span style='color:{color}'>{sign}</span>&nbsp;&nbsp;"
            f"<span style='color:{ink}'>{said}</span></p>"
        )
    return TextPart(style, "".join(lines))
