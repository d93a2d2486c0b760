"""Searches while a person types: one at a time, then the last words; answers to earlier words are dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.sessions.filters import SearchFilter, SessionFilter
from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.sessions.views import SearchHit
    from app.ui.desk import Desk
    from app.ui.models.hits import HitModel

MOST_HITS = 100


class Searching(QObject):
    """Fills the model of hits. answered: it holds what was asked for last. within: which sessions to search now.

    asked: what the hits answer. is_busy: whether a search runs.
    """

    answered = Signal()

    def __init__(self, desk: Desk, hits: HitModel, within: Callable[[], SessionFilter], parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._hits = hits
        self._within = within
        self._wanted: str | None = None
        self._number = 0
        self.asked: str | None = None
        self.is_busy = False

    def ask(self, query: str | None) -> None:
        """Search for these words, also if they were asked for before; None: for nothing any more."""
        self._number += 1
        self._wanted = query
        if query is None:
            self.asked = None
            self._hits.set_hits(())
        elif not self.is_busy:
            self._ask_store(query)

    def _ask_store(self, query: str) -> None:
        self.is_busy = True
        number = self._number
        wanted = SearchFilter(limit=MOST_HITS, as_typed=True, within=self._within())
        self._desk.read(
            lambda queries: queries.search(query, wanted),
            while_alive(self, lambda hits: self._take(number, query, hits)),
            while_alive(self, lambda error: self._fail(number, error)),
        )

    def _take(self, number: int, query: str, hits: list[SearchHit]) -> None:
        self.is_busy = False
        if number == self._number:
            self.asked = query
            self._hits.set_hits(hits)
            self.answered.emit()
        elif self._wanted is not None:
            self._ask_store(self._wanted)

    def _fail(self, number: int, error: BaseException) -> None:
        self.is_busy = False
        self._desk.report(error)
        if number != self._number and self._wanted is not None:
            self._ask_store(self._wanted)
