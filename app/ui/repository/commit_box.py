"""Where a commit's message is written, or proposed by the session's agent, and the commit is made."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.forms import Said
from app.ui.words import counted

BODY_LINES = 3


class CommitBox(QFrame):
    """committed: summary and body are to be committed. wanted: a message is to be proposed."""

    committed = Signal(str, str)
    wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self._staged = 0
        self._agent = ""
        self._why_not = ""
        self._is_busy = False
        self.said = Said(self)
        self.summary = QLineEdit(self)
        self.summary.setPlaceholderText("What this commit does")
        self.summary.setAccessibleName("Summary of the commit")
        self.body = QPlainTextEdit(self)
        self.body.setObjectName("prompt")
        self.body.setPlaceholderText("Why, and what else there is to know")
        self.body.setAccessibleName("Message of the commit")
        self.body.setTabChangesFocus(True)
        self.propose = QPushButton("Propose message", self)
        self.commit = QPushButton("Commit", self)
        self.commit.setProperty("primary", True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.propose)
        buttons.addStretch(1)
        buttons.addWidget(self.commit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        for widget in (self.said, self.summary, self.body):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        self.take_fonts()
        self.summary.textChanged.connect(self._show)
        self.commit.clicked.connect(self.commit_now)
        self.propose.clicked.connect(self.wanted)
        for field in (self.summary, self.body):
            field.installEventFilter(self)
        self._show()

    def take_fonts(self) -> None:
        """Another text size."""
        self.body.setFixedHeight(self.body.fontMetrics().lineSpacing() * BODY_LINES + 18)

    def show_state(self, *, staged: int, agent: str, why_not: str) -> None:
        """staged: how many files. agent: who proposes messages. why_not: why nothing can be committed here, or ''."""
        self._staged, self._agent, self._why_not = staged, agent, why_not
        self._show()

    def set_busy(self, words: str) -> None:
        """Something goes on; '' when it has ended."""
        self._is_busy = bool(words)
        self.said.say(words)
        self._show()

    def take_message(self, summary: str, body: str) -> None:
        """Fill the fields; '' empties them."""
        self.summary.setText(summary)
        self.body.setPlainText(body)

    def commit_now(self) -> None:
        """Commit what the fields say, if that can be done."""
        if self.commit.isEnabled():
            self.committed.emit(self.summary.text(), self.body.toPlainText())

    def _show(self) -> None:
        files = counted(self._staged, "file")
        self.commit.setText(f"Commit {files}" if self._staged else "Commit")
        self.commit.setAccessibleName(self.commit.text())
        ready = bool(self._staged) and not self._is_busy and not self._why_not
        self.commit.setEnabled(ready and bool(self.summary.text().strip()))
        self.propose.setEnabled(ready)
        why = self._why_not or ("" if self._staged else "Stage what the commit is to have.")
        self.commit.setToolTip(why or "Ctrl+Enter")
        self.commit.setAccessibleDescription(why)
        self.propose.setToolTip(why or f"Ask {self._agent or 'the agent'} for a message from what is staged")
        self.propose.setAccessibleDescription(self.propose.toolTip())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ctrl+Enter commits: taken before the window's shortcut gets it."""
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                if event.type() == QEvent.Type.KeyPress:
                    self.commit_now()
                event.accept()
                return True
        return super().eventFilter(watched, event)
