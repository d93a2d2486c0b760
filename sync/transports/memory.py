"""Connections within one process and one loop, for tests and simulations: they fail only where they are told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from sync.errors import TransportError
from sync.transports.buffer import FrameBuffer
from sync.transports.connection import Accept, Address, Allow, Purpose
from sync.transports.framing import check_size
from sync.transports.serving import STOPPED, Limits, Serving, end_tasks

_GONE = "The other device left."
_UNREACHABLE = "The other device does not answer."


class MemoryNetwork:
    """Transports that reach each other by device id. `sleep` waits for `delay` seconds before each frame."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.delay = 0.0
        """Seconds that each frame and each connect takes."""
        self._sleep = sleep
        self._transports: dict[str, MemoryTransport] = {}
        self._made = 0
        self._cut: set[frozenset[bytes]] = set()
        self._connections: set[MemoryConnection] = set()

    def transport(self, device: bytes, limits: Limits | None = None) -> MemoryTransport:
        """A transport for a device; it is on the network between its `start` and `stop`."""
        self._made += 1
        return MemoryTransport(self, device, f"memory:{self._made}", limits or Limits())

    def cut(self, one: bytes, other: bytes) -> None:
        """Two devices reach each other no more; what connects them breaks."""
        self._cut.add(frozenset((one, other)))
        self.drop(one, other)

    def mend(self, one: bytes, other: bytes) -> None:
        """Two devices reach each other again."""
        self._cut.discard(frozenset((one, other)))

    def drop(self, one: bytes, other: bytes) -> None:
        """Break the connections between two devices, with what is on its way in them; new ones may be made."""
        for connection in tuple(self._connections):
            if {connection.peer, connection.device} == {one, other}:
                connection.fail("The connection broke.")

    async def pause(self) -> None:
        """Wait as long as a frame takes."""
        if self.delay:
            await self._sleep(self.delay)

    def join(self, transport: MemoryTransport) -> None:
        """A transport can be reached from now on."""
        self._transports[transport.socket] = transport

    def part(self, transport: MemoryTransport) -> None:
        """A transport cannot be reached any more."""
        self._transports.pop(transport.socket, None)

    def find(self, caller: bytes, address: Address) -> MemoryTransport:
        """Who is at an address, or has that device id if the address names no sockets; or TransportError."""
        sockets = address.sockets or [s for s, other in self._transports.items() if other.device == address.device]
        found = [self._transports[socket] for socket in sockets if socket in self._transports]
        reachable = [other for other in found if frozenset((caller, other.device)) not in self._cut]
        if not reachable:
            raise TransportError(_UNREACHABLE)
        for other in reachable:
            if other.device == address.device:
                return other
        raise TransportError("Another device answers at this address.")

    def connect(self, one: bytes, other: bytes, purpose: Purpose) -> tuple[MemoryConnection, MemoryConnection]:
        """Both ends of a new connection."""
        there, back = FrameBuffer(), FrameBuffer()
        ends = (
            MemoryConnection(self, one, other, purpose, back, there),
            MemoryConnection(self, other, one, purpose, there, back),
        )
        self._connections.update(ends)
        return ends

    def connections_of(self, device: bytes) -> list[MemoryConnection]:
        """The ends of connections at one device."""
        return [connection for connection in self._connections if connection.device == device]

    def forget(self, connection: MemoryConnection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)


class MemoryConnection:
    """One end of a connection; see `sync.transports.connection.Connection`."""

    def __init__(
        self,
        network: MemoryNetwork,
        device: bytes,
        peer: bytes,
        purpose: Purpose,
        incoming: FrameBuffer,
        outgoing: FrameBuffer,
    ) -> None:
        self.device, self._peer, self._purpose = device, peer, purpose
        self._network, self._incoming, self._outgoing = network, incoming, outgoing

    @property
    def peer(self) -> bytes:
        """The id of the device at the other end."""
        return self._peer

    @property
    def purpose(self) -> Purpose:
        """What the connection is for."""
        return self._purpose

    async def send(self, frame: bytes) -> None:
        """Hand a frame over; waits while the peer is slow."""
        check_size(frame)
        await self._network.pause()
        await self._outgoing.put(bytes(frame))

    async def receive(self) -> bytes:
        """The next frame."""
        return await self._incoming.get()

    async def close(self, reason: str = "") -> None:
        """Leave; the peer still gets what was handed over before."""
        self._network.forget(self)
        self._incoming.end("The connection was closed.", discard=True)
        self._outgoing.end(f"{_GONE[:-1]}: {reason}" if reason else _GONE)

    def fail(self, reason: str) -> None:
        """Break, as a cable does: what is on its way is lost."""
        self._network.forget(self)
        self._incoming.end(reason, discard=True)
        self._outgoing.end(reason, discard=True)


class MemoryTransport:
    """A device on a `MemoryNetwork`; see `sync.transports.connection.Transport`."""

    def __init__(self, network: MemoryNetwork, device: bytes, socket: str, limits: Limits) -> None:
        self.device, self.socket = device, socket
        self._network, self._limits = network, limits
        self._serving: Serving | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, accept: Accept, allow: Allow) -> None:
        """Be on the network."""
        self._serving = Serving(accept, allow, self._limits, time.monotonic)
        self._network.join(self)

    def address(self) -> Address:
        """Where others reach this device."""
        return Address(self.device, (self.socket,))

    async def connect(self, address: Address, purpose: Purpose) -> MemoryConnection:
        """Connect at once, or after the network's delay."""
        await self._network.pause()
        if self._serving is None:
            raise TransportError(STOPPED)
        other = self._network.find(self.device, address)
        return other.take(self, purpose)

    def take(self, caller: MemoryTransport, purpose: Purpose) -> MemoryConnection:
        """The other side of `connect`."""
        if self._serving is None:
            raise TransportError(_UNREACHABLE)
        self._serving.enter(caller.device, purpose)
        theirs, ours = self._network.connect(caller.device, self.device, purpose)
        task = asyncio.get_running_loop().create_task(self._serve(self._serving, ours))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return theirs

    async def _serve(self, serving: Serving, connection: MemoryConnection) -> None:
        try:
            await serving.serve(connection)
        finally:
            serving.leave(connection.peer, connection.purpose)

    async def stop(self) -> None:
        """Leave the network."""
        serving, self._serving = self._serving, None
        self._network.part(self)
        for connection in self._network.connections_of(self.device):
            await connection.close(STOPPED)
        if serving is not None:
            await serving.stop()
        await end_tasks(self._tasks - {asyncio.current_task()}, 0.0)
