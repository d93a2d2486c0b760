"""The field for a search in everything."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget


class SearchField(QLineEdit):
    """Down leads into the results, Enter opens the first, Escape clears."""

    moved_down = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Search sessions…")
        self.setAccessibleName("Search sessions")
        self.setClearButtonEnabled(True)

    def event(self, event: QEvent) -> bool:
        # Escape is also the window's shortcut for stopping; with text in the field it clears.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self.text():
            event.setAccepted(event.key() == Qt.Key.Key_Escape)
            if event.isAccepted():
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.moved_down.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)
