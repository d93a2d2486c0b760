"""What a home remembers of the network: addresses, mailboxes, who has what, and which payloads it made.

`holder`: up to which number somebody (a device's id, or "mailbox/<row>") has this device's chain of a workspace.
`made`: payloads that this device brought into a workspace, in their order. `mailbox.credentials`: a JSON object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sync.protocol.address import Address
from sync.store.database import Connection


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A mailbox of a workspace (row id). added: milliseconds."""

    row: int
    workspace: int
    uri: str
    credentials: Mapping[str, str] = field(repr=False)
    added: int = 0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has this device's entries of a workspace up to n, as far as is known. seen: milliseconds."""

    name: str
    n: int
    seen: int


def keep_address(connection: Connection, address: Address, now_ms: int) -> bool:
    """Remember where a device may be reached; gives whether that is news."""
    sockets = msgspec.json.encode(address.sockets).decode()
    before = connection.execute("SELECT sockets, relay FROM address WHERE device=?", (address.device,)).fetchone()
    connection.execute(
        "INSERT OR REPLACE INTO address VALUES(?,?,?,?)", (address.device, sockets, address.relay, now_ms)
    )
    return bool(before != (sockets, address.relay))


def addresses(connection: Connection) -> list[Address]:
    """Every device's last known address."""
    rows = connection.execute("SELECT device, sockets, relay FROM address").fetchall()
    return [
        Address(bytes(device), tuple(msgspec.json.decode(sockets, type=list[str])), relay)
        for device, sockets, relay in rows
    ]


def last_seen(connection: Connection) -> dict[bytes, int]:
    """When devices were heard of last (milliseconds), by id."""
    rows = connection.execute("SELECT device, seen FROM address")
    return {bytes(device): int(seen) for device, seen in rows}


def add_mailbox(connection: Connection, workspace: int, uri: str, credentials: Mapping[str, str], now_ms: int) -> int:
    """Remember a mailbox, or its new credentials; gives its row."""
    text = msgspec.json.encode(dict(credentials)).decode()
    (row,) = connection.execute(
        "INSERT INTO mailbox(workspace, uri, credentials, added) VALUES(?,?,?,?) "
        "ON CONFLICT(workspace, uri) DO UPDATE SET credentials=excluded.credentials RETURNING row",
        (workspace, uri, text, now_ms),
    ).fetchone()
    return int(row)


def remove_mailbox(connection: Connection, row: int) -> None:
    """Forget a mailbox and what is remembered of it; nothing in it changes."""
    connection.execute("DELETE FROM mailbox WHERE row=?", (row,))
    connection.execute("DELETE FROM mailbox_value WHERE mailbox=?", (row,))
    connection.execute("DELETE FROM holder WHERE name=?", (f"mailbox/{row}",))


def mailboxes(connection: Connection) -> list[MailboxRow]:
    """All mailboxes, oldest first."""
    rows = connection.execute("SELECT row, workspace, uri, credentials, added FROM mailbox ORDER BY row").fetchall()
    return [
        MailboxRow(row, workspace, uri, msgspec.json.decode(text, type=dict[str, str]), added)
        for row, workspace, uri, text, added in rows
    ]


def keep_holder(connection: Connection, workspace: int, name: str, n: int, now_ms: int) -> None:
    """Somebody has this device's chain up to n."""
    connection.execute("INSERT OR REPLACE INTO holder VALUES(?,?,?,?)", (workspace, name, n, now_ms))


def holders(connection: Connection, workspace: int) -> Sequence[Holder]:
    """Who has how much of this device's chain."""
    rows = connection.execute("SELECT name, n, seen FROM holder WHERE workspace=? ORDER BY name", (workspace,))
    return [Holder(*row) for row in rows.fetchall()]


def note_made(connection: Connection, workspace: int, blob: bytes) -> None:
    """This device brought a payload into a workspace; again is free."""
    connection.execute("INSERT OR IGNORE INTO made(workspace, blob) VALUES(?,?)", (workspace, blob))
