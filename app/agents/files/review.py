"""What a session did to files, read for being looked at: its changes, their turns, and what became of the files since.

Everything here blocks: it reads the store and the disk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from app.agents.files.disk import look
from app.agents.files.restoring import Home, SessionFiles, loader, session_files, whole_loader
from app.errors import NotFound, UserError
from app.sessions.changed_files import (
    ChangingTurn,
    Span,
    changing_turns,
    disk_diff,
    event_spans,
    session_spans,
    span_counts,
    span_diff,
    turn_spans,
)
from app.sessions.diff import decode_text
from app.sessions.events import FileChange, ToolCall
from app.sessions.file_changes import DriftStatus, OnDisk, drift_status
from app.sessions.files import FILE_KINDS, FileState
from app.sessions.line_diff import FileDiff
from app.sessions.queries import Queries
from app.sessions.views import Event

REVIEW_KINDS = ("user_message", *FILE_KINDS)
Counts = dict[Span, tuple[int, int]]


@dataclass(frozen=True)
class Review:
    """A session's changes as they are known now. changes: (event, call) of each change. counts: lines by span."""

    files: SessionFiles
    turns: tuple[ChangingTurn, ...]
    changes: tuple[tuple[str, str | None], ...]
    counts: Counts = field(default_factory=dict)

    @cached_property
    def states(self) -> Mapping[str, FileState]:
        """All files, by path."""
        return self.files.history.states()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a list of changes."""

    span: Span
    added: int
    removed: int


def read_review(home: Home, session: str, before: Review | None = None) -> Review:
    """The changes of a session (full id). before: what was known, so that nothing is counted twice. Raises NotFound."""

    def read(queries: Queries) -> Review:
        row = queries.session(session)
        events = queries.events(row.id, kinds=REVIEW_KINDS)
        known = before.counts if before is not None and before.files.session == row.id else {}
        return Review(
            session_files(home, queries, row, events), tuple(changing_turns(events)), tuple(_changes(events)), known
        )

    return home.read(read)


def _changes(events: Iterable[Event]) -> Iterable[tuple[str, str | None]]:
    return ((event.id, event.body.call_id) for event in events if isinstance(event.body, FileChange))


def changes_of_event(home: Home, review: Review, identifier: str) -> frozenset[str]:
    """The changes that an event is: itself, or those that the tool call made. Empty where it changed nothing."""
    try:
        event = home.read(lambda queries: queries.event(review.files.session, identifier))
    except NotFound:
        return frozenset()
    if isinstance(event.body, ToolCall):
        return frozenset(change for change, call in review.changes if call == event.body.call_id)
    return frozenset({event.id}) & {change for change, _ in review.changes}


def spans_of(review: Review, turn: str | None = None, events: Collection[str] = ()) -> list[Span]:
    """The files that these events changed, else that a turn changed, else that the whole session changed."""
    if events:
        return event_spans(review.states, events)
    return session_spans(review.states) if turn is None else turn_spans(review.states, turn)


def entries_of(home: Home, review: Review, spans: Iterable[Span]) -> list[Entry]:
    """The spans with their counts of lines."""
    load = loader(home)
    entries = []
    for span in spans:
        if span not in review.counts:
            review.counts[span] = span_counts(span, load)
        entries.append(Entry(span, *review.counts[span]))
    return entries


def read_diff(home: Home, span: Span) -> FileDiff:
    """A change as lines."""
    return span_diff(span, loader(home)).worked_out()


def read_disk_diff(home: Home, review: Review, path: str) -> FileDiff:
    """What became of a file since the session last knew it."""
    try:
        folders = review.files.on_disk()
    except UserError as error:
        return FileDiff(path, remark=str(error))
    present = _hidden(home, review.files.session, look(folders, path))
    return disk_diff(path, review.states[path].last, present, loader(home)).worked_out()


def _hidden(home: Home, session: str, present: OnDisk) -> OnDisk:
    """What is on the disk, with placeholders for secrets as the session has them."""
    text = None if present.data is None else decode_text(present.data)
    if text is None:
        return present
    hidden = home.read(lambda queries: queries.hidden(session, text))
    return present if hidden is text else replace(present, data=hidden.encode())


def read_drift(home: Home, review: Review) -> dict[str, DriftStatus]:
    """What became of every file that the session changed; {} where none of the folders is here."""
    if review.files.folders is None:
        return {}
    there, load = partial(look, review.files.folders), whole_loader(home, review.files.session)
    states = ((path, state) for path, state in review.states.items() if state.changes)
    return {path: drift_status(state.last, there(path), load) for path, state in states}
