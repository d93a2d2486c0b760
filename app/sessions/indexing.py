"""Which events are in the full-text index, and which still wait for it.

A single event costs the index as much as all its other rows together, a batch costs little more than one. So what comes
in few events waits: its rows are listed in `unindexed` until there are enough of them. A search looks through those
that wait as well (see `Lens`), so nobody sees the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.sessions.bodies import open_body
from app.sessions.packing import resolve_stub, unpack_body
from app.sessions.texts import searchable_text
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.search_index import OwnIndex, TextIndex

WAITING_ROWS = 64
WAITING_CHARACTERS = 32 * 1024
"""What waits at most: each search reads it."""
_EVENTS = (
    "SELECT e.row, e.body, e.kind, e.author, s.workspace, s.row, s.type FROM event e JOIN session s ON s.row=e.session"
)


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What of an event is searched. row: of the event and of the index. meta: tokens for filters."""

    row: int
    text: str
    meta: str


def filter_tokens(workspace: int, session: int, type_: str, kind: str, author: int) -> str:
    """The tokens by which an event is filtered. workspace, session, author: row ids."""
    return f"w{workspace} s{session} t_{type_} k_{kind} a{author}"


def stored_text(blobs: BlobStore, connection: Connection, body: bytes | str) -> str:
    """The searched text of an event from its row; '' for what has none, or is not on this device."""
    opened = open_body(unpack_body(body), lambda stub: resolve_stub(blobs, connection, stub))
    return "" if opened is None else searchable_text(opened.body)


def index_texts(
    connection: Connection, blobs: BlobStore, texts: Sequence[IndexedText], bulk: TextIndex | None = None
) -> None:
    """Let new events be found. bulk: another index than the one beside the rows, where nothing waits."""
    characters = sum(len(text.text) for text in texts)
    if bulk is not None or len(texts) >= WAITING_ROWS or characters >= WAITING_CHARACTERS:
        _index(bulk or OwnIndex(connection), texts)
        return
    if not texts:
        return
    connection.executemany("INSERT INTO unindexed VALUES(?,?)", [(text.row, len(text.text)) for text in texts])
    count, size = connection.execute("SELECT count(*), sum(characters) FROM unindexed").fetchone()
    if count >= WAITING_ROWS or size >= WAITING_CHARACTERS:
        index_waiting(connection, blobs)


def index_waiting(connection: Connection, blobs: BlobStore) -> None:
    """Index what waits."""
    _index(OwnIndex(connection), waiting_texts(connection, blobs))
    connection.execute("DELETE FROM unindexed")


def waiting_texts(connection: Connection, blobs: BlobStore) -> list[IndexedText]:
    """What waits, in the order of rows."""
    rows = connection.execute(f"{_EVENTS} WHERE e.row IN (SELECT row FROM unindexed) ORDER BY e.row").fetchall()
    return list(_texts(connection, blobs, rows))


def reindex_session(connection: Connection, blobs: BlobStore, session: int, bulk: TextIndex | None = None) -> None:
    """Index the events of a session (row id) anew, whose tokens have changed. bulk: as in `index_texts`."""
    index = bulk or OwnIndex(connection)
    known = index.rows_with(f"s{session}")
    rows = [connection.execute(f"{_EVENTS} WHERE e.row=?", (row,)).fetchone() for row in known]
    texts = list(_texts(connection, blobs, rows))
    index.remove(known)
    _index(index, texts)


def forget_texts(connection: Connection, rows: Iterable[int], bulk: TextIndex | None = None) -> None:
    """Let events be found no more. bulk: as in `index_texts`."""
    gone = list(rows)
    connection.executemany("DELETE FROM unindexed WHERE row=?", [(row,) for row in gone])
    (bulk or OwnIndex(connection)).remove(gone)


def _index(index: TextIndex, texts: Sequence[IndexedText]) -> None:
    index.add((text.row, text.text, text.meta) for text in texts)


def _texts(
    connection: Connection, blobs: BlobStore, rows: Iterable[tuple[int, bytes | str, str, int, int, int, str]]
) -> Iterator[IndexedText]:
    for row, body, kind, author, workspace, session, type_ in rows:
        if text := stored_text(blobs, connection, body):
            yield IndexedText(row, text, filter_tokens(workspace, session, type_, kind, author))
