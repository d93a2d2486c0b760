"""The sessions in which another device of this person waits for an answer, which can be given here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.sessions.filters import SessionFilter
from app.sessions.runners import waits_elsewhere

if TYPE_CHECKING:
    from collections.abc import Collection

    from app.sessions.queries import Queries
    from app.ui.desk import Desk

NEWEST = 20
"""So many sessions are looked at in the beginning."""


class Elsewhere(QObject):
    """waiting: ids of sessions. changed: they are others now."""

    changed = Signal()

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self.waiting: frozenset[str] = frozenset()
        self._desk = desk

    def look_first(self) -> None:
        """Look at the newest sessions."""
        self._desk.read(lambda queries: _waiting(queries, [row.id for row in queries.sessions(_NEWEST)]), self._take)

    def look(self, sessions: Collection[str]) -> None:
        """These may have changed."""
        self._desk.read(
            lambda queries: _waiting(queries, sessions),
            lambda found: self._take(found | (self.waiting - set(sessions))),
        )

    def _take(self, waiting: frozenset[str]) -> None:
        if waiting != self.waiting:
            self.waiting = waiting
            self.changed.emit()


_NEWEST = SessionFilter(limit=NEWEST)


def _waiting(queries: Queries, sessions: Collection[str]) -> frozenset[str]:
    return frozenset(session for session in sessions if waits_elsewhere(queries, session))
