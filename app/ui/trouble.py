"""What stands in place of the window where the sessions cannot be opened: why, what to do, and a way to try again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.forms import Heading, Prose
from app.ui.theme import Themes
from app.ui.words import in_words
from sync.errors import DamagedError, LockedError, NewerDatabaseError

WIDTH = 460
_LOCKED = "Have your passphrase or recovery code at hand, or unlock the keyring of this computer, and try again."
_UNMADE = "To keep your sessions under a passphrase instead, run “lovelace init” in a terminal once, then try again."
_DAMAGED = (
    "Nothing was changed. In a terminal, “lovelace doctor” says what is damaged and “lovelace restore FOLDER” "
    "puts a backup in its place; what is there now is kept aside."
)
_NEWER = "Install the newest Lovelace, then try again. Nothing was changed."
_OTHER = "Your sessions are as they were."


class Trouble(QDialog):
    """A small window; accepted: try again."""

    def __init__(self, error: BaseException, home: Path, themes: Themes, icon: QIcon) -> None:
        super().__init__()
        self.setWindowTitle("Lovelace")
        self.setWindowIcon(icon)
        self.setFixedWidth(WIDTH)
        self.reason = QLabel(in_words(error), self)
        self.reason.setTextFormat(Qt.TextFormat.PlainText)
        self.reason.setWordWrap(True)
        self.reason.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.advice = Prose(advice(error, home), self)
        self.again = QPushButton("&Try Again", self)
        self.again.setProperty("primary", True)
        self.again.setDefault(True)
        self.quit = QPushButton("&Quit", self)
        self.quit.setAutoDefault(False)
        self.again.clicked.connect(self.accept)
        self.quit.clicked.connect(self.reject)
        self.setAccessibleDescription(f"{self.reason.text()} {self.advice.text()}")
        heading = Heading("Your sessions cannot be opened", themes, parent=self)
        self._arrange(heading, Prose(f"Data folder: {home}", self))
        self.again.setFocus()

    def _arrange(self, heading: QWidget, where: QWidget) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.quit)
        buttons.addWidget(self.again)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        for widget in (heading, self.reason, self.advice, where):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addLayout(buttons)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetMinimumSize)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.adjustSize()


def advice(error: BaseException, home: Path) -> str:
    """What the person can do about it."""
    match error:
        case LockedError():
            return _LOCKED if (home / "keyslots.json").exists() else _UNMADE
        case DamagedError():
            return _DAMAGED
        case NewerDatabaseError():
            return _NEWER
        case _:
            return _OTHER
