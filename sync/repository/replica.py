"""The store as peers see it: `sync.protocol.replica.Replica` on the engine's connection.

Who may have what is decided in every call by the state of the logs. A peer shares a workspace if an identity that
claims its device may read there; the logs of that workspace and of everybody in it; and, being a device of this
identity, the identity's own log. Entries leave sealed under the epoch that is safe to write under, whatever they were
sealed under before. What this device wrote is made durable, and counted as published, before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from sync.clock import Random
from sync.errors import DocumentError, MembershipError, ProtocolError
from sync.membership.epoch import key_id, segment_key
from sync.membership.state import State
from sync.protocol import digest
from sync.protocol.envelope import Batch, Envelope, SignedPart, open_envelope, read_envelope, seal_batch
from sync.protocol.replica import BlobPart, ChainSummary, Outgoing, SetSummary, Taken
from sync.repository.batches import receive_batch
from sync.repository.branches import Branches
from sync.repository.members import Members
from sync.repository.memberships import Memberships
from sync.repository.opened import WorkspaceKeys
from sync.repository.purging import Purges
from sync.repository.receiving import LeftEntry, OwnEntry, Receiver
from sync.repository.transaction import Transaction
from sync.store import chain_sums, left_chains, operations
from sync.store.blob_parts import BlobParts
from sync.store.database import Connection
from sync.store.outgoing import Chain, OutgoingEntries, chunks_of_batch
from sync.store.projector import Projector
from sync.store.schema import ADMITTED, HELD

Begin = Callable[[bool], AbstractContextManager[Transaction]]
"""Begins a transaction, durable or not."""
HASHES_BYTES = 1 << 20
"""Of entries that are asked for by hash, so much in one answer."""


class StoredReplica:
    """One home's replica. keys: of a workspace by its row id. renew: makes this home a new device.

    branches: writes anew what that device had written beside others.
    """

    def __init__(
        self,
        connection: Connection,
        memberships: Memberships,
        members: Members,
        projector: Projector,
        blobs: BlobParts,
        random: Random,
        begin: Begin,
        keys: Callable[[int], WorkspaceKeys],
        receiver: Callable[[Transaction, int], Receiver],
        purges: Purges,
        renew: Callable[[Transaction], None],
        branches: Branches,
    ) -> None:
        self.connection = connection
        self.memberships = memberships
        self._members = members
        self._projector = projector
        self._blobs = blobs
        self._random = random
        self.begin = begin
        self._keys = keys
        self._receiver = receiver
        self._purges = purges
        self._renew = renew
        self._branches = branches
        self._outgoing = OutgoingEntries(connection)

    # who

    def known_devices(self) -> frozenset[bytes]:
        """The live devices of this person, and of everybody with whom a workspace is shared; without this one.

        Also of those in workspaces that this person asks to join: they tell when somebody has decided.
        """
        readers = {self.memberships.identity}
        for state in self._states():
            asks = any(join.identity == self.memberships.identity for join in state.requests().values())
            if asks or state.may_read(self.memberships.identity):
                readers |= {member for member in state.members if state.may_read(member)}
        found = {device for reader in readers for device in self.memberships.roster.live(reader)}
        return frozenset(found - self.memberships.papers(readers) - {self.memberships.device_id})

    def own_workspaces(self) -> tuple[bytes, ...]:
        """The workspaces that this person may read as a member."""
        return tuple(state.log_id for state in self._states() if state.may_read(self.memberships.identity))

    def _states(self) -> list[State]:
        rows = self.connection.execute("SELECT id FROM workspace ORDER BY row").fetchall()
        return [self.memberships.state(bytes(ident)) for (ident,) in rows]

    def may_write(self, workspace: bytes, device: bytes) -> bool:
        """Whether what a device writes into a workspace from now on counts."""
        state = self.memberships.state(workspace)
        return any(state.may_write(identity) for identity in self._identities(device))

    def devices_of(self, workspace: bytes) -> frozenset[bytes]:
        """Every device that is or was in a workspace."""
        ever = set(self.memberships.state(workspace).ever_members())
        devices = self.memberships.roster.devices.items()
        return frozenset(device for device, claims in devices if any(claim.identity in ever for claim in claims))

    def _identities(self, peer: bytes) -> tuple[bytes, ...]:
        """Whom a device speaks for, unless it was lost or stolen."""
        roster = self.memberships.roster
        claims = roster.devices.get(peer, ())
        return tuple(claim.identity for claim in claims if claim.life == "live")

    def _shares(self, peer: bytes) -> Iterator[bytes]:
        """The logs shared with a peer."""
        identities = self._identities(peer)
        found: set[bytes] = set()
        if self.memberships.identity in identities:
            found.add(self.memberships.identity)
        for _row, workspace in self._workspaces(peer, identities):
            found |= self.logs_of(workspace)
        yield from sorted(found)

    def logs_of(self, workspace: bytes) -> set[bytes]:
        """The log of a workspace, and those of everybody who is or was in it, or asks to be."""
        log = self.memberships.log(workspace)
        state, strangers = log.state(), log.strangers()
        return {workspace, *state.ever_members(), *strangers, *(join.identity for join in state.requests().values())}

    def _workspaces(self, peer: bytes, identities: tuple[bytes, ...]) -> Iterator[tuple[int, bytes]]:
        """(row, id) of the workspaces that both may read; requests to join count for the log alone."""
        rows = self.connection.execute("SELECT row, id FROM workspace ORDER BY row").fetchall()
        for row, ident in rows:
            role = operations.find_standing(self.connection, row)
            if role == operations.LINK_ROLE:
                continue
            state = self.memberships.state(bytes(ident))
            if any(state.may_read(identity) for identity in identities):
                yield row, bytes(ident)

    def _row(self, peer: bytes, workspace: bytes) -> int | None:
        """The row of a workspace, if the peer may read it."""
        for row, ident in self._workspaces(peer, self._identities(peer)):
            if ident == workspace:
                return row
        return None

    # logs

    def logs(self, peer: bytes) -> Sequence[SetSummary]:
        return [self._summarize_log(log) for log in self._shares(peer)]

    def _summarize_log(self, log: bytes) -> SetSummary:
        ids = [operation.id for operation in self.memberships.log(log).operations()]
        return SetSummary(log, len(ids), digest.set_digest(ids))

    def operation_ids(self, peer: bytes, log: bytes) -> Sequence[bytes]:
        if log not in set(self._shares(peer)):
            return ()
        return [operation.id for operation in self.memberships.log(log).operations()]

    def operations(self, peer: bytes, log: bytes, without: Collection[bytes]) -> Sequence[bytes]:
        if log not in set(self._shares(peer)):
            return ()
        known = set(without)
        return [op.encoded for op in self.memberships.log(log).operations() if op.id not in known]

    def add_operations(self, peer: bytes, log: bytes, operations: Sequence[bytes]) -> None:
        with self.begin(True) as tx:
            if log in set(self._shares(peer)):
                self._take_operations(tx, log, operations)

    def take_operations(self, log: bytes, operations: Sequence[bytes]) -> None:
        """Take in operations of a log, wherever they came from. ProtocolError, MembershipError."""
        with self.begin(True) as tx:
            self._take_operations(tx, log, operations)

    def _take_operations(self, tx: Transaction, log: bytes, operations: Sequence[bytes]) -> None:
        is_workspace = tx.connection.execute("SELECT 1 FROM workspace WHERE id=?", (log,)).fetchone()
        add = self._members.add if is_workspace else self._members.add_identity
        add(tx, log, operations)

    # entries

    def workspaces(self, peer: bytes) -> Sequence[SetSummary]:
        with self.begin(False):
            return [
                self._summarize_workspace(row, workspace)
                for row, workspace in self._workspaces(peer, self._identities(peer))
            ]

    def _summarize_workspace(self, row: int, workspace: bytes) -> SetSummary:
        chains = self._chains(row)
        return SetSummary(workspace, sum(c.count for c in chains), digest.union(c.digest for c in chains))

    def _chains(self, row: int) -> list[ChainSummary]:
        return [
            chain_sums.summarize(self.connection, row, device, ident)
            for device, ident in chain_sums.writers(self.connection, row)
        ]

    def chains(self, peer: bytes, workspace: bytes) -> Sequence[ChainSummary]:
        row = self._row(peer, workspace)
        if row is None:
            return ()
        with self.begin(False):
            return self._chains(row)

    def buckets(self, peer: bytes, workspace: bytes, device: bytes) -> Sequence[bytes]:
        chain = self._chain(peer, workspace, device)
        return () if chain is None else chain_sums.bucket_digests(self.connection, *_rows(chain))

    def bucket(self, peer: bytes, workspace: bytes, device: bytes, number: int) -> Sequence[bytes]:
        chain = self._chain(peer, workspace, device)
        return () if chain is None else chain_sums.bucket_hashes(self.connection, *_rows(chain), number)

    def holds(self, workspace: bytes, device: bytes, n: int, digest: bytes) -> bool:
        chain = self.find_chain(workspace, device)
        return chain is not None and chain_sums.holds(self.connection, *_rows(chain), n, digest)

    def entries_after(self, peer: bytes, workspace: bytes, device: bytes, n: int, limit: int) -> Outgoing:
        chain = self._chain(peer, workspace, device)
        if chain is None:
            return Outgoing((), n, True)
        return self.sealed_after(chain, n, limit)

    def sealed_after(self, chain: Chain, n: int, limit: int) -> Outgoing:
        """As `entries_after`, for whoever may read the workspace."""
        batches, after, done = self._outgoing.after(chain, n, limit)
        return self._seal(chain, batches, n, after, done=done)

    def entries_by_hash(self, peer: bytes, workspace: bytes, device: bytes, hashes: Collection[bytes]) -> Outgoing:
        chain = self._chain(peer, workspace, device)
        if chain is None:
            return Outgoing((), 0, True)
        batches = self._outgoing.by_hash(chain, hashes, HASHES_BYTES)
        last = max((batch.parts[-1].entry.n for batch in batches), default=0)
        is_whole = sum(len(batch.parts) for batch in batches) == len(set(hashes))
        return self._seal(chain, batches, 0, last, done=is_whole)

    def _seal(self, chain: Chain, batches: list[Batch], before: int, after: int, *, done: bool) -> Outgoing:
        key = self.memberships.writing_key(chain.workspace, chain.workspace_row)
        if key is None:
            return Outgoing((), before, True)
        if chain.device == self.memberships.device_id:
            self.publish(chain.workspace_row, after)
        else:
            self._publish_left(chain, after)
        sealed = (
            seal_batch(batch, segment_key(key.key, batch.parts[0].entry.document), self._random) for batch in batches
        )
        return Outgoing(tuple(sealed), after, done)

    def publish(self, workspace: int, n: int) -> None:
        """Whatever leaves is on the disk first, so that this device never writes another entry under its number."""
        row = self.connection.execute("SELECT n FROM published WHERE workspace=?", (workspace,)).fetchone()
        if row is None or row[0] < n:
            with self.begin(True) as tx:
                tx.connection.execute("INSERT OR REPLACE INTO published VALUES(?,?)", (workspace, n))

    def _publish_left(self, chain: Chain, n: int) -> None:
        """The same of entries that this home wrote as another device, so that it knows which are nobody else's."""
        left = left_chains.find_left(self.connection, chain.workspace_row, chain.device_row)
        if left is not None and left.published < min(n, left.n):
            with self.begin(True) as tx:
                left_chains.note_published(tx.connection, chain.workspace_row, left, n)

    def _chain(self, peer: bytes, workspace: bytes, device: bytes) -> Chain | None:
        return None if self._row(peer, workspace) is None else self.find_chain(workspace, device)

    def find_chain(self, workspace: bytes, device: bytes) -> Chain | None:
        row = self.connection.execute(
            "SELECT w.row, d.row FROM workspace w, device d WHERE w.id=? AND d.id=?", (workspace, device)
        ).fetchone()
        return None if row is None else Chain(workspace, row[0], device, row[1])

    # receiving

    def receive(self, peer: bytes, workspace: bytes, envelopes: Sequence[bytes]) -> Taken:
        row = self._row(peer, workspace)
        if row is None:
            return Taken(refused=("It is of a workspace that is not shared.",))
        return self.take_in(row, envelopes)

    def take_in(self, row: int, envelopes: Sequence[bytes]) -> Taken:
        """Take in sealed entries of a workspace (row id), wherever they came from."""
        try:
            with self.begin(False) as tx:
                return self._take_in(tx, row, envelopes)
        except OwnEntry:
            with self.begin(True) as tx:  # new keys: on the disk before anything is written or said with them
                self._renew(tx)
        with self.begin(False) as tx:
            return self._take_in(tx, row, envelopes)

    def _take_in(self, tx: Transaction, row: int, envelopes: Sequence[bytes]) -> Taken:
        admitted, waiting, refused = 0, 0, list[str]()
        keys = self._keys(row)
        receiver = self._receiver(tx, row)
        for data in envelopes:
            try:
                batch = self._open(keys, row, read_envelope(data))
                states = self._take_batch(tx, receiver, keys, batch)
            except OwnEntry:
                raise
            except (ProtocolError, MembershipError, DocumentError) as error:
                refused.append(str(error))
                continue
            admitted += states.count(ADMITTED)
            waiting += states.count(HELD)
        try:
            receiver.settle(keys)
            if admitted:
                self._branches.carry(tx, keys)
        except (ProtocolError, MembershipError, DocumentError) as error:
            refused.append(str(error))
        return Taken(admitted, waiting, tuple(refused))

    def can_open(self, held: Mapping[bytes, bytes], envelope: Envelope) -> bool:
        """Whether an envelope opens with one of the epoch keys."""
        return any(key_id(segment_key(key, envelope.document)) == envelope.key_id for key in held.values())

    def _open(self, keys: WorkspaceKeys, row: int, envelope: Envelope) -> Batch:
        if envelope.workspace != keys.id:
            raise ProtocolError("An envelope belongs to another workspace.")
        for key in reversed(operations.epoch_keys(self.connection, row).values()):
            segment = segment_key(key, envelope.document)
            if key_id(segment) == envelope.key_id:
                return open_envelope(envelope, segment)
        raise ProtocolError("An envelope is sealed under a key that is not here.")

    def _take_batch(self, tx: Transaction, receiver: Receiver, keys: WorkspaceKeys, batch: Batch) -> list[int | None]:
        whole = receive_batch(receiver, keys, batch)
        if whole is not None:
            return whole
        chunks_of = chunks_of_batch(batch)
        states: list[int | None] = []
        for part in batch.parts:
            states.append(self._take_part(tx, receiver, keys, part, chunks_of(part.entry), batch.payload))
        if batch.form == "none" and None in states:
            self._purges.keep_gone(keys.row, batch)
        return states

    def _take_part(
        self,
        tx: Transaction,
        receiver: Receiver,
        keys: WorkspaceKeys,
        part: SignedPart,
        chunks: Sequence[bytes] | None,
        gone: bytes,
    ) -> int | None:
        try:
            return receiver.receive(keys, part.entry, part.signature, chunks, gone).state
        except LeftEntry as error:
            self._branches.leave(tx, keys, error.device, error.n)
        return self._take_part(tx, receiver, keys, part, chunks, gone)

    # blobs

    def blob(self, peer: bytes, workspace: bytes, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        row = self._row(peer, workspace)
        return None if row is None else self.read_blob(row, blob, offset, limit)

    def refers(self, row: int, blob: bytes) -> bool:
        """Whether something shown of a workspace (row id) refers to a blob."""
        return self._projector.refers(self.connection, row, blob)

    def read_blob(self, row: int, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        """A piece of a blob that something in a workspace (row id) refers to; None if it is not here."""
        if not self._projector.refers(self.connection, row, blob):
            return None
        return self._blobs.read(self.connection, blob, offset, limit)

    def receive_blob(self, peer: bytes, workspace: bytes, blob: bytes, part: BlobPart) -> int:
        row = self._row(peer, workspace)
        if row is None:
            raise ProtocolError("A blob came for a workspace that is not shared.")
        return self.keep_blob(row, blob, part)

    def keep_blob(self, row: int, blob: bytes, part: BlobPart) -> int:
        """Keep a piece of a wanted blob; gives the offset that is wanted next. ProtocolError as `receive_blob`."""
        if not self._projector.refers(self.connection, row, blob):
            raise ProtocolError("A blob came that nothing here refers to.")
        with self.begin(False) as tx:
            wanted = self._blobs.keep(tx.connection, blob, part)
            if wanted == part.total:
                tx.touch(f"blob/{blob.hex()}")
                for session in self._projector.take_blob(tx.connection, blob):
                    tx.touch(f"session/{session}")
            return wanted


def _rows(chain: Chain) -> tuple[int, int]:
    return chain.workspace_row, chain.device_row
