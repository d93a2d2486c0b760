"""A store in memory for one device and one workspace, as a mailbox sees it, with real entries, envelopes and keys.

Identities are left out: a member is a device. What an entry says is its envelope's payload.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeVar

from sync.clock import Random
from sync.crypto import domain_hash
from sync.documents.entry import FIRST_PREV, Entry, SignedEntry, sign_entry, verify_entry
from sync.errors import MembershipError, ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Body, Epoch, Remove, Set, WorkspaceGenesis
from sync.membership.epoch import first_epoch, following_epoch, key_id, log_key, open_back, segment_key, unwrap_epoch
from sync.membership.operation import Operation, decode_operation, sign_operation, verify_operation
from sync.protocol.envelope import Batch, SignedPart, open_envelope, read_envelope, seal_batch
from sync.protocol.mailbox_replica import BlobList, Erasure, Received
from sync.protocol.replica import BlobPart, Outgoing, Taken
from sync.testing import seeded_random

T = TypeVar("T")
MAX_BATCH_ENTRIES = 64


async def direct(call: Callable[[], T]) -> T:
    """Runs a replica's call at once."""
    return call()


@dataclass
class Said:
    """An entry and what it says; None: erased."""

    signed: SignedEntry
    text: bytes | None


class MemoryMailboxReplica:
    """Make the first one of a workspace with `found`, others with `join`."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.keys = DeviceKeys.create(random)
        self.workspace = b""
        self.epochs: dict[bytes, bytes] = {}
        self.epoch_parents: dict[bytes, tuple[bytes, ...]] = {}
        self.log: dict[bytes, Operation] = {}
        self.chains: dict[bytes, dict[int, dict[bytes, Said]]] = {}
        self.values: dict[str, bytes] = {}
        self.published = self.elsewhere = 0
        self.blobs: dict[bytes, bytes] = {}
        self.own_blobs: list[bytes] = []
        self.partial: dict[bytes, bytes] = {}
        self.to_erase: list[Erasure] = []
        self.refused: list[str] = []
        self.writable = True
        self.related: set[bytes] | None = None
        """Logs that belong here, if not the workspace's."""

    # Making a workspace

    @classmethod
    def found(cls, seed: int = 0) -> Self:
        made = cls(seeded_random(seed))
        genesis = sign_operation(made.keys, b"", (), WorkspaceGenesis(made.device, made.random(32)))
        made.workspace = genesis.id
        made._add(genesis)
        made.sign(first_epoch(genesis.id, made.random(32), {made.device: made.keys.encryption_key}))
        return made

    def join(self, seed: int) -> MemoryMailboxReplica:
        """A new member, which knows the workspace and the newest key and nothing else."""
        joined = MemoryMailboxReplica(seeded_random(seed))
        joined.workspace = self.workspace
        self.sign(Set(joined.device, "member"))
        epoch = self.epoch()
        joined.epochs[epoch] = self.epochs[epoch]
        return joined

    def remove(self, other: MemoryMailboxReplica, stay: Sequence[MemoryMailboxReplica]) -> None:
        """Remove a member, and begin an epoch for those who stay."""
        self.sign(Remove(other.device, {}))
        self.new_epoch([self, *stay])

    def new_epoch(self, stay: Sequence[MemoryMailboxReplica]) -> None:
        recipients = {each.device: each.keys.encryption_key for each in stay}
        parents = {self.epoch(): self.epochs[self.epoch()]}
        self.sign(following_epoch(self.workspace, self.random(32), recipients, parents, self.random))

    def sign(self, body: Body) -> Operation:
        named = {parent for operation in self.log.values() for parent in operation.parents}
        heads = tuple(ident for ident in self.log if ident not in named)
        operation = sign_operation(self.keys, self.workspace, heads, body)
        self._add(operation)
        return operation

    def epoch(self) -> bytes:
        """The epoch to write under: the last one."""
        followed = {parent for ident in self.epochs for parent in self.epoch_parents.get(ident, ())}
        return max(ident for ident in self.epochs if ident not in followed)

    def _add(self, operation: Operation) -> None:
        if operation.id in self.log:
            return
        self.log[operation.id] = operation
        if isinstance(operation.body, Epoch):
            self.epoch_parents[operation.id] = operation.body.parents
            with suppress(MembershipError):
                self.epochs.setdefault(operation.id, unwrap_epoch(operation, self.keys))
            self._lead_back()

    def _lead_back(self) -> None:
        """Keys of earlier epochs, from later ones."""
        todo = list(self.epochs)
        while todo:
            epoch = todo.pop()
            operation = self.log.get(epoch)
            if operation is None or not isinstance(operation.body, Epoch):
                continue
            for parent in operation.body.back.keys() - self.epochs.keys():
                self.epochs[parent] = open_back(self.workspace, operation.body, self.epochs[epoch], parent)
                todo.append(parent)

    # Writing and looking

    def say(self, *texts: bytes, document: bytes = b"d") -> None:
        """Append own entries."""
        chain = self.chains.setdefault(self.device, {})
        for text in texts:
            n = len(chain) + 1
            prev = next(iter(chain[n - 1])) if n > 1 else FIRST_PREV
            ident = domain_hash("test/document", document)
            change = domain_hash("test/change", text)
            entry = Entry(self.workspace, ident, self.workspace, self.device, n, prev, (change,))
            signed = sign_entry(entry, self.keys.signing_key)
            chain[n] = {signed.hash: Said(signed, text)}

    def erase(self, *numbers: int, blobs: Sequence[bytes] = ()) -> None:
        """Purge what own entries said."""
        for number in numbers:
            for said in self.chains[self.device][number].values():
                said.text = None
        self.to_erase.append(Erasure(len(self.to_erase), numbers, tuple(blobs)))

    def attach(self, content: bytes) -> bytes:
        """A blob of this device."""
        ident = domain_hash("test/blob", content)
        self.blobs[ident] = content
        self.own_blobs.append(ident)
        return ident

    def heard(self) -> dict[bytes, list[bytes | None]]:
        """What every device said, as far as it is here without gaps."""
        found = {}
        for device, chain in self.chains.items():
            count = self.progress(device)
            if count:
                found[device] = [said.text for n in range(1, count + 1) for said in chain[n].values()]
        return found

    # MailboxReplica

    @property
    def device(self) -> bytes:
        return self.keys.device_id

    def devices(self) -> Collection[bytes]:
        signers = {operation.signer_device for operation in self.log.values()}
        members = {op.body.member for op in self.log.values() if isinstance(op.body, Set)}
        return (signers | members) - {self.device}

    def progress(self, device: bytes) -> int:
        chain, n = self.chains.get(device, {}), 0
        while n + 1 in chain:
            n += 1
        return n

    def receive(self, envelopes: Sequence[bytes]) -> Received:
        admitted, locked, refused = 0, 0, []
        for data in envelopes:
            try:
                envelope = read_envelope(data)
                if envelope.workspace != self.workspace:
                    raise ProtocolError("An envelope belongs to another workspace.")
                found = {key_id(k): k for k in (segment_key(e, envelope.document) for e in self.epochs.values())}
                if envelope.key_id not in found:
                    locked += 1
                    continue
                admitted += self._take(open_envelope(envelope, found[envelope.key_id]))
            except ProtocolError as error:
                refused.append(str(error))
        self.refused += refused
        return Received(Taken(admitted, 0, tuple(refused)), locked)

    def _take(self, batch: Batch) -> int:
        signed = [verify_entry(part.entry, part.signature) for part in batch.parts]
        texts: Sequence[bytes | None] = batch.payload.split(b"\0") if batch.form == "changes" else [None] * len(signed)
        new = 0
        for each, text in zip(signed, texts, strict=True):
            if text is not None and each.entry.changes != (domain_hash("test/change", text),):
                raise ProtocolError("A change is not the one that was signed.")
            at = self.chains.setdefault(each.entry.device, {}).setdefault(each.entry.n, {})
            new += each.hash not in at
            if each.entry.device == self.device and each.hash not in at:
                self.keys = DeviceKeys.create(self.random)  # somebody else writes as this device
            at.setdefault(each.hash, Said(each, text))
        return new

    def entries_after(self, n: int, limit: int) -> Outgoing:
        chain = self.chains.get(self.device, {})
        if not self.writable:
            return Outgoing((), n, True)
        envelopes: list[bytes] = []
        size = 0
        for run in _runs([next(iter(chain[at].values())) for at in range(n + 1, len(chain) + 1)]):
            if size >= limit:
                return Outgoing(tuple(envelopes), n, False)
            envelopes.append(self._seal(run))
            size += len(envelopes[-1])
            n = run[-1].signed.entry.n
        return Outgoing(tuple(envelopes), n, True)

    def _seal(self, run: list[Said]) -> bytes:
        parts = tuple(SignedPart(said.signed.entry, said.signed.signature) for said in run)
        texts = [said.text for said in run if said.text is not None]
        batch = Batch(parts, "changes", b"\0".join(texts)) if texts else Batch(parts, "none", b"")
        return seal_batch(batch, segment_key(self.epochs[self.epoch()], parts[0].entry.document), self.random)

    def publishing(self, n: int) -> None:
        self.published = max(self.published, n)

    def brought(self, n: int) -> None:
        self.elsewhere = n

    def logs(self) -> Collection[bytes]:
        return {self.workspace} if self.related is None else self.related

    def operation_ids(self, log: bytes) -> Sequence[bytes]:
        return list(self.log)

    def operations(self, log: bytes, ids: Collection[bytes]) -> Sequence[bytes]:
        return [operation.encoded for ident, operation in self.log.items() if ident in ids]

    def add_operations(self, log: bytes, operations: Sequence[bytes]) -> None:
        for data in operations:
            operation = decode_operation(data)
            verify_operation(operation)
            if operation.log_id != self.workspace or log != self.workspace:
                raise MembershipError("This operation belongs to another workspace.")
            self._add(operation)

    def log_key(self) -> bytes | None:
        return log_key(self.epochs[self.epoch()]) if self.writable else None

    def log_keys(self) -> Mapping[bytes, bytes]:
        return {epoch: log_key(key) for epoch, key in self.epochs.items()}

    def value(self, name: str) -> bytes | None:
        return self.values.get(name)

    def set_value(self, name: str, value: bytes) -> None:
        self.values[name] = value

    def blobs_after(self, after: int, limit: int) -> BlobList:
        some = self.own_blobs[after : after + limit]
        return BlobList(tuple(some), after + len(some), after + len(some) >= len(self.own_blobs))

    def blob(self, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        content = self.blobs.get(blob)
        return None if content is None else BlobPart(offset, len(content), content[offset : offset + limit])

    def receive_blob(self, blob: bytes, part: BlobPart) -> int:
        kept = self.partial.get(blob, b"")
        if part.offset != len(kept):
            return len(kept)
        kept += part.data
        if len(kept) < part.total:
            self.partial[blob] = kept
            return len(kept)
        self.partial.pop(blob, None)
        if domain_hash("test/blob", kept) != blob:
            raise ProtocolError("A blob is not what its id says.")
        self.blobs[blob] = kept
        return part.total

    def erasures(self) -> Sequence[Erasure]:
        return list(self.to_erase)

    def erased(self, erasure: Erasure) -> None:
        self.to_erase.remove(erasure)


def _runs(entries: list[Said]) -> Iterator[list[Said]]:
    """Neighbours of one document, all erased or none."""
    run: list[Said] = []
    for said in entries:
        if run and (
            len(run) >= MAX_BATCH_ENTRIES
            or said.signed.entry.document != run[0].signed.entry.document
            or (said.text is None) != (run[0].text is None)
        ):
            yield run
            run = []
        run.append(said)
    if run:
        yield run
