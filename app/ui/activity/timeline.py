"""The chart: a row a turn and a row a span, with bars on the time of their turn, painted by us."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.sessions.activity import Span, Turn
from app.ui.ages import duration
from app.ui.diff.even_rows import EvenRowsView
from app.ui.models.activity import TimelineModel, turn_name
from app.ui.theme import SMALL_SIZE, Themes, color, ui_font
from app.ui.words import one_line

NAME = "Turns and what took time in them"
TOKENS = {"tool": "accent", "command": "running", "wait": "waiting", "check": "muted"}
"""Colours of bars by kind; what failed has its own."""
MARKS = {"failed": "✕", "denied": "✕", "running": "●", "cancelled": "■", "unfinished": "…"}
MOST_ZOOM = 200.0
_ZOOM_STEP = 1.4
_NAMES, _LEAST_NAMES, _PADDING, _INDENT = 0.46, 120.0, 12.0, 20.0
_LEAST_BAR = 2.5


class TimelineView(EvenRowsView):
    """chosen: a row was asked for (Enter, double click). told: what the row at the pointer or cursor is, in words.

    toggled: the turn of a row is to be opened or folded.
    """

    chosen = Signal(int)
    told = Signal(str)
    toggled = Signal(int)

    def __init__(self, model: TimelineModel, themes: Themes, parent: QWidget | None = None) -> None:
        self._model = model
        super().__init__(model, parent)
        self._themes = themes
        self.zoom = 1.0
        self.setAccessibleName(NAME)
        self.selectionModel().currentChanged.connect(self._tell)
        self.take_fonts()

    def take_fonts(self) -> None:
        """Another theme or text size."""
        self._font, self._bold, self._small = ui_font(), ui_font(), ui_font(SMALL_SIZE)
        self._bold.setWeight(QFont.Weight.DemiBold)
        self._small_metrics = QFontMetricsF(self._small)
        self.row_height = round(QFontMetricsF(self._font).height()) + 8
        self.update_scroll_bars()
        self.viewport().update()

    def set_zoom(self, zoom: float, at: float = 0.5) -> None:
        """Stretch the bars; `at`, a part of the lane's width, stays where it is."""
        bar, (_, width) = self.horizontalScrollBar(), self._lane()
        place = (bar.value() + at * width) / self.zoom
        self.zoom = min(MOST_ZOOM, max(1.0, zoom))
        self.update_scroll_bars()
        bar.setValue(round(place * self.zoom - at * width))
        self.viewport().update()

    def _lane(self) -> tuple[float, float]:
        """(left edge, width) of where bars are."""
        width = float(self.viewport().width())
        left = max(_LEAST_NAMES, width * _NAMES)
        figures = self._small_metrics.horizontalAdvance("00 m 00 s") + _PADDING
        return left, max(20.0, width - left - figures - _PADDING)

    def overflow(self) -> tuple[int, int]:
        width = self._lane()[1]
        return round(width * (self.zoom - 1)), round(width)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self._color("base"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row in self.visible_rows():
            box = QRectF(0, self.top_of(row), self.viewport().width(), self.row_height)
            turn, span = self._model.turn_at(row), self._model.span_at(row)
            if turn is None:
                continue
            self._paint_current(painter, row, box)
            if span is None:
                self._paint_turn(painter, turn, box)
            else:
                self._paint_span(painter, turn, span, box)

    def _paint_current(self, painter: QPainter, row: int, box: QRectF) -> None:
        if row != self.currentIndex().row():
            return
        inner = box.adjusted(6.5, 0.5, -6.5, -0.5)
        painter.setPen(QPen(self._color("accent"), 1) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(self._color("selected"))
        painter.drawRoundedRect(inner, 5, 5)

    def _paint_turn(self, painter: QPainter, turn: Turn, box: QRectF) -> None:
        left, width = self._lane()
        chevron = "" if not turn.spans else "▾" if turn.event in self._model.opened else "▸"
        self._text(painter, self._small, "muted", QRectF(_PADDING, box.y(), 14, box.height()), chevron)
        name = QRectF(_PADDING + 16, box.y(), left - _PADDING - 28, box.height())
        self._text(painter, self._bold, "text", name, turn_name(turn))
        painter.save()
        lane = QRectF(left, box.y(), width, box.height())
        painter.setClipRect(lane)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color("field_line"))
        painter.drawRoundedRect(self._bar(turn, turn.start, turn.end, lane, 4), 2, 2)
        for span in sorted(turn.spans, key=lambda one: one.status == "failed"):
            self._paint_bar(painter, turn, span, lane, 4)
        painter.restore()
        self._figure(painter, box, turn.duration, "text")

    def _paint_span(self, painter: QPainter, turn: Turn, span: Span, box: QRectF) -> None:
        left, width = self._lane()
        bad = span.status in ("failed", "denied")
        mark = QRectF(_PADDING + _INDENT - 4, box.y(), 16, box.height())
        self._text(painter, self._small, "failed" if bad else "muted", mark, MARKS.get(span.status, "✓"))
        name = QRectF(_PADDING + _INDENT + 14, box.y(), left - _PADDING - _INDENT - 26, box.height())
        self._text(painter, self._small, "removed_text" if bad else "text", name, one_line(span.name) or span.kind)
        painter.save()
        lane = QRectF(left, box.y(), width, box.height())
        painter.setClipRect(lane)
        painter.setPen(Qt.PenStyle.NoPen)
        self._paint_bar(painter, turn, span, lane, 10)
        painter.restore()
        self._figure(painter, box, span.duration, "muted")

    def _paint_bar(self, painter: QPainter, turn: Turn, span: Span, lane: QRectF, height: float) -> None:
        painter.setBrush(self._color("failed" if span.status == "failed" else TOKENS[span.kind]))
        painter.drawRoundedRect(self._bar(turn, span.start, span.end, lane, height), 2, 2)

    def _bar(self, turn: Turn, start: int, end: int, lane: QRectF, height: float) -> QRectF:
        scale = lane.width() * self.zoom / max(1, turn.duration)
        x = lane.x() + (start - turn.start) * scale - self.horizontalScrollBar().value()
        x = min(x, lane.x() + lane.width() * self.zoom - _LEAST_BAR)
        width = max(_LEAST_BAR, (end - start) * scale)
        return QRectF(x, lane.center().y() - height / 2, width, height)

    def _figure(self, painter: QPainter, box: QRectF, milliseconds: int, token: str) -> None:
        words = duration(milliseconds) if milliseconds else ""
        width = self._small_metrics.horizontalAdvance(words)
        place = QRectF(box.right() - _PADDING - width, box.y(), width + 1, box.height())
        self._text(painter, self._small, token, place, words)

    def _text(self, painter: QPainter, font: QFont, token: str, box: QRectF, text: str) -> None:
        painter.setFont(font)
        painter.setPen(self._color(token))
        cut = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), cut)

    def _color(self, token: str) -> QColor:
        return color(getattr(self._themes.theme, token))

    # What people do

    def _tell(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.told.emit(self._model.sentence(current.row()))
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, keys = self.currentIndex().row(), Qt.Key
        turn = self._model.turn_at(row)
        is_open = turn is not None and turn.event in self._model.opened
        match event.key():
            case keys.Key_Return | keys.Key_Enter if row >= 0:
                self.chosen.emit(row)
            case keys.Key_Space if row >= 0:
                self.toggled.emit(row)
            case keys.Key_Right if row >= 0 and not is_open:
                self.toggled.emit(row)
            case keys.Key_Left if row >= 0 and is_open:
                self.toggled.emit(row)
            case keys.Key_Plus | keys.Key_Equal:
                self.set_zoom(self.zoom * _ZOOM_STEP)
            case keys.Key_Minus:
                self.set_zoom(self.zoom / _ZOOM_STEP)
            case keys.Key_0:
                self.set_zoom(1.0)
            case _:
                super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_under(event.position().toPoint().y())
        if row >= 0:
            self.setCurrentIndex(self._model.index(row))
            if self._model.span_at(row) is None and event.position().x() < _PADDING + 16:
                self.toggled.emit(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.row_under(event.position().toPoint().y())
        if row >= 0 and event.position().x() >= _PADDING + 16:
            self.chosen.emit(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self.row_under(event.position().toPoint().y())
        self.told.emit(self._model.sentence(row if row >= 0 else self.currentIndex().row()))

    def leaveEvent(self, event: object) -> None:
        self.told.emit(self._model.sentence(self.currentIndex().row()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            left, width = self._lane()
            at = min(1.0, max(0.0, (QPointF(event.position()).x() - left) / width))
            self.set_zoom(self.zoom * (_ZOOM_STEP if event.angleDelta().y() > 0 else 1 / _ZOOM_STEP), at)
            event.accept()
            return
        super().wheelEvent(event)
