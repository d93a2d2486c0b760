"""Looking for words in the session that is shown: the store finds, the view shows and marks.

Events are found, wherever they are in the session; what is marked are the words as they are painted.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from app.ui.bridge import while_alive
from app.ui.conversation.find_bar import FindBar
from app.ui.conversation.follower import Follower
from app.ui.desk import Desk

TYPING_MS = 120
"""How long typing must pause before the store is asked."""
MOST_HOPS = 50
"""So many finds in the card that is shown are passed over by one step."""


class Finder(QObject):
    """One find bar and what it found in one session."""

    def __init__(self, desk: Desk, follower: Follower, bar: FindBar) -> None:
        super().__init__(bar)
        self._desk, self._follower, self._bar = desk, follower, bar
        self._found: list[str] = []
        self._at: str | None = None
        self._row: int | None = None
        self._hops: list[int] = []
        self._asked = self._answered = 0
        self._typed = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typed.timeout.connect(self._look)
        bar.changed.connect(lambda _text: self._typed.start())
        bar.stepped.connect(self.step)
        bar.closed.connect(self.close)
        follower.opened.connect(lambda _reading: self._look() if bar.isVisible() else None)
        follower.read.connect(lambda reading: self._look_again() if reading.events else None)

    @property
    def is_looking(self) -> bool:
        """Whether what the field holds is still being looked for."""
        return self._typed.isActive() or self._answered != self._asked

    def open(self) -> None:
        """Let the person look for something; what the bar held is looked for again."""
        self._bar.open()
        self._look()

    def close(self) -> None:
        """Mark nothing any more; the reader stays where the find was."""
        self._typed.stop()
        self._asked = self._answered = self._asked + 1
        self._found, self._at, self._row = [], None, None
        self._bar.hide()
        self._follower.view.mark(None)
        self._follower.view.setFocus()

    def step(self, direction: int) -> None:
        """Go to the next (1) or previous (-1) find, around the ends. Opens the bar where it is not."""
        if not self._bar.isVisible():
            self.open()
        elif self._typed.isActive():
            self._typed.stop()
            self._look()
        elif self._found:
            self._hops = [direction] * min(MOST_HOPS, len(self._found) - 1)
            self._move(direction)

    def _move(self, direction: int) -> None:
        at = self._found.index(self._at) if self._at in self._found else -1 if direction > 0 else 0
        self._go(self._found[(at + direction) % len(self._found)])

    def _look(self) -> None:
        self._ask(lambda found: self._take(found, go=True))

    def _look_again(self) -> None:
        """The session has grown."""
        if self._bar.isVisible() and self._bar.field.text().strip():
            self._ask(lambda found: self._take(found, go=False))

    def _ask(self, then: Callable[[list[str]], object]) -> None:
        session, text = self._follower.session, self._bar.field.text().strip()
        self._asked += 1
        number = self._asked
        if session is None or not text:
            self._answered = number
            self._take([], go=False)
            return

        def take(found: list[str]) -> None:
            if number == self._asked:
                self._answered = number
                then(found)

        self._desk.read(lambda queries: queries.find(session, text), while_alive(self, take))

    def _take(self, found: list[str], *, go: bool) -> None:
        self._found = found
        self._follower.view.mark(word_pattern(self._bar.field.text()))
        if not found:
            self._at = None
        if go and found:
            self._hops, self._row = [], None
            self._go(self._nearest())
        self._show_count()

    def _nearest(self) -> str:
        """The find that the reader is at, else the next below the upper edge, else the last."""
        place = self._follower.view.row_in_front()
        event = self._follower.model.event_at(place)
        number = bisect_left(self._found, self._at or (event.id if event else ""))
        return self._found[min(number, len(self._found) - 1)]

    def _go(self, event: str) -> None:
        self._at = event
        self._show_count()
        self._follower.jump(event, arrived=self._arrived)

    def _arrived(self, row: int) -> None:
        view, model = self._follower.view, self._follower.model
        if model.row_id(row) == self._row and self._hops and self._found:  # another find of the card that is shown
            self._move(self._hops.pop())
            return
        self._row = model.row_id(row)
        view.mark(word_pattern(self._bar.field.text()), self._row)
        view.show_mark(row)

    def _show_count(self) -> None:
        at = self._found.index(self._at) + 1 if self._at in self._found else None
        self._bar.show_count(at, len(self._found))


def word_pattern(text: str) -> re.Pattern[str] | None:
    """What the index finds for words that people type, to be marked: each word whole, the last one as it begins."""
    words = re.findall(r"\w+", text)
    if not words:
        return None
    alternatives = [rf"\b{re.escape(word)}\b" for word in words[:-1]] + [rf"\b{re.escape(words[-1])}"]
    return re.compile("|".join(sorted(alternatives, key=len, reverse=True)), re.IGNORECASE)
