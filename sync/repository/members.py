"""Writing membership: operations of this device and of others, and everything that follows from them.

After every change of a log, devices are learned, keys unwrapped, the standing of this identity remembered, and what is
stored judged anew. All of it belongs to the caller's (durable) transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sync.errors import MembershipError, ProtocolError
from sync.membership.bodies import Body
from sync.membership.operation import Operation
from sync.repository.copied import become_own, forget_copies
from sync.repository.judging import Judging, held_documents, withdraw
from sync.repository.memberships import Memberships
from sync.repository.opened import Repository, WorkspaceKeys
from sync.repository.receiving import Receiver
from sync.repository.showing import Shower, show_anew
from sync.repository.transaction import Transaction
from sync.store import operations
from sync.store.links import is_copied
from sync.store.projector import Projector
from sync.store.schema import NOTE, SEGMENT


class Members:
    """Changes logs.

    keys: gives the keys of a workspace by its row id. own: the row of this device. forget: drops what is remembered of
    workspaces and documents. change_key: gives this device another key to receive secrets with.
    """

    def __init__(
        self,
        memberships: Memberships,
        repository: Repository,
        projector: Projector,
        keys: Callable[[int], WorkspaceKeys],
        receiver: Callable[[Transaction, int], Receiver],
        shower: Callable[[Transaction], Shower],
        own: Callable[[], int],
        forget: Callable[[], None],
        change_key: Callable[[Transaction], None],
    ) -> None:
        self._memberships = memberships
        self._repository = repository
        self._projector = projector
        self._keys = keys
        self._receiver = receiver
        self._shower = shower
        self._own = own
        self._forget = forget
        self._change_key = change_key

    def sign(self, tx: Transaction, log_id: bytes, body: Body) -> Operation:
        """Make and apply an operation of this device, and the epoch that is due then.

        MembershipError with a sentence: it is not allowed; the transaction must end then.
        """
        operation = self._memberships.sign(log_id, body)
        self._follow(tx, [log_id])
        self.renew_epochs(tx)
        return operation

    def epoch_turn(self, tx: Transaction) -> int | None:
        """When this device should make the epochs that are due, counted from 0 among the owners' devices.

        None while none is due, or others must make them.
        """
        due = [ident for _row, ident in _workspaces(tx) if self._memberships.due_epoch(ident) is not None]
        return max(map(self._memberships.turn, due), default=None)

    def renew_epochs(self, tx: Transaction) -> int:
        """Make the epochs that are due and this device's to make; gives how many."""
        made = 0
        for row, workspace in _workspaces(tx):
            plan = self._memberships.due_epoch(workspace)
            if plan is None:
                continue
            try:
                self._memberships.sign_epoch(workspace, row, plan)
            except MembershipError:
                continue  # another owner's device has the keys, and makes it
            made += 1
            tx.touch(f"workspace/{workspace.hex()}")
        return made

    def cut_epochs(self, tx: Transaction, row: int) -> None:
        """Begin an epoch of a workspace (row id) that leads back to none. MembershipError: only owners may."""
        workspace = self._keys(row).id
        self._memberships.sign_cut(workspace, row)
        self._memberships.forget_keys(workspace, row)
        self._forget()
        self._follow(tx, [workspace, self._memberships.identity])

    def add(self, tx: Transaction, log_id: bytes, encoded: Sequence[bytes]) -> int:
        """Take in operations from outside; gives how many were new. ProtocolError, MembershipError."""
        added = self._memberships.add(log_id, encoded)
        if added:
            self._follow(tx, [log_id])
        return len(added)

    def add_identity(self, tx: Transaction, identity: bytes, encoded: Sequence[bytes]) -> int:
        """As `add`, for the log of an identity that may not be known yet."""
        added = self._memberships.add_identity(identity, encoded)
        if added:
            self._follow(tx, [identity])
        return len(added)

    def adopt(self, tx: Transaction, workspace: bytes, encoded: Sequence[bytes], keys: Mapping[bytes, bytes]) -> int:
        """Take a workspace in that others founded, with its log and any epoch keys; gives its row id.

        The logs of the identities in it must be known first. What was opened of it from links makes room: it comes with
        the rest, judged by the log.
        """
        self._remove_copies(tx, workspace)
        found = tx.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
        if found is None:
            cursor = tx.connection.execute("INSERT INTO workspace(id, grant_id) VALUES(?,?)", (workspace, workspace))
            row = int(cursor.lastrowid)
            operations.set_standing(tx.connection, row, operations.NO_ROLE, None)
        else:
            row = int(found[0])
        self._memberships.add(workspace, encoded)
        if not self._memberships.state(workspace).members:
            raise ProtocolError("The log of a workspace does not begin with its genesis.")
        self._memberships.keep_keys(workspace, row, keys)
        self._follow(tx, [workspace])
        return row

    def _remove_copies(self, tx: Transaction, workspace: bytes) -> None:
        found = tx.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
        if found is None or not is_copied(tx.connection, found[0]):
            return
        rows = tx.connection.execute("SELECT DISTINCT kind, name FROM document WHERE workspace=?", found).fetchall()
        for kind, name in rows:
            if kind == SEGMENT:
                self._projector.withdraw(tx.connection, found[0], name)
                tx.touch(f"session/{name}")
            elif kind == NOTE:
                self._projector.apply_note(tx.connection, found[0], name, "", {})
        forget_copies(tx.connection, found[0], [name for _, name in rows])
        become_own(tx.connection, found[0])
        self._repository.forget()

    def add_keys(self, tx: Transaction, workspace: bytes, keys: Mapping[bytes, bytes]) -> None:
        """Keep epoch keys that another device of this identity handed over."""
        (row,) = tx.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
        if self._memberships.keep_keys(workspace, row, keys):
            self._follow(tx, [workspace])

    # consequences

    def _follow(self, tx: Transaction, logs: Sequence[bytes]) -> None:
        affected = [
            (row, workspace)
            for row, workspace in _workspaces(tx)
            if workspace in logs or any(self._memberships.is_identity(log) for log in logs)
        ]
        for row, workspace in affected:
            self._learn(tx, row, workspace)
            self._judge_anew(tx, row)
        for log in logs:
            tx.touch(f"identity/{log.hex()}" if self._memberships.is_identity(log) else f"workspace/{log.hex()}")

    def _learn(self, tx: Transaction, row: int, workspace: bytes) -> None:
        try:
            new_keys = self._memberships.learn_keys(workspace, row)
        except ProtocolError:
            new_keys = 0  # an epoch that its maker sealed wrongly; the next one, by another owner, makes up for it
        if self._memberships.forget_keys(workspace, row):
            self._change_key(tx)
            new_keys += 1
        if self._memberships.learn_standing(workspace, row) or new_keys:
            tx.touch(f"workspace/{workspace.hex()}")
            self._forget()

    def _judge_anew(self, tx: Transaction, row: int) -> None:
        keys = self._keys(row)
        judging = Judging(tx.connection, row, self._memberships.state(keys.id), self._memberships.roster)
        lost = withdraw(judging, keys, self._own())
        for document in lost:
            self._repository.drop(document.row)
        shower = self._shower(tx)
        for session in sorted({document.name for document in lost}):
            show_anew(tx, self._repository, self._projector, shower, keys, session)
        receiver = self._receiver(tx, row)
        for ident in held_documents(tx.connection, row):
            receiver.release(keys, ident)


def _workspaces(tx: Transaction) -> list[tuple[int, bytes]]:
    """(row, id) of the workspaces that have a log here."""
    rows = tx.connection.execute(
        "SELECT w.row, w.id FROM workspace w LEFT JOIN standing s ON s.workspace=w.row "
        "WHERE coalesce(s.role, '')<>? ORDER BY w.row",
        (operations.LINK_ROLE,),
    )
    return [(row, bytes(ident)) for row, ident in rows.fetchall()]
