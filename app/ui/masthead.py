"""The head of the left area: which workspace is in force, the others to switch to, and the menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from app.ui.desk import Desk

if TYPE_CHECKING:
    from app.sessions.views import WorkspaceRow


class Masthead(QWidget):
    """switch: makes the workspace with this id the one in force. menu: all commands.

    renamed: the one in force has another name, which somebody else gave it, or which came only now.
    """

    renamed = Signal()

    def __init__(self, desk: Desk, switch: Callable[[str], object], menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._switch = switch
        self._shown: tuple[str, str] | None = None
        self.place = QToolButton(self)
        self.place.setObjectName("place")
        self.place.setAccessibleName("Workspace")
        self.place.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.place.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.place.setMenu(QMenu(self.place))
        self.menu = QToolButton(self)
        self.menu.setText("☰")
        self.menu.setAccessibleName("Menu")
        self.menu.setToolTip("Menu")
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu.setMenu(menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 0)
        layout.addWidget(self.place)
        layout.addStretch()
        layout.addWidget(self.menu)
        desk.read_now(lambda queries: queries.workspaces(), self._show)

    def refresh(self) -> None:
        """Read which workspaces there are."""
        self._desk.read(lambda queries: queries.workspaces(), self._show)

    def choose(self) -> None:
        """Offer the workspaces, at the window's top left even while this is hidden."""
        at = self.place if self.place.isVisible() else self.window()
        menu = self.place.menu()
        menu.popup(at.mapToGlobal(QPoint(0, self.place.height())))
        checked = next((one for one in menu.actions() if one.isChecked()), None)
        if checked is not None:
            menu.setActiveAction(checked)

    def _show(self, rows: list[WorkspaceRow]) -> None:
        here = self._desk.workspace.id
        menu = self.place.menu()
        menu.clear()
        for row in rows:
            action = menu.addAction(row.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(row.id == here)
            action.setToolTip("\n".join(row.folders))
            action.triggered.connect(lambda _checked=False, chosen=row.id: self._switch(chosen))
            if row.id == here:
                self.place.setText(f"{row.name}  ▾".replace("&", "&&"))
                self.place.setToolTip("\n".join(row.folders) or "No folder is bound to this workspace")
                self._note_name(row)

    def _note_name(self, row: WorkspaceRow) -> None:
        before, self._shown = self._shown, (row.id, row.name)
        if before is not None and before[0] == row.id and before[1] != row.name:
            self.renamed.emit()
