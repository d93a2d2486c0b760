"""A page about other devices and other people: what it shows changes by itself, so it looks again while it is seen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Said, refill
from app.ui.peers.card import Card
from app.ui.settings.page import Page

T = TypeVar("T")
LOOK_MS = 3_000
MOST_CARDS = 20
"""So many are made at first, and with each wish for more: one takes a millisecond or two."""


class PeerPage(Page):
    """said: what came of the last deed that has no better place."""

    def __init__(self, desk: Desk, title: str, about: str, parent: QWidget | None = None) -> None:
        super().__init__(desk, title, about, parent)
        self.said = Said(self)
        self._again = QTimer(self, interval=LOOK_MS)
        self._again.timeout.connect(self.shown)
        desk.network.changed.connect(self._look_if_seen)
        self._is_looking = self._look_again = False

    def _look_if_seen(self) -> None:
        if self.isVisible():
            self.shown()

    def look(self, work: Callable[[], T], then: Callable[[T], object]) -> None:
        """Read what is shown, off the main thread; while that takes long, others wait and become one."""
        if self._is_looking:
            self._look_again = True
            return
        self._is_looking = True

        def end(show: Callable[[], object]) -> None:
            self._is_looking, again, self._look_again = False, self._look_again, False
            show()
            if again:
                self.shown()

        self.desk.bridge.compute(
            work,
            while_alive(self, lambda found: end(lambda: then(found))),
            while_alive(self, lambda error: end(lambda: self.said.fail(error))),
        )

    def do(self, work: Callable[[], T], then: Callable[[T], object], said: Said | None = None) -> None:
        """Something that reads or writes, off the main thread; said: where a failure is told."""
        self.desk.bridge.compute(work, while_alive(self, then), while_alive(self, (said or self.said).fail))

    def call(
        self, work: Coroutine[Any, Any, T], then: Callable[[T], object], failed: Callable[[BaseException], object]
    ) -> Future[T]:
        """Something that waits for others, on the loop; cancel what it gives to end it."""
        return self.desk.bridge.call(work, while_alive(self, then), while_alive(self, failed))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._again.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._again.stop()
        super().hideEvent(event)


class CardList:
    """Cards of a page below each other, made anew when what they show has changed and nobody is busy with one."""

    def __init__(self) -> None:
        self.layout = QVBoxLayout()
        self.layout.setSpacing(8)
        self.cards: Sequence[Card] = ()
        self.more: QPushButton | None = None
        self._most = MOST_CARDS
        self._shown: Hashable = None
        self._again: Callable[[], None] = lambda: None

    def show(self, facts: Sequence[Hashable], make: Callable[[int], Card]) -> None:
        """facts: everything that each card shows. make: makes one, by its place. Of many the first are shown."""
        what = (tuple(facts), self._most)
        if what == self._shown or any(card.is_busy() for card in self.cards):
            return
        self._shown, self._again = what, lambda: self.show(facts, make)
        self.cards = [make(place) for place in range(min(len(facts), self._most))]
        rest = len(facts) - len(self.cards)
        refill(self.layout, [*self.cards, *([self._more_button(rest)] if rest else ())])

    def _more_button(self, rest: int) -> QPushButton:
        more = QPushButton(f"Show {min(rest, MOST_CARDS):,} of {rest:,} more")
        more.setProperty("flat", "true")
        more.clicked.connect(lambda _checked: self._show_more())
        self.more = more
        return more

    def _show_more(self) -> None:
        self._most += MOST_CARDS
        self._again()

    def forget(self) -> None:
        """Show them anew the next time, whatever they show now."""
        self._shown = None
