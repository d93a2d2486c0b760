"""Reaching the devices of strangers that a link names, when nothing else of the network runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.network.settings import make_transport, read_settings
from sync.errors import TransportError

if TYPE_CHECKING:
    from app.network.opening import Connect
    from app.workspace import Workspace
    from sync.protocol.link_address import LinkAddress
    from sync.transports.connection import Connection, Transport

_NOWHERE = "This link does not say where its device can be reached. It opens while both are in one network."


@asynccontextmanager
async def reaching(home: Workspace) -> AsyncIterator[Connect]:
    """Connects with the keys of this device and serves nobody; no network is touched before the first call."""
    started: list[Transport] = []

    async def connect(address: LinkAddress) -> Connection:
        if not address.sockets and not address.relay:
            raise TransportError(_NOWHERE)
        if not started:
            settings = await home.read_async(read_settings)
            transport = await home.write_async(lambda operations: make_transport(operations.engine, settings))
            await transport.start(_refuse, lambda _device, _purpose: False)
            started.append(transport)
        return await started[0].connect(address.device, "link")

    try:
        yield connect
    finally:
        for transport in started:
            await transport.stop()


async def _refuse(connection: Connection) -> None:
    await connection.close()
