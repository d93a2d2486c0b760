"""A home that became another device is known again to those it shares something with, by itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.errors import NotFound
from app.network import devices, inviting, members
from app.network.introducing import AGAIN_SECONDS, LATER_SECONDS, Introducer
from app.network.service import NetworkService
from app.workspace import Workspace
from sync.engine import Engine
from sync.errors import ProtocolError, TransportError
from sync.store.network_rows import keep_address
from sync.transports.connection import Address, Connection
from tests.app.network.conftest import NOBODY, Place, device, identity
from tests.app.network.test_members import sync, team
from tests.app.network.test_pairing import keys, write_session
from tests.sync.network.homes import until


@asynccontextmanager
async def online(place: Place, home: Workspace) -> AsyncIterator[NetworkService]:
    service = NetworkService(home, make=lambda engine, _settings: place.wires.transport(engine.device.device_id))
    task = asyncio.ensure_future(service.run())
    try:
        await service.ready()
        yield service
    finally:
        task.cancel()
        await asyncio.wait([task])


def know(home: Workspace, *others: Workspace) -> None:
    def keep(engine: Engine) -> None:
        with engine.transaction() as tx:
            for other in others:
                keep_address(tx.connection, Address(device(other)), 0)

    home.with_engine(keep)


def has(home: Workspace, workspace: str, session: str) -> bool:
    try:
        home.use(workspace)
        return home.read(lambda queries: queries.session(session)) is not None
    except NotFound:
        return False


def restored(place: Place, folder: Path, copy: Path) -> Workspace:
    """The home of bob as it was when its files were copied."""
    place.homes.pop("bob").close()
    shutil.rmtree(folder / "bob")
    shutil.copytree(copy, folder / "bob")
    return place.home("bob", "Bob")


def copied(place: Place, folder: Path) -> Workspace:
    place.homes.pop("bob").close()
    shutil.copytree(folder / "bob", folder / "copy")
    return place.home("bob", "Bob")


def test_a_home_put_back_from_a_copy_becomes_a_new_device_that_the_others_know(place: Place, tmp_path: Path) -> None:
    ada, bob, workspace = team(place)
    know(bob, ada)
    bob = copied(place, tmp_path)
    bob.use(workspace)
    later = write_session(bob, "after the copy")
    sync(ada, bob)
    assert has(ada, workspace, later)
    before = device(bob)
    bob = restored(place, tmp_path, tmp_path / "copy")
    assert not has(bob, workspace, later) and device(bob) == before

    async def scene() -> str:
        async with online(place, ada), online(place, bob) as service:
            await until(lambda: has(bob, workspace, later))
            await until(lambda: device(bob) != before)
            await until(lambda: any(peer.in_sync for peer in service.status().peers))
            session = write_session(bob, "from the new device")
            await until(lambda: has(ada, workspace, session))
            newer = write_session(ada, "to the new device")
            await until(lambda: has(bob, workspace, newer))
            return session

    session = asyncio.run(scene())
    author = ada.read(lambda queries: queries.events(session))[0].author
    assert (author.identity, author.device) == (identity(bob).hex(), device(bob).hex())
    [_, row] = members.members(ada)
    assert {each.id for each in row.devices} >= {before.hex(), device(bob).hex()}


def test_a_home_that_was_revoked_does_not_come_back_as_another_device(place: Place, tmp_path: Path) -> None:
    """The thief of a stolen device lets it make a new one: the log that says so does not count."""
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    devices.revoke(old, device(new).hex(), stolen=True)
    stolen = device(new)
    new.with_engine(renew)
    thief = device(new)
    refused = []

    async def scene() -> None:
        transport = place.transport(new)
        await transport.start(*NOBODY)
        with pytest.raises(ProtocolError) as caught:
            await inviting.come_back(new, transport, [Address(device(old))])
        refused.append(str(caught.value))
        await transport.stop()

    asyncio.run(place.while_hosting(old, scene))
    assert "does not have this device" in refused[0]
    live = old.with_engine(lambda e: set(e.memberships.roster.live(e.identity)))
    assert thief not in live and stolen not in live
    assert old.with_engine(lambda e: thief not in e.replica.known_devices())


def test_nothing_readable_leaves_when_a_device_introduces_itself(place: Place) -> None:
    ada, bob, workspace = team(place)
    write_session(ada, "Secret plans")
    sync(ada, bob)
    bob.with_engine(renew)
    place.wires.frames.clear()

    async def scene() -> list[str]:
        transport = place.transport(bob)
        await transport.start(*NOBODY)
        try:
            return await inviting.come_back(bob, transport, [Address(device(ada))])
        finally:
            await transport.stop()

    assert asyncio.run(place.while_hosting(ada, scene)) == [workspace]
    sent = b"".join(place.wires.frames)
    secrets = [*keys(ada), *keys(bob), b"Ada", b"Bob", b"Personal", b"Secret plans", bytes.fromhex(workspace)]
    assert len(sent) > 1000 and device(bob) in ada.with_engine(lambda e: e.replica.known_devices())
    for secret in secrets:
        assert secret not in sent and secret.hex().encode() not in sent


class Refusing:
    """A node that counts how often it is asked to connect."""

    def __init__(self, error: Exception) -> None:
        self.asked: list[bytes] = []
        self._error = error

    async def connect(self, address: Address, _purpose: str) -> Connection:
        self.asked.append(address.device)
        raise self._error


def attempts(home: Workspace, error: Exception, seconds: list[float]) -> list[int]:
    """How often a device was asked, after being refused by it at each of these times."""
    node = Refusing(error)
    counts = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        introducer = Introducer(home)
        async with introducer.running(node):  # type: ignore[arg-type]
            for time in seconds:
                loop.time = lambda time=time: time  # type: ignore[method-assign]
                for _ in range(100):
                    introducer.refused(Address(b"p" * 32))
                await until_idle(introducer)
                counts.append(len(node.asked))
            del loop.time

    asyncio.run(run())
    return counts


async def until_idle(introducer: Introducer) -> None:
    while introducer._waiting.qsize():  # noqa: ASYNC110  it is emptied without a word
        await asyncio.sleep(0)
    await asyncio.to_thread(lambda: None)
    for _ in range(100):
        await asyncio.sleep(0)


def test_introductions_are_few(place: Place) -> None:
    home = place.home("ada")
    assert attempts(home, TransportError("away"), [0.0, 1.0]) == [0, 0], "its log says no more than everybody knows"
    home.with_engine(renew)
    again, later = AGAIN_SECONDS, LATER_SECONDS
    assert attempts(home, TransportError("away"), [1.0, 2.0, again, again + 2, again + 3]) == [1, 1, 1, 2, 2]
    assert attempts(home, ProtocolError("no"), [1.0, again + 2, later, later + 2]) == [1, 1, 1, 2]


def renew(engine: Engine) -> None:
    with engine.transaction(durable=True) as tx:
        engine.become_new_device(tx)
