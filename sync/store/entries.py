"""Rows of documents and entries: the log from which everything else is rebuilt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync.documents.bundle import open_bundle
from sync.documents.change import split_chunks
from sync.documents.entry import FIRST_PREV, SignedEntry
from sync.errors import DocumentError
from sync.store.bundles import find_bundle
from sync.store.database import Connection
from sync.store.schema import ADMITTED, NOTE, PURGED, QUARANTINED, SEGMENT, UNKNOWN

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as the store knows it. `name`: the session of a segment, the name of a note.

    `k`: counts the segments of a device, and how often a note was begun anew (None is 0).
    """

    row: int
    id: bytes
    workspace: int
    kind: str
    name: str
    device: int | None
    k: int | None


@dataclass(frozen=True, slots=True)
class StoredChanges:
    """The changes of one entry. `last`: row id of the entry."""

    last: int
    device: int
    hashes: list[bytes]
    chunks: list[bytes]


_DOCUMENT = "SELECT row, id, workspace, kind, name, device, k FROM document"


@dataclass(frozen=True, slots=True)
class RawChanges:
    """An admitted entry as it lies in its row. changes: None when a bundle or a purge took them."""

    last: int
    device: int
    hashes: list[bytes]
    changes: bytes | None


def latest_segment(connection: Connection, session: str, device: int, grant: bytes) -> DocumentRow | None:
    """The segment that a device writes now, if it has begun one under this grant."""
    row = connection.execute(
        f"{_DOCUMENT} WHERE name=? AND device=? AND kind=? AND grant_id=? ORDER BY k DESC LIMIT 1",
        (session, device, SEGMENT, grant),
    ).fetchone()
    return DocumentRow(*row) if row else None


def segments(connection: Connection, session: str, device: int, grant: bytes) -> list[DocumentRow]:
    """All segments of a session that a device wrote under a grant, in their order."""
    rows = connection.execute(
        f"{_DOCUMENT} WHERE name=? AND device=? AND kind=? AND grant_id=? ORDER BY k", (session, device, SEGMENT, grant)
    ).fetchall()
    return [DocumentRow(*row) for row in rows]


def written_under(connection: Connection, workspace: int, device: int, grant: bytes) -> list[DocumentRow]:
    """All segments that a device wrote under a grant."""
    rows = connection.execute(
        f"{_DOCUMENT} WHERE workspace=? AND device=? AND kind=? AND grant_id=? ORDER BY row",
        (workspace, device, SEGMENT, grant),
    ).fetchall()
    return [DocumentRow(*row) for row in rows]


def named(connection: Connection, workspace: int, name: str) -> list[DocumentRow]:
    """All segments of a session, in the order in which they reached this device."""
    rows = connection.execute(
        f"{_DOCUMENT} WHERE name=? AND workspace=? AND kind=? ORDER BY row", (name, workspace, SEGMENT)
    ).fetchall()
    return [DocumentRow(*row) for row in rows]


def find_document(connection: Connection, document_id: bytes) -> DocumentRow | None:
    """A document by its id."""
    row = connection.execute(f"{_DOCUMENT} WHERE id=?", (document_id,)).fetchone()
    return DocumentRow(*row) if row else None


def latest_note(connection: Connection, workspace: int, name: str) -> DocumentRow | None:
    """The document that a note's text is in now."""
    row = connection.execute(
        f"{_DOCUMENT} WHERE name=? AND kind=? AND workspace=? ORDER BY k DESC LIMIT 1", (name, NOTE, workspace)
    ).fetchone()
    return DocumentRow(*row) if row else None


def documents(connection: Connection) -> Iterator[DocumentRow]:
    """All documents that have something to show, in the order in which they reached this device."""
    hidden = (PURGED, UNKNOWN)
    for row in connection.execute(f"{_DOCUMENT} WHERE kind NOT IN (?,?) ORDER BY row", hidden).fetchall():
        yield DocumentRow(*row)


_ADD = (
    "INSERT INTO document(id, workspace, kind, name, device, grant_id, k) VALUES(?,?,?,?,?,?,?) "
    "ON CONFLICT(id) DO UPDATE SET kind=excluded.kind, name=excluded.name, device=excluded.device, "
    "grant_id=excluded.grant_id, k=excluded.k"
)
"""Somebody may have sent entries for a document before it was known what it is. Without RETURNING: for that the engine
begins a savepoint, before which FTS5 writes all words that it has gathered."""


def _add_document(
    connection: Connection,
    document_id: bytes,
    workspace: int,
    kind: str,
    name: str,
    device: int | None = None,
    grant: bytes | None = None,
    k: int | None = None,
) -> DocumentRow:
    values = (document_id, workspace, kind, name, device, grant, k)
    connection.execute(_ADD, values)
    (row,) = connection.execute("SELECT row FROM document WHERE id=?", (document_id,)).fetchone()
    return DocumentRow(row, document_id, workspace, kind, name, device, k)


def add_segment(
    connection: Connection,
    document_id: bytes,
    workspace: int,
    session: str,
    device: int,
    grant: bytes,
    k: int,
) -> DocumentRow:
    """Begin a segment; its changes follow with `add_entry`."""
    return _add_document(connection, document_id, workspace, SEGMENT, session, device, grant, k)


def add_note(connection: Connection, document_id: bytes, workspace: int, name: str, k: int = 0) -> DocumentRow:
    """Begin a note, or begin it anew for the k-th time; its changes follow with `add_entry`."""
    return _add_document(connection, document_id, workspace, NOTE, name, k=k)


def add_purged(
    connection: Connection, document_id: bytes, workspace: int, name: str, device: int, k: int
) -> DocumentRow:
    """A place for entries of a document that others have purged before anything of it was here."""
    return _add_document(connection, document_id, workspace, PURGED, name, device, None, k)


def add_unknown(connection: Connection, document_id: bytes, workspace: int) -> DocumentRow:
    """A place for entries of a document of which nothing was admitted so far."""
    return _add_document(connection, document_id, workspace, UNKNOWN, "")


def chain_head(connection: Connection, workspace: int, device: int) -> tuple[int, bytes]:
    """(n, hash) of the device's last entry in a workspace; (0, zeros) before the first."""
    row = connection.execute(
        "SELECT n, hash FROM entry WHERE workspace=? AND device=? ORDER BY n DESC LIMIT 1",
        (workspace, device),
    ).fetchone()
    return (row[0], bytes(row[1])) if row else (0, FIRST_PREV)


_ADD_ENTRY = (
    "INSERT INTO entry(workspace, document, device, grant_id, n, prev, hash, signature, hashes, changes, state) "
    "VALUES(?,?,?,?,?,?,?,?,?,?,?)"
)


def add_entry(
    connection: Connection,
    document: DocumentRow,
    device: int,
    signed: SignedEntry,
    chunks: list[bytes] | None,
    state: int = ADMITTED,
) -> int:
    """Store a signed entry with its changes (None: they are not kept); gives its row id."""
    cursor = connection.execute(_ADD_ENTRY, _entry_values(document, device, signed, chunks, state))
    return int(cursor.lastrowid)


def add_entries(
    connection: Connection,
    document: DocumentRow,
    device: int,
    signed: Sequence[SignedEntry],
    chunks: Sequence[list[bytes]] | None,
) -> int:
    """Store admitted entries with the changes of each (None: a bundle has them); gives the row id of the last."""
    each: Sequence[list[bytes] | None] = [None] * len(signed) if chunks is None else chunks
    values = (_entry_values(document, device, one, own, ADMITTED) for one, own in zip(signed, each, strict=True))
    connection.executemany(_ADD_ENTRY, values)
    return int(connection.execute("SELECT max(id) FROM entry").fetchone()[0])


def _entry_values(
    document: DocumentRow, device: int, signed: SignedEntry, chunks: list[bytes] | None, state: int
) -> tuple[object, ...]:
    entry = signed.entry
    return (
        document.workspace,
        document.row,
        device,
        entry.grant,
        entry.n,
        entry.prev,
        signed.hash,
        signed.signature,
        b"".join(entry.changes),
        None if chunks is None else b"".join(chunks),
        state,
    )


def raw_changes(connection: Connection, document: int, after: int = 0) -> list[RawChanges]:
    """The admitted entries of a document newer than a row id, oldest first, without those that were purged."""
    rows = connection.execute(
        "SELECT id, device, hashes, changes FROM entry WHERE document=? AND id>? AND state=? ORDER BY id",
        (document, after, ADMITTED),
    ).fetchall()
    is_whole = all(row[3] is not None for row in rows) or find_bundle(connection, document) is not None
    kept = [row for row in rows if is_whole or row[3] is not None]
    return [RawChanges(row, device, split_hashes(listed), changes) for row, device, listed, changes in kept]


def stored_changes(connection: Connection, document: int, after: int = 0) -> list[StoredChanges]:
    """As `raw_changes`, with the changes one by one, wherever they are kept.

    Raises DocumentError where they are damaged.
    """
    rows = raw_changes(connection, document, after)
    bundle = None if all(row.changes is not None for row in rows) else find_bundle(connection, document)
    bundled = {} if bundle is None else open_bundle(bundle)
    return [StoredChanges(row.last, row.device, row.hashes, chunks_of(row, bundled)) for row in rows]


def chunks_of(row: RawChanges, bundled: Mapping[bytes, bytes]) -> list[bytes]:
    """The changes of an entry, one by one; raises DocumentError where they are damaged."""
    if row.changes is not None:
        return split_chunks(row.changes)
    missing = [digest for digest in row.hashes if digest not in bundled]
    if missing:
        raise DocumentError("The bundle does not hold all changes.")
    return [bundled[digest] for digest in row.hashes]


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a concatenation."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def has_others(connection: Connection, document: int, device: int) -> bool:
    """Whether another device wrote into the document too."""
    found = connection.execute(
        "SELECT 1 FROM entry WHERE document=? AND device<>? AND state=? LIMIT 1", (document, device, ADMITTED)
    ).fetchone()
    return found is not None


def is_broken(connection: Connection, document: int, device: int) -> bool:
    """Whether the document lacks something that this device wrote into it, so that it cannot write on there."""
    found = connection.execute(
        "SELECT 1 FROM entry WHERE document=? AND device=? AND state<>0 AND state=? LIMIT 1",
        (document, device, QUARANTINED),
    ).fetchone()
    if found is not None:
        return True
    first = connection.execute("SELECT changes IS NULL FROM entry WHERE document=? ORDER BY id LIMIT 1", (document,))
    return (first.fetchone() or (0,))[0] == 1 and find_bundle(connection, document) is None
