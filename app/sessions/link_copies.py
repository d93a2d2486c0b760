"""Making the published copy of a session: what of the store belongs to it, as sealed objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from app.sessions.event_queries import UNTITLED
from app.sessions.link_queries import SharedSession
from app.sessions.purging import document_names
from sync.protocol.published import CopyAuthor, Record, Unit, keys_of, person_in, seal_unit
from sync.repository import publishing
from sync.store.blob_parts import BlobParts
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.links import IssuedLink

KeepObjects = Callable[[Unit, Sequence[bytes]], None]
"""Takes a unit with its objects, in order."""


@dataclass(frozen=True, slots=True)
class CopyContents:
    """What a copy was made of. state: see `copy_state`."""

    title: str
    events: int
    authors: tuple[CopyAuthor, ...]
    units: tuple[Unit, ...]
    state: str


def copy_state(connection: Connection, session: SharedSession) -> str:
    """What the session looks like; another value says that its copy is outdated."""
    documents = [row for row, _ in _documents(connection, session)]
    last = publishing.last_entries(connection, documents)
    return msgspec.json.encode([last, len(_session_blobs(connection, session))]).decode()


def make_copy(
    connection: Connection, blobs: BlobStore, link: IssuedLink, session: SharedSession, keep: KeepObjects
) -> CopyContents:
    """Make the objects of a copy; the connection is inside a transaction, so that the session stands still."""
    assert link.secret is not None
    keys, units = keys_of(link.secret), []
    documents = _documents(connection, session)
    for records in _records(connection, blobs, link, session):
        unit, objects = seal_unit(records, keys)
        keep(unit, objects)
        units.append(unit)
    authors = [
        CopyAuthor(device, person_in(link.workspace, identity))
        for device, identity in publishing.authors(connection, (row for row, _ in documents))
    ]
    state = copy_state(connection, session)
    return CopyContents(session.title or UNTITLED, session.events, tuple(authors), tuple(units), state)


def _records(
    connection: Connection, blobs: BlobStore, link: IssuedLink, session: SharedSession
) -> Iterator[list[Record]]:
    """Payloads first, so that whoever takes the copy in has them when events refer to them."""
    yield from publishing.blob_units(connection, BlobParts(blobs), _session_blobs(connection, session))
    for row, ident in _documents(connection, session):
        yield from publishing.document_units(connection, link.workspace, row, ident)


def _documents(connection: Connection, session: SharedSession) -> list[tuple[int, bytes]]:
    return publishing.document_rows(connection, session.workspace, document_names([session.id]))


def _session_blobs(connection: Connection, session: SharedSession) -> list[bytes]:
    rows = connection.execute("SELECT blob FROM session_blob WHERE session=? ORDER BY blob", (session.row,))
    return [bytes.fromhex(blob) for (blob,) in rows]
