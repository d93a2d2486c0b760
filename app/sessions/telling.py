"""What a workspace tells programs that ask about earlier work: events found, a session, recent ones, a file's history.

Nothing here writes, and nothing of another workspace is told, whatever id is asked for. Trash is not told either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from app.errors import NotFound
from app.sessions.events import FileChange
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.queries import Queries
from app.sessions.views import Event, SearchHit, SessionRow

MOST = 200
"""Of events, sessions or hits at once."""
_FILE_HITS = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """Events of a session, in order. more: others follow the last of them."""

    row: SessionRow
    events: tuple[Event, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class FileEvent:
    """A change of a file, in a session."""

    row: SessionRow
    event: Event
    change: FileChange


def told_hits(queries: Queries, query: str, wanted: SearchFilter) -> list[SearchHit]:
    """Events that hold all words. Raises NotFound for a session that is not of the workspace."""
    if wanted.session is not None:
        told_session(queries, wanted.session)
    return queries.search(query, wanted)


def told_session(queries: Queries, identifier: str) -> SessionRow:
    """A session of the workspace by its id or a unique prefix. Raises NotFound."""
    row = queries.session(identifier)
    if row.workspace != queries.workspace_id() or row.trashed:
        raise NotFound(f"There is no session {identifier} in this workspace.")
    return row


def told_events(
    queries: Queries,
    identifier: str,
    *,
    kinds: Collection[str] | None = None,
    after: str | None = None,
    from_start: bool = False,
    limit: int,
) -> Told:
    """The last events of a session; or the first of those after an event, or from its start. Raises NotFound."""
    row = told_session(queries, identifier)
    limit = min(max(limit, 1), MOST)
    if after is None and not from_start:
        return Told(row, tuple(queries.iterate(row.id, kinds=kinds, limit=limit)), False)
    found = list(islice(queries.iterate(row.id, kinds=kinds, after=after), limit + 1))
    return Told(row, tuple(found[:limit]), len(found) > limit)


def told_recent(queries: Queries, wanted: SessionFilter) -> list[SessionRow]:
    """Sessions of the workspace, the most recently changed first."""
    return queries.sessions(wanted)


def told_file(queries: Queries, path: str, limit: int) -> list[FileEvent]:
    """What sessions did to a file, the newest first. path: relative, or the end of one."""
    return list(islice(_changes(queries, path.strip().strip("/")), min(max(limit, 1), MOST)))


def _changes(queries: Queries, path: str) -> Iterator[FileEvent]:
    if not path:
        return
    rows: dict[str, SessionRow] = {}
    for hit in queries.search(path, SearchFilter(kind="file_change", limit=_FILE_HITS)):
        event = queries.event(hit.session, hit.event)
        if isinstance(event.body, FileChange) and _is_of(event.body, path):
            row = rows.get(hit.session) or told_session(queries, hit.session)
            rows[hit.session] = row
            yield FileEvent(row, event, event.body)


def _is_of(change: FileChange, path: str) -> bool:
    names = [name for name in (change.path, change.renamed_from) if name]
    return any(name == path or name.endswith(f"/{path}") for name in names)
