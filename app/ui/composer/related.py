"""The row of earlier sessions that have to do with what is being written: one click refers to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from app.ui.words import one_line

if TYPE_CHECKING:
    from app.sessions.related import RelatedSession

LONGEST = 36


class RelatedRow(QWidget):
    """chosen: the id of the session that the person wants to refer to."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[QToolButton] = []
        self._shown: Sequence[RelatedSession] = ()
        label = QLabel("Related", self)
        label.setProperty("role", "muted")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addWidget(label)
        self._row.addStretch()
        self.hide()

    def offer(self, sessions: Sequence[RelatedSession]) -> None:
        """Show these; nothing where there are none."""
        if sessions == self._shown:
            return
        self._shown = sessions
        for button in self.buttons:
            button.deleteLater()
        self.buttons = [self._button(one) for one in sessions]
        for place, button in enumerate(self.buttons, 1):
            self._row.insertWidget(place, button)
        self.setVisible(bool(sessions))

    def _button(self, session: RelatedSession) -> QToolButton:
        title = one_line(session.title)
        button = QToolButton(self)
        button.setProperty("chip", "true")
        button.setText(title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…")
        button.setToolTip(f"Refer to {title}")
        button.setAccessibleName(f"Refer to the related session {title}")
        button.clicked.connect(lambda _checked=False: self.chosen.emit(session.id))
        return button
