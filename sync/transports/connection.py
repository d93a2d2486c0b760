"""What every live transport gives: authenticated, ordered connections that carry frames.

A frame is bytes of at most `MAX_FRAME`; what is in it is the protocol's matter. A connection authenticates the device
at the other end by itself. Its *purpose* says which conversation is meant: "sync" is for known devices only, the others
are for strangers with a proof, and are limited in number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from sync.protocol.address import Address as Address

MAX_FRAME = 16 << 20
CONNECT_SECONDS = 10.0
Purpose = Literal["sync", "pair", "join", "link"]
PURPOSES: tuple[Purpose, ...] = ("sync", "pair", "join", "link")


class Connection(Protocol):
    """A live connection; used from the loop that made it."""

    @property
    def peer(self) -> bytes:
        """The id of the device at the other end (32 bytes), as the transport has authenticated it."""
        ...

    @property
    def purpose(self) -> Purpose: ...

    async def send(self, frame: bytes) -> None:
        """Hand a frame over; waits while the peer is slow. TransportError: the connection is gone."""
        ...

    async def receive(self) -> bytes:
        """The next frame. TransportError: the peer left, was silent for too long, or sent a frame over the limit."""
        ...

    async def close(self, reason: str = "") -> None:
        """Leave; again is free. Frames handed over before still arrive if the peer is there."""
        ...


Accept = Callable[[Connection], Awaitable[None]]
"""Serves one incoming connection; when it returns or raises, the connection is closed."""
Allow = Callable[[bytes, Purpose], bool]
"""Whether a device may begin a conversation of this purpose at all; asked before anything is read from it."""


class Transport(Protocol):
    """A way to make and take live connections."""

    async def start(self, accept: Accept, allow: Allow) -> None:
        """Begin to take connections, each in a task of its own. TransportError: there is no network to bind to."""
        ...

    def address(self) -> Address:
        """Where others reach this device now; after `start`."""
        ...

    async def connect(self, address: Address, purpose: Purpose) -> Connection:
        """Connect within `CONNECT_SECONDS`. TransportError with a sentence: nobody there, or somebody else."""
        ...

    async def stop(self) -> None:
        """Close all connections and wait until their tasks have ended."""
        ...
