"""Small pictures of the browser's buttons, drawn in the ink of the theme."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

SIZE, SCALE = 16, 2


def filter_icon(ink: QColor) -> QIcon:
    """Three lines that become shorter."""
    picture = QPixmap(QSize(SIZE, SIZE) * SCALE)
    picture.setDevicePixelRatio(SCALE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for number, inset in enumerate((1.5, 4.0, 6.5)):
        painter.drawLine(QPointF(inset, 4 + 4 * number), QPointF(SIZE - inset, 4 + 4 * number))
    painter.end()
    return QIcon(picture)
