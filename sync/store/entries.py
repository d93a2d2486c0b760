"""Rows of documents and entries: the log from which everything else is rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync.documents.change import split_chunks
from sync.documents.entry import FIRST_PREV, SignedEntry
from sync.store.database import Connection
from sync.store.schema import ADMITTED, NOTE, PURGED, SEGMENT

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as the store knows it. `name`: the session of a segment, the name of a note. `k`: of a segment."""

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


def latest_segment(connection: Connection, session: str, device: int, grant: bytes) -> DocumentRow | None:
    """The segment that a device writes now, if it has begun one under this grant."""
    row = connection.execute(
        f"{_DOCUMENT} WHERE name=? AND device=? AND kind=? AND grant_id=? ORDER BY k DESC LIMIT 1",
        (session, device, SEGMENT, grant),
    ).fetchone()
    return DocumentRow(*row) if row else None


def find_document(connection: Connection, document_id: bytes) -> DocumentRow | None:
    """A document by its id."""
    row = connection.execute(f"{_DOCUMENT} WHERE id=?", (document_id,)).fetchone()
    return DocumentRow(*row) if row else None


def documents(connection: Connection) -> Iterator[DocumentRow]:
    """All documents in the order in which they reached this device, purged ones left out."""
    for row in connection.execute(f"{_DOCUMENT} WHERE kind<>? ORDER BY row", (PURGED,)).fetchall():
        yield DocumentRow(*row)


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
    cursor = connection.execute(
        "INSERT INTO document(id, workspace, kind, name, device, grant_id, k) VALUES(?,?,?,?,?,?,?)",
        (document_id, workspace, SEGMENT, session, device, grant, k),
    )
    return DocumentRow(cursor.lastrowid, document_id, workspace, SEGMENT, session, device, k)


def add_note(connection: Connection, document_id: bytes, workspace: int, name: str) -> DocumentRow:
    """Begin a note; its changes follow with `add_entry`."""
    cursor = connection.execute(
        "INSERT INTO document(id, workspace, kind, name) VALUES(?,?,?,?)",
        (document_id, workspace, NOTE, name),
    )
    return DocumentRow(cursor.lastrowid, document_id, workspace, NOTE, name, None, None)


def chain_head(connection: Connection, workspace: int, device: int) -> tuple[int, bytes]:
    """(n, hash) of the device's last entry in a workspace; (0, zeros) before the first."""
    row = connection.execute(
        "SELECT n, hash FROM entry WHERE workspace=? AND device=? ORDER BY n DESC LIMIT 1",
        (workspace, device),
    ).fetchone()
    return (row[0], bytes(row[1])) if row else (0, FIRST_PREV)


def add_entry(
    connection: Connection, document: DocumentRow, device: int, signed: SignedEntry, chunks: list[bytes]
) -> int:
    """Store a signed entry with its changes; gives its row id."""
    entry = signed.entry
    cursor = connection.execute(
        "INSERT INTO entry(workspace, document, device, grant_id, n, prev, hash, signature, hashes, changes, state) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?)",
        (
            document.workspace,
            document.row,
            device,
            entry.grant,
            entry.n,
            entry.prev,
            signed.hash,
            signed.signature,
            b"".join(entry.changes),
            b"".join(chunks),
            ADMITTED,
        ),
    )
    return int(cursor.lastrowid)


def stored_changes(connection: Connection, document: int, after: int = 0) -> list[StoredChanges]:
    """The admitted entries of a document newer than a row id, oldest first."""
    rows = connection.execute(
        "SELECT id, device, hashes, changes FROM entry WHERE document=? AND id>? AND state=? ORDER BY id",
        (document, after, ADMITTED),
    ).fetchall()
    return [
        StoredChanges(
            row,
            device,
            [h[i : i + HASH_BYTES] for i in range(0, len(h), HASH_BYTES)],
            split_chunks(bytes(changes)),
        )
        for row, device, h, changes in rows
    ]
