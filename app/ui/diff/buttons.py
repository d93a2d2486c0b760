"""What the owner of a view puts on the rows before hunks, such as "Stage": where it stands, and how it is painted."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from app.ui.conversation.parts import Style

_PADDING, _GAP = 8, 6


@dataclass(frozen=True, slots=True)
class HunkControls:
    """mark: a word, such as "staged". actions: (name, label) of buttons, from left to right."""

    mark: str = ""
    actions: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """What a screen reader says of them."""
        labels = " or ".join(label for _, label in self.actions)
        return ", ".join(word for word in (self.mark, f"can be: {labels}" if labels else "") if word)


@dataclass(frozen=True, slots=True)
class Button:
    """name: '' for the mark, which cannot be pressed."""

    name: str
    label: str
    box: QRectF


def place_buttons(style: Style, controls: HunkControls, right: float, top: float, height: float) -> list[Button]:
    """Buttons from the right edge of a row, the mark at their left."""
    metrics = QFontMetricsF(style.small_font)
    buttons: list[Button] = []
    for name, label in (*reversed(controls.actions), ("", controls.mark)):
        if label:
            width = metrics.horizontalAdvance(label) + 2 * _PADDING
            buttons.append(Button(name, label, QRectF(right - width, top + 1, width, height - 2)))
            right -= width + _GAP
    return buttons


def paint_buttons(painter: QPainter, style: Style, buttons: list[Button]) -> None:
    """Draw them as small buttons, the mark as a word."""
    painter.setFont(style.small_font)
    for button in buttons:
        if button.name:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(style.color("base"))
            painter.setPen(QPen(style.color("field_line"), 1))
            painter.drawRoundedRect(button.box.translated(QPointF(0.5, 0.5)).adjusted(0, 0, -1, -1), 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(style.color("text" if button.name else "muted"))
        painter.drawText(button.box, int(Qt.AlignmentFlag.AlignCenter), button.label)
