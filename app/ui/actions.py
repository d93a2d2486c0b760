"""One Qt action for every command of the registry: what menus, shortcuts and the palette are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.commands import sessions, workspaces
from app.commands.command import Command
from app.commands.registry import COMMANDS
from app.commands.shortcuts import default_shortcuts, effective_shortcuts
from app.commands.window import COMMANDS as WINDOW_COMMANDS
from app.commands.window import Menu, WindowCommand

AnyCommand = Command | WindowCommand
ALL: tuple[AnyCommand, ...] = (*COMMANDS, *WINDOW_COMMANDS)
"""Every command, in the order of menu and palette."""
MENUS: tuple[Menu, ...] = ("File", "Edit", "Session", "View", "Go", "Help")
_FIRST_IN_FILE = (sessions.NEW, *workspaces.COMMANDS)


def menu_of(command: AnyCommand) -> Menu:
    """The menu that a command stands in."""
    if isinstance(command, WindowCommand):
        return command.menu
    return "File" if command in _FIRST_IN_FILE else "Session"


class Actions(QObject):
    """The actions of a window. run: does what a command says, when it is chosen or its keys are pressed."""

    def __init__(self, window: QWidget, run: Callable[[AnyCommand], object]) -> None:
        super().__init__(window)
        self._window = window
        self._actions: dict[str, QAction] = {}
        for command in ALL:
            action = QAction(command.title, self)
            action.setToolTip(command.help)
            action.triggered.connect(partial(self._triggered, run, command))
            self._actions[command.id] = action
            window.addAction(action)

    @staticmethod
    def _triggered(run: Callable[[AnyCommand], object], command: AnyCommand, _checked: bool = False) -> None:
        run(command)

    def __getitem__(self, command: str) -> QAction:
        return self._actions[command]

    def commands(self) -> Iterator[tuple[AnyCommand, QAction]]:
        """All commands with their actions, in the order of menu and palette."""
        for command in ALL:
            yield command, self._actions[command.id]

    def set_shortcuts(self, chosen: Any) -> None:
        """Give every command its keys: the defaults, changed by what the person chose (`window.shortcuts`)."""
        for command, keys in effective_shortcuts(default_shortcuts(), chosen).items():
            self._actions[command].setShortcuts([QKeySequence(one) for one in keys])

    def fill(self, menus: Callable[[str], QMenu]) -> None:
        """Put every action into its menu; `menus` makes one of a title."""
        made = {name: menus(name) for name in MENUS}
        for command, action in self.commands():
            made[menu_of(command)].addAction(action)
        for menu in made.values():
            menu.menuAction().setVisible(not menu.isEmpty())
