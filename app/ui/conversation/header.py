"""The line above the conversation: the title of the session, what goes on in it, and the way to stop that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.ui.ages import age
from app.ui.desk import Desk
from app.ui.models.conversation import ConversationModel
from app.ui.tasks.bar import TaskBar, task_words
from app.ui.title_label import TitleLabel
from app.ui.words import counted

if TYPE_CHECKING:
    from app.sessions.views import SessionRow

HEIGHT = 48


class SessionHeader(QFrame):
    """title, state, company, secrets, task, stop: its widgets."""

    def __init__(self, desk: Desk, model: ConversationModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._model = desk, model
        self._row: SessionRow | None = None
        self._running = self._streaming = False
        self._since = QElapsedTimer()
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._show_state)
        self.setObjectName("header")
        self.setFixedHeight(HEIGHT)
        self.title = TitleLabel(self)
        self.state = QLabel(self)
        self.state.setProperty("role", "muted")
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.company = QLabel(self)
        self.company.setProperty("role", "muted")
        self.company.setTextFormat(Qt.TextFormat.PlainText)
        self.company.setAccessibleName("Who else is here")
        self.secrets = QPushButton(self)
        self.secrets.setProperty("flat", "true")
        self.secrets.setToolTip("See, reveal or copy what was kept out of this session")
        self.secrets.hide()
        self.task = TaskBar(desk, self)
        self.stop = QPushButton("Stop", self)
        self.stop.setToolTip("Esc")
        self.stop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 8, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(self.title, 0)
        layout.addWidget(self.state, 1)
        layout.addWidget(self.company)
        layout.addWidget(self.secrets)
        layout.addWidget(self.task)
        layout.addWidget(self.stop)
        self.task.changed.connect(self._show_state)
        self._show_state()

    def show_row(self, row: SessionRow | None, *, streaming: bool) -> None:
        """The session as it is now; streaming: an agent writes into it, here or elsewhere."""
        self._row, self._streaming = row, streaming
        self.task.show_session(None if row is None else row.id)
        self._show_state()

    def show_secrets(self, count: int) -> None:
        """How many secrets this device kept out of the session."""
        self.secrets.setText(f"{counted(count, 'secret')} kept out")
        self.secrets.setVisible(count > 0)

    def set_running(self, running: bool) -> None:
        """Whether a turn of the session runs in this window."""
        if running and not self._running:
            self._since.start()
            self._tick.start()
        self._running = running
        self._show_state()

    def _show_state(self) -> None:
        if not self._running:
            self._tick.stop()
        self.stop.setVisible(self._running)
        if self._row is None:
            return
        self.title.setText(self._row.title)
        self.state.setText(self._words(self._row))

    def _words(self, row: SessionRow) -> str:
        waiting = self._model.open_request() is not None
        if self._running:
            seconds = self._since.elapsed() // 1000
            spent = f"{seconds // 60} m {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
            return f"{'waiting for you' if waiting else 'running'} · {spent}"
        if (job := self.task.job) is not None and not waiting and (words := task_words(job)):
            return words
        if waiting or self._streaming:
            return "waiting for you" if waiting else "running elsewhere"
        words = {"active": "", "waiting": "waiting for you"}.get(row.status, row.status)
        only = "read only" if row.copied else ""
        return " · ".join(word for word in (only, words, age(row.updated, self._desk.now())) if word)
