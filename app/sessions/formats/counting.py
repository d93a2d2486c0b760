"""Events that are counted as they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.sessions.views import Event


class Counted:
    """Iterates once over events. count: how many have passed."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self.count = 0

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self.count += 1
            yield event
