"""The line in which a text is looked for in the change that is shown."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.ui.diff.finding import Match, find_matches
from app.ui.diff.view import DiffView
from app.ui.find_field import FindField


class FindBar(QFrame):
    """Hidden until `begin`. Enter goes to the next match, Shift+Enter to the one before, Escape back to the lines."""

    def __init__(self, view: DiffView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._view = view
        self._matches: list[Match] = []
        self._at = -1
        self.field = FindField(self)
        self.field.setPlaceholderText("Find in this file")
        self.field.setAccessibleName("Find in this file")
        self.count = QLabel(self)
        self.count.setProperty("role", "muted")
        self.close_button = QToolButton(self)
        self.close_button.setText("✕")
        self.close_button.setAccessibleName("Close find")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)
        layout.addWidget(self.close_button)
        self.field.textChanged.connect(self._look)
        self.field.stepped.connect(self.step)
        self.field.left.connect(self.end)
        self.close_button.clicked.connect(self.end)
        self.hide()

    def begin(self) -> None:
        """Show the line; what is selected in one row is looked for."""
        selected = self._view.selected_text()
        self.show()
        if selected and "\n" not in selected:
            self.field.setText(selected)
        self.field.selectAll()
        self.field.setFocus()
        self._look()

    def end(self) -> None:
        """Go back to the lines."""
        self.hide()
        self._view.setFocus()

    def step(self, direction: int) -> None:
        """Go to the next match, or the one before."""
        if self._matches:
            self._at = (self._at + direction) % len(self._matches)
            self._view.show_match(self._matches[self._at])
        self._tell()

    def _look(self) -> None:
        diff = self._view.diff
        self._matches = [] if diff is None else find_matches(diff, self.field.text())
        self._at = -1
        self.step(1)

    def _tell(self) -> None:
        if not self.field.text():
            self.count.setText("")
        elif not self._matches:
            self.count.setText("Not found")
        else:
            self.count.setText(f"{self._at + 1:,} of {len(self._matches):,}")
