"""The line above the conversation where the window says what went wrong, offers to undo, or asks for a word.

It takes the place of dialogs: nothing stops the person's work.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QToolButton, QWidget


class NoticeBar(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.text = QLabel(self)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.field = QLineEdit(self)
        self.button = QPushButton(self)
        self._close = QToolButton(self)
        self._close.setText("✕")
        self._close.setAccessibleName("Close")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 7, 12, 7)
        for widget, stretch in ((self.text, 1), (self.field, 2), (self.button, 0), (self._close, 0)):
            layout.addWidget(widget, stretch)
        self._action: Callable[[], object] | None = None
        self.button.clicked.connect(self._act)
        self.field.returnPressed.connect(self._act)
        self._close.clicked.connect(self.hide)
        self.hide()

    def say(self, text: str, level: str = "info") -> None:
        """Show a sentence; level: info or error."""
        self._show(text, level)

    def offer(self, text: str, button: str, action: Callable[[], object]) -> None:
        """Show a sentence and a button."""
        self._show(text, "info", button)
        self._action = action

    def ask(self, question: str, value: str, action: Callable[[str], object]) -> None:
        """Ask for a line of text; Enter gives it, Escape does not."""
        self._show(question, "info", "Apply", with_field=True)
        self._action = lambda: action(self.field.text().strip())
        self.field.setText(value)
        self.field.selectAll()
        self.field.setFocus()

    def _show(self, text: str, level: str, button: str = "", *, with_field: bool = False) -> None:
        self._action = None
        self.text.setText(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.field.setVisible(with_field)
        self.setProperty("level", level)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def _act(self) -> None:
        action = self._action
        self.hide()
        if action is not None:
            action()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
