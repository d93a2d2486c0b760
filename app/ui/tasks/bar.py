"""What the header of a session shows of its task: the step, and how to pause, resume, take over or stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.commands import sessions as commands
from app.ui.words import cut

if TYPE_CHECKING:
    from app.commands.command import Command
    from app.sessions.jobs import Job
    from app.ui.desk import Desk

MOST_STEP = 60


class TaskBar(QWidget):
    """Buttons for the task of the session that is shown; hidden without one. changed: `job` is another one."""

    changed = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._session: str | None = None
        self.job: Job | None = None
        self.pause = self._button("Pause", "Set the task aside until you resume it")
        self.resume = self._button("Resume", "Let the agent go on")
        self.take_over = self._button("Take Over", "Stop the agent and go on in this session yourself")
        self.stop = self._button("Stop", "End the task")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for button in (self.pause, self.resume, self.take_over, self.stop):
            layout.addWidget(button)
        self.pause.clicked.connect(lambda _checked=False: self._do(commands.PAUSE))
        self.resume.clicked.connect(lambda _checked=False: self._resume())
        self.take_over.clicked.connect(lambda _checked=False: self._do(commands.TAKE_OVER))
        self.stop.clicked.connect(lambda _checked=False: self._do(commands.STOP))
        desk.jobs.changed.connect(self._look)
        self.hide()

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(f"{text} the task" if text != "Take Over" else "Take over from the agent")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def show_session(self, session: str | None) -> None:
        """Show what there is to do with the task of a session."""
        self._session = session
        self._look()

    def _look(self) -> None:
        job = self._desk.jobs.view.jobs.get(self._session or "")
        if job == self.job:
            return
        self.job = job
        runs = job is not None and job.state == "ready"
        self.pause.setVisible(runs)
        self.resume.setVisible(job is not None and not runs)
        self.resume.setText("Resume…" if self._needs_rules() else "Resume")
        self.setVisible(job is not None)
        self.changed.emit()

    def _needs_rules(self) -> bool:
        return self.job is not None and self.job.state == "waiting" and self.job.kind == "task"

    def _do(self, command: Command) -> None:
        session = self._session
        if session is not None:
            self._desk.write(lambda operations: command.run(operations, [session], ""))

    def _resume(self) -> None:
        """A task that met a limit is asked about: it may need another one."""
        if self.job is not None and self._needs_rules():
            from app.ui.tasks.dialog import show_resume_dialog

            show_resume_dialog(self._desk, self.job, self.window())
        else:
            self._do(commands.RESUME)


def task_words(job: Job) -> str:
    """What a task does, in a few words; '' where its session says so itself."""
    from app.sessions.jobs import step_words

    if job.state == "waiting":
        return "waiting for you"
    if job.state != "ready":
        return ""
    step = cut(step_words(job), MOST_STEP)
    return f"in the background · {step}" if step else "in the background"
