"""What belongs together in a record: a tool call with its permission, command, changes and result.

Calls of one turn run side by side and their results come in any order. Reading as a stream, an entry waits until it is
whole, and those after it wait with it, so that entries come in the order in which they began; what waits is bounded.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from app.sessions.events import Command, CommandResult, ToolCall, ToolResult
from app.sessions.views import Event

MAX_WAITING = 500
"""Entries that wait for an earlier one."""
MAX_WAITING_BYTES = 16 << 20

_ONCE = (ToolCall, ToolResult, Command, CommandResult)
Kind = TypeVar("Kind")


class Entry:
    """An event alone, or all events of a tool call or command. began, answered: places of its first event and its
    result among all events; `answered` None while there is no result.
    """

    def __init__(self, began: int, event: Event) -> None:
        self.began = began
        self.answered: int | None = None
        self.events = [event]
        self._note_answer(began, event)

    @property
    def event(self) -> Event:
        """Its first event."""
        return self.events[0]

    def add(self, number: int, event: Event) -> None:
        """Another event of the same call."""
        self.events.append(event)
        self._note_answer(number, event)

    def may_have(self, event: Event) -> bool:
        """Whether an event with the same call id belongs here; a second call or result begins an entry of its own."""
        kind = type(event.body)
        return kind not in _ONCE or not self.all(kind)

    def _note_answer(self, number: int, event: Event) -> None:
        if self.answered is None and isinstance(event.body, ToolResult):
            self.answered = number

    def first(self, kind: type[Kind]) -> Kind | None:
        """The first body of a kind."""
        return next(iter(self.all(kind)), None)

    def all(self, kind: type[Kind]) -> list[Kind]:
        """All bodies of a kind, in order."""
        return [event.body for event in self.events if isinstance(event.body, kind)]

    def is_whole(self) -> bool:
        """Whether nothing more is expected: a call has its result, a command its end."""
        if self.first(ToolCall) is not None:
            return self.answered is not None
        return self.first(Command) is None or self.first(CommandResult) is not None


def entries(events: Iterable[Event]) -> Iterator[Entry]:
    """The entries of a session's events, in the order in which they began."""
    queue = _Queue()
    for number, event in enumerate(events):
        yield from queue.take(number, event)
    yield from queue.waiting


class _Queue:
    """Entries that may still grow, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Entry] = []
        self._tied: dict[Hashable, Entry] = {}
        self._bytes = 0

    def take(self, number: int, event: Event) -> Iterator[Entry]:
        """Add an event; gives the entries that are ready then."""
        keys = _ties(event)
        entry = next((self._tied[key] for key in keys if key in self._tied), None)
        if entry is not None and entry.may_have(event):
            entry.add(number, event)
        else:
            while self.waiting and self.waiting[0].is_whole():
                yield self._release()
            entry = Entry(number, event)
            self.waiting.append(entry)
        for key in keys:
            self._tied[key] = entry
        self._bytes += len(event.data)
        while len(self.waiting) > MAX_WAITING or (self.waiting and self._bytes > MAX_WAITING_BYTES):
            yield self._release()

    def _release(self) -> Entry:
        entry = self.waiting.pop(0)
        for event in entry.events:
            self._bytes -= len(event.data)
            for key in _ties(event):
                if self._tied.get(key) is entry:
                    del self._tied[key]
        return entry


def _ties(event: Event) -> list[Hashable]:
    """What ties an event to others: its tool call, whose id is only unique within a turn, and its request."""
    keys: list[Hashable] = []
    if call := getattr(event.body, "call_id", None):
        keys.append(("call", event.turn, call))
    if request := getattr(event.body, "request_id", None):
        keys.append(("request", request))
    return keys
