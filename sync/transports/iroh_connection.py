"""One iroh connection with one stream in it: frames in and out, and a look at whether the peer is still there.

Four tasks of its own: one reads the stream, one writes it, two watch for streams that the peer must not open. They
end by themselves when the connection ends: futures of iroh are not cancelled, because a read that is cancelled may
have taken bytes with it, and because iroh would answer to a loop that is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sync.errors import TransportError
from sync.transports.buffer import FrameBuffer
from sync.transports.connection import Purpose
from sync.transports.framing import Unpacker, check_size, pack_goodbye, pack_length
from sync.transports.iroh_errors import SILENT, explain
from sync.transports.serving import end_tasks

if TYPE_CHECKING:
    import iroh

SILENT_SECONDS = 12.0
"""iroh lets each side send at least every 5 s: two of these missed and some time. Its own limit is 30 s."""
CLOSE_SECONDS = 5.0
"""How long a peer may take to read what was handed over before `close`."""
_END_SECONDS = 2.0
_CHUNK = 256 << 10
_LEFT = "The other device left."
_CLOSED = "The connection was closed."
_RUDE = "The other device broke the rules of the connection."


class IrohConnection:
    """See `sync.transports.connection.Connection`. `forget` is called once, when the connection has ended."""

    def __init__(
        self,
        connection: iroh.Connection,
        stream: iroh.BiStream,
        purpose: Purpose,
        forget: Callable[[IrohConnection], None],
    ) -> None:
        self._connection, self._purpose, self._forget = connection, purpose, forget
        self._send, self._receive = stream.send(), stream.recv()
        self._peer = connection.remote_id().to_bytes()
        self._incoming, self._outgoing = FrameBuffer(), FrameBuffer()
        self._last_words: str | None = None
        self._received, self._silent_since = 0, asyncio.get_running_loop().time()
        self._leaving: asyncio.Task[None] | None = None
        start = asyncio.get_running_loop().create_task
        self._reader, self._writer = start(self._read()), start(self._write())
        self._watchers = {start(self._watch(connection.accept_bi)), start(self._watch(connection.accept_uni))}

    @property
    def peer(self) -> bytes:
        """The id of the device at the other end, from the handshake."""
        return self._peer

    @property
    def purpose(self) -> Purpose:
        """What the connection is for."""
        return self._purpose

    async def send(self, frame: bytes) -> None:
        """Hand a frame over; waits while the peer is slow."""
        check_size(frame)
        await self._outgoing.put(bytes(frame))

    async def receive(self) -> bytes:
        """The next frame."""
        return await self._incoming.get()

    async def close(self, reason: str = "") -> None:
        """Leave, when the peer has read what was handed over, or after `CLOSE_SECONDS`."""
        self._incoming.end(_CLOSED, discard=True)
        if self._leaving is None:
            self._last_words = reason
            self._outgoing.end(_CLOSED)
            self._leaving = asyncio.get_running_loop().create_task(self._leave())
        await asyncio.shield(self._leaving)

    def check(self) -> None:
        """Look whether anything came from the peer; break the connection when it has been silent for too long."""
        received, now = self._connection.stats().udp_rx_datagrams, asyncio.get_running_loop().time()
        if received != self._received:
            self._received, self._silent_since = received, now
        elif now - self._silent_since > SILENT_SECONDS:
            self._fail(SILENT)

    async def _leave(self) -> None:
        # The writer says goodbye; the peer, having read it, closes, which ends the reader.
        await asyncio.wait({self._reader, self._writer}, timeout=CLOSE_SECONDS)
        self._connection.close(0, b"")
        tasks = {self._reader, self._writer} | self._watchers
        await end_tasks(tasks, _END_SECONDS)
        self._forget(self)
        if all(task.done() for task in tasks):
            del self._connection, self._send, self._receive  # they would keep the endpoint's sockets from the next one

    def _fail(self, reason: str) -> None:
        """End everything now; what was received before can still be read."""
        self._incoming.end(reason)
        self._outgoing.end(reason, discard=True)
        self._connection.close(0, b"")
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().create_task(self._leave())

    async def _read(self) -> None:
        from iroh import IrohError

        unpacker = Unpacker()
        try:
            while data := await self._receive.read(_CHUNK):
                for frame in unpacker.feed(data):
                    await self._deliver(frame)
                if unpacker.goodbye is not None:
                    break
        except IrohError as error:
            self._fail(explain(error))
        except TransportError as error:
            self._fail(str(error))
        else:
            self._fail(f"{_LEFT[:-1]}: {unpacker.goodbye}" if unpacker.goodbye else _LEFT)

    async def _deliver(self, frame: bytes) -> None:
        """Give a frame to whoever receives; nobody does any more after `close`."""
        try:
            await self._incoming.put(frame)
        except TransportError:
            pass

    async def _write(self) -> None:
        from iroh import IrohError

        try:
            while (frame := await self._next()) is not None:
                await self._write_frame(frame)
            if self._last_words is not None:
                await self._send.write_all(pack_goodbye(self._last_words))
                await self._send.finish()
        except IrohError as error:
            self._fail(explain(error))

    async def _next(self) -> bytes | None:
        try:
            return await self._outgoing.get()
        except TransportError:
            return None

    async def _write_frame(self, frame: bytes) -> None:
        first = _CHUNK - len(pack_length(frame))
        await self._send.write_all(pack_length(frame) + frame[:first])
        rest = memoryview(frame)[first:]
        for start in range(0, len(rest), _CHUNK):
            await self._send.write_all(bytes(rest[start : start + _CHUNK]))

    async def _watch(self, another: Callable[[], Awaitable[object]]) -> None:
        """A connection has one stream; whoever opens more is up to something."""
        from iroh import IrohError

        try:
            await another()
        except IrohError:  # the connection ended
            return
        self._fail(_RUDE)
