"""The rules of a task as a form: what the agent may change and run, how far it may go, what must hold in the end."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.agents.rules import TASK_RULES, Rules
from app.ui.forms import labelled
from app.ui.words import counted

_CHANGING, _RUNNING = ("write", "edit"), ("run",)
MOST_STEPS, MOST_MINUTES, MOST_THOUSANDS = 10_000, 7 * 24 * 60, 1_000_000
_LINES, NUMBER_WIDTH = 3, 120


class RulesForm(QWidget):
    """What the form does not show stays as it was in the rules that it was given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._given = TASK_RULES
        self.changes = QCheckBox("It may change files", self)
        self.runs = QCheckBox("It may run commands", self)
        self.network = QCheckBox("Commands may use the network", self)
        self.paths, self.commands = QLineEdit(self), few_lines(self)
        self.paths.setPlaceholderText("all of the folder")
        self.commands.setPlaceholderText("any command")
        self.steps, self.minutes = _Number(MOST_STEPS, self), _Number(MOST_MINUTES, self)
        self.thousands = _Number(MOST_THOUSANDS, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        for part in (
            labelled("St&eps", self.steps, "How many tool calls it has."),
            labelled("M&inutes", self.minutes),
            labelled("Tho&usand tokens", self.thousands, "What its model reads and writes, as far as that is told."),
            self.changes,
            labelled("&Only these files", self.paths, "Patterns such as src/** docs/*.md, with spaces between."),
            self.runs,
            labelled("Co&mmands", self.commands, "How a command may begin, one a line: python3, git diff, …"),
            self.network,
        ):
            layout.addWidget(part)
        self.changes.toggled.connect(self.paths.setEnabled)
        self.runs.toggled.connect(self.commands.setEnabled)
        self.runs.toggled.connect(self.network.setEnabled)
        self.show_rules(TASK_RULES)

    def show_rules(self, rules: Rules) -> None:
        """Fill the form."""
        self._given = rules
        self.changes.setChecked(any(tool in rules.tools for tool in _CHANGING))
        self.runs.setChecked("run" in rules.tools)
        self.network.setChecked(rules.network)
        self.paths.setText(" ".join(rules.paths or ()))
        self.commands.setPlainText("\n".join(rules.commands or ()))
        self.steps.show_number(rules.steps)
        self.minutes.show_number(rules.seconds, 60)
        self.thousands.show_number(rules.tokens, 1000)

    def rules(self) -> Rules:
        """What the form says."""
        given = self._given
        looking = tuple(tool for tool in given.tools if tool not in (*_CHANGING, *_RUNNING))
        changing = tuple(tool for tool in given.tools if tool in _CHANGING) or _CHANGING
        return msgspec.structs.replace(
            given,
            tools=looking
            + (changing if self.changes.isChecked() else ())
            + (_RUNNING if self.runs.isChecked() else ()),
            network=self.network.isChecked() and self.runs.isChecked(),
            paths=tuple(self.paths.text().split()) or None,
            commands=lines_of(self.commands) or None,
            steps=int(self.steps.number(given.steps)),
            seconds=self.minutes.number(given.seconds),
            tokens=int(self.thousands.number(given.tokens)),
        )


def rules_words(rules: Rules) -> str:
    """What matters of rules, in one line."""
    changes = any(tool in rules.tools for tool in _CHANGING)
    where = (
        "no changes"
        if not changes
        else "changes anywhere in the folder"
        if rules.paths is None
        else "changes in chosen files"
    )
    runs = "run" in rules.tools
    commands = "no commands" if not runs else "any command" if rules.commands is None else "chosen commands"
    words = [counted(rules.steps, "step"), counted(max(1, round(rules.seconds / 60)), "minute")]
    words += [where if changes else "no changes", commands]
    return " · ".join([*words, "network" if rules.network and runs else "no network"])


def lines_of(field: QPlainTextEdit) -> tuple[str, ...]:
    """The lines of a field that say something."""
    lines = (" ".join(line.split()) for line in field.toPlainText().splitlines())
    return tuple(line for line in lines if line)


def few_lines(parent: QWidget, lines: int = _LINES) -> QPlainTextEdit:
    """A field for a few lines of plain text, which the Tab key leaves."""
    field = QPlainTextEdit(parent)
    field.setProperty("role", "field")
    field.setTabChangesFocus(True)
    field.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    field.setFixedHeight(lines * field.fontMetrics().lineSpacing() + 20)
    return field


class _Number(QLineEdit):
    """A number from 1 on. What nobody changed stays exactly what it was, though it is shown in larger units."""

    def __init__(self, most: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setValidator(QIntValidator(1, most, self))
        self.setMaximumWidth(NUMBER_WIDTH)
        self._shown, self._unit = "", 1

    def show_number(self, value: float, unit: int = 1) -> None:
        """Show a number in units of so much."""
        self._unit, self._shown = unit, str(max(1, round(value / unit)))
        self.setText(self._shown)

    def number(self, given: float) -> float:
        """The number; the given one where nothing was changed, or nothing makes sense."""
        text = self.text()
        return given if text == self._shown or not self.hasAcceptableInput() else float(int(text) * self._unit)
