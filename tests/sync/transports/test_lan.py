"""Devices find each other by multicast on loopback, in a network namespace of their own."""

from __future__ import annotations

import asyncio
from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sync.errors import TransportError
from sync.testing import ManualClock
from sync.transports.connection import Address
from sync.transports.lan import _DEVICES, Lan, _describe, device_name

IDS = [bytes([n]) * 32 for n in (1, 2, 3)]
LOOPBACK = ("127.0.0.1",)
DAY_MS = 86_400_000

pytestmark = pytest.mark.timeout(40)


@asynccontextmanager
async def lans(*addresses: Address, clock: ManualClock) -> AsyncIterator[list[Lan]]:
    """Started ones, for devices at these addresses."""
    made = [Lan(clock, lambda address=address: address, LOOPBACK) for address in addresses]  # type: ignore[misc]
    try:
        for lan in made:
            await lan.start()
        yield made
    finally:
        await asyncio.gather(*(lan.stop() for lan in made))


async def seen(lan: Lan, device: bytes, expected: Address | None) -> None:
    """Wait until a device is seen at an address, or not any more."""
    async with asyncio.timeout(5):
        while True:
            if (await lan.addresses([device])).get(device) == expected:
                return
            await asyncio.sleep(0.02)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test and see that it left no task."""

    async def main() -> None:
        async with asyncio.timeout(30):
            await work
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_the_name_is_another_one_every_day_and_for_every_device() -> None:
    names = {device_name(device, day) for device in IDS for day in range(3)}
    assert len(names) == 9
    assert {len(name) for name in names} == {26}


def test_what_is_announced_names_nobody() -> None:
    """Strangers in the local network learn where a Lovelace is, not whose."""
    info = _describe(_DEVICES, device_name(IDS[0], 1), Address(IDS[0], ("127.0.0.1:4001", "[::1]:4002")))
    assert info is not None
    said = " ".join([info.name, info.server or "", *map(repr, info.properties.items())]).lower()
    assert "127.0.0.1:4001" in said
    ident = IDS[0]
    for spelled in (
        ident.hex(),
        b32encode(ident).decode(),
        b64encode(ident).decode(),
        urlsafe_b64encode(ident).decode(),
    ):
        assert spelled[:16].lower() not in said


@pytest.mark.namespace
def test_known_devices_are_found_with_all_their_addresses_and_others_are_not() -> None:
    async def work() -> None:
        there = Address(IDS[1], ("127.0.0.1:4001", "[::1]:4002"))
        async with lans(Address(IDS[0], ("127.0.0.1:4000",)), there, clock=ManualClock()) as (one, _):
            await seen(one, IDS[1], there)
            assert await one.addresses([IDS[2]]) == {}

    run(work())


@pytest.mark.namespace
def test_who_leaves_is_not_found_any_more() -> None:
    async def work() -> None:
        addresses = [Address(device, ("127.0.0.1:4000",)) for device in IDS[:2]]
        async with lans(*addresses, clock=ManualClock()) as (one, other):
            await seen(one, IDS[1], addresses[1])
            await other.stop()
            await seen(one, IDS[1], None)

    run(work())


@pytest.mark.namespace
def test_a_new_day_gives_a_new_name_and_a_new_address_is_announced() -> None:
    async def work() -> None:
        clock, place = ManualClock(), [Address(IDS[1], ("127.0.0.1:4001",))]
        changing = Lan(clock, lambda: place[0], LOOPBACK)
        async with lans(Address(IDS[0], ("127.0.0.1:4000",)), clock=clock) as (one,):
            await changing.start()
            await seen(one, IDS[1], place[0])
            clock.advance(DAY_MS)
            await seen(one, IDS[1], place[0])  # under yesterday's name: clocks differ
            place[0] = Address(IDS[1], ("127.0.0.1:4009",))
            await changing.refresh()
            await seen(one, IDS[1], place[0])
            await changing.stop()

    run(work())


@pytest.mark.namespace
def test_two_meet_under_a_name() -> None:
    async def work() -> None:
        here = Address(IDS[0], ("127.0.0.1:4000",))
        async with lans(here, Address(IDS[1], ("127.0.0.1:4001",)), clock=ManualClock()) as (one, other):
            waiting = asyncio.create_task(other.find("some-secret-name", 5))
            await asyncio.sleep(0.1)
            await one.announce("some-secret-name", here)
            assert await waiting == here
            assert await other.find("another-name", 0.3) is None
            await one.withdraw("some-secret-name")
            with pytest.raises(TransportError, match="no name"):
                await one.announce("Not A Name", here)

    run(work())


@pytest.mark.namespace
def test_there_is_a_sentence_where_there_is_no_such_interface() -> None:
    async def work() -> None:
        lan = Lan(ManualClock(), lambda: Address(IDS[0], ("127.0.0.1:4000",)), ("203.0.113.9",))
        with pytest.raises(TransportError, match="Devices nearby are not found"):
            await lan.start()

    run(work())
