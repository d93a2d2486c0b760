"""A QR code, painted: always dark on white, whatever the theme, as cameras expect it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

SIDE = 216
BORDER = 3
"""Modules of white around it."""


class QrPicture(QWidget):
    """name: what it says, for screen readers."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(SIDE, SIDE)
        self.matrix: Sequence[bytes | bytearray] = ()

    def show_matrix(self, matrix: Sequence[bytes | bytearray]) -> None:
        """Rows of modules: 1 is dark."""
        self.matrix = matrix
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        count = len(self.matrix) + 2 * BORDER
        side = max(1, SIDE // count)
        begin = (SIDE - side * len(self.matrix)) // 2
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Qt.GlobalColor.white)
        painter.drawRoundedRect(self.rect(), 8, 8)
        for row, modules in enumerate(self.matrix):
            for column, dark in enumerate(modules):
                if dark:
                    place = QRect(begin + column * side, begin + row * side, side, side)
                    painter.fillRect(place, Qt.GlobalColor.black)
        painter.end()


def matrix_of(text: str) -> Sequence[bytes | bytearray]:
    """The modules of the QR code of a text."""
    import segno

    return segno.make(text, error="l").matrix
