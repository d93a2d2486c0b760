"""What is done with the chosen sessions, any number at once: with Undo where there is one, asked first where not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.commands import sessions as commands
from app.sessions.sizes import human_size
from app.ui.bridge import while_alive
from app.ui.browser.exports import OFFERED, Exports
from app.ui.places import SessionPlace
from app.ui.tasks.commands import offered_commands
from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from app.commands.command import Command
    from app.sessions.purging import Losses, Purged
    from app.sessions.views import SessionRow
    from app.ui.browser.strip import Strip
    from app.ui.desk import Desk

Rows = Sequence["SessionRow"]
_DONE: dict[str, tuple[Command, str]] = {
    commands.ARCHIVE.id: (commands.UNARCHIVE, "Archived"),
    commands.UNARCHIVE.id: (commands.ARCHIVE, "Took out of the archive"),
    commands.DELETE.id: (commands.UNDELETE, "Moved to the trash"),
    commands.UNDELETE.id: (commands.DELETE, "Put back"),
}
"""What takes each back, and what is said."""
MOST_TAGS = 30
_NOT_EMPTIED = "Another program is reading the store; encrypted copies stay in its log until that one leaves."


class Deeds(QObject):
    """strip: where it asks. tags: those that are known, for the menu."""

    def __init__(self, desk: Desk, strip: Strip, exports: Exports, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._strip = strip
        self._exports = exports
        self._window = parent
        self.tags: Sequence[str] = ()

    def run(self, command: Command, rows: Rows) -> None:
        """A command that can be taken back, on sessions."""
        ids = [row.id for row in rows]
        if ids:
            self._desk.write(lambda operations: command.run(operations, ids, ""), lambda _: self._offer(command, rows))

    def _offer(self, command: Command, rows: Rows) -> None:
        back, words = _DONE[command.id]
        ids = [row.id for row in rows]
        undo = partial(self._desk.write, lambda operations: back.run(operations, ids, ""))
        self._desk.offer(f"{words}: {_named(rows)}.", "Undo", undo)
        if command is commands.ARCHIVE:
            self._desk.bridge.call(self._desk.turns.sum_up(ids), failed=self._desk.report)

    def archive(self, rows: Rows) -> None:
        """Into the archive; what is there already comes out, if that is all of it."""
        staying = [row for row in rows if not row.archived]
        self.run(commands.ARCHIVE if staying else commands.UNARCHIVE, staying or rows)

    def remove(self, rows: Rows) -> None:
        """To the trash; from there for good, which is asked first."""
        if any(row.trashed for row in rows):
            self.erase([row for row in rows if row.trashed])
        else:
            self.run(commands.DELETE, rows)

    def rename(self, session: str, before: str, title: str) -> None:
        """Give a session a title."""

        def name(to: str) -> None:
            self._desk.write(lambda operations: commands.RENAME.run(operations, [session], to))

        name(title)
        self._desk.offer(f"Renamed to “{one_line(title)[:60]}”.", "Undo", lambda: name(before))

    def share(self, row: SessionRow) -> None:
        """Let the person share a session by a link."""
        from app.ui.peers.share_dialog import show_share_dialog

        show_share_dialog(self._desk, row.id, row.title, self._window)

    # Tags

    def tag(self, rows: Rows, tag: str, *, on: bool) -> None:
        """Add a tag to all, or take it from all."""
        tag = " ".join(tag.split())
        if not tag:
            return
        ids = [row.id for row in rows]
        change = {"add": [tag]} if on else {"remove": [tag]}
        back = {"remove": [tag]} if on else {"add": [tag]}

        def done(changed: Sequence[str]) -> None:
            words = "Tagged" if on else "Untagged"
            undo = partial(self._desk.write, lambda operations: operations.change_tags(changed, **back))
            if changed:
                self._desk.offer(f"{words} “{one_line(tag)}”: {counted(len(changed), 'session')}.", "Undo", undo)

        self._desk.write(lambda operations: operations.change_tags(ids, **change), done)

    # For good

    def erase(self, rows: Rows) -> None:
        """Ask, with what would be lost; then erase."""
        ids = [row.id for row in rows]
        if ids:
            self._desk.read(lambda queries: queries.losses(ids), while_alive(self, lambda lost: self._ask(rows, lost)))

    def _ask(self, rows: Rows, lost: Losses) -> None:
        again = partial(self._ask, rows, lost)
        self._strip.ask(
            _question(rows, lost),
            [
                ("Export First…", lambda: self._exports.ask(rows, "json", again)),
                (commands.PURGE.title, lambda: self._erase([row.id for row in rows])),
            ],
        )

    def _erase(self, ids: Sequence[str]) -> None:
        self._desk.write(lambda operations: operations.purge(ids), self._erased)

    def _erased(self, purged: Purged) -> None:
        said = f"Erased {counted(len(purged.sessions), 'session')} for good."
        self._desk.say(said if purged.emptied else f"{said} {_NOT_EMPTIED}")

    # The menu

    def show_menu(self, rows: Rows, place: QPoint) -> None:
        """What can be done with these sessions."""
        if rows:
            menu = self.menu(rows)
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(place)

    def menu(self, rows: Rows) -> QMenu:
        """The menu for these sessions."""
        menu = QMenu(self._window)
        if any(row.trashed for row in rows):
            menu.addAction(commands.UNDELETE.title, lambda: self.run(commands.UNDELETE, rows))
            self._add_exports(menu, rows)
            menu.addSeparator()
            menu.addAction(f"{commands.PURGE.title}…", lambda: self.erase(rows))
            return menu
        if len(rows) == 1:
            beside = SessionPlace(rows[0].id, beside=True)
            menu.addAction("Open in New Tab", lambda: self._desk.go(beside))
            menu.addAction(commands.RENAME.title, self._window.rename).setShortcut(QKeySequence("F2"))  # type: ignore[attr-defined]
            menu.addAction("Share by Link…", lambda: self.share(rows[0]))
            menu.addSeparator()
        self._add_tasks(menu, rows)
        away = commands.UNARCHIVE if all(row.archived for row in rows) else commands.ARCHIVE
        menu.addAction(away.title, lambda: self.archive(rows)).setShortcut(
            QKeySequence(commands.ARCHIVE.shortcut or "")
        )
        self._add_tags(menu, rows)
        self._add_exports(menu, rows)
        menu.addSeparator()
        trash = menu.addAction(commands.DELETE.title, lambda: self.remove(rows))
        trash.setShortcut(QKeySequence(commands.DELETE.shortcut or ""))
        return menu

    def _add_tasks(self, menu: QMenu, rows: Rows) -> None:
        """What can be done with their tasks, where all of them have one that has not ended."""
        jobs = [self._desk.jobs.view.jobs.get(row.id) for row in rows]
        found = [job for job in jobs if job is not None]
        if len(found) < len(jobs):
            return
        ids = [row.id for row in rows]
        for command in offered_commands(found):
            menu.addAction(command.title, partial(self._do, command, ids))
        menu.addSeparator()

    def _do(self, command: Command, ids: Sequence[str]) -> None:
        self._desk.write(lambda operations: command.run(operations, ids, ""))

    def _add_tags(self, menu: QMenu, rows: Rows) -> None:
        """All that are known; checked where all of the sessions have it."""
        tags = menu.addMenu("Tags")
        known = dict.fromkeys((*(tag for row in rows for tag in row.tags), *self.tags))
        for tag in list(known)[:MOST_TAGS]:
            action = tags.addAction(one_line(tag).replace("&", "&&")[:60])
            action.setCheckable(True)
            action.setChecked(all(tag in row.tags for row in rows))
            action.triggered.connect(lambda on, named=tag: self.tag(rows, named, on=on))
        if known:
            tags.addSeparator()
        tags.addAction("New Tag…", lambda: self._desk.ask("New tag", "", lambda text: self.tag(rows, text, on=True)))

    def _add_exports(self, menu: QMenu, rows: Rows) -> None:
        exports = menu.addMenu("Export")
        for name, label in OFFERED.items():
            exports.addAction(label, partial(self._exports.ask, rows, name))


def _named(rows: Rows) -> str:
    return f"“{one_line(rows[0].title)[:60]}”" if len(rows) == 1 else counted(len(rows), "session")


def _question(rows: Rows, lost: Losses) -> str:
    words = [counted(lost.events, "event"), human_size(lost.bytes)]
    words += [counted(lost.subs, "sub-session")] if lost.subs else []
    forks = f" {counted(lost.forks, 'fork')} would lose what came from there." if lost.forks else ""
    said = f"Erase {_named(rows)} for good? That is {', '.join(words)}.{forks} Nothing brings it back."
    return f"{said} {lost.elsewhere}".strip()
