"""The store as a mailbox sees it: `sync.protocol.mailbox_replica.MailboxReplica` for one workspace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from sync.errors import MembershipError
from sync.membership.epoch import log_key
from sync.protocol.envelope import read_envelope
from sync.protocol.mailbox_replica import BlobList, Erasure, Received
from sync.protocol.replica import BlobPart, Outgoing
from sync.store import chain_sums, operations
from sync.store.database import Connection
from sync.store.network_rows import keep_holder
from sync.store.outgoing import Chain
from sync.store.schema import PURGED

if TYPE_CHECKING:
    from sync.repository.replica import StoredReplica

_ERASED = "erased/"
_PURGED_HERE = f"""
SELECT d.row FROM document d
 WHERE d.workspace=? AND d.kind='{PURGED}' AND EXISTS(SELECT 1 FROM entry WHERE document=d.row AND device=?)
   AND NOT EXISTS(SELECT 1 FROM mailbox_value WHERE mailbox=? AND name='{_ERASED}' || d.row) ORDER BY d.row LIMIT 64"""


class StoredMailboxReplica:
    """One mailbox (row id) of one workspace (row and id)."""

    def __init__(
        self, replica: StoredReplica, mailbox: int, row: int, workspace: bytes, now_ms: Callable[[], int]
    ) -> None:
        self._replica = replica
        self._mailbox = mailbox
        self._row = row
        self._workspace = workspace
        self._now_ms = now_ms

    @property
    def _connection(self) -> Connection:
        return self._replica.connection

    @property
    def device(self) -> bytes:
        return self._replica.memberships.device_id

    def devices(self) -> Collection[bytes]:
        written = {ident for _row, ident in chain_sums.writers(self._connection, self._row)}
        return (self._replica.devices_of(self._workspace) | written) - {self.device}

    def progress(self, device: bytes) -> int:
        chain = self._replica.find_chain(self._workspace, device)
        if chain is None:
            return 0
        with self._replica.begin(False):
            return chain_sums.reach(self._connection, self._row, chain.device_row)

    def receive(self, envelopes: Sequence[bytes]) -> Received:
        held = operations.epoch_keys(self._connection, self._row)
        readable = [data for data in envelopes if self._replica.can_open(held, read_envelope(data))]
        taken = self._replica.take_in(self._row, readable)
        return Received(taken, len(envelopes) - len(readable))

    def entries_after(self, n: int, limit: int) -> Outgoing:
        return self._replica.sealed_after(self._own(), n, limit)

    def publishing(self, n: int) -> None:
        self._replica.publish(self._row, n)

    def _own(self) -> Chain:
        chain = self._replica.find_chain(self._workspace, self.device)
        assert chain is not None
        return chain

    # logs

    def logs(self) -> Collection[bytes]:
        return self._replica.logs_of(self._workspace)

    def operation_ids(self, log: bytes) -> Sequence[bytes]:
        return [operation.id for operation in self._replica.memberships.log(log).operations()]

    def operations(self, log: bytes, ids: Collection[bytes]) -> Sequence[bytes]:
        wanted = set(ids)
        return [op.encoded for op in self._replica.memberships.log(log).operations() if op.id in wanted]

    def add_operations(self, log: bytes, operations: Sequence[bytes]) -> None:
        if log not in self.logs():
            raise MembershipError("These operations belong to a log that has nothing to do with this workspace.")
        self._replica.take_operations(log, operations)

    def log_key(self) -> bytes | None:
        key = self._replica.memberships.writing_key(self._workspace, self._row)
        return None if key is None else log_key(key.key)

    def log_keys(self) -> Mapping[bytes, bytes]:
        keys = operations.epoch_keys(self._connection, self._row)
        kept = operations.kept_log_keys(self._connection, self._row)
        return kept | {epoch: log_key(key) for epoch, key in keys.items()}

    # what the mailbox keeps

    def value(self, name: str) -> bytes | None:
        row = self._connection.execute(
            "SELECT value FROM mailbox_value WHERE mailbox=? AND name=?", (self._mailbox, name)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def set_value(self, name: str, value: bytes) -> None:
        with self._replica.begin(True) as tx:
            tx.connection.execute("INSERT OR REPLACE INTO mailbox_value VALUES(?,?,?)", (self._mailbox, name, value))

    def brought(self, n: int) -> None:
        with self._replica.begin(False) as tx:
            keep_holder(tx.connection, self._row, f"mailbox/{self._mailbox}", n, self._now_ms())
            tx.touch("holder")

    # blobs

    def blobs_after(self, after: int, limit: int) -> BlobList:
        rows = self._connection.execute(
            "SELECT row, blob FROM made WHERE workspace=? AND row>? ORDER BY row LIMIT ?",
            (self._row, after, limit + 1),
        ).fetchall()
        some = rows[:limit]
        return BlobList(tuple(bytes(blob) for _row, blob in some), some[-1][0] if some else after, len(rows) <= limit)

    def blob(self, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        return self._replica.read_blob(self._row, blob, offset, limit)

    def receive_blob(self, blob: bytes, part: BlobPart) -> int:
        return self._replica.keep_blob(self._row, blob, part)

    # what was purged

    def erasures(self) -> Sequence[Erasure]:
        rows = self._connection.execute(_PURGED_HERE, (self._row, self._own().device_row, self._mailbox)).fetchall()
        unused = self._unused() if rows else ()
        purged = [Erasure(document, self._numbers(document), unused) for (document,) in rows]
        return [*purged, *self._outdated()]

    def _outdated(self) -> list[Erasure]:
        """All that this device brought, after a purge of keys: it is brought anew under those that count now."""
        sql = (
            f"SELECT max(row) FROM key_purge k WHERE workspace=? AND NOT EXISTS("
            f"SELECT 1 FROM mailbox_value WHERE mailbox=? AND name='{_ERASED}' || -k.row)"
        )
        (last,) = self._connection.execute(sql, (self._row, self._mailbox)).fetchone()
        if last is None:
            self._drop_log_keys()
            return []
        rows = self._connection.execute("SELECT blob FROM made WHERE workspace=? ORDER BY row", (self._row,)).fetchall()
        numbers = self._connection.execute(
            "SELECT n FROM entry WHERE workspace=? AND device=? ORDER BY n", (self._row, self._own().device_row)
        )
        return [Erasure(-last, tuple(n for (n,) in numbers.fetchall()), tuple(bytes(blob) for (blob,) in rows))]

    def _drop_log_keys(self) -> None:
        """Forget the log keys of before a purge of keys, once every mailbox has what came after."""
        sql = (
            f"SELECT 1 FROM mailbox m WHERE m.workspace=?1 AND NOT EXISTS("
            f"SELECT 1 FROM mailbox_value v WHERE v.mailbox=m.row AND v.name='{_ERASED}' || -("
            "SELECT max(row) FROM key_purge WHERE workspace=?1))"
        )
        kept = operations.kept_log_keys(self._connection, self._row)
        if kept and self._connection.execute(sql, (self._row,)).fetchone() is None:
            with self._replica.begin(True) as tx:
                tx.connection.execute("DELETE FROM kept_log_key WHERE workspace=?", (self._row,))

    def erased(self, erasure: Erasure) -> None:
        with self._replica.begin(True) as tx:
            name = f"{_ERASED}{erasure.document}"
            tx.connection.execute("INSERT OR REPLACE INTO mailbox_value VALUES(?,?,?)", (self._mailbox, name, b""))
            made = [(self._row, blob) for blob in erasure.blobs]
            (last,) = tx.connection.execute("SELECT coalesce(max(row), 0) FROM made").fetchone()
            tx.connection.executemany("DELETE FROM made WHERE workspace=? AND blob=?", made)
            if erasure.document < 0:  # after all that was brought
                again = [(last + at, *one) for at, one in enumerate(made, 1)]
                tx.connection.executemany("INSERT INTO made(row, workspace, blob) VALUES(?,?,?)", again)

    def _numbers(self, document: int) -> tuple[int, ...]:
        rows = self._connection.execute(
            "SELECT n FROM entry WHERE document=? AND device=? ORDER BY n", (document, self._own().device_row)
        )
        return tuple(n for (n,) in rows)

    def _unused(self) -> tuple[bytes, ...]:
        """Blobs that this device made and nothing shown refers to any more."""
        rows = self._connection.execute("SELECT blob FROM made WHERE workspace=?", (self._row,)).fetchall()
        return tuple(bytes(blob) for (blob,) in rows if not self._replica.refers(self._row, bytes(blob)))
