"""Taking documents out of the store for good, and remembering that.

What stays of a purged document: its row, under the kind `PURGED`, so that nothing brings it back; and its entries
without their changes, so that the device's chain stays contiguous and its signatures can be checked. The order of
erasing: rows and bundles (zeroed, as `secure_delete` is on) and with them the words of the full-text index, then the
copies that SQLite leaves in the unused parts of pages when it balances its trees, then the write-ahead log.

`purge`: who purged which names, and what they had seen there (see `sync.documents.purges`); binds: it counts for what
this person writes too, so that nothing with that name is written here any more. `gone`: entries that came without their
changes before it was heard why. `late`: what this device had written when it heard of a purge that knew nothing of it;
`purged_blob`: blobs that purged documents referred to, which may be unused now: both wait for `Engine.erase`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync.errors import StoreError
from sync.store.bundles import forget_bundle
from sync.store.database import Connection
from sync.store.schema import NOTE, PURGED, SEGMENT

GONE_BYTES = 8 << 20
"""What may wait of one workspace; what is dropped can be asked for again."""


@dataclass(frozen=True, slots=True)
class Purge:
    """One purge of a name. device: row of the signer's. own_seen: up to where they had seen what this device wrote."""

    device: int
    identity: bytes
    own_seen: int


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document that is not purged. identities: of all who wrote into it; device: row, of a segment."""

    row: int
    id: bytes
    device: int | None
    identities: frozenset[bytes]


def add_purge(connection: Connection, workspace: int, name: str, device: int, own_seen: int, *, binds: bool) -> None:
    """Remember that a device (row) purged a name; the first time counts."""
    values = (workspace, name, device, own_seen, binds)
    connection.execute("INSERT OR IGNORE INTO purge VALUES(?,?,?,?,?)", values)


def purges_of(connection: Connection, workspace: int, name: str) -> list[Purge]:
    """All purges of a name."""
    rows = connection.execute(
        "SELECT p.device, v.identity, p.own_seen FROM purge p JOIN device v ON v.row=p.device "
        "WHERE p.workspace=? AND p.name=?",
        (workspace, name),
    ).fetchall()
    return [Purge(device, bytes(identity), own_seen) for device, identity, own_seen in rows]


def purged_names(connection: Connection) -> set[tuple[int, str]]:
    """(workspace, name) of all that anybody purged."""
    return set(connection.execute("SELECT DISTINCT workspace, name FROM purge").fetchall())


def seen_of(connection: Connection, workspace: int, name: str) -> Mapping[bytes, int]:
    """For each device that wrote into documents with this name, the number of its last entry there."""
    rows = connection.execute(
        "SELECT v.id, max(e.n) FROM document d JOIN entry e ON e.document=d.row JOIN device v ON v.row=e.device "
        "WHERE d.workspace=? AND d.name=? GROUP BY v.id",
        (workspace, name),
    )
    return {bytes(device): n for device, n in rows.fetchall()}


def named_documents(connection: Connection, workspace: int, name: str) -> list[NamedDocument]:
    """The documents with a name that are not purged."""
    rows = connection.execute(
        "SELECT row, id, device FROM document WHERE workspace=? AND name=? AND kind IN (?,?) ORDER BY row",
        (workspace, name, SEGMENT, NOTE),
    ).fetchall()
    return [NamedDocument(row, bytes(ident), device, _identities(connection, row)) for row, ident, device in rows]


def _identities(connection: Connection, document: int) -> frozenset[bytes]:
    rows = connection.execute(
        "SELECT DISTINCT v.identity FROM entry e JOIN device v ON v.row=e.device WHERE e.document=?", (document,)
    )
    return frozenset(bytes(identity) for (identity,) in rows.fetchall())


def purge_documents(connection: Connection, documents: Iterable[int]) -> None:
    """Empty documents (row ids)."""
    for document in documents:
        connection.execute("DELETE FROM quarantine WHERE entry IN (SELECT id FROM entry WHERE document=?)", (document,))
        connection.execute("UPDATE entry SET changes=NULL, state=0 WHERE document=?", (document,))
        forget_bundle(connection, document)
        connection.execute("UPDATE document SET kind=? WHERE row=?", (PURGED, document))


def is_purged(connection: Connection, workspace: int, name: str) -> bool:
    """Whether nothing with this name may be written in a workspace (row id) any more."""
    found = connection.execute(
        "SELECT 1 FROM purge WHERE workspace=? AND name=? AND binds LIMIT 1", (workspace, name)
    ).fetchone()
    return found is not None


def require_not_purged(connection: Connection, workspace: int, name: str) -> None:
    """Raises StoreError for a name that `is_purged`."""
    if is_purged(connection, workspace, name):
        raise StoreError(f"Session {name.removeprefix('session/')} was purged; nothing brings it back.")


def keep_gone(connection: Connection, workspace: int, name: str, document: bytes, batch: bytes) -> None:
    """Let a batch of entries without changes wait, as far as there is room."""
    sql = "SELECT coalesce(sum(length(batch)), 0) FROM gone WHERE workspace=?"
    (size,) = connection.execute(sql, (workspace,)).fetchone()
    if size + len(batch) <= GONE_BYTES:
        connection.execute(
            "INSERT OR IGNORE INTO gone(workspace, name, document, batch) VALUES(?,?,?,?)",
            (workspace, name, document, batch),
        )


def take_gone(connection: Connection, workspace: int, name: str) -> list[tuple[bytes, bytes]]:
    """(document, batch) of what waits for the purge of a name; they wait no longer."""
    rows = connection.execute(
        "DELETE FROM gone WHERE workspace=? AND name=? RETURNING document, batch", (workspace, name)
    ).fetchall()
    return [(bytes(document), bytes(batch)) for document, batch in rows]


def keep_late(connection: Connection, workspace: int, name: str, items: str) -> None:
    """Keep what this device had written into what was purged elsewhere."""
    connection.execute("INSERT INTO late(workspace, name, items) VALUES(?,?,?)", (workspace, name, items))


def take_late(connection: Connection) -> list[tuple[int, str, str]]:
    """(workspace, name, items) of all that was kept so; it is kept no longer."""
    rows: list[tuple[int, str, str]] = connection.execute(
        "DELETE FROM late RETURNING workspace, name, items"
    ).fetchall()
    return rows


def keep_purged_blobs(connection: Connection, blobs: Iterable[bytes]) -> None:
    """Blobs that may be unused now."""
    connection.executemany("INSERT OR IGNORE INTO purged_blob VALUES(?)", [(blob,) for blob in blobs])


def purged_blobs(connection: Connection) -> list[bytes]:
    """All of those."""
    return [bytes(blob) for (blob,) in connection.execute("SELECT id FROM purged_blob").fetchall()]


def take_purged_blobs(connection: Connection) -> list[bytes]:
    """All of those; they are kept no longer."""
    return [bytes(blob) for (blob,) in connection.execute("DELETE FROM purged_blob RETURNING id").fetchall()]


def has_remains(connection: Connection) -> bool:
    """Whether something was purged because others did so, and not erased from the files yet."""
    sql = "SELECT EXISTS(SELECT 1 FROM meta WHERE name='unerased') OR EXISTS(SELECT 1 FROM late)"
    return bool(connection.execute(sql).fetchone()[0])


def note_remains(connection: Connection) -> None:
    """Something was taken out, and is still to be erased from the files."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES('unerased', '1')")


def delete_blob_rows(connection: Connection, blobs: Iterable[bytes]) -> None:
    """Remove blobs (32-byte ids) that are rows of the database."""
    connection.executemany("DELETE FROM blob WHERE id=?", [(blob,) for blob in blobs])


def erase_remains(connection: Connection) -> bool:
    """Overwrite what deleted rows have left in the file; outside a transaction.

    Gives whether the write-ahead log could be emptied: not while another connection reads for long.
    """
    connection.execute("VACUUM")
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy
