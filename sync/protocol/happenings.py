"""What a conversation tells the program that holds it, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reached:
    """The other device answered and speaks a common version. features: what both can. program: its name and version."""

    features: frozenset[str]
    program: str


@dataclass(frozen=True, slots=True)
class InSync:
    """Both have the same entries of a workspace now."""

    workspace: bytes


@dataclass(frozen=True, slots=True)
class OperationsReceived:
    """Operations of a log were taken in: other conversations have to hear of it (`logs_changed`)."""

    log: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """Entries came: other conversations have to hear of it (`local_change`). Fields as in `replica.Taken`."""

    workspace: bytes
    admitted: int
    waiting: int
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The peer has our own chain of a workspace up to n."""

    workspace: bytes
    n: int


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """Something that is not stored. device: who sent it."""

    workspace: bytes
    device: bytes
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class BlobProgress:
    """So many bytes of a wanted blob are here."""

    workspace: bytes
    blob: bytes
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class BlobWhole:
    """A wanted blob is here."""

    workspace: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class BlobMissing:
    """A wanted blob does not come from this peer. reason: a sentence."""

    workspace: bytes
    blob: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The conversation is over; the last of all. reason: a sentence, "" for a farewell."""

    reason: str


Happening = (
    Reached
    | InSync
    | OperationsReceived
    | Received
    | Acknowledged
    | Ephemeral
    | BlobProgress
    | BlobWhole
    | BlobMissing
    | Ended
)
