"""While a process runs the network, links are given live, refreshed after changes and taken back when they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.network import link_keeping
from app.network.opening import open_link
from app.network.service import NetworkService
from app.network.sharing import share
from app.sessions.events import Draft, UserMessage
from app.sessions.link_operations import LinkWish
from app.sessions.links import parse_link
from app.workspace import Workspace
from sync.protocol.link_address import LinkAddress
from sync.testing import ManualClock
from sync.transports.connection import Connection, Transport
from sync.transports.memory import MemoryNetwork
from tests.helpers.links import session_of, texts_of


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_keeping, "CALM_SECONDS", 0.0)
    monkeypatch.setattr(link_keeping, "LONGEST_PAUSE", 0.2)


@asynccontextmanager
async def taking_part(home: Workspace, network: MemoryNetwork) -> AsyncIterator[NetworkService]:
    def make(engine, _settings) -> Transport:  # type: ignore[no-untyped-def]
        return network.transport(engine.device.device_id)

    service = NetworkService(home, make=make)
    task = asyncio.ensure_future(service.run())
    try:
        await service.ready()
        yield service
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not check():  # noqa: ASYNC110  what is waited for happens in files and other threads
            await asyncio.sleep(0.01)


def test_a_link_follows_its_session_while_the_network_runs(
    ada: Workspace, bob: Workspace, clock: ManualClock, tmp_path: Path
) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    public.mkdir()

    async def run() -> None:
        network = MemoryNetwork()
        async with taking_part(ada, network) as service:
            wish = LinkWish(places=(str(public),), expires=clock.now_ms() + 60_000)
            link = await share(ada, session, wish)
            head = public / link.id.hex() / "head"
            before = head.read_bytes()
            draft = Draft(body=UserMessage(text="two"), time=5)
            await ada.write_async(lambda operations: operations.append(session, [draft]))
            await until(lambda: head.read_bytes() != before)
            await until(lambda: service.node is not None and service.node.address() is not None)
            await _open_live(bob, network, link.text or "")
            clock.advance(60_001)
            await until(lambda: not list(public.iterdir()))

    asyncio.run(run())
    assert texts_of(bob, session) == ["one", "two"]
    own = ada.read(lambda queries: queries.own_address())
    assert own.sockets, "links that are made later say where this device was"


async def _open_live(home: Workspace, network: MemoryNetwork, text: str) -> None:
    me = bytes.fromhex((await home.read_async(lambda queries: queries.own_device()))[1])
    transport = network.transport(me)

    async def nobody(_connection: Connection) -> None:
        raise AssertionError("nobody connects to an opener")

    async def connect(address: LinkAddress) -> Connection:
        return await transport.connect(address.device, "link")

    await transport.start(nobody, lambda _device, _purpose: False)
    try:
        await open_link(home, parse_link(text), connect)
    finally:
        await transport.stop()
