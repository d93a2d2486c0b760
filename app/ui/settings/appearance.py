"""Appearance: theme, size of text, motion, and the editor that files are opened in."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QButtonGroup, QCheckBox, QComboBox, QRadioButton, QWidget

from app.ui import kept, motion
from app.ui.desk import Desk
from app.ui.editors import KNOWN, editor_problem
from app.ui.forms import Said, labelled, side_by_side
from app.ui.settings.page import Page
from app.ui.theme import CHOICES, LEAST_ZOOM, MOST_ZOOM, ZOOM_STEP, Choice

_NAMES: dict[Choice, str] = {"system": "&Follow the system", "light": "&Light", "dark": "&Dark"}


class AppearancePage(Page):
    """How the window looks; everything takes effect at once."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Appearance", "", parent)
        self.themes = QButtonGroup(self)
        self.choices: dict[Choice, QRadioButton] = {}
        for choice in CHOICES:
            button = self.choices[choice] = QRadioButton(_NAMES[choice], self)
            button.clicked.connect(lambda _checked, chosen=choice: self._choose_theme(chosen))
            self.themes.addButton(button)
        self.zoom = QComboBox(self)
        steps = round((MOST_ZOOM - LEAST_ZOOM) / ZOOM_STEP)
        for number in range(steps + 1):
            value = round(LEAST_ZOOM + number * ZOOM_STEP, 2)
            self.zoom.addItem(f"{round(value * 100)} %", value)
        self.motion = QCheckBox("&Reduce motion", self)
        self.motion.setAccessibleDescription("Nothing glides or blinks that could stand still")
        self.editor = QComboBox(self)
        self.editor.setEditable(True)
        self.editor.addItems(["", *KNOWN])
        self.editor_said = Said(self)
        self._arrange()
        self.zoom.activated.connect(self._choose_zoom)
        self.motion.clicked.connect(self._choose_motion)
        self.editor.activated.connect(lambda _index: self._keep_editor())
        line = self.editor.lineEdit()
        assert line is not None
        line.setPlaceholderText("The system’s choice")
        line.setAccessibleName("Editor")
        line.editingFinished.connect(self._keep_editor)
        desk.themes.changed.connect(self._show_look)

    def _arrange(self) -> None:
        choices = QWidget(self)
        line = side_by_side(*self.choices.values())
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(16)
        choices.setLayout(line)
        self.add(
            labelled("Theme", choices),
            labelled("&Text size", self.zoom, "Also Ctrl++, Ctrl+- and Ctrl+0."),
            labelled("&Editor", self.editor, "Opens files from diffs and links; {path} and {line} are put in."),
            self.editor_said,
            self.motion,
        )

    def shown(self) -> None:
        self._show_look()
        self.motion.setChecked(bool(self.desk.setting(kept.REDUCED_MOTION, False)))
        self.editor.setCurrentText(str(self.desk.setting(kept.EDITOR, "") or ""))

    def _show_look(self, _theme: object = None) -> None:
        self.choices[self.desk.themes.choice].setChecked(True)
        nearest = min(range(self.zoom.count()), key=lambda row: abs(self.zoom.itemData(row) - self.desk.themes.zoom))
        self.zoom.setCurrentIndex(nearest)

    def _choose_theme(self, choice: Choice) -> None:
        self.desk.themes.choose(choice)
        self.desk.keep_setting(kept.THEME, choice)

    def _choose_zoom(self, row: int) -> None:
        self.desk.themes.set_zoom(self.zoom.itemData(row))
        self.desk.keep_setting(kept.ZOOM, self.desk.themes.zoom)

    def _choose_motion(self, reduced: bool) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        motion.reduce_motion(application, reduced)
        self.desk.keep_setting(kept.REDUCED_MOTION, reduced or None)

    def _keep_editor(self) -> None:
        command = self.editor.currentText().strip()
        problem = editor_problem(command)
        self.editor_said.say(problem, "failed")
        if not problem:
            self.desk.keep_setting(kept.EDITOR, command or None)
