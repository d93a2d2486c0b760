"""Does what commands of the registry say, for the window: on the session or workspace in front, asking first where
a command needs a word or destroys something, and offering to undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.commands import sessions, workspaces
from app.ui.desk import Desk
from app.ui.places import SessionPlace

if TYPE_CHECKING:
    from app.commands.command import Command

_UNDO = {
    sessions.ARCHIVE.id: (sessions.UNARCHIVE, "Archived"),
    sessions.DELETE.id: (sessions.UNDELETE, "Moved to the trash"),
}
_OPENS = (sessions.NEW.id, sessions.FORK.id)
_FOLDERS = (workspaces.OPEN.id, workspaces.RELINK.id)


class Deeds:
    """title: of the session in front. switched: another workspace is in force."""

    def __init__(
        self,
        desk: Desk,
        window: QWidget,
        *,
        session: Callable[[], str | None],
        title: Callable[[], str],
        switched: Callable[[], object],
        choose_place: Callable[[], object],
        opened: Callable[[str], object],
    ) -> None:
        self._desk = desk
        self._window = window
        self._session = session
        self._title = title
        self._switched = switched
        self._choose_place = choose_place
        self._opened = opened

    def run(self, command: Command) -> None:
        """Do a command, on what is in front."""
        subjects = self._subjects(command)
        if subjects is None:
            self._desk.say("Open a session first.")
        elif command.id == workspaces.SWITCH.id:
            self._choose_place()
        elif command.destroys:
            question = f"Erase “{self._title()}” for good? Nothing brings it back."
            self._desk.offer(question, "Erase", lambda: self.do(command, subjects))
        elif command.id in _FOLDERS:
            self._ask_folder(command, subjects)
        elif command.asks is not None:
            self._desk.ask(command.asks, self._present(command), lambda text: self._do_with(command, subjects, text))
        else:
            self.do(command, subjects)

    def do(self, command: Command, subjects: Sequence[str], text: str = "") -> None:
        """Do a command on these."""
        self._desk.write(
            lambda operations: command.run(operations, subjects, text), lambda changed: self._after(command, changed)
        )

    def switch(self, workspace: str) -> None:
        """Make another workspace the current one, and that of this window."""
        self.do(workspaces.SWITCH, [workspace])

    def _do_with(self, command: Command, subjects: Sequence[str], text: str) -> None:
        if text:
            self.do(command, subjects, text)

    def _subjects(self, command: Command) -> list[str] | None:
        if command.subject == "workspace":
            return [self._desk.workspace.id]
        if command.subject in ("session", "sessions"):
            session = self._session()
            return None if session is None else [session]
        return []

    def _present(self, command: Command) -> str:
        return self._title() if command.id == sessions.RENAME.id else ""

    def _ask_folder(self, command: Command, subjects: Sequence[str]) -> None:
        from PySide6.QtWidgets import QFileDialog

        dialog = QFileDialog(self._window, command.title.removesuffix("…"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda folder: self._do_with(command, subjects, folder))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _after(self, command: Command, changed: Sequence[str]) -> None:
        if command.id in _OPENS:
            self._desk.go(SessionPlace(changed[0]))
            self._opened(command.id)
        elif command.id in _UNDO:
            undo, words = _UNDO[command.id]
            self._desk.offer(f"{words}.", "Undo", lambda: self.do(undo, changed))
            if command is sessions.ARCHIVE:
                self._desk.bridge.call(self._desk.turns.sum_up(changed), failed=self._desk.report)
        elif command in workspaces.COMMANDS:
            self._use(command, changed)

    def _use(self, command: Command, changed: Sequence[str]) -> None:
        if command.id in (workspaces.SWITCH.id, workspaces.CREATE.id, workspaces.OPEN.id) and changed:
            self._desk.workspace.use(changed[0])
        self._switched()
