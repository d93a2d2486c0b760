"""Whether a person has the conversation before their eyes: what comes while they do not is marked as new."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.ui.conversation.entries import has_row
from app.ui.conversation.follower import Follower
from app.ui.conversation.reading import Reading
from app.ui.desk import Desk

SEEN_MS = 1_000
"""How long a session must be in front until what it shows counts as seen."""


class Attention(QObject):
    """Watches one panel; keeps for its session up to which event it was seen."""

    def __init__(self, desk: Desk, follower: Follower, panel: QWidget) -> None:
        super().__init__(panel)
        self._desk, self._follower, self._panel = desk, follower, panel
        self._was_away = False
        self._kept: tuple[str, str] | None = None
        self._seen = QTimer(self, singleShot=True, interval=SEEN_MS)
        self._seen.timeout.connect(self._keep)
        follower.opened.connect(lambda _reading: self._seen.start())
        follower.read.connect(self._take)
        panel.installEventFilter(self)

    def note_change(self) -> None:
        """The session has changed; is the person looking?"""
        self._was_away = self._was_away or not self._is_here()

    def answered(self) -> None:
        """The person has written: nothing is new to them."""
        self._follower.model.set_new_from(None)

    def _is_here(self) -> bool:
        return self._panel.isVisible() and self._panel.isActiveWindow()

    def _take(self, reading: Reading) -> None:
        model = self._follower.model
        first = next((event.row for event in reading.events if has_row(event)), None)
        if first is not None and self._was_away and not model.has_new:
            model.set_new_from(first)
        self._was_away = False
        self._seen.start()

    def _keep(self) -> None:
        session, event = self._follower.session, self._follower.model.last_event
        if session is None or event is None or not self._is_here() or self._kept == (session, event):
            return
        self._kept = (session, event)
        self._desk.write(lambda operations: operations.mark_seen(session, event), failed=lambda _error: None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The panel or its window has come to the front."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.WindowActivate):
            self._seen.start()
        return super().eventFilter(watched, event)
