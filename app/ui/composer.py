"""Where prompts are written: a field that grows, the agent that answers, and the way to send or stop."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

MOST_LINES = 9
FIELD_PADDING = 5
"""Pixels of padding and border that the style sheet puts around the text."""
_SEND_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class PromptField(QPlainTextEdit):
    """Enter and Ctrl+Enter send; Shift+Enter and Alt+Enter begin a line. Pasted text loses its formatting."""

    sent = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("prompt")
        self.setAccessibleName("Message")
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        # The document's size counts lines, not pixels.
        lines = max(1, round(self.document().size().height()))
        shown = min(MOST_LINES, lines)
        around = 2 * (round(self.document().documentMargin()) + FIELD_PADDING)
        self.setFixedHeight(shown * self.fontMetrics().lineSpacing() + around)
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if lines > MOST_LINES else policy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        newline = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier
        if event.key() in _SEND_KEYS and not event.modifiers() & newline:
            self.sent.emit()
        elif event.key() in _SEND_KEYS:
            self.insertPlainText("\n")
            self.ensureCursorVisible()
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        self.insertPlainText(source.text())

    def sizeHint(self) -> QSize:
        return QSize(300, self.height())


class AgentPicker(QToolButton):
    """Shows the chosen agent and offers the others. chosen: the person picked one."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: Sequence[str] = ()
        self.current = ""
        self.setAccessibleName("Agent")
        self.setToolTip("The agent that answers")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))

    def set_agents(self, names: Sequence[str], current: str | None) -> None:
        """The agents to choose from, and the one in force (else the first)."""
        self.names = names
        self.menu().clear()
        for name in names:
            self.menu().addAction(name).triggered.connect(lambda _checked=False, picked=name: self._pick(picked))
        self._show(current if current in names else next(iter(names), ""))

    def _pick(self, name: str) -> None:
        self._show(name)
        self.chosen.emit(name)

    def _show(self, name: str | None) -> None:
        self.current = name or ""
        self.setText(f"{self.current}  ▾")
        self.setVisible(bool(self.current))


class Composer(QFrame):
    """submitted: the text, which stays in the field until `clear`. stop_wanted: end the turn that runs."""

    submitted = Signal(str)
    stop_wanted = Signal()
    agent_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self.field = PromptField(self)
        self.field.setPlaceholderText("Message the agent…")
        self.send = QPushButton("Send", self)
        self.send.setProperty("primary", "true")
        self.send.setToolTip("Enter")
        self.send.setMinimumHeight(self.field.height())
        self.agents = AgentPicker(self)
        self.tools = QToolButton(self)
        self.tools.setText("Tools")
        self.tools.setCheckable(True)
        self._hint = QLabel("Enter sends · Shift+Enter for a new line", self)
        self._hint.setProperty("role", "muted")
        self._arrange()
        self.field.sent.connect(self._submit)
        self.field.textChanged.connect(self._update_button)
        self.send.clicked.connect(self._press)
        self.agents.chosen.connect(self.agent_chosen)
        self._running = False
        self._update_button()

    def _arrange(self) -> None:
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.setSpacing(6)
        upper.addWidget(self.field)
        upper.addWidget(self.send, alignment=Qt.AlignmentFlag.AlignBottom)
        lower.setSpacing(4)
        lower.addWidget(self.agents)
        lower.addWidget(self.tools)
        lower.addStretch()
        lower.addWidget(self._hint)
        inner = QVBoxLayout()
        inner.setSpacing(4)
        inner.addLayout(upper)
        inner.addLayout(lower)
        self._outer = QHBoxLayout(self)
        self._outer.setContentsMargins(20, 12, 20, 8)
        self._outer.addLayout(inner)

    def set_agents(self, names: Sequence[str], chosen: str | None) -> None:
        """The agents to choose from, and the one in force."""
        self.agents.set_agents(names, chosen)
        self._update_button()

    def set_tools(self, *, possible: bool, wanted: bool, where: str) -> None:
        """Whether the agent may use tools in a folder, and which folder that is."""
        self.tools.setText("Tools" if possible else "No folder for tools")
        self.tools.setEnabled(possible)
        self.tools.setChecked(possible and wanted)
        words = f"The agent may read {where}; changing and running asks you first" if possible else where
        self.tools.setToolTip(words)

    def set_running(self, running: bool) -> None:
        """While a turn runs, the button stops it."""
        self._running = running
        self._update_button()

    def clear(self) -> None:
        """The text was taken."""
        self.field.clear()

    def set_column(self, left: int, right: int) -> None:
        """Stand below the conversation's column."""
        self._outer.setContentsMargins(left, 12, right, 8)

    def _submit(self) -> None:
        text = self.field.toPlainText().strip()
        if text and not self._running and self.agents.names:
            self.submitted.emit(text)

    def _press(self) -> None:
        self.stop_wanted.emit() if self._running else self._submit()

    def _update_button(self) -> None:
        self.send.setText("Stop" if self._running else "Send")
        self.send.setToolTip("Esc" if self._running else "Enter")
        ready = bool(self.field.toPlainText().strip() and self.agents.names)
        self.send.setEnabled(self._running or ready)
