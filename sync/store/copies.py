"""Copies of a database: telling one from the original, and making a device of its own of it.

A device's chain must be continued in one place only: two entries at one n contradict each other for good. So every copy
carries a mark from the moment it is made, in the encrypted database itself, where also a plain copy of the copy's files
keeps it. Whoever opens a marked database to write becomes a new device of the same identity, before anything is
written: with keys of its own, added to the identity's log by the recovery key (or, where that is on paper only, by the
old device), and with chains of its own. What the old device wrote stays its work. Its secret keys are erased here.
"""

from __future__ import annotations

from sync.clock import Random
from sync.errors import IdentityError
from sync.identity.device import DeviceKeys, recovery_keys
from sync.membership.devices import add_device
from sync.membership.operation import Operation, decode_operation
from sync.store.database import COPY_MARK, Connection


def is_copy(connection: Connection) -> bool:
    """Whether this database was made by copying one, and not been written since."""
    found = connection.execute("SELECT 1 FROM meta WHERE name=?", (COPY_MARK,)).fetchone()
    return found is not None


def become_new_device(connection: Connection, random: Random) -> None:
    """Give the copy keys of its own and take the mark away; part of the caller's (durable) transaction.

    IdentityError when the keys inside do not belong to a known identity.
    """
    stored = connection.execute("SELECT value FROM secret WHERE name='device'").fetchone()
    if stored is not None:  # else it was copied before anything was founded
        _replace_device(connection, DeviceKeys.from_cbor(bytes(stored[0])), random)
    connection.execute("DELETE FROM meta WHERE name=?", (COPY_MARK,))


def _replace_device(connection: Connection, old: DeviceKeys, random: Random) -> None:
    row = connection.execute("SELECT identity FROM device WHERE id=?", (old.device_id,)).fetchone()
    if row is None:
        raise IdentityError("The keys of this copy belong to no known identity.")
    identity, device = bytes(row[0]), DeviceKeys.create(random)
    log = _log(connection, identity)
    operation = add_device(_signer(connection, log, old), log, device)
    connection.execute(
        "INSERT INTO operation(id, log, content) VALUES(?,?,?)", (operation.id, identity, operation.encoded)
    )
    connection.execute("UPDATE device SET is_own=0")
    connection.execute("INSERT INTO device(id, identity, is_own) VALUES(?,?,1)", (device.device_id, identity))
    connection.execute("UPDATE secret SET value=? WHERE name='device'", (device.to_cbor(),))
    for table in ("published", "holder"):  # those were of the old device's chains
        connection.execute(f"DELETE FROM {table}")
    connection.execute("DELETE FROM link")  # those of the old device's name it, and it may still look after them
    connection.execute("DELETE FROM link_place")


def _log(connection: Connection, identity: bytes) -> list[Operation]:
    rows = connection.execute("SELECT content FROM operation WHERE log=? ORDER BY row", (identity,))
    return [decode_operation(bytes(content)) for (content,) in rows]


def _signer(connection: Connection, log: list[Operation], old: DeviceKeys) -> DeviceKeys:
    """The recovery key while it is kept here, so that the new device ranks beside the old one and not below it."""
    row = connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
    if row is None:
        return old
    recovery = recovery_keys(bytes(row[0]))
    return recovery if log and log[0].signer_device == recovery.device_id else old
