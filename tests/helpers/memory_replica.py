"""A replica in memory: real signed entries in real envelopes, logs of opaque operations, an allow-list by operation.

An operation is `{log, parents, member, number}` in CBOR; the members of a workspace are the devices that the operations
of its log name, and the log's id is the workspace's. Changes are opaque bytes; whoever holds an entry holds its change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sync.crypto import decode, derive_key, domain_hash, encode
from sync.documents.entry import FIRST_PREV, Entry, SignedEntry, sign_entry, verify_entry
from sync.errors import MembershipError, ProtocolError, SyncError
from sync.identity.device import DeviceKeys
from sync.protocol.digest import EMPTY, add, set_digest
from sync.protocol.envelope import Batch, SignedPart, open_envelope, read_envelope, seal_batch
from sync.protocol.replica import BUCKET, BlobPart, ChainSummary, Outgoing, SetSummary, Taken
from sync.testing import seeded_random

GRANT = bytes(32)
MAX_BLOB = 64 << 20
BY_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """An entry with its change."""

    signed: SignedEntry
    change: bytes


class Chain:
    """All entries of one device in a workspace, by hash; summaries are worked out when they are asked for."""

    def __init__(self, device: bytes) -> None:
        self.device = device
        self.held: dict[bytes, Held] = {}
        self.by_n: dict[int, list[bytes]] = {}
        self.digest = EMPTY
        self.n, self.hash = 0, FIRST_PREV

    def add(self, held: Held) -> None:
        signed = held.signed
        self.held[signed.hash] = held
        self.by_n.setdefault(signed.entry.n, []).append(signed.hash)
        self.by_n[signed.entry.n].sort()
        self.digest = add(self.digest, signed.hash)
        if len(self.by_n[signed.entry.n]) > 1 and signed.entry.n <= self.n:
            self.n, self.hash = 0, FIRST_PREV
        while len(at := self.by_n.get(self.n + 1, [])) == 1 and self.held[at[0]].signed.entry.prev == self.hash:
            self.n, self.hash = self.n + 1, at[0]

    def summary(self) -> ChainSummary:
        return ChainSummary(self.device, self.n, self.hash, len(self.held), self.digest)

    def ordered(self, after: int = 0) -> list[Held]:
        return [self.held[digest] for n in sorted(self.by_n) if n > after for digest in self.by_n[n]]


def operation(log: bytes, member: bytes, parents: Iterable[bytes] = (), number: int = 0) -> bytes:
    """An operation that makes a device a member of a workspace."""
    return encode({"log": log, "member": member, "parents": sorted(parents), "number": number})


def operation_id(data: bytes) -> bytes:
    return domain_hash("test/operation", data)


class MemoryReplica:
    """Also what a test does on the device: `found`, `invite`, `write`, `fork`."""

    def __init__(self, seed: int) -> None:
        self.random = seeded_random(seed)
        self.keys = DeviceKeys.create(self.random)
        self.device = self.keys.device_id
        self.operations_of: dict[bytes, dict[bytes, bytes]] = {}
        self.chains_of: dict[bytes, dict[bytes, Chain]] = {}
        self.blobs: dict[bytes, bytes] = {}
        self.partial: dict[bytes, bytes] = {}
        self.refuses: set[bytes] = set()
        """Hashes of entries that this replica never takes."""
        self.removed: set[tuple[bytes, bytes]] = set()
        """Workspaces and devices with which this device does not share them any more."""
        self._members: dict[bytes, tuple[int, set[bytes]]] = {}
        self.has_safe_key = True
        self.received_twice = 0

    # on the device

    def invite(self, workspace: bytes, member: bytes) -> None:
        log = self.operations_of.setdefault(workspace, {})
        parents = {*log} - {parent for data in log.values() for parent in decode(data)["parents"]}
        data = operation(workspace, member, parents, len(log))
        log[operation_id(data)] = data

    def write(self, workspace: bytes, change: bytes, *, document: bytes = bytes(32)) -> SignedEntry:
        own = self._chain(workspace, self.device)
        last = max(own.by_n, default=0)
        prev = own.by_n[last][0] if last else FIRST_PREV
        return self.write_at(workspace, change, last + 1, prev, document=document)

    def write_at(
        self, workspace: bytes, change: bytes, n: int, prev: bytes, *, document: bytes = bytes(32)
    ) -> SignedEntry:
        hashes = (domain_hash("test/change", change),)
        signed = sign_entry(Entry(workspace, document, GRANT, self.device, n, prev, hashes), self.keys.signing_key)
        self._chain(workspace, self.device).add(Held(signed, change))
        return signed

    def members(self, workspace: bytes) -> set[bytes]:
        log = self.operations_of.get(workspace, {})
        count, known = self._members.get(workspace, (0, set()))
        if count != len(log):
            known = {decode(data)["member"] for data in log.values()}
            self._members[workspace] = len(log), known
        return known

    def contents(self) -> dict[bytes, dict[bytes, set[bytes]]]:
        """Everything that is here."""
        found = {w: {d: {*c.held} for d, c in chains.items() if c.held} for w, chains in self.chains_of.items()}
        return {workspace: chains for workspace, chains in found.items() if chains}

    def _chain(self, workspace: bytes, device: bytes) -> Chain:
        return self.chains_of.setdefault(workspace, {}).setdefault(device, Chain(device))

    def _is_shared(self, peer: bytes, workspace: bytes) -> bool:
        return {peer, self.device} <= self.members(workspace) and (workspace, peer) not in self.removed

    # Replica

    def logs(self, peer: bytes) -> Sequence[SetSummary]:
        shared = [log for log in self.operations_of if self._is_shared(peer, log)]
        return [SetSummary(log, len(ids := self.operations_of[log]), set_digest(ids)) for log in shared]

    def operation_ids(self, peer: bytes, log: bytes) -> Sequence[bytes]:
        return [*self.operations_of[log]] if self._is_shared(peer, log) else []

    def operations(self, peer: bytes, log: bytes, without: Collection[bytes]) -> Sequence[bytes]:
        if not self._is_shared(peer, log):
            return []
        return [data for ident, data in self.operations_of[log].items() if ident not in without]

    def add_operations(self, peer: bytes, log: bytes, operations: Sequence[bytes]) -> None:
        if (log, peer) in self.removed:
            raise MembershipError("A log that is not shared.")
        known = dict(self.operations_of.get(log, {}))
        for data in operations:
            value = decode(data)
            if not isinstance(value, dict) or value.get("log") != log:
                raise ProtocolError("An operation of another log.")
            if not known.keys() >= {*value["parents"]}:
                raise MembershipError("An operation came before its parents.")
            known[operation_id(data)] = data
        self.operations_of[log] = known

    def workspaces(self, peer: bytes) -> Sequence[SetSummary]:
        shared = [workspace for workspace in self.operations_of if self._is_shared(peer, workspace)]
        return [self._summary(workspace) for workspace in shared]

    def _summary(self, workspace: bytes) -> SetSummary:
        chains = self.chains_of.get(workspace, {}).values()
        total = sum(int.from_bytes(chain.digest, "big") for chain in chains) % (1 << 256)
        return SetSummary(workspace, sum(len(chain.held) for chain in chains), total.to_bytes(32, "big"))

    def chains(self, peer: bytes, workspace: bytes) -> Sequence[ChainSummary]:
        if not self._is_shared(peer, workspace):
            return []
        return [chain.summary() for chain in self.chains_of.get(workspace, {}).values() if chain.held]

    def buckets(self, peer: bytes, workspace: bytes, device: bytes) -> Sequence[bytes]:
        if not self._is_shared(peer, workspace):
            return []
        chain = self._chain(workspace, device)
        count = -(-max(chain.by_n, default=0) // BUCKET)
        return [set_digest(self.bucket(peer, workspace, device, number)) for number in range(count)]

    def bucket(self, peer: bytes, workspace: bytes, device: bytes, number: int) -> Sequence[bytes]:
        if not self._is_shared(peer, workspace):
            return []
        by_n = self._chain(workspace, device).by_n
        numbers = range(number * BUCKET + 1, (number + 1) * BUCKET + 1)
        return [digest for n in numbers for digest in by_n.get(n, ())]

    def holds(self, workspace: bytes, device: bytes, n: int, digest: bytes) -> bool:
        if n == 0:
            return digest == FIRST_PREV
        return digest in self._chain(workspace, device).by_n.get(n, ())

    def entries_after(self, peer: bytes, workspace: bytes, device: bytes, n: int, limit: int) -> Outgoing:
        if not self._is_shared(peer, workspace) or not self.has_safe_key:
            return Outgoing((), n, True)
        waiting = self._chain(workspace, device).ordered(n)
        taken: list[Held] = []
        size = 0
        for held in waiting:
            if taken and size > limit and held.signed.entry.n != taken[-1].signed.entry.n:
                break
            taken.append(held)
            size += len(held.change) + 200
        after = taken[-1].signed.entry.n if taken else n
        return Outgoing(self._sealed(workspace, taken), after, len(taken) == len(waiting))

    def entries_by_hash(self, peer: bytes, workspace: bytes, device: bytes, hashes: Collection[bytes]) -> Outgoing:
        if not self._is_shared(peer, workspace) or not self.has_safe_key:
            return Outgoing((), 0, True)
        held = self._chain(workspace, device).held
        taken: list[Held] = []
        for digest in hashes:
            if digest in held and sum(len(each.change) for each in taken) < BY_HASH_BYTES:
                taken.append(held[digest])
        return Outgoing(self._sealed(workspace, taken), 0, len(taken) == len(hashes))

    def _sealed(self, workspace: bytes, entries: list[Held]) -> tuple[bytes, ...]:
        key = derive_key(workspace, "test/workspace-key")
        return tuple(
            seal_batch(
                Batch((SignedPart(each.signed.entry, each.signed.signature),), "changes", each.change), key, self.random
            )
            for each in entries
        )

    def receive(self, peer: bytes, workspace: bytes, envelopes: Sequence[bytes]) -> Taken:
        admitted, refused = 0, []
        for data in envelopes:
            try:
                admitted += self._receive_one(peer, workspace, data)
            except SyncError as error:
                refused.append(str(error))
        return Taken(admitted, 0, tuple(refused))

    def _receive_one(self, peer: bytes, workspace: bytes, data: bytes) -> int:
        envelope = read_envelope(data)
        if envelope.workspace != workspace or not self._is_shared(peer, workspace):
            raise ProtocolError("An envelope of another workspace.")
        batch = open_envelope(envelope, derive_key(workspace, "test/workspace-key"))
        signed = verify_entry(batch.parts[0].entry, batch.parts[0].signature)
        if signed.entry.changes != (domain_hash("test/change", batch.payload),):
            raise ProtocolError("A change is not what was signed.")
        if signed.hash in self.refuses:
            raise ProtocolError("An entry that is not wanted.")
        chain = self._chain(workspace, signed.entry.device)
        if signed.hash in chain.held:
            self.received_twice += 1
            return 0
        chain.add(Held(signed, batch.payload))
        return 1

    def blob(self, peer: bytes, workspace: bytes, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        data = self.blobs.get(blob)
        if data is None or not self._is_shared(peer, workspace):
            return None
        return BlobPart(offset, len(data), data[offset : offset + limit])

    def receive_blob(self, peer: bytes, workspace: bytes, blob: bytes, part: BlobPart) -> int:
        if part.total > MAX_BLOB:
            raise ProtocolError("A file is too large.")
        kept = self.partial.get(blob, b"")
        if part.offset == len(kept):
            kept += part.data
        self.partial[blob] = kept
        if len(kept) < part.total:
            return len(kept)
        del self.partial[blob]
        if domain_hash("test/blob", kept) != blob:
            raise ProtocolError("A file is not what its name says.")
        self.blobs[blob] = kept
        return part.total
