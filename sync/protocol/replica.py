"""What a conversation with a peer needs of the store.

A replica holds two kinds of sets, and both only grow: operations by log, and entries by workspace and device. Peers
compare digests of those sets and bring each other what is missing. Every method is called on the writer's thread, one
call is one transaction, and each gives or takes a bounded amount. Whom a replica shares with is its own decision, made
anew in every call by the state of the logs: for a device that may not read a workspace it is as if that did not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

DIGEST_BYTES = 32
BUCKET = 256
"""Entries of a chain, by n, that one bucket digest covers: bucket b has n from b * BUCKET + 1 to (b + 1) * BUCKET."""


@dataclass(frozen=True, slots=True)
class SetSummary:
    """A set of operations (of a log) or of verified entries (of a workspace): how many, and `digest.SetDigest`."""

    id: bytes
    count: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """What is here of one device's chain in a workspace, admitted or not.

    n, hash: of the last entry up to which all are here, without forks; 0 and zeros if there is none.
    count, digest: of all entries of that device, also those after a gap or beside a fork.
    """

    device: bytes
    n: int
    hash: bytes
    count: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Sealed envelopes to send, and where to go on; after: the last n they contain. done: nothing follows."""

    envelopes: tuple[bytes, ...]
    after: int
    done: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of envelopes. refused: sentences, for the log; waiting: held entries among them."""

    admitted: int = 0
    waiting: int = 0
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlobPart:
    """A piece of a blob as it travels. total: its whole size on the wire."""

    offset: int
    total: int
    data: bytes


class Replica(Protocol):
    """One device's store, as one peer sees it. `peer`: the id of the device at the other end."""

    def logs(self, peer: bytes) -> Sequence[SetSummary]:
        """Logs shared with a peer: of common workspaces, of the identities in them, of the common identity.

        Also those of which nothing is here yet (count 0), if it is known that they are wanted. In the order in which
        they are of use: operations are asked for and added in that order.
        """
        ...

    def operation_ids(self, peer: bytes, log: bytes) -> Sequence[bytes]:
        """Ids of all operations of a log, parents first; empty if it is not shared."""
        ...

    def operations(self, peer: bytes, log: bytes, without: Collection[bytes]) -> Sequence[bytes]:
        """Encoded operations of a log except those, parents first."""
        ...

    def add_operations(self, peer: bytes, log: bytes, operations: Sequence[bytes]) -> None:
        """Take in operations of a log. ProtocolError for bad bytes, MembershipError for a full log.

        The peer may also offer a log that is not known here, such as that of a new workspace or a new member: the
        replica decides whether it is wanted, by MembershipError if not. It may be offered again once others changed.
        """
        ...

    def workspaces(self, peer: bytes) -> Sequence[SetSummary]:
        """Workspaces whose entries the peer may have, with all verified entries."""
        ...

    def chains(self, peer: bytes, workspace: bytes) -> Sequence[ChainSummary]:
        """What is here, by device."""
        ...

    def buckets(self, peer: bytes, workspace: bytes, device: bytes) -> Sequence[bytes]:
        """Digests of the buckets of a chain, from bucket 0 to the last one that has an entry."""
        ...

    def bucket(self, peer: bytes, workspace: bytes, device: bytes, number: int) -> Sequence[bytes]:
        """Hashes of the entries in one bucket, ascending by (n, hash)."""
        ...

    def holds(self, workspace: bytes, device: bytes, n: int, digest: bytes) -> bool:
        """Whether the entry with this n and hash is here (n 0 with zeros always is)."""
        ...

    def entries_after(self, peer: bytes, workspace: bytes, device: bytes, n: int, limit: int) -> Outgoing:
        """Entries of a chain with numbers above n, sealed, about `limit` bytes; nothing while no key is safe.

        Ascending by n, never only a part of the entries that have the same n; at least one if there is any. What is
        not to be had any more is skipped.
        """
        ...

    def entries_by_hash(self, peer: bytes, workspace: bytes, device: bytes, hashes: Collection[bytes]) -> Outgoing:
        """Those entries of a chain, sealed. done: whether all of them are among it; if not, ask again for fewer."""
        ...

    def receive(self, peer: bytes, workspace: bytes, envelopes: Sequence[bytes]) -> Taken:
        """Take in sealed entries. What does not verify is refused and changes nothing; the rest is kept."""
        ...

    def blob(self, peer: bytes, workspace: bytes, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        """A piece of a blob that an entry of this workspace refers to; None if it is not here or not the peer's."""
        ...

    def receive_blob(self, peer: bytes, workspace: bytes, blob: bytes, part: BlobPart) -> int:
        """Keep a piece of a wanted blob; gives the offset that is wanted next, the total once it is whole.

        ProtocolError if the whole is not what its id says; what was kept of it is gone then.
        """
        ...
