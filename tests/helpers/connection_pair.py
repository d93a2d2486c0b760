"""Two ends of a connection in memory."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from sync.errors import TransportError
from sync.transports.connection import Purpose

Line: TypeAlias = "asyncio.Queue[bytes | None]"


class PairedConnection:
    """One end. room: frames that the other end may leave unread before sending waits."""

    def __init__(self, peer: bytes, arriving: Line, leaving: Line) -> None:
        self.peer = peer
        self.purpose: Purpose = "sync"
        self.is_closed = False
        self._arriving = arriving
        self._leaving = leaving

    async def send(self, frame: bytes) -> None:
        if self.is_closed:
            raise TransportError("The connection is closed.")
        await self._leaving.put(frame)

    async def receive(self) -> bytes:
        frame = await self._arriving.get()
        if frame is None:
            raise TransportError("The other device left.")
        return frame

    async def close(self, reason: str = "") -> None:
        if not self.is_closed:
            self.is_closed = True
            await self._leaving.put(None)


def connection_pair(left: bytes, right: bytes, room: int = 64) -> tuple[PairedConnection, PairedConnection]:
    """Connections of the devices `left` and `right` to each other."""
    queues: list[Line] = [asyncio.Queue(room), asyncio.Queue(room)]
    return PairedConnection(right, queues[0], queues[1]), PairedConnection(left, queues[1], queues[0])
