"""A page about other devices and other people: what it shows changes by itself, so it looks again while it is seen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Said, refill
from app.ui.peers.card import Card
from app.ui.settings.page import Page

T = TypeVar("T")
LOOK_MS = 3_000


class PeerPage(Page):
    """said: what came of the last deed that has no better place."""

    def __init__(self, desk: Desk, title: str, about: str, parent: QWidget | None = None) -> None:
        super().__init__(desk, title, about, parent)
        self.said = Said(self)
        self._again = QTimer(self, interval=LOOK_MS)
        self._again.timeout.connect(self.shown)
        desk.network.changed.connect(self._look_if_seen)

    def _look_if_seen(self) -> None:
        if self.isVisible():
            self.shown()

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
        self._shown: Hashable = None

    def show(self, what: Hashable, make: Callable[[], Sequence[Card]]) -> None:
        """what: everything that the cards show."""
        if what == self._shown or any(card.is_busy() for card in self.cards):
            return
        self._shown = what
        self.cards = make()
        refill(self.layout, self.cards)

    def forget(self) -> None:
        """Show them anew the next time, whatever they show now."""
        self._shown = None
