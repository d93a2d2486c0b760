"""Reads what went on in a session, off the main thread, at most twice a second; only what is new is read again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.sessions.activity import Activity, ActivityBuilder
from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.ui.desk import Desk

PAUSE_MS = 500
PAUSE_FACTOR = 3
"""A reading that took long is not repeated before so many times as long."""


class ActivityReader(QObject):
    """read: an `Activity`. failed: an exception; there is nothing to show. running: an agent works in the session."""

    read = Signal(object)
    failed = Signal(object)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._session: str | None = None
        self._builder = ActivityBuilder()
        self._number = 0
        self._is_reading = self._is_stale = False
        self.running = False
        self._took = QElapsedTimer()
        self._soon = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._soon.timeout.connect(self._read)

    def open(self, session: str | None) -> None:
        """Read a session from its beginning, at once; None: nothing any more."""
        self._session = session
        self._builder = ActivityBuilder()
        self._number += 1
        self._is_reading = False
        self._soon.stop()
        if session is not None:
            self._read()

    def refresh(self) -> None:
        """There may be more, or time has passed: read on soon."""
        self._is_stale = self._is_reading
        if self._session is not None and not self._is_reading and not self._soon.isActive():
            self._soon.start()

    def _read(self) -> None:
        session = self._session
        if session is None:
            return
        self._is_reading, self._is_stale = True, False
        self._took.start()
        number, running, now = self._number, self.running, self._desk.now()
        query = partial(_read_on, session=session, builder=self._builder, now=now, running=running)
        self._desk.read(
            query,
            while_alive(self, lambda found: self._take(number, found)),
            while_alive(self, lambda error: self._fail(number, error)),
        )

    def _take(self, number: int, found: tuple[ActivityBuilder, Activity]) -> None:
        if number != self._number:
            return
        self._builder = found[0]
        self._end()
        self.read.emit(found[1])

    def _fail(self, number: int, error: BaseException) -> None:
        if number == self._number:
            self._builder = ActivityBuilder()
            self._end()
            self.failed.emit(error)

    def _end(self) -> None:
        self._is_reading = False
        self._soon.setInterval(max(PAUSE_MS, PAUSE_FACTOR * self._took.elapsed()))
        if self._is_stale:
            self._soon.start()


def _read_on(
    queries: Queries, *, session: str, builder: ActivityBuilder, now: int, running: bool
) -> tuple[ActivityBuilder, Activity]:
    """What is new; all anew where events of another device came before those that were read."""
    if builder.last is not None and queries.glance_count(session, builder.last) != builder.count:
        builder = ActivityBuilder()
    builder.add(queries.glances(session, builder.last))
    return builder, builder.activity(now, running=running)
