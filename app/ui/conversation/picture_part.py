"""Attached images as small pictures beside each other, or what is to be said where one cannot be shown."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen

from app.sessions.events import BlobRef
from app.ui.conversation.parts import Part, Range, Style
from app.ui.conversation.pictures import HEIGHT, WIDTH, Picture

GAP = 8


class PicturesPart(Part):
    """Boxes of one size, so that nothing moves when the images arrive."""

    gap_above = 8

    def __init__(self, style: Style, refs: tuple[BlobRef, ...]) -> None:
        self._style, self._refs = style, refs
        self._small = QFontMetricsF(style.small_font)
        self._boxes: list[QRectF] = []
        self.length = len(self._names())

    def resize(self, width: int) -> None:
        """As many beside each other as there is room for."""
        box_width, box_height = min(width, self._style.px(WIDTH)), self._style.px(HEIGHT)
        columns = max(1, (width + GAP) // (box_width + GAP))
        self._boxes = [
            QRectF(number % columns * (box_width + GAP), number // columns * (box_height + GAP), box_width, box_height)
            for number in range(len(self._refs))
        ]
        self.height = round(self._boxes[-1].bottom()) if self._boxes else 0

    def paint(self, painter: QPainter, clip: QRectF, selected: Range | None) -> None:
        """Draw the boxes in sight."""
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for box, ref in zip(self._boxes, self._refs, strict=True):
            if box.intersects(clip):
                picture = self._style.pictures.get(ref) if self._style.pictures is not None else Picture()
                self._paint_box(painter, box, ref, picture, "line" if selected is None else "accent")

    def text(self, first: int, last: int) -> str:
        """The names."""
        return self._names()[first:last]

    def _names(self) -> str:
        return ", ".join(ref.name or f"{ref.size:,} bytes" for ref in self._refs)

    def _paint_box(self, painter: QPainter, box: QRectF, ref: BlobRef, picture: Picture | None, line: str) -> None:
        style = self._style
        painter.setPen(QPen(style.color(line), 1))
        painter.setBrush(style.color("raised"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        if picture is not None and picture.image is not None:
            self._paint_image(painter, box, picture)
            return
        name = ref.name or f"{ref.size:,} bytes"
        problem = "…" if picture is None else picture.problem
        painter.setFont(style.small_font)
        wrong = picture is not None and not picture.is_missing
        for text, color, y in ((name, "text", -4), (problem, "removed_text" if wrong else "muted", 14)):
            shown = self._small.elidedText(text, Qt.TextElideMode.ElideMiddle, box.width() - 16)
            painter.setPen(style.color(color))
            left = box.center().x() - self._small.horizontalAdvance(shown) / 2
            painter.drawText(QPointF(left, box.center().y() + y), shown)

    def _paint_image(self, painter: QPainter, box: QRectF, picture: Picture) -> None:
        assert picture.image is not None
        size = QSizeF(picture.image.size())
        if size.width() > box.width() - 2 or size.height() > box.height() - 2:
            size = size.scaled(box.size() - QSizeF(2, 2), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(QPointF(0, 0), size)
        place.moveCenter(box.center())
        path = QPainterPath()
        path.addRoundedRect(box.adjusted(1, 1, -1, -1), 5, 5)
        painter.save()
        painter.setClipPath(path, Qt.ClipOperation.IntersectClip)
        painter.drawImage(place, picture.image)
        painter.restore()
