"""Step 3: what to work on. A folder, and the sessions that other tools left on this computer; both may be left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from app.errors import UserError
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.first_run.step import Step, Then
from app.ui.forms import Prose, labelled
from app.ui.import_job import start_import

if TYPE_CHECKING:
    from app.commands.importing import Found


class WorkStep(Step):
    """folder: where agents may look and, once asked, change things. bring: import what was found."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            "What do you work on?",
            "An agent with tools may look into the folder; before it changes or runs anything, it asks you.",
        )
        self.folder = QLineEdit(self)
        self.folder.setPlaceholderText("No folder; this can be chosen later")
        choose = QPushButton("Choose…", self)
        choose.setAccessibleName("Choose a folder")
        choose.clicked.connect(self._choose)
        field = QWidget(self)
        line = QHBoxLayout(field)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.folder, 1)
        line.addWidget(choose)
        field.setFocusProxy(self.folder)
        self.bring = QCheckBox("&Bring in the sessions of other tools", self)
        self.bring.hide()
        self.found_words = Prose("Looking for sessions of other tools…", self)
        self.body.addWidget(labelled("&Folder", field))
        self.folder.setAccessibleName("Folder")
        self.body.addSpacing(8)
        self.body.addWidget(self.bring)
        self.body.addWidget(self.found_words)
        self.body.addWidget(self.said)
        self._found: Found | None = None
        desk.bridge.compute(_find, while_alive(self, self._show), while_alive(self, self._show_none))

    def begin(self) -> None:
        self.folder.setFocus()

    def take(self, then: Then) -> None:
        text = self.folder.text().strip()
        if not text:
            self._bring()
            then()
            return
        folder = Path(text).expanduser().absolute()
        if not folder.is_dir():
            self.said.say(f"There is no folder {folder}. Choose another one, or leave the field empty.", "failed")
            return

        def bound(_nothing: object) -> None:
            self._bring()
            then()

        workspace = self.desk.workspace.id
        self.desk.write(lambda operations: operations.bind_folder(workspace, folder), bound, self.said.fail)

    def _bring(self) -> None:
        if self._found is not None and self.bring.isChecked():
            start_import(self.desk, self._found)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Folder to work in", self.folder.text() or str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()

    def _show(self, found: Found | None) -> None:
        self._found = found
        self.bring.setVisible(found is not None)
        self.bring.setChecked(found is not None)
        if found is None:
            self.found_words.setText("No sessions of other tools were found on this computer.")
        else:
            self.found_words.setText(f"Transcripts found: {found.words()}. They are copied; the originals stay.")

    def _show_none(self, _error: BaseException) -> None:
        self._show(None)


def _find() -> Found | None:
    from app.commands.importing import find

    try:
        return find([])
    except UserError:
        return None
