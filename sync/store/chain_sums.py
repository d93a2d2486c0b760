"""What is here of each device's chain, as peers compare it.

Of every chain the longest beginning without gaps and forks is summed up in a row, which follows the entries lazily: it
is brought up to date when it is asked for. What stands after a gap or beside a fork is looked at each time. A fork that
shows itself inside the summed-up part makes the row begin anew (`retract`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.documents.entry import FIRST_PREV
from sync.protocol import digest
from sync.protocol.replica import BUCKET, ChainSummary
from sync.store.database import Connection

_STEP = 4096


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Entries 1 to n, which are here without gaps and forks."""

    n: int
    hash: bytes
    digest: bytes


def writers(connection: Connection, workspace: int) -> list[tuple[int, bytes]]:
    """(row, id) of the devices that have entries in a workspace, by id."""
    return [
        (row, bytes(ident))
        for row, ident in connection.execute("SELECT row, id FROM device ORDER BY id").fetchall()
        if connection.execute("SELECT 1 FROM entry WHERE workspace=? AND device=? LIMIT 1", (workspace, row)).fetchone()
    ]


def summarize(connection: Connection, workspace: int, device: int, ident: bytes) -> ChainSummary:
    """What is here of a chain; device: its row. Writes, so within a write transaction."""
    start = _follow(connection, workspace, device)
    others = [
        bytes(found)
        for (found,) in connection.execute(
            "SELECT hash FROM entry WHERE workspace=? AND device=? AND n>?", (workspace, device, start.n)
        )
    ]
    return ChainSummary(ident, start.n, start.hash, start.n + len(others), digest.add(start.digest, *others))


def reach(connection: Connection, workspace: int, device: int) -> int:
    """The number up to which nothing of a chain is missing, forks or not. Writes, so within a write transaction."""
    n = _follow(connection, workspace, device).n
    for (number,) in connection.execute(
        "SELECT DISTINCT n FROM entry WHERE workspace=? AND device=? AND n>? ORDER BY n", (workspace, device, n)
    ):
        if number != n + 1:
            break
        n = number
    return n


def holds(connection: Connection, workspace: int, device: int, n: int, found: bytes) -> bool:
    """Whether an entry is here; number 0 with zeros always is."""
    if n == 0:
        return found == FIRST_PREV
    row = connection.execute(
        "SELECT 1 FROM entry WHERE workspace=? AND device=? AND n=? AND hash=?", (workspace, device, n, found)
    ).fetchone()
    return row is not None


def retract(connection: Connection, workspace: int, device: int, n: int) -> None:
    """An entry with this number is coming in: if the row covers that number already, it must begin anew."""
    connection.execute("DELETE FROM chain WHERE workspace=? AND device=? AND n>=?", (workspace, device, n))


def bucket_digests(connection: Connection, workspace: int, device: int) -> list[bytes]:
    """The digests of all buckets up to the last one with an entry."""
    sums: list[bytes] = []
    rows = connection.execute(
        "SELECT n, hash FROM entry WHERE workspace=? AND device=? ORDER BY n", (workspace, device)
    )
    for n, found in rows:
        number = (n - 1) // BUCKET
        sums.extend([digest.EMPTY] * (number + 1 - len(sums)))
        sums[number] = digest.add(sums[number], bytes(found))
    return sums


def bucket_hashes(connection: Connection, workspace: int, device: int, number: int) -> list[bytes]:
    """The hashes of the entries in a bucket, by (n, hash)."""
    rows = connection.execute(
        "SELECT hash FROM entry WHERE workspace=? AND device=? AND n>? AND n<=? ORDER BY n, hash",
        (workspace, device, number * BUCKET, (number + 1) * BUCKET),
    )
    return [bytes(found) for (found,) in rows]


def _follow(connection: Connection, workspace: int, device: int) -> _Beginning:
    row = connection.execute(
        "SELECT n, hash, digest FROM chain WHERE workspace=? AND device=?", (workspace, device)
    ).fetchone()
    before = _Beginning(row[0], bytes(row[1]), bytes(row[2])) if row else _Beginning(0, FIRST_PREV, digest.EMPTY)
    now = before
    while (further := _further(connection, workspace, device, now)) != now:
        now = further
    if now != before:
        connection.execute(
            "INSERT OR REPLACE INTO chain VALUES(?,?,?,?,?)", (workspace, device, now.n, now.hash, now.digest)
        )
    return now


def _further(connection: Connection, workspace: int, device: int, start: _Beginning) -> _Beginning:
    """The beginning some thousand entries further on."""
    rows = connection.execute(
        "SELECT n, hash, prev FROM entry WHERE workspace=? AND device=? AND n>? ORDER BY n LIMIT ?",
        (workspace, device, start.n, _STEP),
    ).fetchall()
    numbers = [row[0] for row in rows]
    added: list[bytes] = []
    n, last = start.n, start.hash
    for at, (number, found, prev) in enumerate(rows):
        is_fork = at + 1 < len(rows) and numbers[at + 1] == number
        if number != n + 1 or bytes(prev) != last or is_fork:
            break
        n, last = number, bytes(found)
        added.append(last)
    return _Beginning(n, last, digest.add(start.digest, *added)) if added else start
