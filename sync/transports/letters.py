"""Connections of two devices that never see each other: every frame is a file in a folder that both know.

The folder follows from a secret, so strangers do not find it, and whoever holds the storage sees only how much is said.
Nothing here authenticates anybody: `peer` is b"", what is said must prove itself. Files are called
`<call>-<side>-<number>-<size>`: the caller invents a call and knocks with number 0, both count their frames from 1.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sync.clock import Random
from sync.errors import TransportError
from sync.transports.connection import MAX_FRAME, Purpose
from sync.transports.storage import Storage

MAX_CALLS = 32
"""Calls that one waiting device answers."""
SILENT_SECONDS = 120.0
_POLL_SECONDS = 0.5
_NAME = re.compile(r"([0-9a-f]{16})-(calling|waiting)-([0-9]{1,6})-([0-9]{1,9})")
Side = Literal["calling", "waiting"]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _File:
    call: str
    side: str
    number: int
    size: int

    def __str__(self) -> str:
        return f"{self.call}-{self.side}-{self.number}-{self.size}"


class LetterConnection:
    """One end of a call; see `sync.transports.connection.Connection`. folder: ends with "/"."""

    peer = b""

    def __init__(
        self, storage: Storage, folder: str, call: str, side: Side, purpose: Purpose, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._storage, self._folder, self._call, self._side, self._purpose = storage, folder, call, side, purpose
        self._other = "waiting" if side == "calling" else "calling"
        self._sleep = sleep
        self._sent = self._received = 0

    @property
    def purpose(self) -> Purpose:
        """What the connection is for."""
        return self._purpose

    async def knock(self) -> None:
        """Begin the call."""
        await self._storage.write(f"{self._folder}{_File(self._call, self._side, 0, 1)}", b"\0")

    async def send(self, frame: bytes) -> None:
        """Leave a frame for the other side."""
        if not 1 <= len(frame) <= MAX_FRAME:
            raise TransportError(f"A frame of {len(frame):,} bytes cannot be sent through a mailbox.")
        self._sent += 1
        await self._storage.write(f"{self._folder}{_File(self._call, self._side, self._sent, len(frame))}", frame)

    async def receive(self) -> bytes:
        """The next frame. TransportError: the other side was silent for too long."""
        waited = 0.0
        while waited < SILENT_SECONDS:
            for file in await _files(self._storage, self._folder):
                wanted = (file.call, file.side, file.number) == (self._call, self._other, self._received + 1)
                if wanted and 1 <= file.size <= MAX_FRAME:
                    frame = await self._storage.read(f"{self._folder}{file}", file.size)
                    if frame is not None:
                        self._received += 1
                        return frame
            await self._sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        raise TransportError("The other device is silent in the mailbox.")

    async def close(self, reason: str = "") -> None:
        """Nothing ends: what was left stays until `clear`."""


async def call(
    storage: Storage, folder: str, purpose: Purpose, random: Random, sleep: Sleep = asyncio.sleep
) -> LetterConnection:
    """Begin a call with whoever waits at the folder."""
    connection = LetterConnection(storage, folder, random(8).hex(), "calling", purpose, sleep)
    await connection.knock()
    return connection


async def calls(
    storage: Storage, folder: str, purpose: Purpose, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[LetterConnection]:
    """Every call that begins while this is followed, `MAX_CALLS` at most."""
    known: set[str] = set()
    while True:
        for file in await _files(storage, folder):
            new = file.side == "calling" and file.number == 0 and file.call not in known
            if new and len(known) < MAX_CALLS:
                known.add(file.call)
                yield LetterConnection(storage, folder, file.call, "waiting", purpose, sleep)
        await sleep(_POLL_SECONDS)


async def clear(storage: Storage, folder: str) -> None:
    """Remove the files of all calls."""
    for file in await _files(storage, folder):
        await storage.delete(f"{folder}{file}")


async def _files(storage: Storage, folder: str) -> Sequence[_File]:
    matches = (_NAME.fullmatch(listed.name) for listed in await storage.list(folder))
    return [_File(match[1], match[2], int(match[3]), int(match[4])) for match in matches if match]
