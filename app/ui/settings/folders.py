"""Folders: which belong to which workspace; new names, and new places for folders that moved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.commands.workspaces import CREATE, OPEN, RELINK, RENAME
from app.sessions.relinking import vanished
from app.sessions.views import WorkspaceRow
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, labelled, refill, side_by_side
from app.ui.settings.page import Page
from app.ui.words import counted

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries


class WorkspaceCard(QFrame):
    """A workspace with its folders. gone: those of them that are not there."""

    def __init__(self, page: FoldersPage, row: WorkspaceRow, gone: frozenset[str]) -> None:
        super().__init__(page)
        self.row, self.gone = row, gone
        self._folders = page
        self.setObjectName("card")
        self.setAccessibleName(f"Workspace {row.name}")
        self.name = QLineEdit(row.name, self)
        self.name.setAccessibleName(f"Name of workspace {row.name}")
        self.bind = self._button("Add folder…", "Add a folder to")
        self.relink = self._button("Relink…", "Choose the new place of the folder of")
        self.relink.setVisible(bool(gone))
        self.said = Said(self)
        upper = QHBoxLayout()
        upper.setSpacing(8)
        upper.addWidget(self.name, 1)
        upper.addWidget(Prose(counted(row.sessions, "session") + (" · in use" if row.current else ""), self))
        upper.addWidget(self.relink)
        upper.addWidget(self.bind)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 10, 12)
        layout.setSpacing(4)
        layout.addLayout(upper)
        for folder in row.folders:
            layout.addWidget(self._folder(folder))
        if not row.folders:
            layout.addWidget(Prose("No folder; agents have no tools here.", self))
        layout.addWidget(self.said)
        self.name.editingFinished.connect(self._rename)
        self.bind.clicked.connect(lambda _checked: page.choose(self, self.bind_folder))
        self.relink.clicked.connect(lambda _checked: page.choose(self, self.relink_folder))

    def _button(self, word: str, name: str) -> QPushButton:
        button = QPushButton(word, self)
        button.setAccessibleName(f"{name} {self.row.name}")
        return button

    def _folder(self, folder: str) -> QLabel:
        label = Prose(folder, self)
        if folder in self.gone:
            label.setText(f"{folder}: not there. If it moved, relink it; sessions stay readable.")
            label.setProperty("role", "failed")
        return label

    def _rename(self) -> None:
        name = " ".join(self.name.text().split())
        if name == self.row.name:
            return
        if not name:
            self.name.setText(self.row.name)
            self.said.say("A workspace needs a name.", "failed")
            return
        ids = [self.row.id]
        self._do(lambda operations: RENAME.run(operations, ids, name))

    def bind_folder(self, folder: Path) -> None:
        """Make a folder one of this workspace."""
        self._do(lambda operations: operations.bind_folder(self.row.id, folder))

    def relink_folder(self, folder: Path) -> None:
        """A folder has moved there."""
        ids = [self.row.id]
        self._do(lambda operations: RELINK.run(operations, ids, str(folder)))

    def _do(self, operation: Callable[[SessionOperations], object]) -> None:
        page = self._folders
        page.desk.write(operation, while_alive(page, lambda _done: page.changed()), while_alive(self, self.said.fail))


class FoldersPage(Page):
    """cards: one for each workspace of the home."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        about = "A workspace holds sessions; its folders are where its agents may work."
        super().__init__(desk, "Folders", about, parent)
        self.cards: list[WorkspaceCard] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.name, self.make = QLineEdit(self), QPushButton("&Create", self)
        self.bring, self.said = QPushButton("&Open folder as a workspace…", self), Said(self)
        self.add(self._list)
        self.part("New workspace")
        self.add(labelled("&Name", self.name), side_by_side(self.make, self.bring), self.said)
        self.make.clicked.connect(lambda _checked: self._create())
        self.name.returnPressed.connect(self._create)
        self.bring.clicked.connect(lambda _checked: self.choose(self, self.open_folder))

    def shown(self) -> None:
        def look(queries: Queries) -> list[tuple[WorkspaceRow, frozenset[str]]]:
            rows = queries.workspaces()
            return [(row, frozenset(map(str, vanished([Path(name) for name in row.folders])))) for row in rows]

        self.desk.read(look, while_alive(self, self._show), while_alive(self, self.said.fail))

    def _show(self, rows: list[tuple[WorkspaceRow, frozenset[str]]]) -> None:
        if rows == [(card.row, card.gone) for card in self.cards]:
            return
        self.cards = [WorkspaceCard(self, row, gone) for row, gone in rows]
        refill(self._list, self.cards)

    def changed(self) -> None:
        """Something was written: everybody reads it anew."""
        self.desk.tell_configured("folders")
        self.shown()

    def choose(self, owner: QWidget, then: Callable[[Path], object]) -> None:
        """Let the person choose an existing folder."""
        dialog = QFileDialog(owner, "Folder", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: then(Path(name)))
        dialog.open()

    def open_folder(self, folder: Path) -> None:
        """A workspace of its own for a folder."""
        self.desk.write(
            lambda operations: OPEN.run(operations, [], str(folder)),
            while_alive(self, lambda _ids: self.changed()),
            while_alive(self, self.said.fail),
        )

    def _create(self) -> None:
        name = " ".join(self.name.text().split())
        if not name:
            self.said.say("A workspace needs a name.", "failed")
            return

        def created(_ids: object) -> None:
            self.name.clear()
            self.said.say("")
            self.changed()

        self.desk.write(
            lambda operations: CREATE.run(operations, [], name),
            while_alive(self, created),
            while_alive(self, self.said.fail),
        )
