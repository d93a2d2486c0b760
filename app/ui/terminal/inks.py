"""Pens as fonts and colours of the window, so that all text reads well (4.5:1) in both themes."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QFontMetricsF

from app.sessions.terminal.colors import READABLE, contrast, hex_color, mixed, readable, text_on
from app.sessions.terminal.pens import Pen, Pens
from app.ui.theme import Theme, color, mono_font

LINE_SPACING = 1.2
_FAINT = 0.4
"""How far dim text goes towards its ground."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How a run is drawn. font: number of `Inks.fonts`. back: None for the ground of the view."""

    font: int
    front: QColor
    back: QColor | None
    underlined: bool
    struck: bool


class Inks:
    """The inks of one output in one theme."""

    def __init__(self, theme: Theme, pens: Pens) -> None:
        self.theme = theme
        self._pens = pens
        self._inks: dict[int, Ink] = {}
        self.fonts = [_font(bold=bold, italic=italic) for italic in (False, True) for bold in (False, True)]
        metrics = QFontMetricsF(self.fonts[0])
        self.cell = metrics.horizontalAdvance("0" * 100) / 100
        self.line_height = round(metrics.lineSpacing() * LINE_SPACING)
        self.baseline = round((self.line_height - metrics.height()) / 2 + metrics.ascent())
        self.text, self.muted = color(theme.text), color(theme.muted)

    def __getitem__(self, pen: int) -> Ink:
        ink = self._inks.get(pen)
        if ink is None:
            ink = self._inks[pen] = _ink(self._pens[pen], self.theme)
        return ink


def front_and_back(pen: Pen, theme: Theme) -> tuple[str, str | None]:
    """The colours of text and of what is behind it; None: the ground of the view."""
    front = None if pen.front is None else hex_color(pen.front)
    back = None if pen.back is None else hex_color(pen.back)
    if "inverse" in pen.flags:
        front, back = back or theme.base, front or theme.text
    ground = back or theme.base
    toward = theme.text if back is None else text_on(ground)
    shown = front or (theme.text if contrast(theme.text, ground) >= READABLE else toward)
    if "dim" in pen.flags:
        shown = mixed(shown, ground, _FAINT)
    return readable(shown, (ground,), toward), back


def _ink(pen: Pen, theme: Theme) -> Ink:
    front, back = front_and_back(pen, theme)
    return Ink(
        font=("bold" in pen.flags) + 2 * ("italic" in pen.flags),
        front=color(front),
        back=None if back is None else color(back),
        underlined="underline" in pen.flags,
        struck="struck" in pen.flags,
    )


def _font(*, bold: bool, italic: bool) -> QFont:
    font = mono_font()
    font.setKerning(False)
    if bold:
        font.setWeight(QFont.Weight.Bold)
    font.setItalic(italic)
    return font
