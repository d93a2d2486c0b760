"""How the rows of a change are painted: tints, words that differ, text in its colours, numbers, folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QTextCharFormat, QTextLayout

from app.ui.conversation.parts import Style
from app.ui.conversation.selection import END_OF_ROW, Selection
from app.ui.diff.buttons import Button, HunkControls, paint_buttons, place_buttons
from app.ui.diff.columns import GAP, Column
from app.ui.diff.lines import LineCache, unit
from app.ui.diff.rows import Row, Rows, shown_side
from app.ui.models.diff import fold_text
from app.ui.theme import color

_TINTS = ("removed", "added")
_MARKS = ("-", "+")
_LINE_END = 6
"""Width of the selected end of a line."""

Placed = tuple[int, Row, int]
"""Number of a row, the row, its upper edge."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is painted. side: the one the selection is in, None where both are in one column. current: a row, or -1."""

    rows: Rows
    columns: tuple[Column, ...]
    height: int
    scrolled: int
    selection: Selection | None = None
    side: int | None = None
    current: int = -1
    controls: Mapping[int, HunkControls] = field(default_factory=dict)


class RowPainter:
    """Paints rows of one height; `lines` are of the rows' change."""

    def __init__(self, style: Style, lines: LineCache) -> None:
        self._style = style
        self._lines = lines
        self._small = QFontMetricsF(style.small_font)
        self._digit = style.mono_metrics.horizontalAdvance("0")
        self._selected = QTextCharFormat()
        self._selected.setBackground(style.color("highlight"))
        self._selected.setForeground(style.color("text"))

    def paint(self, painter: QPainter, scene: Scene, visible: Sequence[tuple[int, int]], clip: QRectF) -> None:
        """Paint the rows in sight. visible: (row, upper edge)."""
        self._lines.refresh()
        placed = [(number, scene.rows[number], top) for number, top in visible]
        for column in scene.columns:
            for _, row, top in placed:
                self._paint_ground(painter, column, row, top, scene.height)
            painter.setClipRect(QRectF(column.text, clip.top(), column.right - column.text, clip.height()))
            painter.setPen(self._color("text"))
            for number, row, top in placed:
                self._paint_text(painter, scene, column, number, row, top)
            painter.setClipping(False)
            self._paint_numbers(painter, scene, column, placed)
            if column.side == 1:
                painter.fillRect(QRectF(column.left, clip.top(), 1, clip.height()), self._color("line"))
        for number, row, top in placed:
            if row.run.kind in ("fold", "head"):
                self._paint_fold(painter, scene, row, top)
            if number == scene.current:
                self._paint_current(painter, scene, top)

    def _color(self, name: str) -> QColor:
        return color(getattr(self._style.theme, name))

    def buttons(self, scene: Scene, row: Row, top: int) -> list[Button]:
        """The buttons on a row before a hunk."""
        controls = scene.controls.get(row.run.hunk)
        right = scene.columns[-1].right - GAP
        return [] if controls is None else place_buttons(self._style, controls, right, top, scene.height)

    def _paint_ground(self, painter: QPainter, column: Column, row: Row, top: int, height: int) -> None:
        if row.run.kind == "same":
            return
        side = shown_side(row, column.side)
        tint = "raised" if side is None else _TINTS[side]
        painter.fillRect(QRectF(column.left, top, column.right - column.left, height), self._color(tint))

    def _paint_text(self, painter: QPainter, scene: Scene, column: Column, number: int, row: Row, top: int) -> None:
        side = shown_side(row, column.side)
        line = None if side is None else self._lines.line(row, side)
        if line is None or side is None:
            return
        left = column.text - scene.scrolled
        for first, last in line.marks:
            box = QRectF(left + first, top, last - first, scene.height)
            painter.fillRect(box, self._color(f"{_TINTS[side]}_mark"))
        chosen = scene.selection.within(number) if scene.selection and scene.side == column.side else None
        if chosen is not None and chosen[1] == END_OF_ROW:
            end = left + line.x_of(len(line.text))
            painter.fillRect(QRectF(end, top, _LINE_END, scene.height), self._color("highlight"))
        y = top + (scene.height - line.layout.lineAt(0).height()) / 2
        line.layout.draw(painter, QPointF(left, y), self._range(line.text, chosen))

    def _range(self, text: str, chosen: tuple[int, int] | None) -> list[QTextLayout.FormatRange]:
        if chosen is None:
            return []
        span = QTextLayout.FormatRange()
        span.start = unit(text, chosen[0])
        span.length = unit(text, min(chosen[1], len(text))) - span.start
        span.format = self._selected
        return [span] if span.length > 0 else []

    def _paint_numbers(self, painter: QPainter, scene: Scene, column: Column, placed: Sequence[Placed]) -> None:
        """Numbers of lines, and their + and -."""
        painter.setFont(self._style.mono_font)
        metrics = self._style.mono_metrics
        rise = (scene.height - metrics.height()) / 2 + metrics.ascent()
        muted = self._color("muted")
        for _, row, top in placed:
            side = shown_side(row, column.side)
            if side is None:
                continue
            stretch = scene.rows.diff.stretches[row.run.stretch]
            text = str((stretch.old_start + row.old, stretch.new_start + row.new)[side] + 1)
            painter.setPen(muted)
            painter.drawText(QPointF(column.number - len(text) * self._digit, top + rise), text)
            if row.run.kind != "same":
                painter.setPen(self._color(f"{_TINTS[side]}_text"))
                painter.drawText(QPointF(column.mark, top + rise), _MARKS[side])

    def _paint_fold(self, painter: QPainter, scene: Scene, row: Row, top: int) -> None:
        buttons = self.buttons(scene, row, top)
        left = scene.columns[0].mark
        right = min((button.box.left() for button in buttons), default=scene.columns[-1].right) - GAP
        painter.setPen(self._color("muted"))
        painter.setFont(self._style.small_font)
        left += self._cut(painter, self._small, QRectF(left, top, right - left, scene.height), fold_text(row.run))
        if row.run.hunk >= 0:
            heading = scene.rows.diff.stretches[row.run.stretch].heading
            painter.setFont(self._style.mono_font)
            box = QRectF(left + 2 * GAP, top, right - left - 2 * GAP, scene.height)
            self._cut(painter, self._style.mono_metrics, box, heading)
        paint_buttons(painter, self._style, buttons)

    def _cut(self, painter: QPainter, metrics: QFontMetricsF, box: QRectF, text: str) -> float:
        """Draw a text, cut where room ends; its width."""
        cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, box.width()))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), cut)
        return metrics.horizontalAdvance(cut)

    def _paint_current(self, painter: QPainter, scene: Scene, top: int) -> None:
        left, right = scene.columns[0].left, scene.columns[-1].right
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._color("accent"), 1))
        painter.drawRect(QRectF(left + 0.5, top + 0.5, right - left - 1, scene.height - 1))
