"""The row of files that will go with the prompt: a chip for each, with a way to take it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from app.sessions.sizes import human_size

if TYPE_CHECKING:
    from app.agents.attaching import Attachment


class AttachmentRow(QWidget):
    """changed: files came or went."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.attachments: list[Attachment] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addStretch()
        self.hide()

    def add(self, attachments: Sequence[Attachment]) -> None:
        """More files; what is attached already is not attached again."""
        self.attachments += [one for one in attachments if one not in self.attachments]
        self._rebuild()

    def clear(self) -> None:
        """No files any more."""
        self.attachments = []
        self._rebuild()

    def _remove(self, attachment: Attachment) -> None:
        self.attachments.remove(attachment)
        self._rebuild()

    def _rebuild(self) -> None:
        while self._row.count() > 1:
            item = self._row.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for place, attachment in enumerate(self.attachments):
            self._row.insertWidget(place, self._chip(attachment))
        self.setVisible(bool(self.attachments))
        self.changed.emit()

    def _chip(self, attachment: Attachment) -> QWidget:
        chip = QWidget(self)
        chip.setObjectName("chip")
        name = QLabel(f"{_short(attachment.name)}  {human_size(len(attachment.data))}", chip)
        name.setToolTip(f"{attachment.name}\n{attachment.media_type}")
        away = QToolButton(chip)
        away.setText("✕")
        away.setAccessibleName(f"Remove {attachment.name}")
        away.clicked.connect(lambda _checked=False: self._remove(attachment))
        layout = QHBoxLayout(chip)
        layout.setContentsMargins(8, 1, 2, 1)
        layout.setSpacing(2)
        layout.addWidget(name)
        layout.addWidget(away)
        return chip


def png_of(image: QImage) -> bytes:
    """A picture from the clipboard as a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:16]}…{name[-9:]}"
