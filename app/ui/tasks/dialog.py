"""Beginning a task, and letting one that met a limit go on: what is to be done, who does it, and within which rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QDialog, QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.agents.rules import TASK_RULES, Rules
from app.background.beginning import NewTask
from app.background.resuming import resume_with_rules
from app.ui import kept
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, Said, labelled, side_by_side
from app.ui.places import SessionPlace
from app.ui.tasks.rules_form import RulesForm, few_lines, lines_of, rules_words

if TYPE_CHECKING:
    from app.sessions.jobs import Job

WIDTH, HEIGHT, TEXT_LINES = 620, 560, 5
_ABOUT = (
    "An agent works on its own, within the rules below and without asking, also when this window is closed. You can "
    "pause it, stop it or take over at any time."
)
_CHECKS = "Commands that must succeed before the task counts as done, one a line: python3 -m pytest -q"
_NO_FOLDER = "Tasks work in a folder, and this workspace has none. Bind one with “Open Folder…” in the menu."
_NO_TEXT = "Say what is to be done."


class TaskDialog(QDialog):
    """It stops nothing: the window goes on beside it."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.rules, self.checks, self.said = RulesForm(self), few_lines(self, 2), Said(self)
        self.more = QPushButton("&Rules…", self)
        self.more.setCheckable(True)
        self.more.setAccessibleName("Show the rules")
        self.summary = Prose("", self)
        self.start = QPushButton("&Start", self)
        self.start.setProperty("primary", "true")
        self.start.setDefault(True)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.clicked.connect(lambda _checked=False: self.close())
        self.more.toggled.connect(self._show_rules)
        self.start.clicked.connect(lambda _checked=False: self.begin())
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self.begin)
        self.rules.hide()

    def _show_rules(self, shown: bool) -> None:
        self.rules.setVisible(shown)
        self.more.setText("Hide &Rules" if shown else "&Rules…")
        self.summary.setText("" if shown else rules_words(self.rules.rules()))

    def begin(self) -> None:
        """Do what the dialog is for."""
        raise NotImplementedError

    def chosen_rules(self) -> Rules:
        """The rules with the checks."""
        return msgspec.structs.replace(self.rules.rules(), checks=lines_of(self.checks))

    def show_rules(self, rules: Rules) -> None:
        """Fill in rules with their checks."""
        self.rules.show_rules(rules)
        self._show_rules(self.more.isChecked())
        self.checks.setPlainText("\n".join(rules.checks))

    def arrange(self, parts: Sequence[QWidget]) -> None:
        """Stand below each other, with the buttons at the end."""
        inner = QWidget(self)
        inner.setObjectName("page")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        for part in parts:
            layout.addWidget(part)
        layout.addStretch(1)
        frame = QScrollArea(self)
        frame.setFrameShape(QFrame.Shape.NoFrame)
        frame.setWidgetResizable(True)
        frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frame.setWidget(inner)
        foot = QWidget(self)
        foot.setObjectName("page")
        buttons = QVBoxLayout(foot)
        buttons.setContentsMargins(24, 12, 24, 16)
        buttons.addWidget(self.said)
        buttons.addLayout(side_by_side(self.start, self.cancel))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(frame, 1)
        outer.addWidget(foot)
        self.resize(WIDTH, HEIGHT)

    def fail(self, error: BaseException) -> None:
        """Say what went wrong; it can be tried again."""
        self.start.setEnabled(True)
        self.said.fail(error)


class NewTaskDialog(TaskDialog):
    """For a new task in the workspace of the window."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.setWindowTitle("New task")
        self.text = few_lines(self, TEXT_LINES)
        self.text.setPlaceholderText("What is to be done? Name the files, and how one sees that it is right.")
        self.agent, self.folder = QComboBox(self), QComboBox(self)
        self._folders: Sequence[Path] = ()
        self.start.setEnabled(False)
        self.show_rules(kept_rules(desk))
        self.arrange(
            [
                Heading("New task", desk.themes),
                Prose(_ABOUT),
                labelled("&Task", self.text),
                labelled("&Agent", self.agent),
                labelled("&Folder", self.folder),
                labelled("&Checks", self.checks, _CHECKS),
                self._rules_row(),
                self.rules,
            ]
        )
        desk.bridge.call(desk.turns.names(), while_alive(self, self._offer_agents), while_alive(self, self.fail))
        desk.read(lambda queries: queries.folders(), while_alive(self, self._offer_folders))
        self.text.setFocus()

    def _rules_row(self) -> QWidget:
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        line.addWidget(self.more)
        line.addWidget(self.summary, 1)
        return row

    def _offer_agents(self, names: Sequence[str]) -> None:
        self.agent.addItems(list(names))
        chosen = self.desk.setting(kept.AGENT)
        if chosen in names:
            self.agent.setCurrentText(chosen)
        self._update()

    def _offer_folders(self, folders: Sequence[Path]) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        for folder in self._folders:
            self.folder.addItem(str(folder), folder)
        self.said.say("" if self._folders else _NO_FOLDER)
        self._update()

    def _update(self) -> None:
        self.start.setEnabled(bool(self._folders and self.agent.count()))

    def begin(self) -> None:
        text = self.text.toPlainText().strip()
        if not self.start.isEnabled():
            return
        if not text:
            self.said.say(_NO_TEXT, "failed")
            self.text.setFocus()
            return
        first = self.folder.currentData()
        folders = (first, *(folder for folder in self._folders if folder != first))
        task = NewTask(text, self.agent.currentText(), folders, self.chosen_rules())
        self.start.setEnabled(False)
        self.desk.bridge.call(_begin(self.desk, task), while_alive(self, self._begun), while_alive(self, self.fail))

    def _begun(self, session: str) -> None:
        self.desk.keep_setting(kept.TASK_RULES, msgspec.to_builtins(self.chosen_rules()))
        self.desk.go(SessionPlace(session))
        self.desk.say("The task goes on in the background, also when this window is closed.")
        self.close()


class ResumeDialog(TaskDialog):
    """For a task that waits: it gets as much again, or other limits."""

    def __init__(self, desk: Desk, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._session = job.session
        self.setWindowTitle("Resume the task")
        self.start.setText("&Resume")
        self.show_rules(msgspec.convert(job.rules, Rules))
        self.more.setChecked(True)
        self.arrange(
            [
                Heading("Resume the task", desk.themes),
                Prose(job.needs),
                labelled("&Checks", self.checks, _CHECKS),
                self.rules,
            ]
        )
        self.more.hide()
        self.rules.show()

    def begin(self) -> None:
        resume = resume_with_rules(self.chosen_rules())
        self.desk.write(
            lambda operations: resume(operations, [self._session], ""),
            while_alive(self, lambda _ids: self.close()),
            while_alive(self, self.fail),
        )


async def _begin(desk: Desk, task: NewTask) -> str:
    """The new session. Raises UserError where the agent cannot be used."""
    await desk.turns.agents.backend(task.agent)
    return await desk.workspace.write_async(task.add)


def kept_rules(desk: Desk) -> Rules:
    """The rules that the last task got, else those for every task."""
    try:
        return msgspec.convert(desk.setting(kept.TASK_RULES), Rules)
    except msgspec.ValidationError:
        return TASK_RULES


def show_new_task_dialog(desk: Desk, parent: QWidget) -> NewTaskDialog:
    """Open the dialog above the window that a widget is in."""
    dialog = NewTaskDialog(desk, parent.window())
    dialog.show()
    return dialog


def show_resume_dialog(desk: Desk, job: Job, parent: QWidget) -> ResumeDialog:
    """Open the dialog above the window that a widget is in."""
    dialog = ResumeDialog(desk, job, parent.window())
    dialog.show()
    return dialog
