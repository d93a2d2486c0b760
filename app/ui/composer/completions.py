"""The list that opens while a word with @ or / is typed: sessions and files to refer to, commands to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

ROWS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Completion:
    """What a word can become. text: put in its place; command: run instead of that."""

    label: str
    detail: str = ""
    text: str = ""
    command: str | None = None


class CompletionList(QFrame):
    """chosen: a `Completion`. It never takes the keyboard; the field hands it keys."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._panel = parent
        self.setObjectName("palette")
        self.list = QListWidget(self)
        self.list.setAccessibleName("Completions")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.list)
        self._completions: Sequence[Completion] = ()
        self.list.itemClicked.connect(lambda _item: self.take())
        self.hide()

    def offer(self, completions: Sequence[Completion], field: QWidget) -> None:
        """Show these above the field; nothing where there are none."""
        self._completions = completions
        self.list.clear()
        for one in completions:
            item = QListWidgetItem(f"{one.label}    {one.detail}" if one.detail else one.label)
            item.setToolTip(one.detail)
            self.list.addItem(item)
        if not completions:
            self.hide()
            return
        self.list.setCurrentRow(0)
        rows = min(ROWS_SHOWN, len(completions))
        height = rows * self.list.sizeHintForRow(0) + 16
        corner = field.mapTo(self._panel, field.rect().topLeft())
        self.setGeometry(corner.x(), max(0, corner.y() - height - 4), min(460, field.width()), height)
        self.show()
        self.raise_()

    def key(self, key: int) -> None:
        """A key of the field: move, take, or close."""
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            by = 1 if key == Qt.Key.Key_Down else -1
            self.list.setCurrentRow((self.list.currentRow() + by) % self.list.count())
        elif key == Qt.Key.Key_Escape:
            self.hide()
        else:
            self.take()

    def take(self) -> None:
        """Choose the current one."""
        row = self.list.currentRow()
        if 0 <= row < len(self._completions):
            chosen = self._completions[row]
            self.hide()
            self.chosen.emit(chosen)
