"""Follows the commands of one session, and which of them is shown: the newest, until the person chooses another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import NotFound
from app.sessions.command_queries import COMMAND_KINDS, NEWEST_COMMANDS, command_rows, with_result
from app.sessions.events import CommandResult
from app.ui.bridge import while_alive
from app.ui.terminal.commands import CommandsModel

if TYPE_CHECKING:
    from pathlib import Path

    from app.sessions.queries import Queries
    from app.sessions.views import CommandRow, Event
    from app.ui.desk import Desk

GATHER_MS = 40
Key = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session has: its newest commands, the one that was asked for, the folders to run in."""

    session: str
    rows: list[CommandRow]
    wanted: CommandRow | None
    newest: str | None
    workspace: str
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class News:
    """What happened since."""

    events: list[Event]
    running: frozenset[Key]


class CommandFollower(QObject):
    """opened: an `Opening` was read. shown: the command that is shown is another, or more is known of it (`row`)."""

    opened = Signal(object)
    shown = Signal()

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = CommandsModel()
        self.session: str | None = None
        self._key: Key | None = None
        self._newest: str | None = None
        self._sticks = True
        self._number = 0
        self._reading = self._again = self._complete = False
        self._soon = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._soon.timeout.connect(self._read)

    @property
    def row(self) -> CommandRow | None:
        """The command that is shown."""
        number = self.model.number(self._key)
        return None if number is None else self.model.rows[number]

    def open(self, session: str | None, event: str | None = None) -> None:
        """Follow a session, and show the command of an event or the newest."""
        self._number += 1
        number = self._number
        self._soon.stop()
        self._reading = session is not None  # news that overtook the opening would be forgotten with it
        self._again = False
        self.session = session
        if session is None:
            self.model.show(())
            self._key = None
            self.shown.emit()
            return

        def take(opening: Opening) -> None:
            if number == self._number:
                self._end_reading()
                self._take_opening(opening, event)

        def failed(error: BaseException) -> None:
            if number == self._number and event is not None and isinstance(error, NotFound):
                self._desk.report(error)
                self.open(session)
            elif number == self._number:
                self._end_reading()
                self._report(error)

        self._desk.read(
            lambda queries: read_opening(queries, session, event), while_alive(self, take), while_alive(self, failed)
        )

    def _take_opening(self, opening: Opening, event: str | None) -> None:
        self._newest = opening.newest
        self._complete = len(opening.rows) < NEWEST_COMMANDS
        self.model.show(opening.rows)
        if event is not None and opening.wanted is None:
            self._desk.say("That ran no command.")
        last = opening.rows[-1] if opening.rows else None
        self._show(opening.wanted or last)
        self.opened.emit(opening)

    def choose(self, row: CommandRow) -> None:
        """The person wants to see this one."""
        if row.key != self._key:
            self._show(row)

    def follow_newest(self) -> None:
        """Show what is begun next, even if another was chosen."""
        self._sticks = True

    def _show(self, row: CommandRow | None) -> None:
        self._key = None if row is None else row.key
        self._sticks = row is None or self.model.number(row.key) == len(self.model.rows) - 1
        self.shown.emit()

    def refresh(self) -> None:
        """The session has changed."""
        if self.session is not None and not self._soon.isActive():
            self._soon.start()

    def refresh_running(self) -> None:
        """Something streams: a command that was not known to run may run now."""
        if any(row.result is None and not row.running for row in self.model.rows):
            self.refresh()

    def read_older(self) -> None:
        """The person has come to the upper end of the list."""
        if self._complete or self.session is None or not self.model.rows:
            return
        self._complete = True  # until the answer says otherwise
        session, number, before = self.session, self._number, self.model.rows[0].event

        def take(rows: list[CommandRow]) -> None:
            if number == self._number:
                self._complete = len(rows) < NEWEST_COMMANDS
                self.model.put_before(rows)

        self._desk.read(
            lambda queries: queries.commands(session, before=before),
            while_alive(self, take),
            while_alive(self, self._report),
        )

    def _read(self) -> None:
        session, number, after = self.session, self._number, self._newest
        if session is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True

        def failed(error: BaseException) -> None:
            if number == self._number:
                self._end_reading()
                self._report(error)

        def take(news: News) -> None:
            if number == self._number:
                self._end_reading()
                self._take_news(news)

        self._desk.read(
            lambda queries: _read_news(queries, session, after), while_alive(self, take), while_alive(self, failed)
        )

    def _take_news(self, news: News) -> None:
        if news.events:
            self._newest = news.events[-1].id
        before, known = self.row, {row.key: row for row in self.model.rows}
        changed = {row.key: row for row in command_rows(news.events, news.running)}
        for event in news.events:
            body = event.body
            if isinstance(body, CommandResult) and (event.turn, body.call_id) in known.keys() - changed.keys():
                key = event.turn, body.call_id
                changed[key] = with_result(known[key], event.id, body)
        for key, row in known.items():
            if key not in changed and row.result is None and row.running != (key in news.running):
                changed[key] = msgspec.structs.replace(row, running=key in news.running)
        self.model.put(changed.values())
        if self._sticks and self.model.rows and self.model.rows[-1].key != self._key:
            self._show(self.model.rows[-1])
        elif self.row != before:
            self.shown.emit()

    def _end_reading(self) -> None:
        self._reading = False
        if self._again:
            self._again = False
            self._soon.start()

    def _report(self, error: BaseException) -> None:
        if isinstance(error, NotFound):  # it was purged, or is another workspace's
            self.open(None)
        else:
            self._desk.report(error)


def read_opening(queries: Queries, session: str, event: str | None) -> Opening:
    """The newest commands, and as many more as it takes to have the one of an event among them."""
    newest = queries.events(session, kinds=COMMAND_KINDS, limit=1)  # first: what comes meanwhile is read once more
    wanted = queries.command_of(session, event) if event is not None else None
    limit = NEWEST_COMMANDS
    rows = queries.commands(session, limit=limit)
    while wanted is not None and len(rows) == limit and wanted.event < rows[0].event:
        limit *= 4
        rows = queries.commands(session, limit=limit)
    return Opening(
        session,
        rows,
        wanted,
        newest[0].id if newest else None,
        queries.workspace_row().name,
        tuple(queries.folders()),
    )


def _read_news(queries: Queries, session: str, after: str | None) -> News:
    events = queries.events(session, kinds=COMMAND_KINDS, after=after)
    return News(events, queries.running_commands(session))
