"""Reaching the device that issued a link: through the network that this process runs, or for once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.network.settings import make_transport, read_settings
from sync.errors import TransportError

if TYPE_CHECKING:
    from app.network.opening import Connect
    from app.network.service import NetworkService
    from app.workspace import Workspace
    from sync.protocol.address import Address
    from sync.protocol.link_address import LinkAddress
    from sync.transports.connection import Connection, Transport

_NOWHERE = "This link does not say where its device can be reached: it was not connected then. Ask for a new link."


@asynccontextmanager
async def reaching(home: Workspace, service: NetworkService | None = None) -> AsyncIterator[Connect]:
    """Connects with the keys of this device and serves nobody; no network is touched before the first call.

    service: of this process, if it has one.
    """
    started: list[Transport] = []

    async def connect(address: LinkAddress) -> Connection:
        node = None if service is None else service.node
        if service is not None and node is not None and node.address() is not None:
            nearby = await service.nearby(frozenset((address.issuer,)))
            places = [address.device, *nearby.values()]
            return await _first(lambda place: node.connect(place, "link"), places)
        if not started:
            settings = await home.read_async(read_settings)
            transport = await home.write_async(lambda operations: make_transport(operations.engine, settings))
            await transport.start(_refuse, lambda _device, _purpose: False)
            started.append(transport)
        return await _first(lambda place: started[0].connect(place, "link"), [address.device])

    try:
        yield connect
    finally:
        for transport in started:
            await transport.stop()


async def _first(connect: Callable[[Address], Awaitable[Connection]], places: list[Address]) -> Connection:
    """The connection to the first place where the device answers."""
    failed = TransportError(_NOWHERE)
    for place in places:
        if place.sockets or place.relay:
            try:
                return await connect(place)
            except TransportError as error:
                failed = error
    raise failed


async def _refuse(connection: Connection) -> None:
    await connection.close()
