"""Reads the list of sessions: first what is seen, then all of it, then what changes. Late answers are dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.sessions.filters import SessionFilter
from app.sessions.views import SessionRow
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.painted import once_painted

FIRST_PAGE = 50
"""So many sessions are read and shown before the others."""


class Listing(QObject):
    """listed: rows in the order of the list, twice where there are many. updated: by id, None: it is not listed now."""

    listed = Signal(object)
    updated = Signal(object)

    def __init__(self, desk: Desk, wanted: Callable[[], SessionFilter], panel: QWidget) -> None:
        super().__init__(panel)
        self._desk, self._wanted, self._panel = desk, wanted, panel
        self._number = 0
        self._late: set[str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of it has been read."""
        return self._late is None

    def read(self) -> None:
        """Read it anew."""
        number, wanted = self._begin()
        self._ask(replace(wanted, limit=FIRST_PAGE), lambda rows: self._take_first(number, wanted, rows))

    def read_now(self) -> None:
        """Read what is seen at once, the others as in `read`: for the first picture of the window."""
        number, wanted = self._begin()
        first = replace(wanted, limit=FIRST_PAGE)
        self._desk.read_now(
            lambda queries: queries.sessions(first), lambda rows: self._take_first(number, wanted, rows), self._fail
        )

    def _begin(self) -> tuple[int, SessionFilter]:
        self._number += 1
        self._late = set()
        return self._number, self._wanted()

    def refresh(self, sessions: frozenset[str]) -> None:
        """These have changed: read them, or once all of the list is there."""
        if self._late is not None:
            self._late |= sessions
            return
        number, wanted = self._number, replace(self._wanted(), only=sessions)
        self._desk.read(
            lambda queries: queries.sessions(wanted),
            while_alive(self, lambda rows: self._take_changed(number, sessions, rows)),
        )

    def _ask(self, wanted: SessionFilter, then: Callable[[list[SessionRow]], object]) -> None:
        self._desk.read(
            lambda queries: queries.sessions(wanted), while_alive(self, then), while_alive(self, self._fail)
        )

    def _take_first(self, number: int, wanted: SessionFilter, rows: list[SessionRow]) -> None:
        if number != self._number:
            return
        if len(rows) < FIRST_PAGE:
            self._take_all(number, rows)
            return
        self.listed.emit(rows)
        if self._panel.isVisible():
            QTimer.singleShot(0, self, lambda: self._read_all(number, wanted))
        else:
            once_painted(self._panel, lambda: self._read_all(number, wanted))

    def _read_all(self, number: int, wanted: SessionFilter) -> None:
        if number == self._number:
            self._ask(wanted, lambda rows: self._take_all(number, rows))

    def _take_all(self, number: int, rows: list[SessionRow]) -> None:
        if number != self._number:
            return
        late, self._late = self._late, None
        self.listed.emit(rows)
        if late:
            self.refresh(frozenset(late))

    def _take_changed(self, number: int, sessions: frozenset[str], rows: list[SessionRow]) -> None:
        if number == self._number:
            changed: dict[str, SessionRow | None] = dict.fromkeys(sessions)
            self.updated.emit(changed | {row.id: row for row in rows})

    def _fail(self, error: BaseException) -> None:
        """The list stays as it was."""
        self._late = None
        self._desk.report(error)
