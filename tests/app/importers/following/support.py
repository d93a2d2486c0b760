"""A follower over sessions in memory, and a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.importers.detect import Source
from app.importers.drafts import Item
from app.importers.following.appender import Appender, KnowingSink
from app.importers.following.follower import OPEN_QUIET_S, Follower, remembered_types
from app.importers.following.memory import Memory
from app.importers.ingest import ImportReport, ingest
from app.sessions.bodies import encode_draft
from app.sessions.events import Draft
from app.sessions.ids import COUNTER_CHARACTERS, counter_of, derived_id, event_digest, event_id


@dataclass(frozen=True)
class _Target:
    session: str
    is_new: bool
    digests: frozenset[str]
    last: str


class SharedMemory:
    """Sessions in memory as `SessionOperations` keeps them, with the ids it makes."""

    def __init__(self) -> None:
        self.sessions: dict[str, list[tuple[str, Draft]]] = {}

    def open_import(self, format: str, source: str) -> _Target:
        session = derived_id("w", format, source)
        ids = [event for event, _ in self.sessions.get(session, [])]
        digests = frozenset(event[COUNTER_CHARACTERS:] for event in ids)
        return _Target(session, not ids, digests, max(ids, default=""))

    def import_events(
        self, session: str, drafts: Sequence[Draft], *, floor: int = 0, after: str | None = None
    ) -> list[str]:
        there = self.sessions.setdefault(session, [])
        late = {event[COUNTER_CHARACTERS:]: event for event, _ in there if after is not None and event > after}
        ids = []
        for draft in drafts:
            body, origin = encode_draft(draft), (draft.source or "").encode()
            known = late.get(event_digest(origin, body))
            if known is None:
                number = max([floor, *(counter_of(event) or 0 for event, _ in there[-1:])]) + 1
                there.append((event_id(number, origin, body), draft))
            ids.append(known or there[-1][0])
        return ids

    def find_source(self, session: str, source: str) -> str | None:
        found = (event for event, draft in reversed(self.sessions.get(session, [])) if draft.source == source)
        return next(found, None)

    def rows(self) -> dict[str, list[str]]:
        """The ids of the events of each session: equal ids are equal events at equal places."""
        return {session: [event for event, _ in events] for session, events in self.sessions.items()}

    def texts(self) -> list[str]:
        """What was said, in order."""
        return [
            body.text
            for events in self.sessions.values()
            for _, draft in events
            if isinstance(text := getattr(body := draft.body, "text", None), str) and text
        ]


class Kept:
    """Settings in memory, as JSON like the real ones."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, name: str, default: Any = None) -> Any:
        return json.loads(self.values[name]) if name in self.values else default

    def set(self, name: str, value: Any) -> None:
        self.values.pop(name, None)
        if value is not None:
            self.values[name] = json.dumps(value)


class Followed:
    """Follows some places, at times that the test decides. earlier: the run that it goes on after."""

    def __init__(self, *places: Path, format: str | None = None, earlier: Followed | None = None) -> None:
        self.store = SharedMemory() if earlier is None else earlier.store
        self.kept = Kept() if earlier is None else earlier.kept
        self.told: list[str] = []
        self.now = 1_000.0
        self.read: list[int] = []
        self._appender = Appender(KnowingSink(self.store))
        self.follower = Follower(
            places,
            write=self._write,
            again=self._appender.distrust,
            tell=self.told.append,
            format=format,
            memory=Memory(self.kept, "w", remembered_types()),
        )

    def _write(self, format: str, piece: Sequence[Item]) -> None:
        self._appender.write(format, piece)

    def look(self, *paths: Path) -> ImportReport:
        """Looks at these files, or everywhere, and gives what came."""
        self.now += 0.05
        self.follower.look(paths or None, now=self.now)
        return self._appender.report(self.follower.take_sources())

    def settle(self) -> ImportReport:
        """Long enough nothing happens."""
        self.now += 2 * OPEN_QUIET_S
        self.follower.settle(now=self.now)
        return self._appender.report(self.follower.take_sources())

    def finish(self) -> ImportReport:
        self.follower.finish()
        return self._appender.report(self.follower.take_sources())


def import_into(store: SharedMemory, path: Path, format: str) -> None:
    """One ordinary import of a file."""
    ingest(store, [Source(path, format, path.stat().st_size)])
