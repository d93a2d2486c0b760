"""Finding words in the output: a field, how many there are, and the way from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from app.ui.bridge import while_alive
from app.ui.find_field import FindField
from app.ui.terminal.finding import MOST_MATCHES, Match, find
from app.ui.terminal.painting import Mark

if TYPE_CHECKING:
    from app.ui.desk import Desk
    from app.ui.terminal.output import OutputModel
    from app.ui.terminal.view import OutputView

TYPING_MS, GROWING_MS = 80, 400


class FindBar(QWidget):
    """closed: the keyboard goes back to the output."""

    closed = Signal()

    def __init__(self, desk: Desk, model: OutputModel, view: OutputView, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._model, self._view = desk, model, view
        self._number = 0
        self._matches: list[Match] = []
        self._marks: dict[int, list[Mark]] = {}
        self._current: int | None = None
        self.setObjectName("find")
        self.field = FindField(self)
        self.field.setPlaceholderText("Find in output")
        self.field.setAccessibleName("Find in output")
        self.count = QLabel(self)
        self.count.setProperty("role", "muted")
        self.count.setAccessibleName("Matches")
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self._search)
        self._arrange()
        self.field.textChanged.connect(lambda _text: self._search_in(TYPING_MS, anew=True))
        self.field.stepped.connect(self.step)
        self.field.left.connect(self.close_bar)
        model.modelReset.connect(lambda: self._search_in(0, anew=True))
        model.rowsInserted.connect(self._grown)
        model.rowsRemoved.connect(self._grown)
        self.hide()

    def _arrange(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)
        self.buttons: list[QToolButton] = []
        for text, name, act in (
            ("↑", "Previous match", lambda: self.step(-1)),
            ("↓", "Next match", lambda: self.step(1)),
            ("✕", "Close", self.close_bar),
        ):
            button = QToolButton(self)
            button.setText(text)
            button.setAccessibleName(name)
            button.setToolTip(name)
            button.clicked.connect(act)
            layout.addWidget(button)
            self.buttons.append(button)

    def open_bar(self, words: str = "") -> None:
        """Let the person write what to find; words: to begin with."""
        self.show()
        if words and "\n" not in words:
            self.field.setText(words)
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self._search_in(0, anew=True)

    def close_bar(self) -> None:
        """No more marks."""
        self.hide()
        self._number += 1
        self._take([], {}, anew=True)
        self.closed.emit()

    def step(self, direction: int) -> None:
        """Go to the next match (1) or the one before (-1), around the end."""
        if not self.isVisible():
            self.open_bar()
        elif self._matches:
            at = self._current if self._current is not None else self._nearest() - (direction > 0)
            self._go((at + direction) % len(self._matches))

    def _grown(self, _parent: QModelIndex, _first: int, _last: int) -> None:
        if self.isVisible() and self.field.text() and not self._soon.isActive():
            self._soon.setProperty("anew", False)
            self._soon.start(GROWING_MS)

    def _search_in(self, milliseconds: int, *, anew: bool) -> None:
        if self.isVisible():
            self._soon.setProperty("anew", anew)
            self._soon.start(milliseconds)

    def _search(self) -> None:
        self._number += 1
        number, words, lines = self._number, self.field.text(), self._model.lines[:]
        anew = bool(self._soon.property("anew"))
        if not words:
            self._take([], {}, anew=True)
            return

        def take(found: tuple[list[Match], dict[int, list[Mark]]]) -> None:
            if number == self._number:
                self._take(*found, anew=anew)

        def search() -> tuple[list[Match], dict[int, list[Mark]]]:
            matches = find(lines, words)
            return matches, _marked(matches)

        self._desk.bridge.compute(search, while_alive(self, take), self._desk.report)

    def _take(self, matches: list[Match], marks: dict[int, list[Mark]], *, anew: bool) -> None:
        self._matches, self._marks = matches, marks
        if anew:
            self._current = None
        if matches and self._current is None and anew:
            self._go(self._nearest())
            return
        self._show_current()

    def _nearest(self) -> int:
        """The first match from the upper edge on; else the first."""
        row = self._view.first_visible()
        return next((number for number, match in enumerate(self._matches) if match.row >= row), 0)

    def _go(self, number: int) -> None:
        self._current = number
        self._view.show_match(self._matches[number].row, self._matches[number].first)
        self._show_current()

    def _show_current(self) -> None:
        marks = self._marks
        if self._current is not None and self._current < len(self._matches):
            row, first, last = self._matches[self._current]
            marks = {**marks, row: [*marks.get(row, ()), Mark(first, last, "current")]}
        self._view.show_found(marks)
        self.count.setText(self._words())

    def _words(self) -> str:
        if not self.field.text():
            return ""
        many = len(self._matches)
        whole = f"{many:,}" if many < MOST_MATCHES else f"{many:,} or more"
        if not many:
            return "nothing found"
        return whole if self._current is None else f"{self._current + 1:,} of {whole}"


def _marked(matches: Sequence[Match]) -> dict[int, list[Mark]]:
    marks: dict[int, list[Mark]] = {}
    for row, first, last in matches:
        marks.setdefault(row, []).append(Mark(first, last, "found"))
    return marks
