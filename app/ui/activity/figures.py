"""What a session's activity sums up to: figures with a word below each, and what the colours of bars mean."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.sessions.activity import Activity
from app.ui.ages import duration
from app.ui.theme import SMALL_SIZE, Themes, color, ui_font

_COLUMNS = 4
_LEGEND = (("accent", "Tools"), ("running", "Commands"), ("waiting", "Waiting for you"), ("failed", "Failed"))


class Figures(QFrame):
    """A grid of figures."""

    def __init__(self, themes: Themes, parent: QWidget) -> None:
        super().__init__(parent)
        self._labels: list[tuple[QLabel, QLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 12, 16, 8)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        themes.changed.connect(self._take_fonts)

    def show_activity(self, activity: Activity) -> None:
        """Say what it sums up to."""
        told = figures(activity)
        while len(self._labels) < len(told):
            self._add()
        for number, (figure, word) in enumerate(self._labels):
            figure.setVisible(number < len(told))
            word.setVisible(number < len(told))
            if number < len(told):
                figure.setText(told[number][0])
                word.setText(told[number][1])
                figure.setAccessibleName(f"{told[number][1]}: {told[number][0]}")

    def _add(self) -> None:
        cell, number = QVBoxLayout(), len(self._labels)
        cell.setSpacing(0)
        figure, word = QLabel(self), QLabel(self)
        figure.setProperty("role", "title")
        word.setProperty("role", "muted")
        cell.addWidget(figure)
        cell.addWidget(word)
        self._labels.append((figure, word))
        self._grid.addLayout(cell, number // _COLUMNS, number % _COLUMNS)
        self._take_fonts()

    def _take_fonts(self, _theme: object = None) -> None:
        for _figure, word in self._labels:
            word.setFont(ui_font(SMALL_SIZE))


class Legend(QWidget):
    """Colours and their words."""

    def __init__(self, themes: Themes, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 2, 16, 6)
        layout.setSpacing(6)
        for token, word in _LEGEND:
            layout.addWidget(_Dot(themes, token, self))
            label = QLabel(word, self)
            label.setProperty("role", "muted")
            layout.addWidget(label)
            layout.addSpacing(8)
        layout.addStretch(1)


class _Dot(QWidget):
    def __init__(self, themes: Themes, token: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes, self._token = themes, token
        themes.changed.connect(self._take_theme)

    def _take_theme(self, _theme: object) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(getattr(self._themes.theme, self._token)))
        painter.drawRoundedRect(0, self.height() // 2 - 4, 8, 8, 2, 2)


def figures(activity: Activity) -> list[tuple[str, str]]:
    """(figure, word) of what is known."""
    told = [
        (f"{len(activity.turns):,}", "turns"),
        (f"{activity.calls:,}", "tool calls"),
        (f"{activity.failed:,}", "failed"),
        (duration(activity.agent_ms), "agent"),
        (duration(activity.tool_ms), "tools"),
        (duration(activity.waiting_ms), "waiting for you"),
    ]
    if activity.input or activity.output:
        told.append((f"{short(activity.input)} + {short(activity.output)}", "tokens in + out"))
    if activity.cost is not None:
        told.append((f"${activity.cost:,.2f}", "cost"))
    return told


def short(count: int) -> str:
    """A count of tokens: `950`, `12k`, `3.4M`."""
    if count < 1_000:
        return str(count)
    if count < 1_000_000:
        return f"{count / 1_000:.1f}k" if count < 10_000 else f"{count // 1_000}k"
    return f"{count / 1_000_000:.1f}M"
