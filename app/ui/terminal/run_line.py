"""The line in which a person writes a command of their own, with the folder it runs in and what they ran before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget

from app.ui.theme import mono_font

MOST_REMEMBERED = 200
_WRITE = "Run a command (not interactive)"
_HELP = "Runs in the folder with your own rights. It gets no input: no editors, no prompts. Up and Down: earlier ones."


class RunLine(QWidget):
    """wanted: a command line to run in `folder`."""

    wanted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._folders: tuple[Path, ...] = ()
        self._history: list[str] = []
        self._at = 0
        self._draft = ""
        self.folders = QComboBox(self)
        self.folders.setAccessibleName("Folder to run in")
        self.field = _Field(self)
        self.field.setAccessibleName("Command to run")
        self.button = QPushButton("Run", self)
        self.button.setAccessibleName("Run the command")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self.folders)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.button)
        self.field.returnPressed.connect(self._want)
        self.button.clicked.connect(self._want)
        self.field.stepped.connect(self._step)
        self.take_fonts()
        self.set_folders((), "Looking for folders…")

    def take_fonts(self) -> None:
        """The text size is another."""
        self.field.setFont(mono_font())

    @property
    def folder(self) -> Path | None:
        """Where to run; None: in the first folder there is."""
        number = self.folders.currentIndex()
        return self._folders[number] if 0 <= number < len(self._folders) else None

    def set_folders(self, folders: Sequence[Path], problem: str) -> None:
        """The folders of the workspace; problem: why nothing can be run, '' where it can."""
        if tuple(folders) != self._folders:
            chosen = self.folder
            self._folders = tuple(folders)
            self.folders.clear()
            for folder in folders:
                self.folders.addItem(folder.name or str(folder))
                self.folders.setItemData(self.folders.count() - 1, str(folder), Qt.ItemDataRole.ToolTipRole)
            if chosen in self._folders:
                self.folders.setCurrentIndex(self._folders.index(chosen))
        self.folders.setVisible(len(self._folders) > 1)
        self.field.setPlaceholderText(problem or _WRITE)
        self.field.setToolTip(problem or _HELP)
        self.field.setEnabled(not problem)
        self.button.setEnabled(not problem)

    def set_history(self, commands: Iterable[str]) -> None:
        """What the person ran before, oldest first."""
        self._history = []
        for command in commands:
            self._remember(command)
        self._at = len(self._history)

    def _remember(self, command: str) -> None:
        if command and "\n" not in command and self._history[-1:] != [command]:
            self._history.append(command)
            del self._history[:-MOST_REMEMBERED]

    def _want(self) -> None:
        command = self.field.text()
        if command.strip():
            self._remember(command)
            self._at = len(self._history)
            self.field.clear()
            self.wanted.emit(command)

    def _step(self, direction: int) -> None:
        if self._at == len(self._history):
            self._draft = self.field.text()
        self._at = max(0, min(len(self._history), self._at + direction))
        self.field.setText(self._history[self._at] if self._at < len(self._history) else self._draft)


class _Field(QLineEdit):
    """stepped: Up (-1) or Down (1) was pressed."""

    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.stepped.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)
