"""Writes an import stream into sessions, and reports what was read, what was new and what was passed over.

Ids of imported sessions and events come from their sources, so importing again adds nothing. Events go to the store in
batches of at most `BATCH_EVENTS`, or about `BATCH_BYTES` of their sources, so that memory stays bounded and an import
that is cut short can simply be repeated.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.importers.detect import Source
from app.importers.drafts import Item, NewEvent, NewSession, Position, SetFields, Skipped
from app.importers.registry import FORMATS
from app.sessions.bodies import encode_draft
from app.sessions.events import Draft, Notice, SessionSet
from app.sessions.ids import counter_of, event_digest

BATCH_EVENTS = 1_000
BATCH_BYTES = 8 * 1024 * 1024
SKIPPED_SHOWN = 1_000
"""So many skipped lines are listed one by one; further ones are counted together, per file and reason."""

_OPEN_TARGETS = 256
_REMEMBERED_EVENTS = 4_096


class Target(Protocol):
    """A session in the store. digests: of the events it has already (see `ids.event_digest`)."""

    @property
    def session(self) -> str: ...
    @property
    def is_new(self) -> bool: ...
    @property
    def digests(self) -> Container[str]: ...


class ImportSink(Protocol):
    """What an import needs of `SessionOperations`; each call is one transaction."""

    def open_import(self, format: str, source: str) -> Target: ...
    def import_events(self, session: str, drafts: Sequence[Draft], *, floor: int = 0) -> list[str]: ...
    def find_source(self, session: str, source: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """dry_run: read and compare, write nothing. sink_for: the sink of the workspace for a source folder, where each
    folder has its own (`--by-folder`); None: everything goes into one workspace."""

    dry_run: bool = False
    sink_for: Callable[[str], ImportSink] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: bytes of all sources, and events."""

    bytes_done: int
    bytes_total: int
    events: int


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A line that was not read, or (`lines` > 1) it and later ones of the same file for the same reason."""

    source: str
    line: int
    reason: str
    lines: int = 1


@dataclass(slots=True)
class ImportReport:
    """What an import did; see `cli.md` for the meaning of the counts."""

    sources: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    events: int = 0
    notices: int = 0
    skipped: list[SkippedLine] = field(default_factory=list)
    _further: dict[tuple[Path, str], tuple[int, int]] = field(default_factory=dict)

    @property
    def sessions(self) -> int:
        """Sessions in the sources, forks and sub-sessions included."""
        return self.created + self.updated + self.unchanged

    @property
    def skipped_lines(self) -> int:
        """All lines that were not read."""
        return sum(entry.lines for entry in self.all_skipped())

    def skip(self, item: Skipped) -> None:
        """Counts a line that was not read."""
        if len(self.skipped) < SKIPPED_SHOWN:
            self.skipped.append(SkippedLine(str(item.source), item.line, item.reason))
            return
        line, lines = self._further.get((item.source, item.reason), (item.line, 0))
        self._further[item.source, item.reason] = line, lines + 1

    def all_skipped(self) -> Iterator[SkippedLine]:
        """The skipped lines, the first ones each for itself."""
        yield from self.skipped
        for (source, reason), (line, lines) in self._further.items():
            yield SkippedLine(str(source), line, reason, lines)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {
            "sources": self.sources,
            "sessions": self.sessions,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "events": self.events,
            "notices": self.notices,
            "skipped": [_skipped_json(entry) for entry in self.all_skipped()],
        }


def _skipped_json(entry: SkippedLine) -> dict[str, Any]:
    shown: dict[str, Any] = {"source": entry.source, "line": entry.line, "reason": entry.reason}
    return shown | ({"lines": entry.lines} if entry.lines > 1 else {})


def ingest(
    sink: ImportSink,
    sources: Sequence[Source],
    *,
    options: ImportOptions | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> ImportReport:
    """Reads all sources and writes what is new. Damaged lines are reported, not raised."""
    writing = ImportWriter(sink, options or ImportOptions(), progress, sources)
    for name in sorted({source.format for source in sources}):
        paths = [source.path for source in sources if source.format == name]
        for item in FORMATS[name].read(paths):
            writing.take(name, item)
        writing.flush()
    return writing.finish()


@dataclass(slots=True)
class Pending:
    """A session that the stream is about, with what waits to be written. floor: counter of its fork point."""

    sink: ImportSink
    target: Target
    prefix: str
    drafts: list[Draft] = field(default_factory=list)
    floor: int = 0


class ImportWriter:
    """Takes the items of a stream and writes what is new of them; `finish` gives the report."""

    def __init__(
        self,
        sink: ImportSink,
        options: ImportOptions,
        progress: Callable[[Progress], None],
        sources: Sequence[Source],
    ) -> None:
        self._sink = sink
        self._options = options
        self._progress = progress
        self._report = ImportReport(sources=len(sources))
        self._pending: OrderedDict[tuple[str, str], Pending] = OrderedDict()
        self._folders: dict[tuple[str, str], ImportSink] = {}
        self._states: dict[str, str] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._written: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._sizes = {source.path: source.size for source in sources}
        self._bytes_total = sum(self._sizes.values())
        self._bytes_before = 0
        self._position = Position(Path(), 0)
        self._waiting = 0
        self._waiting_bytes = 0

    def take(self, format: str, item: Item) -> None:
        """One item of the stream of a format."""
        if isinstance(item, NewEvent):
            self._event(self._open(format, item.session), item)
        elif isinstance(item, NewSession):
            self._session(format, item)
        elif isinstance(item, SetFields):
            pending = self._open(format, item.session)
            body = SessionSet(fields=item.fields)
            self._add(pending, Draft(body=body, time=item.time, source=f"{pending.prefix}:fields"))
        elif isinstance(item, Skipped):
            self._report.skip(item)
        else:
            self._move(item)
        if self._waiting >= BATCH_EVENTS or self._waiting_bytes >= BATCH_BYTES:
            self.flush()

    def _event(self, pending: Pending, item: NewEvent) -> None:
        self._report.events += 1
        self._report.notices += isinstance(item.body, Notice)
        self._waiting_bytes += item.size
        source = f"{pending.prefix}:{item.source}"
        self._add(pending, Draft(body=item.body, time=item.time, turn=item.turn, agent=item.agent, source=source))

    def _session(self, format: str, item: NewSession) -> None:
        if self._options.sink_for is not None:
            self._choose_sink(format, item)
        pending = self._open(format, item.source)
        session = pending.target.session
        if session in self._states:
            return
        self._states[session] = "created" if pending.target.is_new else "unchanged"
        if not pending.target.is_new:
            return  # what the person changed since stays
        fields: dict[str, Any] = {"type": item.type, "status": "completed" if item.type == "agent" else "active"}
        fields |= {"source": format, "title": item.title, "agent": item.agent, "cwd": item.cwd}
        if item.parent is not None:
            parent = self._session_id(format, item.parent[0], pending.sink)
            fields["parent"] = {"session": parent, "call_id": item.parent[1]}
        if item.fork_of is not None and (origin := self._origin(format, pending, *item.fork_of)):
            fields["origin"] = origin
            pending.floor = counter_of(origin["event"]) or 0
        known = {name: value for name, value in fields.items() if value is not None}
        self._add(pending, Draft(body=SessionSet(fields=known), time=item.time, source=f"{pending.prefix}:session"))

    def _choose_sink(self, format: str, item: NewSession) -> None:
        assert self._options.sink_for is not None
        near = item.fork_of or item.parent
        sink = self._folders.get((format, near[0])) if near else None
        if sink is None:
            sink = self._options.sink_for(item.cwd) if item.cwd else self._sink
        self._folders[format, item.source] = sink

    def _origin(self, format: str, pending: Pending, source: str, event: str | None) -> dict[str, str] | None:
        """Where a fork begins; None where nothing is shared, or in a dry run (its events may be nowhere)."""
        if event is None or self._options.dry_run:
            return None
        self.flush()
        origin = self._session_id(format, source, pending.sink)
        name = f"{format}:{source}:{event}"
        found = self._written.get((origin, name)) or pending.sink.find_source(origin, name)
        return {"session": origin, "event": found} if found else None

    def _session_id(self, format: str, source: str, sink: ImportSink) -> str:
        """The id of another session of the stream; opening one reads all its events, so it is remembered."""
        found = self._ids.get((format, source))
        if found is None:
            found = self._ids[format, source] = sink.open_import(format, source).session
        return found

    def _open(self, format: str, source: str) -> Pending:
        key = (format, source)
        pending = self._pending.get(key)
        if pending is None:
            if len(self._pending) >= 2 * _OPEN_TARGETS:
                self.flush()
            sink = self._folders.get(key, self._sink)
            pending = Pending(sink, sink.open_import(format, source), f"{format}:{source}")
            self._pending[key] = pending
            self._ids[key] = pending.target.session
        self._pending.move_to_end(key)
        return pending

    def _add(self, pending: Pending, draft: Draft) -> None:
        """Keeps an event for the next flush, if the session does not have it."""
        if not pending.target.is_new:
            assert draft.source is not None
            if event_digest(draft.source.encode(), encode_draft(draft)) in pending.target.digests:
                return
            session = pending.target.session
            if self._states.get(session) == "unchanged":
                self._states[session] = "updated"
        if self._options.dry_run:
            return
        pending.drafts.append(draft)
        self._waiting += 1

    def flush(self) -> None:
        """Writes what waits: one transaction a session."""
        for pending in self._pending.values():
            if not pending.drafts:
                continue
            session, drafts = pending.target.session, pending.drafts
            ids = pending.sink.import_events(session, drafts, floor=pending.floor)
            pending.drafts = []
            for draft, event in zip(drafts[-_REMEMBERED_EVENTS:], ids[-_REMEMBERED_EVENTS:], strict=True):
                self._written[session, draft.source or ""] = event
            while len(self._written) > _REMEMBERED_EVENTS:
                self._written.popitem(last=False)
        while len(self._pending) > _OPEN_TARGETS:
            self._pending.popitem(last=False)
        self._waiting = self._waiting_bytes = 0
        self._tell()

    def _move(self, position: Position) -> None:
        if position.source != self._position.source:
            self._bytes_before += self._sizes.get(self._position.source, 0)
        self._position = position
        self._tell()

    def _tell(self) -> None:
        done = min(self._bytes_before + self._position.offset, self._bytes_total)
        self._progress(Progress(done, self._bytes_total, self._report.events))

    def finish(self) -> ImportReport:
        """The report, once everything is written."""
        for state in ("created", "updated", "unchanged"):
            setattr(self._report, state, sum(1 for value in self._states.values() if value == state))
        self._progress(Progress(self._bytes_total, self._bytes_total, self._report.events))
        return self._report
