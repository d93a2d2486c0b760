"""Engines over a home with a small projection, and what must be true of any store they leave."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from sync.clock import Clock, system_random
from sync.documents.entry import FIRST_PREV, Entry
from sync.documents.guard import ChangeGuard
from sync.documents.intake import open_entry, receive_note, receive_segment
from sync.documents.note import Note
from sync.documents.segment import SEGMENT_EVENTS, Segment
from sync.engine import Engine
from sync.store.blobs import BlobStore
from sync.store.database import Connection, Database
from sync.store.entries import stored_changes
from sync.store.migrations import Component
from sync.store.projector import SegmentRows
from sync.store.search_index import TextIndex
from sync.testing import ManualClock

KEY, HOME_ID = b"k" * 32, b"i" * 16
LOCAL = Component("local", ("CREATE TABLE kept(x)",))


class PlainProjector:
    """One row per event and per note."""

    version = 1

    def create(self, connection: Connection) -> None:
        connection.execute("CREATE TABLE shown(session TEXT, id TEXT, body TEXT, k INTEGER, PRIMARY KEY(session, id))")
        connection.execute("CREATE TABLE note(name TEXT PRIMARY KEY, text TEXT, fields TEXT)")

    def drop(self, connection: Connection) -> None:
        connection.execute("DROP TABLE IF EXISTS shown")
        connection.execute("DROP TABLE IF EXISTS note")

    def forget(self) -> None:
        """Nothing is remembered."""

    def withdraw(self, connection: Connection, workspace: int, session: str) -> None:
        connection.execute("DELETE FROM shown WHERE session=?", (session,))

    def purge(self, connection: Connection, workspace: int, name: str, *, whole: bool) -> tuple[bytes, ...]:
        connection.execute("DELETE FROM shown WHERE session=?", (name,))
        connection.execute("DELETE FROM note WHERE name=?", (name,))
        return ()

    def refers(self, connection: Connection, workspace: int, blob: bytes) -> bool:
        return True

    def take_blob(self, connection: Connection, blob: bytes) -> tuple[str, ...]:
        return ()

    def indexing(self, index: TextIndex) -> AbstractContextManager[None]:
        return nullcontext()

    def apply_segment(self, connection: Connection, rows: SegmentRows) -> int:
        for event_id, body in rows.items:
            connection.execute(
                "INSERT OR IGNORE INTO shown VALUES(?,?,?,?)", (rows.header.session, event_id, body, rows.header.k)
            )
        return len(rows.items)

    def apply_note(
        self, connection: Connection, workspace: int, name: str, text: str, fields: Mapping[str, str]
    ) -> None:
        connection.execute("INSERT OR REPLACE INTO note VALUES(?,?,?)", (name, text, repr(sorted(fields.items()))))


def database(folder: Path) -> Database:
    found = Database(folder / "lovelace.db", KEY, HOME_ID)
    if not found.path.exists():
        found.create()
    return found


def open_engine(folder: Path, process: str = "one", clock: Clock | None = None) -> Engine:
    engine = Engine(
        database(folder),
        PlainProjector(),
        components=(LOCAL,),
        blobs=BlobStore(folder / "blobs"),
        clock=clock or ManualClock(),
        random=system_random,
        process=process,
        author=lambda: "Ada",
    )
    engine.open()
    return engine


def first_workspace(engine: Engine) -> int:
    """The row of the home's only workspace, which is made on first use."""
    with engine.transaction(durable=True) as tx:
        row = tx.connection.execute("SELECT row FROM workspace").fetchone()
        return int(row[0]) if row else engine.create_workspace().row


def append(engine: Engine, workspace: int, session: str, *ids: str) -> None:
    with engine.transaction() as tx:
        engine.append(tx, workspace, session, [(name, f'"{name}"') for name in ids], lambda: "{}")


def shown(connection: Connection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for session, event_id, body in connection.execute("SELECT session, id, body FROM shown"):
        assert body == f'"{event_id}"'
        found.setdefault(session, set()).add(event_id)
    return found


def notes(connection: Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, text FROM note").fetchall())


def replay(connection: Connection, segment_events: int = SEGMENT_EVENTS) -> dict[str, set[str]]:
    """Take in every entry as a stranger would, in the order of the chain; gives the events of each session.

    Checks links and numbers of the own chain; of all admitted entries signatures, changes, headers, ids and sizes of
    segments.
    """
    found: dict[str, set[str]] = {}
    documents: dict[bytes, tuple[Segment | Note, ChangeGuard]] = {}
    expected: dict[bytes, tuple[int, bytes]] = {}  # of each workspace's own chain
    stored = {
        changes.last: changes.chunks
        for (document,) in connection.execute("SELECT row FROM document").fetchall()
        for changes in stored_changes(connection, document)
    }
    rows = connection.execute(
        "SELECT w.id, d.id, d.kind, e.grant_id, v.id, e.n, e.prev, e.hash, e.signature, e.hashes, e.id, v.is_own "
        "FROM entry e JOIN workspace w ON w.row=e.workspace JOIN document d ON d.row=e.document "
        "JOIN device v ON v.row=e.device ORDER BY e.n, e.id"
    ).fetchall()
    for workspace, document, kind, grant, device, n, prev, digest, signature, hashes, row, is_own in rows:
        if is_own:
            assert (n, prev) == expected.get(workspace, (1, FIRST_PREV))
            expected[workspace] = n + 1, digest
        if row not in stored:
            continue
        listed = tuple(hashes[at : at + 32] for at in range(0, len(hashes), 32))
        opened = open_entry(Entry(workspace, document, grant, device, n, prev, listed), signature, stored[row])
        assert opened.signed.hash == digest
        if document not in documents:
            held: Segment | Note = Segment(bytes(16)) if kind == "segment" else Note(bytes(16))
            documents[document] = held, ChangeGuard(held.core)
        held, guard = documents[document]
        if isinstance(held, Note):
            receive_note(held, guard, opened)
            continue
        received = receive_segment(held, guard, opened)
        names = found.setdefault(received.header.session, set())
        assert not names & {name for name, _ in received.items}
        names |= {name for name, _ in received.items}
        assert held.count <= segment_events
    return found
