"""Whether lists and search index are what the documents say: all of it derived again beside them, and compared.

The second projection goes into an encrypted scratch file, then both are read session by session, so memory stays
bounded whatever their size. Row ids differ by nature and are left out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec

from app.sessions.indexing import filter_tokens, waiting_texts
from app.sessions.projection import SessionProjector
from sync.engine import Engine
from sync.store import search_index
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.projector import SegmentRows
from sync.store.search_index import Lens

_SESSION = (
    "SELECT row, id, workspace, type, title, status, archived, trashed, tags, agent, cwd, source, origin_session, "
    "origin_event, parent, created, updated, events, bytes, counter, lowest, greatest FROM session"
)
_EVENTS = (
    "SELECT e.id, e.kind, e.time, e.lines, e.damaged, e.body, a.identity, a.device, a.name, a.agent, a.claimed, "
    "e.row, x.sz FROM event e LEFT JOIN author a ON a.row=e.author "
    "LEFT JOIN search_docsize x ON x.id=e.row WHERE e.session=? ORDER BY e.id"
)
"""Of the index: how many words an event has there."""
_GROUPS = (
    "SELECT s.workspace, s.type, e.kind, e.author, a.identity, a.device, a.name, a.agent, a.claimed FROM session s "
    "JOIN event e ON e.session=s.row JOIN author a ON a.row=e.author WHERE s.row=? "
    "GROUP BY e.kind, e.author ORDER BY 3, 5, 6, 7, 8, 9"
)
_PARTS = (
    "SELECT field, event, value, claimed FROM session_field WHERE session=? ORDER BY field, event",
    "SELECT event, identity FROM erased WHERE session=? ORDER BY event, identity",
    "SELECT blob, size FROM session_blob WHERE session=? ORDER BY blob",
    "SELECT a.identity, a.device, a.name, a.agent, a.claimed FROM session_author s "
    "LEFT JOIN author a ON a.row=s.author WHERE s.session=? ORDER BY 1, 2, 3, 4, 5",
)
_TOTALS = ("event", "session_field", "session_blob", "session_author")


def differences(
    engine: Engine, home_blobs: BlobStore, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> list[str]:
    """What in the projection is not as the documents have it: `session …`, `note …`, `rows of …`; [] when all is.

    Runs on the engine's thread. progress: events derived again, and of how many. DamagedError for documents that cannot
    be read.
    """
    with engine.scratch() as scratch, engine.snapshot() as live:
        (total,) = live.execute("SELECT count(*) FROM event").fetchone()
        blobs = _LiveBlobs(home_blobs, live)
        projector = _ToldProjector(blobs, lambda done: progress(done, total))
        projector.create(scratch)
        search_index.create(scratch)
        engine.replay(projector, scratch)
        found, expected = _Projection(live, home_blobs), _Projection(scratch, blobs)
        return [*_unequal(found.digests(), expected.digests()), *_unequal(found.totals(), expected.totals())]


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


class _Projection:
    """One of the two projections. Events that wait for the index count as if they were in it."""

    def __init__(self, connection: Connection, blobs: BlobStore) -> None:
        self._connection = connection
        with closing(Lens()) as lens:
            texts = waiting_texts(connection, blobs)
            with lens.holding((text.row, text.text, text.meta) for text in texts):
                self._waiting = lens.sizes()
            self._waiting_tokens = Counter(text.meta for text in texts)

    def digests(self) -> Iterator[tuple[str, bytes]]:
        """A digest of all that belongs to each session and note."""
        for row, *fields in self._connection.execute(f"{_SESSION} ORDER BY id").fetchall():
            yield f"session {fields[0]}", _digest(self._rows(row, fields))
        for workspace, name, *said in self._connection.execute("SELECT workspace, name, text, fields FROM note"):
            yield f"note {name} of workspace {workspace}", _digest(iter([said]))

    def _rows(self, session: int, fields: list[Any]) -> Iterator[Any]:
        yield fields
        for *event, row, size in self._connection.execute(_EVENTS, (session,)):
            yield [*event, self._waiting.get(row, size)]
        for workspace, type_, kind, author, *name in self._connection.execute(_GROUPS, (session,)).fetchall():
            yield [kind, name, self._filtered(filter_tokens(workspace, session, type_, kind, author))]
        for sql in _PARTS:
            yield from self._connection.execute(sql, (session,))
            yield None

    def _filtered(self, tokens: str) -> int:
        """How many events are found by these filters."""
        quoted = " AND ".join('"' + token.replace('"', '""') + '"' for token in tokens.split())
        match = f"meta : ({quoted})"
        (count,) = self._connection.execute("SELECT count(*) FROM search WHERE search MATCH ?", (match,)).fetchone()
        return int(count) + self._waiting_tokens[tokens]

    def totals(self) -> Iterator[tuple[str, bytes]]:
        """How many rows there are in all: some could belong to no session."""
        counts = [self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TOTALS]
        yield from (
            (f"rows of {table}", count.to_bytes(8, "big")) for table, count in zip(_TOTALS, counts, strict=True)
        )
        (indexed,) = self._connection.execute("SELECT count(*) FROM search_docsize").fetchone()
        yield "rows of search", (indexed + len(self._waiting)).to_bytes(8, "big")


def _digest(rows: Iterator[Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update(msgspec.msgpack.encode(row))
    return digest.digest()
