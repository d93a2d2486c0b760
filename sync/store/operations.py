"""Rows of membership operations, and what this device may do in each workspace.

`standing.role`: what the identity of this device is there; a workspace without a row was founded here. 'none': not (or
not any more) a member; 'link': a read-only copy of what others share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sync.crypto import derive_key
from sync.store.database import Connection

if TYPE_CHECKING:
    from sync.membership.operation import Operation

FOUNDER_ROLE, NO_ROLE, LINK_ROLE = "owner", "none", "link"


def add_operation(connection: Connection, operation: Operation) -> bool:
    """Keep an operation; gives whether it is new."""
    found = connection.execute("SELECT 1 FROM operation WHERE id=?", (operation.id,)).fetchone()
    if found is None:
        values = (operation.id, operation.log_id, operation.encoded)
        connection.execute("INSERT INTO operation(id, log, content) VALUES(?,?,?)", values)
    return found is None


def operations_after(connection: Connection, row: int) -> Iterator[tuple[int, bytes, bytes]]:
    """(row, log, encoded operation) of everything that was kept after a row, in that order."""
    yield from connection.execute("SELECT row, log, content FROM operation WHERE row>? ORDER BY row", (row,)).fetchall()


def identities(connection: Connection) -> set[bytes]:
    """All identities of which something is known."""
    return {bytes(ident) for (ident,) in connection.execute("SELECT id FROM identity")}


def add_identity(connection: Connection, identity: bytes) -> None:
    """Know of an identity; again is free."""
    connection.execute("INSERT OR IGNORE INTO identity VALUES(?, 0)", (identity,))


def add_device(connection: Connection, device: bytes, identity: bytes) -> None:
    """Know a device as one of an identity's; a device that is known already stays whose it is.

    One that only copies from links named was nobody's so far: its own id stands for its identity.
    """
    connection.execute(
        "INSERT INTO device(id, identity, is_own) VALUES(?,?,0) "
        "ON CONFLICT(id) DO UPDATE SET identity=excluded.identity WHERE identity=id",
        (device, identity),
    )


def set_standing(connection: Connection, workspace: int, role: str, grant: bytes | None) -> bool:
    """Remember a role, and the operation that lets this device write; gives whether something changed."""
    before = find_standing(connection, workspace)
    (old,) = connection.execute("SELECT grant_id FROM workspace WHERE row=?", (workspace,)).fetchone()
    grant = grant or bytes(old)
    connection.execute(
        "INSERT INTO standing VALUES(?,?) ON CONFLICT(workspace) DO UPDATE SET role=excluded.role", (workspace, role)
    )
    connection.execute("UPDATE workspace SET grant_id=? WHERE row=?", (grant, workspace))
    return before != role or bytes(old) != grant


def find_standing(connection: Connection, workspace: int) -> str:
    """The role of this device's identity in a workspace."""
    row = connection.execute("SELECT role FROM standing WHERE workspace=?", (workspace,)).fetchone()
    return str(row[0]) if row else FOUNDER_ROLE


def find_blob_secret(connection: Connection, workspace: int) -> bytes:
    """What keys of payloads are derived from, so that two devices seal equal ones alike; b"" before the first epoch."""
    kept = connection.execute("SELECT secret FROM blob_secret WHERE workspace=?", (workspace,)).fetchone()
    if kept is not None:
        return bytes(kept[0])
    first = connection.execute("SELECT key FROM epoch WHERE workspace=? ORDER BY row LIMIT 1", (workspace,)).fetchone()
    return derive_key(bytes(first[0]), "lovelace/blob-secret/1") if first else b""


def keep_blob_secret(connection: Connection, workspace: int) -> None:
    """Keep that secret when the key it came from is forgotten; it opens nothing by itself."""
    secret = find_blob_secret(connection, workspace)
    connection.execute("INSERT OR IGNORE INTO blob_secret VALUES(?,?)", (workspace, secret))


def forget_epoch_keys(connection: Connection, workspace: int, epochs: Iterable[bytes]) -> None:
    """Take keys out of the store, for good; what this device brought to mailboxes is to be brought anew."""
    connection.executemany("DELETE FROM epoch WHERE workspace=? AND id=?", [(workspace, epoch) for epoch in epochs])
    connection.execute("INSERT INTO key_purge(workspace) VALUES(?)", (workspace,))


def keep_log_keys(connection: Connection, workspace: int, keys: Mapping[bytes, bytes]) -> None:
    """Keep log keys (by epoch) of keys that are forgotten, until the mailboxes have what leads away from them."""
    if connection.execute("SELECT 1 FROM mailbox WHERE workspace=?", (workspace,)).fetchone() is not None:
        rows = [(workspace, epoch, key) for epoch, key in keys.items()]
        connection.executemany("INSERT OR IGNORE INTO kept_log_key VALUES(?,?,?)", rows)


def kept_log_keys(connection: Connection, workspace: int) -> dict[bytes, bytes]:
    """Those, by epoch."""
    rows = connection.execute("SELECT epoch, key FROM kept_log_key WHERE workspace=?", (workspace,))
    return {bytes(epoch): bytes(key) for epoch, key in rows.fetchall()}


def epoch_keys(connection: Connection, workspace: int) -> dict[bytes, bytes]:
    """The epoch keys that this device has: epoch id → key, oldest first."""
    rows = connection.execute("SELECT id, key FROM epoch WHERE workspace=? ORDER BY row", (workspace,))
    return {bytes(ident): bytes(key) for ident, key in rows}


def add_epoch_key(connection: Connection, workspace: int, epoch: bytes, key: bytes) -> None:
    """Keep an epoch's key; again is free."""
    connection.execute("INSERT OR IGNORE INTO epoch(id, workspace, key) VALUES(?,?,?)", (epoch, workspace, key))
