"""What stands above the output: the command, how it ended, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.ui.ages import duration, moment
from app.ui.terminal.commands import ending, first_line
from app.ui.theme import mono_font
from app.ui.title_label import TitleLabel

if TYPE_CHECKING:
    from app.sessions.views import CommandRow
    from app.ui.desk import Desk


class CommandHeader(QWidget):
    """Buttons: find, wrap, copy (a menu), stop."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._row: CommandRow | None = None
        self.setObjectName("header")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.title = TitleLabel(self)
        self.title.setAccessibleName("Command")
        self.facts = TitleLabel(self)
        self.facts.setAccessibleName("How it ended")
        self.find_button = self._button("Find", "Find in the output (Ctrl+F)")
        self.wrap = self._button("Wrap", "Let long lines go on in the next")
        self.wrap.setCheckable(True)
        self.copy = self._button("Copy", "Copy the command or its output")
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.copy.setMenu(QMenu(self.copy))
        self.stop = self._button("Stop", "End this command and everything it started (Ctrl+C)")
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._show_facts)
        self._arrange()
        self.take_theme()

    def _button(self, text: str, help: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setAccessibleName(text)
        button.setAccessibleDescription(help)
        button.setToolTip(help)
        return button

    def _arrange(self) -> None:
        for label in (self.title, self.facts):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        below = QHBoxLayout()
        below.setSpacing(2)
        below.addWidget(self.facts, 1)
        for button in (self.stop, self.find_button, self.wrap, self.copy):
            below.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 8, 6)
        layout.setSpacing(2)
        layout.addWidget(self.title)
        layout.addLayout(below)

    def take_theme(self) -> None:
        """Another theme or text size."""
        font = mono_font()
        font.setWeight(font.Weight.DemiBold)
        self.title.setFont(font)
        self._show_facts()

    def show_row(self, row: CommandRow, *, own: bool) -> None:
        """Show a command. own: it runs from this window and can be stopped here."""
        self._row = row
        self.title.setText(first_line(row.command))
        self.title.setToolTip(row.command[:2000])
        self.stop.setVisible(own)
        self._tick.start() if row.running else self._tick.stop()
        self._show_facts()

    def _show_facts(self) -> None:
        row = self._row
        if row is None:
            return
        now = self._desk.now()
        who = row.author.agent or ("you" if row.author.name == self._desk.me else row.author.name)
        facts = [
            ending(row),
            _spent(row, now),
            moment(row.time, now),
            f"in {row.cwd}" if row.cwd not in (".", "") else "",
            f"by {who}",
            "output cut" if row.truncated else "",
        ]
        self.facts.setText(" · ".join(fact for fact in facts if fact))
        self.facts.setProperty("role", "failed" if row.failed else "muted")
        self.facts.style().polish(self.facts)
        self.facts.update()


def _spent(row: CommandRow, now: int) -> str:
    """How long it took or, in whole seconds, how long it runs already."""
    if row.duration_ms is not None:
        return duration(row.duration_ms)
    seconds = (now - row.time) // 1000
    return duration(seconds * 1000) if row.running and seconds > 0 else ""


def empty_label(parent: QWidget) -> QLabel:
    """A sentence in place of what is not there."""
    label = QLabel(parent)
    label.setProperty("role", "muted")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    label.setMargin(24)
    return label
