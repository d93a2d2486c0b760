"""What only the memory network can: cut, mended, broken and delayed links."""

from __future__ import annotations

import asyncio

import pytest

from sync.errors import TransportError
from sync.transports.connection import Connection, Purpose
from sync.transports.memory import MemoryNetwork, MemoryTransport

ONE, OTHER, THIRD = (bytes([n]) * 32 for n in range(3))


async def echo(connection: Connection) -> None:
    while True:
        await connection.send(await connection.receive())


def anybody(device: bytes, purpose: Purpose) -> bool:
    return True


async def three(network: MemoryNetwork) -> list[MemoryTransport]:
    made = [network.transport(device) for device in (ONE, OTHER, THIRD)]
    for transport in made:
        await transport.start(echo, anybody)
    return made


def test_a_cut_link_breaks_and_stays_broken_until_it_is_mended() -> None:
    async def work() -> None:
        network = MemoryNetwork()
        one, other, third = await three(network)
        connection = await one.connect(other.address(), "sync")
        network.cut(ONE, OTHER)
        with pytest.raises(TransportError, match="broke"):
            await connection.receive()
        with pytest.raises(TransportError, match="does not answer"):
            await other.connect(one.address(), "sync")
        await one.connect(third.address(), "sync")
        network.mend(ONE, OTHER)
        await other.connect(one.address(), "sync")
        for transport in (one, other, third):
            await transport.stop()

    asyncio.run(work())


def test_a_dropped_connection_can_be_made_again() -> None:
    async def work() -> None:
        network = MemoryNetwork()
        one, other, third = await three(network)
        connection = await one.connect(other.address(), "sync")
        await connection.send(b"lost")
        network.drop(OTHER, ONE)
        with pytest.raises(TransportError, match="broke"):
            await connection.send(b"x")
        await one.connect(other.address(), "sync")
        for transport in (one, other, third):
            await transport.stop()

    asyncio.run(work())


def test_a_delay_is_taken_for_every_frame() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def work() -> None:
        network = MemoryNetwork(sleep)
        one, other, third = await three(network)
        network.delay = 0.25
        connection = await one.connect(other.address(), "sync")
        await connection.send(b"there and back")
        await connection.receive()
        for transport in (one, other, third):
            await transport.stop()

    asyncio.run(work())
    assert slept == [0.25] * 3
