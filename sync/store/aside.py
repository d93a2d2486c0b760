"""Rows of entries that are not admitted: held until others arrive, or quarantined for good.

Nothing that shows or builds documents reads their changes; they are kept to be looked at and to wait.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.documents.entry import Entry, SignedEntry
from sync.store.database import Connection
from sync.store.entries import split_hashes
from sync.store.schema import ADMITTED, HELD, QUARANTINED


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry that was set aside for good. name: of its session or note, "" where that was never known."""

    entry: int
    kind: str
    name: str
    device: bytes
    n: int
    reason: str


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """An entry that waits for others; row: of the entry."""

    row: int
    signed: SignedEntry
    changes: bytes


def find_entry(connection: Connection, workspace: int, device: int, n: int, digest: bytes) -> int | None:
    """The state of an entry, if it is here."""
    row = connection.execute(
        "SELECT state FROM entry WHERE workspace=? AND device=? AND n=? AND hash=?", (workspace, device, n, digest)
    ).fetchone()
    return row[0] if row else None


def find_entries(
    connection: Connection, workspace: int, device: int, first: int, last: int
) -> dict[tuple[int, bytes], int]:
    """The states of the entries from one number of a chain to another that are here, by (n, hash)."""
    rows = connection.execute(
        "SELECT n, hash, state FROM entry WHERE workspace=? AND device=? AND n BETWEEN ? AND ?",
        (workspace, device, first, last),
    )
    return {(n, bytes(digest)): state for n, digest, state in rows}


def has_aside(connection: Connection, document: int) -> bool:
    """Whether entries of a document are held or quarantined."""
    sql = "SELECT 1 FROM entry WHERE document=? AND state<>0 LIMIT 1"
    return connection.execute(sql, (document,)).fetchone() is not None


def set_aside(connection: Connection, entry: int, reason: str) -> None:
    """Quarantine an entry: nothing reads its changes any more, they are kept to be looked at."""
    connection.execute("UPDATE entry SET state=? WHERE id=?", (QUARANTINED, entry))
    connection.execute("INSERT OR REPLACE INTO quarantine VALUES(?,?)", (entry, reason))


def quarantined(connection: Connection) -> list[Quarantined]:
    """All entries that were set aside for good, oldest first."""
    rows = connection.execute(
        "SELECT e.id, d.kind, d.name, v.id, e.n, q.reason FROM quarantine q JOIN entry e ON e.id=q.entry "
        "JOIN document d ON d.row=e.document JOIN device v ON v.row=e.device WHERE e.state=? ORDER BY e.id",
        (QUARANTINED,),
    ).fetchall()
    return [Quarantined(*row) for row in rows]


def aside(connection: Connection, device: int) -> tuple[int, int]:
    """(entries, bytes of their changes) of a device that are held or quarantined."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(length(changes)), 0) FROM entry WHERE device=? AND state<>0", (device,)
    ).fetchone()
    return int(row[0]), int(row[1])


def held_entries(connection: Connection, document: int) -> list[HeldEntry]:
    """What waits for other changes of a document, in the order of its devices' chains."""
    rows = connection.execute(
        "SELECT e.id, w.id, d.id, e.grant_id, v.id, e.n, e.prev, e.hashes, e.signature, e.hash, e.changes "
        "FROM entry e JOIN workspace w ON w.row=e.workspace JOIN document d ON d.row=e.document "
        "JOIN device v ON v.row=e.device WHERE e.document=? AND e.state<>0 AND e.state=? ORDER BY e.n",
        (document, HELD),
    ).fetchall()
    return [
        HeldEntry(
            row,
            SignedEntry(Entry(workspace, of, grant, device, n, prev, tuple(split_hashes(hashes))), signature, digest),
            changes,
        )
        for row, workspace, of, grant, device, n, prev, hashes, signature, digest, changes in rows
    ]


def held_of(connection: Connection, workspace: int, device: int) -> list[bytes]:
    """The ids of the documents of a workspace in which entries of a device are held."""
    rows = connection.execute(
        "SELECT DISTINCT d.id FROM entry e INDEXED BY entry_aside JOIN document d ON d.row=e.document "
        "WHERE e.state<>0 AND e.state=? AND e.device=? AND d.workspace=?",
        (HELD, device, workspace),
    ).fetchall()
    return [bytes(ident) for (ident,) in rows]


def admit_held(connection: Connection, entry: int) -> int:
    """Admit an entry that was held; gives its new row id, which is after those of the entries it builds on."""
    (last,) = connection.execute("SELECT max(id) FROM entry").fetchone()
    connection.execute("UPDATE entry SET id=?, state=? WHERE id=?", (last + 1, ADMITTED, entry))
    return int(last) + 1
