"""A soft shadow below a widget that lies over its window.

Qt's own effect blurs the whole widget anew whenever something in it changes, eight milliseconds for each letter that is
typed; this one is drawn beside the widget only, when it moves or grows.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QWidget

REACH, DROP, RADIUS = 24, 6, 10
"""Pixels around the widget, how much lower it lies, and of the corners."""
CORNER = 3
"""So far inside its box a widget with round corners covers everything."""
LAYERS, DARKNESS = 10, 50
"""How many steps from light to dark; how dark it is at the widget, of 255."""


class Shadow(QWidget):
    """Of a widget with the same parent. It is shown, hidden and placed by `follow`."""

    def __init__(self, of: QWidget) -> None:
        super().__init__(of.parentWidget())
        self._of = of
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def follow(self) -> None:
        """The widget was shown, hidden, moved or resized."""
        self.setVisible(self._of.isVisible())
        self.setGeometry(self._of.geometry().adjusted(-REACH, -REACH, REACH, REACH + DROP))
        self.stackUnder(self._of)

    def paintEvent(self, event: QPaintEvent) -> None:
        box = QRect(REACH, REACH, self._of.width(), self._of.height())
        covered = box.adjusted(CORNER, CORNER, -CORNER, -CORNER)
        if covered.contains(event.rect()):
            return  # something in the widget has changed
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRegion(QRegion(self.rect()) - QRegion(covered))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, round(DARKNESS / LAYERS)))
        outer = QRectF(0, DROP, self.width(), self.height() - DROP)
        for layer in range(LAYERS, 0, -1):
            beyond = REACH * (layer / LAYERS) ** 2
            inset, corner = REACH - beyond, RADIUS + beyond
            painter.drawRoundedRect(outer.adjusted(inset, inset, -inset, -inset), corner, corner)
