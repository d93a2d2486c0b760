"""Making the published copy of a session: what of the store belongs to it, as sealed objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from app.sessions.copied_events import CopiedEvents, copied_events, has_erased
from app.sessions.event_queries import UNTITLED
from app.sessions.lineage import Part, conversation
from app.sessions.link_queries import SharedSession
from app.sessions.purging import document_names
from sync.protocol.published import CopyAuthor, Record, Unit, author_of, keys_of, person_in, seal_unit
from sync.repository import publishing
from sync.store.blob_parts import BlobParts
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.links import IssuedLink

KeepObjects = Callable[[Unit, Sequence[bytes]], None]
"""Takes a unit with its objects, in order."""


@dataclass(frozen=True, slots=True)
class CopyContents:
    """What a copy was made of. state: see `copy_state`. anew: see `Head`."""

    title: str
    events: int
    authors: tuple[CopyAuthor, ...]
    units: tuple[Unit, ...]
    state: str
    anew: bool = False


def copy_state(connection: Connection, session: SharedSession) -> str:
    """What the session looks like; another value says that its copy is outdated."""
    documents = [row for row, _ in _documents(connection, session)]
    last = publishing.last_entries(connection, documents)
    inherited = [_part_state(connection, part) for part in conversation(connection, session.row)[:-1]]
    return msgspec.json.encode([last, len(_session_blobs(connection, session)), inherited]).decode()


def _part_state(connection: Connection, part: Part) -> tuple[int, str, int]:
    """(events, last of them, how many are erased) of what is inherited from a session."""
    found: tuple[int, str, int] = connection.execute(
        "SELECT count(*), coalesce(max(id), ''), count(*) FILTER (WHERE kind='erased') FROM event "
        "WHERE session=? AND id<=?",
        (part.row, part.last),
    ).fetchone()
    return found


def make_copy(
    connection: Connection, blobs: BlobStore, link: IssuedLink, session: SharedSession, keep: KeepObjects
) -> CopyContents:
    """Make the objects of a copy; the connection is inside a transaction, so that the session stands still."""
    assert link.secret is not None
    keys, units, author = keys_of(link.secret), [], author_of(link.secret)
    contents = _contents(connection, blobs, link, session)
    for records in _records(connection, blobs, link, session, contents):
        unit, objects = seal_unit(records, keys)
        keep(unit, objects)
        units.append(unit)
    authors = [
        CopyAuthor(device, person_in(link.workspace, identity))
        for device, identity in publishing.authors(connection, (row for row, _ in contents.documents))
    ]
    if contents.written.items:
        authors.append(CopyAuthor(author.device_id, person_in(link.workspace, author.device_id)))
    state = copy_state(connection, session)
    return CopyContents(session.title or UNTITLED, contents.events, tuple(authors), tuple(units), state, contents.anew)


@dataclass(frozen=True, slots=True)
class _Contents:
    """documents: (row, id) of those that are given as they are. written: what is written anew. events: in all."""

    documents: list[tuple[int, bytes]]
    written: CopiedEvents
    events: int
    anew: bool


def _contents(connection: Connection, blobs: BlobStore, link: IssuedLink, session: SharedSession) -> _Contents:
    """What of a session is given how; see `copied_events`."""
    parts = conversation(connection, session.row)
    names = document_names([session.id])
    is_whole = has_erased(connection, session.row)
    shown = parts if is_whole else [*parts[:-1], Part(0, session.id, "")]
    written = copied_events(connection, blobs, link.workspace, shown)
    names = names[1:] if is_whole else names
    documents = publishing.document_rows(connection, session.workspace, names)
    return _Contents(documents, written, len(written.items) + (0 if is_whole else session.events), is_whole)


def _records(
    connection: Connection, blobs: BlobStore, link: IssuedLink, session: SharedSession, contents: _Contents
) -> Iterator[list[Record]]:
    """Payloads first, so that whoever takes the copy in has them when events refer to them."""
    assert link.secret is not None
    named = sorted({*_session_blobs(connection, session), *contents.written.blobs})
    yield from publishing.blob_units(connection, BlobParts(blobs), named)
    yield from publishing.event_units(link.workspace, session.id, contents.written.items, author_of(link.secret))
    for row, ident in contents.documents:
        yield from publishing.document_units(connection, link.workspace, row, ident)


def _documents(connection: Connection, session: SharedSession) -> list[tuple[int, bytes]]:
    return publishing.document_rows(connection, session.workspace, document_names([session.id]))


def _session_blobs(connection: Connection, session: SharedSession) -> list[bytes]:
    rows = connection.execute("SELECT blob FROM session_blob WHERE session=? ORDER BY blob", (session.row,))
    return [bytes.fromhex(blob) for (blob,) in rows]
