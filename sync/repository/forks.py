"""Chains in which a device wrote two entries under one number, as they are here.

Such a fork is proof that a device is at odds with itself: its home was put back to an older copy, or its program was
changed. Both sides are kept; which one counts is an owner's to say, by a cut (`sync.membership.admission`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.documents.entry import Entry, SignedEntry
from sync.repository.judging import Judging
from sync.repository.opened import WorkspaceKeys
from sync.store import entries
from sync.store.database import Connection
from sync.store.schema import ADMITTED, NOTE, SEGMENT

MOST_BRANCHES = 16


@dataclass(frozen=True, slots=True)
class ForkBranch:
    """One side of a fork. n, hash: of its last entry. entries: from where the chain divides on; shown: of these.

    sessions, notes: what these are about. counts: whether membership lets it count. first: the row of its first entry.
    """

    n: int
    hash: bytes
    entries: int
    shown: int
    sessions: tuple[str, ...]
    notes: tuple[str, ...]
    counts: bool
    first: int


@dataclass(frozen=True, slots=True)
class Fork:
    """A chain that divides before its entry n. device: its id."""

    device: bytes
    n: int
    branches: tuple[ForkBranch, ...]

    @property
    def is_settled(self) -> bool:
        """Whether an owner has said which side counts."""
        return sum(branch.counts for branch in self.branches) <= 1


@dataclass(frozen=True, slots=True)
class _Link:
    """An entry at or after the place where a chain divides."""

    row: int
    n: int
    hash: bytes
    prev: bytes
    state: int
    kind: str
    name: str


def find_forks(connection: Connection, keys: WorkspaceKeys, judging: Judging) -> list[Fork]:
    """All forks of a workspace, those that were settled too; the branches of each with the longest first."""
    return [
        Fork(ident, n, _branches(connection, keys, judging, device, ident, n))
        for device, ident, n in _divided(connection, keys.row)
    ]


def _divided(connection: Connection, workspace: int) -> list[tuple[int, bytes, int]]:
    """(row, id, first divided number) of the devices with forks; the own chain has none, as it is written here."""
    rows = connection.execute(
        "SELECT v.row, v.id, coalesce(c.n, 0) FROM device v LEFT JOIN chain c ON c.workspace=? AND c.device=v.row "
        "WHERE NOT v.is_own ORDER BY v.id",
        (workspace,),
    ).fetchall()
    found = []
    for device, ident, after in rows:
        fork = connection.execute(
            "SELECT n FROM entry WHERE workspace=? AND device=? AND n>? "
            "GROUP BY n HAVING count(*)>1 ORDER BY n LIMIT 1",
            (workspace, device, after),
        ).fetchone()
        if fork is not None:
            found.append((device, bytes(ident), int(fork[0])))
    return found


def _branches(
    connection: Connection, keys: WorkspaceKeys, judging: Judging, device: int, ident: bytes, n: int
) -> tuple[ForkBranch, ...]:
    rows = connection.execute(
        "SELECT e.id, e.n, e.hash, e.prev, e.state, d.kind, d.name FROM entry e JOIN document d ON d.row=e.document "
        "WHERE e.workspace=? AND e.device=? AND e.n>=? ORDER BY e.n, e.hash",
        (keys.row, device, n),
    ).fetchall()
    links = {bytes(digest): _Link(row, m, bytes(digest), bytes(prev), *rest) for row, m, digest, prev, *rest in rows}
    followed = {link.prev for link in links.values()}
    heads = sorted(
        (link for link in links.values() if link.hash not in followed), key=lambda link: (-link.n, link.hash)
    )
    paths = [_path(links, head) for head in heads[:MOST_BRANCHES]]
    return tuple(_branch(connection, keys, judging, ident, path) for path in paths if path[0].n == n)


def _path(links: dict[bytes, _Link], head: _Link) -> list[_Link]:
    """The entries that lead to one, itself included."""
    path, link = [head], links.get(head.prev)
    while link is not None and link.n == path[-1].n - 1:
        path.append(link)
        link = links.get(link.prev)
    return path[::-1]


def _branch(
    connection: Connection, keys: WorkspaceKeys, judging: Judging, ident: bytes, path: Sequence[_Link]
) -> ForkBranch:
    names = {kind: tuple(dict.fromkeys(link.name for link in path if link.kind == kind)) for kind in (SEGMENT, NOTE)}
    last = path[-1]
    return ForkBranch(
        last.n,
        last.hash,
        len(path),
        sum(link.state == ADMITTED for link in path),
        names[SEGMENT],
        names[NOTE],
        judging.verdict(_signed(connection, keys, ident, path[0].row)).outcome == "admitted",
        path[0].row,
    )


def _signed(connection: Connection, keys: WorkspaceKeys, ident: bytes, row: int) -> SignedEntry:
    document, grant, n, prev, hashes, signature, digest = connection.execute(
        "SELECT d.id, e.grant_id, e.n, e.prev, e.hashes, e.signature, e.hash FROM entry e "
        "JOIN document d ON d.row=e.document WHERE e.id=?",
        (row,),
    ).fetchone()
    entry = Entry(keys.id, document, grant, ident, n, prev, tuple(entries.split_hashes(hashes)))
    return SignedEntry(entry, signature, digest)
