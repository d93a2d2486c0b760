"""The two bars of the panel of the repository: where it stands, and the file that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from app.agents.repository.reading import Repository
from app.ui.diff.bars import FileBar

_NO_BRANCH = "no branch"
_HEAD_LENGTH = 8


class RepositoryBar(QFrame):
    """folder_chosen: another folder of the workspace."""

    folder_chosen = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.branch = QToolButton(self)
        self.branch.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.branch.setObjectName("place")
        self.branch.setMenu(QMenu(self.branch))
        self.facts = QLabel(self)
        self.facts.setProperty("role", "muted")
        self.again = QToolButton(self)
        self.again.setText("↻")
        self.again.setAccessibleName("Look again")
        self.again.setToolTip("Look at the repository again")
        self.more = QToolButton(self)
        self.more.setText("⋯")
        self.more.setAccessibleName("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 4)
        layout.setSpacing(4)
        for widget in (self.branch, self.facts, self.again, self.more):
            layout.addWidget(widget, 1 if widget is self.facts else 0)

    def show_repository(self, repository: Repository | None, folders: Iterable[Path], folder: Path | None) -> None:
        """Say where it stands; several folders can be chosen from."""
        several = list(folders)
        self.branch.setText(branch_words(repository) + (" ▾" if len(several) > 1 else ""))
        self.branch.setAccessibleName(f"Branch: {branch_words(repository)}")
        self.branch.setToolTip(str(folder or ""))
        self.facts.setText(" · ".join(facts(repository)))
        menu = self.branch.menu()
        menu.clear()
        self.branch.setEnabled(len(several) > 1)
        for one in several:
            action = menu.addAction(one.name.replace("&", "&&"))
            action.setToolTip(str(one))
            action.setCheckable(True)
            action.setChecked(one == folder)
            action.triggered.connect(lambda _checked, one=one: self.folder_chosen.emit(one))

    def fill_menu(self, actions: Iterable[tuple[str, Callable[[], object]] | None]) -> None:
        """What can be done; None: a line between."""
        fill(self.more.menu(), actions)


class StagingBar(FileBar):
    """The file that is shown, with a button that stages it or takes it out again."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.stage = QToolButton(self)
        self.stage.setProperty("chip", True)
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(row.indexOf(self.unified), self.stage)

    def show_group(self, group: str) -> None:
        """What the button does to a file of this group."""
        self.stage.setText("Unstage" if group == "staged" else "Settled" if group == "conflict" else "Stage")
        self.stage.setAccessibleName(f"{self.stage.text()} this file")


def fill(menu: QMenu, actions: Iterable[tuple[str, Callable[[], object]] | None]) -> None:
    """Put actions into an empty menu; None: a line between."""
    menu.clear()
    for action in actions:
        if action is None:
            menu.addSeparator()
        else:
            label, act = action
            menu.addAction(label).triggered.connect(lambda _checked, act=act: act())


def branch_words(repository: Repository | None) -> str:
    """The branch, or the commit where none is checked out."""
    if repository is None:
        return "No repository"
    status = repository.status
    return status.branch or f"{_NO_BRANCH}, at {(status.head or '')[:_HEAD_LENGTH]}"


def facts(repository: Repository | None) -> list[str]:
    """What else there is to know, in a few words each."""
    if repository is None:
        return []
    status = repository.status
    ways = " ".join(f"{arrow}{count}" for arrow, count in (("↑", status.ahead), ("↓", status.behind)) if count)
    return [
        word
        for word in (
            ways,
            f"{repository.operation} under way" if repository.operation else "",
            "locked" if repository.locked else "",
            "no commit yet" if status.head is None else "",
            "clean" if not status.files else "",
        )
        if word
    ]
