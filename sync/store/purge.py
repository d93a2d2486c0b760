"""Taking documents out of the store for good.

What stays of a purged document: its row, under the kind `PURGED`, so that nothing brings it back; and its entries
without their changes, so that the device's chain stays contiguous and its signatures can be checked. The order of
erasing: rows and bundles (zeroed, as `secure_delete` is on) and with them the words of the full-text index, then the
copies that SQLite leaves in the unused parts of pages when it balances its trees, then the write-ahead log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sync.errors import StoreError
from sync.store.bundles import forget_bundle
from sync.store.database import Connection
from sync.store.schema import PURGED


def purge_documents(connection: Connection, workspace: int, names: Sequence[str]) -> None:
    """Empty all documents with these names (sessions of segments, names of notes) in a workspace (row id)."""
    for name in names:
        connection.execute(
            "UPDATE entry SET changes=NULL WHERE document IN (SELECT row FROM document WHERE name=? AND workspace=?)",
            (name, workspace),
        )
        found = connection.execute("SELECT row FROM document WHERE name=? AND workspace=?", (name, workspace))
        for (document,) in found.fetchall():
            forget_bundle(connection, document)
        connection.execute("UPDATE document SET kind=? WHERE name=? AND workspace=?", (PURGED, name, workspace))


def is_purged(connection: Connection, workspace: int, name: str) -> bool:
    """Whether documents with this name were purged in a workspace (row id)."""
    found = connection.execute(
        "SELECT 1 FROM document WHERE name=? AND workspace=? AND kind=? LIMIT 1", (name, workspace, PURGED)
    ).fetchone()
    return found is not None


def require_not_purged(connection: Connection, workspace: int, name: str) -> None:
    """Raises StoreError for a name that `is_purged`."""
    if is_purged(connection, workspace, name):
        raise StoreError(f"Session {name.removeprefix('session/')} was purged; nothing brings it back.")


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
