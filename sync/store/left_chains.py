"""Chains that this home wrote as another device, until it found entries in them that it had not written.

Such a home is an older copy of another one, or of itself. What stands in `left_chain` is of one workspace and of the
device that it was. n: of the last entry written here that is in the chain still; published: up to where such entries
may have left; fork: where the other branch begins, if this one had left by then; rewritten: events and notes that were
written anew as another device; since: milliseconds.
`left_note`: a note that was begun anew because a branch of its changes had left, with what its old document read when
it was last looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from sync.store.database import Connection


@dataclass(frozen=True, slots=True)
class LeftChain:
    """A row of `left_chain`. device: its row."""

    device: int
    n: int
    published: int
    fork: int | None
    rewritten: int
    since: int


@dataclass(frozen=True, slots=True)
class LeftNote:
    """A row of `left_note`. document: its row."""

    document: int
    name: str
    text: str
    fields: Mapping[str, str]


def leave_all(connection: Connection, device: int, now_ms: int) -> None:
    """This home is not the device with this row any more; before what is known of publishing is forgotten."""
    connection.execute(
        "INSERT OR REPLACE INTO left_chain SELECT e.workspace, e.device, max(e.n), coalesce(p.n, 0), NULL, 0, ? "
        "FROM entry e LEFT JOIN published p ON p.workspace=e.workspace WHERE e.device=? GROUP BY e.workspace",
        (now_ms, device),
    )


def find_left(connection: Connection, workspace: int, device: int) -> LeftChain | None:
    """What is known of a chain, if this home has left it."""
    row = connection.execute(
        "SELECT device, n, published, fork, rewritten, since FROM left_chain WHERE workspace=? AND device=?",
        (workspace, device),
    ).fetchone()
    return LeftChain(*row) if row else None


def left_chains(connection: Connection, workspace: int) -> list[LeftChain]:
    """All chains of a workspace that this home has left, oldest first."""
    rows = connection.execute(
        "SELECT device, n, published, fork, rewritten, since FROM left_chain WHERE workspace=? ORDER BY since, device",
        (workspace,),
    )
    return [LeftChain(*row) for row in rows.fetchall()]


def shorten(connection: Connection, workspace: int, left: LeftChain, n: int, rewritten: int) -> None:
    """From entry n on nothing that was written here is in the chain any more."""
    fork = n if left.published >= n else left.fork
    connection.execute(
        "UPDATE left_chain SET n=?, fork=?, rewritten=rewritten+? WHERE workspace=? AND device=?",
        (n - 1, fork, rewritten, workspace, left.device),
    )


def forget(connection: Connection, workspace: int, device: int) -> None:
    """What was written into a chain stays as it is."""
    connection.execute("DELETE FROM left_chain WHERE workspace=? AND device=?", (workspace, device))


def note_published(connection: Connection, workspace: int, left: LeftChain, n: int) -> None:
    """Entries up to n leave, as somebody else's by now."""
    connection.execute(
        "UPDATE left_chain SET published=min(n, ?) WHERE workspace=? AND device=? AND published<min(n, ?)",
        (n, workspace, left.device, n),
    )


def keep_note(connection: Connection, workspace: int, note: LeftNote) -> None:
    """Remember what a note read."""
    fields = msgspec.json.encode(dict(note.fields), order="sorted").decode()
    connection.execute(
        "INSERT OR REPLACE INTO left_note VALUES(?,?,?,?,?)", (note.document, workspace, note.name, note.text, fields)
    )


def left_notes(connection: Connection, workspace: int) -> list[LeftNote]:
    """All notes of a workspace that were begun anew so."""
    rows = connection.execute(
        "SELECT document, name, text, fields FROM left_note WHERE workspace=? ORDER BY document", (workspace,)
    ).fetchall()
    return [
        LeftNote(row, name, text, msgspec.json.decode(fields, type=dict[str, str])) for row, name, text, fields in rows
    ]
