"""The bar above the conversation in which people look for words in the session."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.ui.find_field import FindField


class FindBar(QFrame):
    """changed: the words. stepped: to the next (1) or previous (-1) find. closed: by Escape or the button."""

    changed = Signal(str)
    stepped = Signal(int)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("find")
        self.field = FindField(self)
        self.field.setPlaceholderText("Find in this session")
        self.field.setAccessibleName("Find in this session")
        self.count = QLabel(self)
        self.count.setProperty("role", "muted")
        self.previous = self._button("↑", "Previous find", "Shift+Enter")
        self.next = self._button("↓", "Next find", "Enter")
        close = self._button("✕", "Close", "Esc")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 7, 12, 7)
        layout.setSpacing(6)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)
        for button in (self.previous, self.next, close):
            layout.addWidget(button)
        self.field.textChanged.connect(self.changed)
        self.field.stepped.connect(self.stepped)
        self.field.left.connect(self.closed)
        self.previous.clicked.connect(lambda: self.stepped.emit(-1))
        self.next.clicked.connect(lambda: self.stepped.emit(1))
        close.clicked.connect(self.closed)
        self.hide()

    def _button(self, text: str, name: str, keys: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({keys})")
        return button

    def open(self) -> None:
        """Show the bar and let the person type over what it holds."""
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def show_count(self, number: int | None, total: int) -> None:
        """Which find the reader is at (from 1) of how many; None: at none."""
        words = f"{number:,} of {total:,}" if number else f"{total:,} found" if total else "Not found"
        self.count.setText(words if self.field.text().strip() else "")
        self.previous.setEnabled(bool(total))
        self.next.setEnabled(bool(total))
