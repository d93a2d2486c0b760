"""What the list of sessions is narrowed to, as a person chose it: a `SessionFilter` whose dates may be relative."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from app.sessions.filters import SessionFilter
from app.ui.ages import day_start
from app.ui.words import one_line


class Period(Enum):
    """When a session was last changed; the value is the label."""

    ANY = "Any time"
    TODAY = "Today"
    WEEK = "Last 7 days"
    MONTH = "Last 30 days"
    CUSTOM = "From – to"


class Kept(Enum):
    """Where sessions are; the value is the label."""

    LIST = "Sessions"
    BOTH = "Sessions and archive"
    ARCHIVE = "Archive"
    TRASH = "Trash"


_DAYS = {Period.TODAY: 0, Period.WEEK: 6, Period.MONTH: 29}
_ARCHIVED = {Kept.LIST: False, Kept.BOTH: None, Kept.ARCHIVE: True, Kept.TRASH: False}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """filter: its since and until count only with the period CUSTOM."""

    filter: SessionFilter = field(default_factory=SessionFilter)
    period: Period = Period.ANY

    def wanted(self, now: int) -> SessionFilter:
        """What to ask for now (milliseconds)."""
        if self.period is Period.CUSTOM:
            return self.filter
        since = day_start(now, _DAYS[self.period]) if self.period in _DAYS else None
        return replace(self.filter, since=since, until=None)

    def searched(self, now: int) -> SessionFilter:
        """What to search in: the archive too, unless it was left out or in by choice."""
        wanted = self.wanted(now)
        return replace(wanted, archived=None) if wanted.archived is False and not wanted.trash else wanted

    @property
    def kept(self) -> Kept:
        """Where the sessions are."""
        if self.filter.trash:
            return Kept.TRASH
        return next(kept for kept in (Kept.LIST, Kept.BOTH, Kept.ARCHIVE) if _ARCHIVED[kept] is self.filter.archived)

    def keep(self, kept: Kept) -> Narrowing:
        """The same for sessions elsewhere."""
        return self.change(archived=_ARCHIVED[kept], trash=kept is Kept.TRASH)

    def change(self, **fields: Any) -> Narrowing:
        """The same with other fields of the filter."""
        return replace(self, filter=replace(self.filter, **fields))

    def chips(self) -> list[tuple[str, Narrowing]]:
        """What is in force, in words, each with what is left without it."""
        made = [] if self.kept is Kept.LIST else [(self.kept.value, self.keep(Kept.LIST))]
        if self.filter.everywhere:
            made.append(("All workspaces", self.change(everywhere=False)))
        for name in ("type", "status", "agent", "author", "tag"):
            if value := getattr(self.filter, name):
                made.append((f"{name}: {one_line(value)}", self.change(**{name: None})))
        if self.period is not Period.ANY:
            dateless = replace(self.change(since=None, until=None), period=Period.ANY)
            made.append((self._dates(), dateless))
        return made

    def _dates(self) -> str:
        if self.period is not Period.CUSTOM:
            return self.period.value
        since, until = self.filter.since, self.filter.until
        return f"{_day(since) if since is not None else '…'} – {_day(until) if until is not None else '…'}"

    def to_json(self) -> dict[str, Any]:
        """To be kept; the trash is not."""
        kept = self.keep(Kept.LIST) if self.kept is Kept.TRASH else self
        made: dict[str, Any] = msgspec.to_builtins(kept)
        return made

    @staticmethod
    def from_json(value: Any) -> Narrowing:
        """What `to_json` gave; nothing where that is not understood."""
        try:
            return msgspec.convert(value, Narrowing)
        except msgspec.ValidationError:
            return Narrowing()


def _day(time: int) -> str:
    then = datetime.fromtimestamp(time / 1000).astimezone()
    return f"{then.day} {then:%b %Y}"
