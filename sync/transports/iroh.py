"""Live connections over QUIC by iroh: a device's id is its endpoint's id, so a connection authenticates the device.

Nothing is asked of public servers: no discovery, and no relay unless one is configured. Each `start` sends one UPnP
multicast packet into the local network. iroh has no packages for some computers, so it is imported late.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sync.errors import TransportError
from sync.transports.connection import CONNECT_SECONDS, PURPOSES, Accept, Address, Allow, Purpose
from sync.transports.iroh_buffers import make_fast
from sync.transports.iroh_connection import IrohConnection
from sync.transports.iroh_errors import SILENT, explain
from sync.transports.iroh_exit import is_stopped, stop_at_exit
from sync.transports.serving import STOPPED, Limits, Serving, end_tasks
from sync.transports.sockets import MAX_SOCKETS, is_socket

if TYPE_CHECKING:
    import iroh

EVERYWHERE = ("0.0.0.0:0", "[::]:0")
_ALPNS: dict[bytes, Purpose] = {f"lovelace/{purpose}/1".encode(): purpose for purpose in PURPOSES}
_HELLO, _WELCOME = b"\x01", b"\x01"  # the caller's first byte opens the stream, the answer says that it is let in
_REFUSED = 403
_MAX_HANDSHAKES = 64  # at once
_EASY_HANDSHAKES = 8  # with more than these at once, callers must show that their address is their own
_CHECK_SECONDS = 1.0
_TRIES, _TRY_SECONDS = 10, 0.05  # until the sockets of an endpoint before are free
_END_SECONDS = 1.0  # for the endpoint to see its last packets answered


class IrohTransport:
    """See `sync.transports.connection.Transport`.

    seed: the device's 32-byte Ed25519 seed. relay: the URL of the one relay that may be used, or "". bind: one
    "host:port" for IPv4 and one for IPv6; port 0 takes a free one. Everything is used from one loop, any loop.
    """

    def __init__(
        self,
        seed: bytes,
        relay: str = "",
        bind: tuple[str, ...] = EVERYWHERE,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seed, self._relay, self._bind, self._monotonic = seed, relay, bind, monotonic
        self._limits = limits or Limits()
        self._endpoint: iroh.Endpoint | None = None
        self._serving: Serving | None = None
        self._connections: set[IrohConnection] = set()
        self._handshakes = 0
        self._greetings: set[asyncio.Task[None]] = set()
        self._taking: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None

    async def start(self, accept: Accept, allow: Allow) -> None:
        """Bind and take connections. TransportError: there is no iroh here, or an address cannot be bound."""
        module = load_iroh()
        try:
            self._endpoint = await _bind_soon(module, self._seed, self._relay, self._bind)
        except module.IrohError as error:
            raise TransportError(f"The network cannot be used at {', '.join(self._bind)}. {explain(error)}") from error
        stop_at_exit(self.stop)
        self._serving = Serving(accept, allow, self._limits, self._monotonic)
        self._taking = _start(self._take_connections(self._endpoint, self._serving))
        self._checking = _start(self._check())

    def address(self) -> Address:
        """Where others reach this device now: the addresses of all its interfaces, and its relay."""
        found = self._running().addr()
        relay = found.relay_url() if self._relay else None
        return Address(self._running().id().to_bytes(), tuple(found.direct_addresses()), relay or "")

    async def connect(self, address: Address, purpose: Purpose) -> IrohConnection:
        """Connect, and wait until the other device has let this one in."""
        endpoint, target = self._running(), self._target(address)
        from iroh import IrohError

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await endpoint.connect(target, f"lovelace/{purpose}/1".encode())
                return await self._introduce(connection, purpose)
        except TimeoutError as error:
            raise TransportError(SILENT) from error
        except IrohError as error:
            raise TransportError(explain(error)) from error

    async def stop(self) -> None:
        """Close all connections, then the endpoint."""
        endpoint, serving = self._endpoint, self._serving
        self._endpoint = self._serving = None
        if endpoint is None or serving is None or self._taking is None or self._checking is None:
            return
        self._checking.cancel()
        await asyncio.gather(serving.stop(), *(connection.close(STOPPED) for connection in tuple(self._connections)))
        ending = {_start(endpoint.close()), self._taking, self._checking} | self._greetings
        await end_tasks(ending - {asyncio.current_task()}, _END_SECONDS)
        is_stopped(self.stop)

    def _running(self) -> iroh.Endpoint:
        if self._endpoint is None:
            raise TransportError(STOPPED)
        return self._endpoint

    def _target(self, address: Address) -> iroh.EndpointAddr:
        from iroh import EndpointAddr, EndpointId, IrohError

        sockets = [socket for socket in address.sockets[:MAX_SOCKETS] if is_socket(socket)]
        relay = address.relay if address.relay and address.relay.rstrip("/") == self._relay.rstrip("/") else None
        if not sockets and relay is None:
            raise TransportError("No address of the other device is known.")
        try:
            return EndpointAddr(EndpointId.from_bytes(address.device), relay, sockets)
        except IrohError as error:
            raise TransportError("The id of the other device is not valid.") from error

    async def _introduce(self, connection: iroh.Connection, purpose: Purpose) -> IrohConnection:
        """The caller's side of the first exchange."""
        try:
            stream = await connection.open_bi()
            await stream.send().write_all(_HELLO)
            await stream.recv().read_exact(len(_WELCOME))
        except BaseException:
            connection.close(0, b"")
            raise
        return self._made(connection, stream, purpose)

    def _made(self, connection: iroh.Connection, stream: iroh.BiStream, purpose: Purpose) -> IrohConnection:
        made = IrohConnection(connection, stream, purpose, self._connections.discard)
        self._connections.add(made)
        return made

    async def _take_connections(self, endpoint: iroh.Endpoint, serving: Serving) -> None:
        """Until the endpoint is closed."""
        while (incoming := await endpoint.accept_next()) is not None:
            if self._handshakes >= _MAX_HANDSHAKES:
                await incoming.refuse()
            elif self._handshakes >= _EASY_HANDSHAKES and not await incoming.remote_addr_validated():
                await incoming.retry()
            else:
                self._handshakes += 1
                task = _start(self._greet(incoming, serving))
                self._greetings.add(task)
                task.add_done_callback(self._greetings.discard)

    async def _greet(self, incoming: iroh.Incoming, serving: Serving) -> None:
        """Serve one incoming connection, from the handshake to its end."""
        from iroh import IrohError

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await (await incoming.accept()).connect()
        except (IrohError, TimeoutError):
            return
        finally:
            self._handshakes -= 1
        peer, purpose = connection.remote_id().to_bytes(), _ALPNS[connection.alpn()]
        try:
            serving.enter(peer, purpose)
        except TransportError as refusal:
            connection.close(_REFUSED, str(refusal).encode())
            return
        try:
            made = await self._welcome(connection, purpose)
            del incoming, connection  # what a traceback keeps of them would keep the sockets too
            if made is not None:
                await serving.serve(made)
        finally:
            serving.leave(peer, purpose)

    async def _welcome(self, connection: iroh.Connection, purpose: Purpose) -> IrohConnection | None:
        """The taker's side of the first exchange; None where the caller does not keep to it."""
        from iroh import IrohError

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                stream = await connection.accept_bi()
                if await stream.recv().read_exact(len(_HELLO)) == _HELLO:
                    await stream.send().write_all(_WELCOME)
                    return self._made(connection, stream, purpose)
        except (IrohError, TimeoutError):
            pass
        connection.close(_REFUSED, b"The first byte was not understood.")
        return None

    async def _check(self) -> None:
        """Find peers that have gone silent, until `stop`."""
        while True:
            for connection in tuple(self._connections):
                connection.check()
            await asyncio.sleep(_CHECK_SECONDS)


def load_iroh() -> ModuleType:
    """The iroh package, with its slow code replaced. TransportError: there is none for this computer."""
    try:
        import iroh
        from iroh import iroh_ffi
    except (ImportError, OSError) as error:
        message = "There are no direct connections on this computer: the package “iroh” is missing or does not load."
        raise TransportError(f"{message} A mailbox works without it.") from error
    make_fast(iroh_ffi)
    return iroh


async def _bind_soon(module: ModuleType, seed: bytes, relay: str, bind: tuple[str, ...]) -> iroh.Endpoint:
    """Bind; an endpoint that was closed just now may let its sockets go a moment later."""
    for _ in range(_TRIES):
        with contextlib.suppress(module.IrohError):
            return await _bind(module, seed, relay, bind)
        await asyncio.sleep(_TRY_SECONDS)
    return await _bind(module, seed, relay, bind)


async def _bind(module: ModuleType, seed: bytes, relay: str, bind: tuple[str, ...]) -> iroh.Endpoint:
    builder = module.EndpointBuilder()
    builder.apply_minimal()
    builder.secret_key(seed)
    builder.alpns(list(_ALPNS))
    builder.relay_mode(_relay_mode(module, relay))
    for address in bind:
        builder.bind_addr(address)
    endpoint: iroh.Endpoint = await builder.bind()
    return endpoint


def _relay_mode(module: ModuleType, relay: str) -> iroh.RelayMode:
    if not relay:
        return module.RelayMode.disabled()  # type: ignore[no-any-return]
    try:
        return module.RelayMode.custom_from_urls([relay])  # type: ignore[no-any-return]
    except module.IrohError as error:
        raise TransportError(f"“{relay}” is not the URL of a relay: it should begin with “https://”.") from error


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)
