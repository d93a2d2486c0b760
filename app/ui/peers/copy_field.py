"""A text to take along, such as a link: shown in a line that nobody edits, beside a button that copies it."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from app.ui.desk import Desk
from app.ui.theme import mono_font


class CopyField(QWidget):
    """name: what the text is, for people: `code`, `link`."""

    def __init__(self, desk: Desk, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._name = desk, name
        self.line, self.copy = QLineEdit(self), QPushButton("Copy", self)
        self.line.setReadOnly(True)
        self.line.setAccessibleName(name.capitalize())
        self.copy.setAccessibleName(f"Copy the {name}")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.copy)
        self._take_font()
        desk.themes.changed.connect(self._take_font)
        self.copy.clicked.connect(lambda _checked: self._copy())

    def _take_font(self, _theme: object = None) -> None:
        self.line.setFont(mono_font())

    def show_text(self, text: str) -> None:
        """Show another text, from its beginning; "" for none."""
        self.line.setText(text)
        self.line.setCursorPosition(0)

    def text(self) -> str:
        """What is shown."""
        return self.line.text()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.line.text())
        self._desk.say(f"The {self._name} is copied.")
