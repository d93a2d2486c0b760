"""The bodies of events near the reader: a few hundred at most, with the groups that tool calls tie them into."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable
from typing import TYPE_CHECKING

from app.ui.conversation.entries import group_of, has_row, ties

if TYPE_CHECKING:
    from app.sessions.views import Event

KEPT_EVENTS = 1_500


class HeldEvents:
    """Events by their row ids; those not looked at for longest go first."""

    def __init__(self) -> None:
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._members: dict[Hashable, dict[int, None]] = {}
        self._groups: dict[int, tuple[Event, ...]] = {}

    def __contains__(self, row: int) -> bool:
        return row in self._events

    def __len__(self) -> int:
        return len(self._events)

    def rows(self) -> set[int]:
        """The row ids of all that are here."""
        return set(self._events)

    def get(self, row: int) -> Event | None:
        """An event, if it is here."""
        return self._events.get(row)

    def look_at(self, row: int) -> Event | None:
        """An event, if it is here; it stays for longer."""
        event = self._events.get(row)
        if event is not None:
            self._events.move_to_end(row)
        return event

    def keep(self, events: Iterable[Event]) -> set[int]:
        """Hold events; the row ids of all that are shown otherwise now: these, and those tied to them."""
        new = [event for event in events if has_row(event) or ties(event)]
        for event in new:
            self._events[event.row] = event
            self._groups.pop(event.row, None)
            for key in ties(event):
                self._members.setdefault(key, {})[event.row] = None
        touched: set[int] = set()
        for event in new:
            if event.row not in touched:
                touched.update(member.row for member in self._regroup(event))
                touched.add(event.row)
        return touched

    def drop(self, identifiers: Collection[str]) -> set[int]:
        """Let events go by their ids, to be read again; the row ids of all that are shown otherwise now."""
        gone = [event for event in self._events.values() if event.id in identifiers]
        touched: set[int] = set()
        for event in gone:
            touched.update(member.row for member in self.group(event))
            touched.add(event.row)
            self._forget(event)
        for row in touched:
            self._groups.pop(row, None)
        return touched

    def trim(self) -> None:
        """Let the oldest go."""
        while len(self._events) > KEPT_EVENTS:
            self._forget(next(iter(self._events.values())))

    def _forget(self, event: Event) -> None:
        del self._events[event.row]
        self._groups.pop(event.row, None)
        for key in ties(event):
            members = self._members.get(key, {})
            members.pop(event.row, None)
            if not members:
                self._members.pop(key, None)

    def group(self, event: Event) -> tuple[Event, ...]:
        """All events here that are tied to one, itself included, in order; nothing for one that is tied to none."""
        group = self._groups.get(event.row)
        return self._regroup(event) if group is None else group

    def _regroup(self, event: Event) -> tuple[Event, ...]:
        """Find the group anew, for all its members at once."""
        group = group_of(event, lambda key: [self._events[row] for row in self._members.get(key, ())])
        for member in group:
            self._groups[member.row] = group
        return group
