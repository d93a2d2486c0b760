"""Running a workflow: what is wrong with its file, with lines, or its inputs and a button that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.ui import kept
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, Said, labelled, side_by_side
from app.ui.places import SessionPlace
from app.ui.theme import mono_font
from app.ui.words import one_line
from app.ui.workflow.beginning import Offer, begin, read_offer

if TYPE_CHECKING:
    from app.agents.workflow.model import Input, Workflow
    from app.agents.workflow.problems import Problem

WIDTH, HEIGHT = 620, 480
_NAME = 120


class WorkflowDialog(QDialog):
    """For one file. It stops nothing: the window goes on beside it."""

    def __init__(self, desk: Desk, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk, self._path = desk, path
        self._offer: Offer | None = None
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Run workflow")
        self.heading = Heading(path.name, desk.themes, parent=self)
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        self.heading.setWordWrap(True)
        self.about, self.wishes, self.said = Prose("", self), Prose("", self), Said(self)
        self.problems = QPlainTextEdit(self)
        self.problems.setReadOnly(True)
        self.problems.setAccessibleName("Problems of the file")
        self.problems.setTabChangesFocus(True)
        self.fields: Mapping[str, QLineEdit | QComboBox] = {}
        self.run = QPushButton("&Run", self)
        self.run.setProperty("primary", "true")
        self.again = QPushButton("&Look Again", self)
        self.again.setAccessibleDescription("Read the file anew")
        self._arrange()
        self.run.clicked.connect(lambda _checked: self._run())
        self.again.clicked.connect(lambda _checked: self.look())
        self.look()

    def _arrange(self) -> None:
        inner = QWidget(self)
        inner.setObjectName("page")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(12)
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        for part in (self.heading, self.about, self.problems):
            layout.addWidget(part)
        layout.addLayout(self._rows)
        layout.addWidget(self.wishes)
        layout.addLayout(side_by_side(self.run, self.again))
        layout.addWidget(self.said)
        layout.addStretch()
        frame = QScrollArea(self)
        frame.setFrameShape(QFrame.Shape.NoFrame)
        frame.setWidgetResizable(True)
        frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frame.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self.resize(WIDTH, HEIGHT)
        for hidden in (self.problems, self.wishes, self.run):
            hidden.hide()

    def look(self) -> None:
        """Read the file, and show what there is to do about it."""
        self.said.say("")
        path = self._path
        self.desk.bridge.compute(
            lambda: read_offer(path), while_alive(self, self._show), while_alive(self, self.said.fail)
        )

    def _show(self, offer: Offer) -> None:
        self._offer = offer
        workflow = offer.parsed.workflow
        self.problems.setVisible(workflow is None)
        self.run.setVisible(workflow is not None)
        self.wishes.setVisible(bool(offer.wishes))
        self.wishes.setText(f"When it runs, it may {' and '.join(offer.wishes)}.")
        if workflow is None:
            self._show_problems(offer.parsed.problems)
        else:
            self._show_workflow(workflow)

    def _show_problems(self, problems: tuple[Problem, ...]) -> None:
        count = "One thing is" if len(problems) == 1 else f"{len(problems)} things are"
        self.heading.setText(self._path.name)
        self.about.setText(f"{count} wrong with this file. Mend it, then look again.")
        self.problems.setFont(mono_font())
        self.problems.setPlainText("\n\n".join(_shown(problem) for problem in problems))
        self._fill({})
        self.again.setFocus()

    def _show_workflow(self, workflow: Workflow) -> None:
        count = "1 step" if len(workflow.steps) == 1 else f"{len(workflow.steps)} steps"
        about = workflow.description.strip()
        self.heading.setText(one_line(workflow.name)[:_NAME])
        self.about.setText(f"{about}\n{self._path.name} · {count}" if about else f"{self._path.name} · {count}")
        self._fill(workflow.inputs)
        self._allow()
        next((field for field in self.fields.values() if not _value(field)), self.run).setFocus()

    def _fill(self, inputs: Mapping[str, Input]) -> None:
        """A row for each input, with what was written in one of that name before."""
        before = {name: _value(field) for name, field in self.fields.items()}
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self.fields = {name: self._field(one, before.get(name)) for name, one in inputs.items()}
        for name, field in self.fields.items():
            self._rows.addWidget(labelled(name, field, inputs[name].description.strip()))

    def _field(self, one: Input, before: str | None) -> QLineEdit | QComboBox:
        value = before or one.default or ""
        if one.choices:
            choice = QComboBox(self)
            choice.addItems(list(one.choices))
            choice.setCurrentText(value)
            return choice
        line = QLineEdit(value, self)
        line.setPlaceholderText("" if one.default is not None else "Needed")
        line.textChanged.connect(lambda _text: self._allow())
        return line

    def _allow(self) -> None:
        workflow = self._offer.parsed.workflow if self._offer else None
        inputs = workflow.inputs if workflow else {}
        missing = [name for name, field in self.fields.items() if inputs[name].default is None and not _value(field)]
        self.run.setEnabled(not missing)
        self.run.setToolTip(f"Write {missing[0]} first" if missing else "")

    def _run(self) -> None:
        if self._offer is None:
            return
        self.run.setEnabled(False)
        inputs = {name: _value(field) for name, field in self.fields.items()}
        work = begin(self.desk, self._path, self._offer, inputs)
        self.desk.bridge.call(work, while_alive(self, self._begun), while_alive(self, self._fail))

    def _begun(self, session: str) -> None:
        self.desk.go(SessionPlace(session))
        self.desk.say("The workflow goes on in the background, also when this window is closed.")
        self.close()

    def _fail(self, error: BaseException) -> None:
        self.run.setEnabled(True)
        self.said.fail(error)


def choose_workflow(desk: Desk, window: QWidget) -> None:
    """Let the person choose a file, then show its dialog above the window."""

    def show(name: str) -> None:
        path = Path(name)
        desk.keep_setting(kept.WORKFLOWS, str(path.parent))
        WorkflowDialog(desk, path, window).show()

    def ask(folder: str) -> None:
        dialog = QFileDialog(window, "Run workflow", folder, "Workflows (*.yaml *.yml)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(show)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    last = desk.setting(kept.WORKFLOWS)
    if isinstance(last, str) and Path(last).is_dir():
        ask(last)
    else:
        desk.read(lambda queries: str(next(iter(queries.folders()), Path.home())), ask)


def _shown(problem: Problem) -> str:
    where = f"line {problem.line}" + (f" · {problem.field}" if problem.field else "")
    return f"{where}\n{problem.message}"


def _value(field: QLineEdit | QComboBox) -> str:
    return field.currentText() if isinstance(field, QComboBox) else field.text()
