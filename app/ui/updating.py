"""What stands in place of the window while the sessions are brought up to date: an update reads them all anew."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from app.ui.forms import Heading, Prose
from app.ui.theme import Themes

WIDTH = 420


class Updating(QWidget):
    """A small window without buttons; it goes by itself."""

    def __init__(self, themes: Themes, icon: QIcon) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.CustomizeWindowHint | Qt.WindowType.WindowTitleHint)
        self.setWindowTitle("Lovelace")
        self.setWindowIcon(icon)
        self.setFixedWidth(WIDTH)
        self.bar = QProgressBar(self)
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addWidget(Heading("Your sessions are brought up to date", themes, parent=self))
        layout.addWidget(Prose("This happens once after an update. Nothing is lost if it is interrupted.", self))
        layout.addWidget(self.bar)

    def show_progress(self, done: int, total: int) -> None:
        """How far it is."""
        self.bar.setRange(0, total)
        self.bar.setValue(done)
