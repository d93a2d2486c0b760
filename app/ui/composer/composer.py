"""Where prompts are written: a field that grows, what goes with the prompt, who answers, and the send button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.ui.composer.attachments import AttachmentRow
from app.ui.composer.field import PromptField
from app.ui.composer.related import RelatedRow

if TYPE_CHECKING:
    from app.agents.attaching import Attachment


class AgentPicker(QToolButton):
    """Shows the chosen agent and offers the others. chosen: the person picked one. more_wanted: another one."""

    chosen = Signal(str)
    more_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: Sequence[str] = ()
        self.current = ""
        self.setAccessibleName("Agent")
        self.setToolTip("The agent that answers")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))

    def set_agents(self, names: Sequence[str], current: str | None, models: Sequence[str | None] = ()) -> None:
        """The agents to choose from with the names of their models, and the one in force (else the first)."""
        self.names = names
        menu = self.menu()
        menu.clear()
        for place, name in enumerate(names):
            model = models[place] if place < len(models) else None
            label = f"{name}   {model}" if model and model != name else name
            menu.addAction(label).triggered.connect(lambda _checked=False, picked=name: self._pick(picked))
        menu.addSeparator()
        menu.addAction("Add an agent…").triggered.connect(lambda _checked=False: self.more_wanted.emit())
        self._show(current if current in names else next(iter(names), ""))

    def _pick(self, name: str) -> None:
        self._show(name)
        self.chosen.emit(name)

    def _show(self, name: str | None) -> None:
        self.current = name or ""
        self.setText(f"{self.current}  ▾")
        self.setVisible(bool(self.current))


_PROMPT = "Message the agent…"


class Composer(QFrame):
    """submitted: the text, which stays in the field until `clear`. stop_wanted: end the turn that runs.
    files_wanted: the person wants to choose files to attach. refusal: stands in place of it all where nothing can be
    written."""

    submitted = Signal(str)
    stop_wanted = Signal()
    agent_chosen = Signal(str)
    files_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self.field = PromptField(self)
        self.field.setPlaceholderText(_PROMPT)
        self.attached = AttachmentRow(self)
        self.related = RelatedRow(self)
        self.send = QPushButton("Send", self)
        self.send.setProperty("primary", "true")
        self.send.setToolTip("Enter")
        self.send.setMinimumHeight(self.field.height())
        self.agents = AgentPicker(self)
        self.attach = QToolButton(self)
        self.attach.setText("Attach")
        self.attach.setToolTip("Add files to the message; or drop, paste, or type @")
        self.tools = QToolButton(self)
        self.tools.setText("Tools")
        self.tools.setCheckable(True)
        self._hint = QLabel("Enter sends · Shift+Enter new line · @ refers · / commands", self)
        self._hint.setProperty("role", "muted")
        self.refusal = QLabel(self)
        self.refusal.setTextFormat(Qt.TextFormat.PlainText)
        self.refusal.setWordWrap(True)
        self.refusal.setProperty("role", "muted")
        self.refusal.hide()
        self._arrange()
        self.field.sent.connect(self._submit)
        self.field.textChanged.connect(self._update_button)
        self.attached.changed.connect(self._update_button)
        self.attach.clicked.connect(lambda _checked=False: self.files_wanted.emit())
        self.send.clicked.connect(self._press)
        self.agents.chosen.connect(self.agent_chosen)
        self._running = False
        self._update_button()

    def _arrange(self) -> None:
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.setSpacing(6)
        upper.addWidget(self.field)
        upper.addWidget(self.send)
        lower.setSpacing(4)
        for widget in (self.agents, self.tools, self.attach):
            lower.addWidget(widget)
        lower.addStretch()
        lower.addWidget(self._hint)
        self._writing = QWidget(self)
        inner = QVBoxLayout(self._writing)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(4)
        inner.addWidget(self.related)
        inner.addWidget(self.attached)
        inner.addLayout(upper)
        inner.addLayout(lower)
        self._outer = QHBoxLayout(self)
        self._outer.setContentsMargins(20, 12, 20, 8)
        self._outer.addWidget(self._writing)
        self._outer.addWidget(self.refusal)

    def set_agents(self, names: Sequence[str], chosen: str | None, models: Sequence[str | None] = ()) -> None:
        """The agents to choose from, and the one in force."""
        self.agents.set_agents(names, chosen, models)
        self._update_button()

    def set_tools(self, *, possible: bool, wanted: bool, where: str) -> None:
        """Whether the agent may use tools in a folder, and which folder that is."""
        self.tools.setText("Tools" if possible else "No folder for tools")
        self.tools.setEnabled(possible)
        self.tools.setChecked(possible and wanted)
        words = f"The agent may read {where}; changing and running asks you first" if possible else where
        self.tools.setToolTip(words)

    def set_refusal(self, refusal: str) -> None:
        """Why nothing can be written into the session, in a sentence; "" where it can be."""
        self.refusal.setText(refusal)
        self.refusal.setVisible(bool(refusal))
        self._writing.setVisible(not refusal)
        self.field.setEnabled(not refusal)

    def set_running(self, running: bool) -> None:
        """While a turn runs, the button stops it."""
        self._running = running
        self._update_button()

    def attachments(self) -> list[Attachment]:
        """The files that go with the prompt."""
        return list(self.attached.attachments)

    def clear(self) -> None:
        """The prompt was taken."""
        self.field.clear()
        self.attached.clear()

    def set_column(self, left: int, right: int) -> None:
        """Stand below the conversation's column."""
        self._outer.setContentsMargins(left, 12, right, 8)
        self._hint.setVisible(self.width() - left - right > 560)

    def _submit(self) -> None:
        text = self.field.toPlainText().strip()
        if (text or self.attached.attachments) and not self._running and self.agents.names:
            self.submitted.emit(text)

    def _press(self) -> None:
        self.stop_wanted.emit() if self._running else self._submit()

    def _update_button(self) -> None:
        self.send.setText("Stop" if self._running else "Send")
        self.send.setToolTip("Esc" if self._running else "Enter")
        filled = bool(self.field.toPlainText().strip() or self.attached.attachments)
        self.send.setEnabled(self._running or (filled and bool(self.agents.names)))
