"""A strip between filters and list that asks something or tells how far something is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.browser.chips import FlowLayout


class Strip(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAccessibleName(name)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self._row = QWidget(self)
        self._flow = FlowLayout(self._row)
        self._flow.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(8)
        layout.addWidget(self.text)
        layout.addWidget(self._row)
        self.buttons: list[QPushButton] = []
        self.hide()

    def show_text(self, text: str, actions: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Say it, with these buttons; each closes the strip."""
        for button in self.buttons:
            self._flow.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.text.setText(text)
        self.buttons = [self._button(*action) for action in actions]
        self.show()

    def ask(self, question: str, actions: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Ask; the last button is what happens without a choice, and has the keyboard. Escape is no choice."""
        self.show_text(question, [*actions, ("Cancel", lambda: None)])
        self.buttons[-1].setFocus(Qt.FocusReason.OtherFocusReason)

    def _button(self, label: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(label, self._row)
        button.clicked.connect(lambda: self._close(act))
        self._flow.addWidget(button)
        return button

    def _close(self, act: Callable[[], object]) -> None:
        self.hide()
        act()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
