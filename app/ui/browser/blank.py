"""What the browser shows where no rows are: a sentence and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

Action = tuple[str, Callable[[], object]]
"""The label of a button, and what it does."""


class Blank(QWidget):
    """A title, a sentence below it, and buttons."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.title = self._label("title")
        self.text_label = self._label("muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 24, 20, 20)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.text_label)
        self._buttons = QVBoxLayout()
        self._buttons.setContentsMargins(0, 8, 0, 0)
        self._buttons.setSpacing(8)
        layout.addLayout(self._buttons)
        layout.addStretch()
        self.buttons: list[QPushButton] = []
        self._acts: list[Callable[[], object]] = []

    def _label(self, role: str) -> QLabel:
        label = QLabel(self)
        label.setProperty("role", role)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def text(self) -> str:
        """All that is said."""
        return f"{self.title.text()}\n{self.text_label.text()}"

    def say(self, title: str, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something else; buttons that are the same stay, because this may follow every key that is typed."""
        self.title.setText(title)
        self.text_label.setText(text)
        self._acts = [act for _label, act in actions]
        if [button.text() for button in self.buttons] == [label for label, _act in actions]:
            return
        for button in self.buttons:
            self._buttons.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = [self._button(number, label) for number, (label, _act) in enumerate(actions)]

    def _button(self, number: int, label: str) -> QPushButton:
        button = QPushButton(label, self)
        button.clicked.connect(lambda: self._acts[number]())
        self._buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        return button
