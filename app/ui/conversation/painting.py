"""Drawing the rows of the conversation that are in sight."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from app.ui.conversation.geometry import Geometry
from app.ui.conversation.parts import Style
from app.ui.conversation.selection import Selection
from app.ui.models.conversation import ConversationModel

OUTLINE = 4
"""Pixels below a row that its outline reaches."""


class RowPainter:
    """Draws with one painter, onto one viewport. flashed: the id of a row to show for a moment. current: the row that
    the keyboard is at."""

    def __init__(
        self,
        painter: QPainter,
        rows: Geometry,
        model: ConversationModel,
        style: Style,
        *,
        selection: Selection | None,
        flashed: int | None,
        current: int | None,
    ) -> None:
        self._painter, self._rows, self._model, self._style = painter, rows, model, style
        self._selection, self._flashed, self._current = selection, flashed, current

    def paint(self, clip: QRectF) -> None:
        """Draw everything inside the clip."""
        self._painter.fillRect(clip, self._style.color("base"))
        for row, top in self._rows.visible:
            if row < len(self._rows.heights) and top < clip.bottom() and self._bottom(row, top) > clip.top():
                self._paint_row(row, top, clip)

    def _bottom(self, row: int, top: int) -> int:
        """The marks around a row reach a little beyond it."""
        return top + self._rows.heights[row] + OUTLINE

    def _paint_row(self, row: int, top: int, clip: QRectF) -> None:
        left, width = self._rows.column()
        layout = self._rows.layout_of(row)
        if layout is None:
            self._paint_placeholder(QRectF(left, top + 10, width, self._rows.heights[row] - 14))
            return
        if layout.height == 0:
            return
        gap = max(0, layout.padding[1] - 6)
        self._paint_marks(row, QRectF(left - 8, top + gap, width + 16, layout.height - gap + OUTLINE))
        self._painter.save()
        self._painter.translate(left, top)
        selected = self._selection.within(row) if self._selection else None
        chosen = selected and (selected[0], min(selected[1], layout.length))
        layout.paint(self._painter, clip.translated(-left, -top), chosen)
        self._painter.restore()

    def _paint_marks(self, row: int, box: QRectF) -> None:
        """The row that a search led to, and the current row while the keyboard is here."""
        painter = self._painter
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._flashed == self._model.row_id(row):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._style.color("selected"))
            painter.drawRoundedRect(box, 8, 8)
        if row == self._current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._style.color("accent"), 1))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)

    def _paint_placeholder(self, box: QRectF) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(self._style.color("raised"))
        for number in range(min(3, max(1, int(box.height() / 20)))):
            width = box.width() * (0.92, 0.85, 0.6)[number]
            self._painter.drawRoundedRect(QRectF(box.x(), box.y() + 20 * number, width, 10), 4, 4)
