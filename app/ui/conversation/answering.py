"""Answering permission requests by keyboard, while the conversation has it."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent

from app.ui.conversation.always_here import CHOICE
from app.ui.conversation.view import ConversationView
from app.ui.models.conversation import ConversationModel

GUARD_MS = 400
"""After a question moved the keyboard here, keys typed for something else must not answer it."""
_KEYS: dict[int, str] = {
    Qt.Key.Key_1: "once",
    Qt.Key.Key_Y: "once",
    Qt.Key.Key_2: "always",
    Qt.Key.Key_A: "always",
    Qt.Key.Key_3: "reject",
    Qt.Key.Key_N: "reject",
    Qt.Key.Key_4: CHOICE,
}


class AnswerKeys(QObject):
    """answered: (request, choice). guard_ms: for so long after a question came nothing answers it."""

    answered = Signal(str, str)

    def __init__(self, view: ConversationView, model: ConversationModel) -> None:
        super().__init__(view)
        self.guard_ms = GUARD_MS
        self._view, self._model = view, model
        self._asked_for: str | None = None
        self._guard = QElapsedTimer()
        view.installEventFilter(self)

    def forget(self) -> None:
        """Another session is shown."""
        self._asked_for = None

    def notice(self, *, take_keyboard: bool) -> bool:
        """Whether there is a question that was not there before; it then gets the keyboard, if it may."""
        question = self._model.open_request()
        if question is None or question[1] == self._asked_for:
            return False
        self._asked_for = question[1]
        self._guard.start()
        if take_keyboard:
            self._view.setCurrentIndex(self._model.index(question[0], 0))
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that answer."""
        if watched is self._view and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            choice = _KEYS.get(event.key())
            plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            question = self._model.open_request() if choice and plain else None
            if question is not None and choice is not None:
                if self._guard.hasExpired(self.guard_ms):
                    self.answered.emit(question[1], choice)
                return True
        return super().eventFilter(watched, event)
