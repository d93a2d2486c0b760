"""Rows of bundles: closed documents stored as one saved document each instead of single changes.

A document is marked in the transaction that closes it and bundled later, in small steps that may end or be repeated
anywhere: the bundle is stored while the single changes are still there, and these are removed afterwards. Readers take
an entry's changes from its row or, where that has none, from the bundle.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.store.database import Connection
from sync.store.schema import ADMITTED


@dataclass(frozen=True, slots=True)
class BundleWork:
    """A document that is to be bundled (data: None), or whose single changes are to be removed. name: its session."""

    document: int
    name: str
    data: bytes | None


def mark_closed(connection: Connection, document: int) -> None:
    """Nothing will be added to this document: it may be bundled."""
    connection.execute("INSERT OR IGNORE INTO bundle VALUES(?,1,NULL)", (document,))


def next_work(connection: Connection) -> BundleWork | None:
    """What is to be done next, if anything."""
    row = connection.execute(
        "SELECT b.document, d.name, b.data FROM bundle b JOIN document d ON d.row=b.document WHERE b.wanted LIMIT 1"
    ).fetchone()
    return BundleWork(*row) if row else None


def find_bundle(connection: Connection, document: int) -> bytes | None:
    """The bundle of a document, once it is made."""
    row = connection.execute("SELECT data FROM bundle WHERE document=?", (document,)).fetchone()
    return row[0] if row else None


def add_bundle(connection: Connection, document: int, data: bytes) -> None:
    """Store a verified bundle, unless it was made or forgotten meanwhile."""
    connection.execute("UPDATE bundle SET data=? WHERE document=? AND wanted AND data IS NULL", (data, document))


def keep_received(connection: Connection, document: int, data: bytes) -> None:
    """Store the bundle that a whole document came in, whose entries have no single changes."""
    connection.execute("INSERT OR REPLACE INTO bundle VALUES(?,0,?)", (document, data))


def clear_changes(connection: Connection, document: int, hashes: set[bytes], most: int) -> bool:
    """Remove the single changes of up to `most` admitted entries that a bundle covers; gives whether any were left."""
    rows = connection.execute(
        "SELECT id, hashes FROM entry WHERE document=? AND state=? AND changes IS NOT NULL ORDER BY id",
        (document, ADMITTED),
    ).fetchall()
    covered = [row for row, listed in rows if all(listed[at : at + 32] in hashes for at in range(0, len(listed), 32))]
    connection.executemany("UPDATE entry SET changes=NULL WHERE id=?", [(row,) for row in covered[:most]])
    return bool(covered)


def finish(connection: Connection, document: int) -> None:
    """Nothing is left to do for this document, whether or not it has a bundle."""
    connection.execute("UPDATE bundle SET wanted=0 WHERE document=?", (document,))


def forget_bundle(connection: Connection, document: int) -> None:
    """Erase a document's bundle; a purge does so."""
    connection.execute("DELETE FROM bundle WHERE document=?", (document,))
