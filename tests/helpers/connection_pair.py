"""Two ends of a connection in memory."""

from __future__ import annotations

import asyncio

from sync.errors import TransportError
from sync.transports.connection import Purpose


class Line:
    """Frames on their way; None is the end, for which there is always room."""

    def __init__(self, room: int) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(room)

    async def put(self, frame: bytes) -> None:
        await self._room.acquire()
        self._frames.put_nowait(frame)

    async def get(self) -> bytes | None:
        frame = await self._frames.get()
        self._room.release()
        return frame

    def end(self) -> None:
        self._frames.put_nowait(None)


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
            self._leaving.end()


def connection_pair(left: bytes, right: bytes, room: int = 64) -> tuple[PairedConnection, PairedConnection]:
    """Connections of the devices `left` and `right` to each other."""
    lines = Line(room), Line(room)
    return PairedConnection(right, lines[0], lines[1]), PairedConnection(left, lines[1], lines[0])
