"""Whether lists and search index are what the documents say: all of it derived again beside them, and compared.

The second projection goes into an encrypted scratch file, then both are read session by session, so memory stays
bounded whatever their size. Row ids differ by nature and are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from app.sessions.projection import SessionProjector
from sync.engine import Engine
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.projector import SegmentRows

_SESSION = (
    "SELECT row, id, workspace, type, title, status, archived, trashed, tags, agent, cwd, source, origin_session, "
    "origin_event, parent, created, updated, events, bytes, counter, lowest, greatest FROM session"
)
_EVENTS = (
    "SELECT e.id, e.kind, e.time, e.lines, e.damaged, e.body, a.identity, a.device, a.name, a.agent, a.claimed, "
    "x.text, replace(replace(x.meta, ' s' || e.session || ' ', ' '), ' a' || e.author, '') FROM event e "
    "LEFT JOIN author a ON a.row=e.author LEFT JOIN search x ON x.rowid=e.row WHERE e.session=? ORDER BY e.id"
)
_PARTS = (
    _EVENTS,
    "SELECT field, event, value, claimed FROM session_field WHERE session=? ORDER BY field, event",
    "SELECT event, identity FROM erased WHERE session=? ORDER BY event, identity",
    "SELECT blob, size FROM session_blob WHERE session=? ORDER BY blob",
    "SELECT a.identity, a.device, a.name, a.agent, a.claimed FROM session_author s "
    "LEFT JOIN author a ON a.row=s.author WHERE s.session=? ORDER BY 1, 2, 3, 4, 5",
)
_TOTALS = ("event", "search", "session_field", "session_blob", "session_author")


def differences(
    engine: Engine, home_blobs: BlobStore, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> list[str]:
    """What in the projection is not as the documents have it: `session …`, `note …`, `rows of …`; [] when all is.

    Runs on the engine's thread. progress: events derived again, and of how many. DamagedError for documents that cannot
    be read.
    """
    with engine.scratch() as scratch, engine.snapshot() as live:
        (total,) = live.execute("SELECT count(*) FROM event").fetchone()
        projector = _ToldProjector(_LiveBlobs(home_blobs, live), lambda done: progress(done, total))
        projector.create(scratch)
        scratch.execute("CREATE TABLE search(text, meta)")  # the words are compared, the index checks itself
        engine.replay(projector, scratch)
        return [*_unequal(_digests(live), _digests(scratch)), *_unequal(_totals(live), _totals(scratch))]


class _ToldProjector(SessionProjector):
    """Tells how many events it was given."""

    def __init__(self, blobs: BlobStore, tell: Callable[[int], None]) -> None:
        super().__init__(blobs)
        self._tell = tell
        self._count = 0

    def apply_segment(self, connection: Connection, rows: SegmentRows) -> int:
        self._count += len(rows.items)
        self._tell(self._count)
        return super().apply_segment(connection, rows)


class _LiveBlobs(BlobStore):
    """Gives the projector the blobs of the home, whatever connection it writes to."""

    def __init__(self, blobs: BlobStore, live: Connection) -> None:
        self._blobs = blobs
        self._live = live

    def find(self, connection: Connection, blob_id: bytes, key: bytes | None) -> bytes | None:
        return self._blobs.find(self._live, blob_id, key)


def _unequal(found: Iterator[tuple[str, bytes]], expected: Iterator[tuple[str, bytes]]) -> list[str]:
    one, other = dict(found), dict(expected)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _digests(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """A digest of all that belongs to each session and note."""
    for row, *fields in connection.execute(f"{_SESSION} ORDER BY id").fetchall():
        yield f"session {fields[0]}", _digest(_rows(connection, row, fields))
    for workspace, name, *said in connection.execute("SELECT workspace, name, text, fields FROM note"):
        yield f"note {name} of workspace {workspace}", _digest(iter([said]))


def _rows(connection: Connection, session: int, fields: list[Any]) -> Iterator[Any]:
    yield fields
    for sql in _PARTS:
        yield from connection.execute(sql, (session,))
        yield None


def _digest(rows: Iterator[Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update(msgspec.msgpack.encode(row))
    return digest.digest()


def _totals(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """How many rows there are in all: some could belong to no session."""
    for table in _TOTALS:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        yield f"rows of {table}", count.to_bytes(8, "big")
