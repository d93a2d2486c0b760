"""What a mailbox needs of the store: one device and one workspace.

As with `replica.Replica`, every method is called on the writer's thread and is one transaction. What belongs to a
mailbox (`value`) is kept for each mailbox and workspace on its own: another mailbox starts empty.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.protocol.replica import BlobPart, Outgoing, Taken


@dataclass(frozen=True, slots=True)
class Received:
    """What came of envelopes. locked: how many were passed over because their key is not here yet."""

    taken: Taken
    locked: int = 0


@dataclass(frozen=True, slots=True)
class BlobList:
    """Blobs to bring into a mailbox, and where to go on; done: nothing follows."""

    blobs: tuple[bytes, ...]
    after: int
    done: bool


@dataclass(frozen=True, slots=True)
class Erasure:
    """The numbers of this device's entries whose objects must go, and are brought anew as they are now; and blobs.

    document: that was purged; below 0 all were sealed under keys that were purged, and the blobs are still wanted.
    """

    document: int
    numbers: tuple[int, ...]
    blobs: tuple[bytes, ...] = ()


class MailboxReplica(Protocol):
    """One workspace of one device, as its mailbox sees it."""

    @property
    def device(self) -> bytes:
        """This device's id."""
        ...

    def devices(self) -> Collection[bytes]:
        """All devices whose entries may be in the workspace, also former members', without this one."""
        ...

    def progress(self, device: bytes) -> int:
        """The number up to which nothing of a chain is missing here, be it admitted, held or forked."""
        ...

    def receive(self, envelopes: Sequence[bytes]) -> Received:
        """Take in sealed entries, also of this device: a number of its own that it did not write shows a copy."""
        ...

    def entries_after(self, n: int, limit: int) -> Outgoing:
        """Own entries n + 1 … after, all of them, sealed, about `limit` bytes; nothing while no key is safe."""
        ...

    def publishing(self, n: int) -> None:
        """Entries up to n leave now: recorded durably when this returns."""
        ...

    def brought(self, n: int) -> None:
        """Own entries up to n are in the mailbox, and announced."""
        ...

    def logs(self) -> Collection[bytes]:
        """The log of the workspace, and those of the identities in it."""
        ...

    def operation_ids(self, log: bytes) -> Sequence[bytes]:
        """Ids of all operations of a log, parents first."""
        ...

    def operations(self, log: bytes, ids: Collection[bytes]) -> Sequence[bytes]:
        """Those operations, encoded, parents first."""
        ...

    def add_operations(self, log: bytes, operations: Sequence[bytes]) -> None:
        """Take in operations, in any order. ProtocolError for bad bytes, MembershipError for a full or strange log."""
        ...

    def log_key(self) -> bytes | None:
        """The log key to seal under; None while no epoch is safe to write under."""
        ...

    def log_keys(self) -> Mapping[bytes, bytes]:
        """All log keys that are here, by the id of their epoch."""
        ...

    def value(self, name: str) -> bytes | None:
        """What the mailbox kept under a name."""
        ...

    def set_value(self, name: str, value: bytes) -> None:
        """Keep something under a name, durably when this returns."""
        ...

    def blobs_after(self, after: int, limit: int) -> BlobList:
        """Blobs that own entries brought, in the order in which they came; at most `limit`."""
        ...

    def blob(self, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        """A piece of a blob; None if it is not here."""
        ...

    def receive_blob(self, blob: bytes, part: BlobPart) -> int:
        """Keep a piece of a wanted blob; gives the offset wanted next, the total once it is whole.

        ProtocolError if the whole is not what its id says; what was kept of it is gone then.
        """
        ...

    def erasures(self) -> Sequence[Erasure]:
        """What is to be erased from the mailbox."""
        ...

    def erased(self, erasure: Erasure) -> None:
        """It is not in the mailbox any more."""
        ...
