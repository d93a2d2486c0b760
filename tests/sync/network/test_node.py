import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.clock import SystemClock
from sync.engine import Engine
from sync.network import node as node_module
from sync.network.lease import Lease, is_running
from sync.protocol.address import Address
from sync.store.network_rows import add_mailbox, keep_address
from sync.transports.connection import Purpose
from sync.transports.mailbox import ACTIVE_S
from sync.transports.memory import MemoryConnection, MemoryNetwork, MemoryTransport
from tests.sync.engine_home import append, first_workspace
from tests.sync.network.homes import Home, until


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    old, new = Home(tmp_path / "old"), Home(tmp_path / "new")
    try:
        old.do(first_workspace)
        pair_homes(old, new)
        yield old, new
    finally:
        old.close()
        new.close()


def pair_homes(old: Home, new: Home) -> None:
    """The two engines live on different threads, so what one has is read there first."""
    from sync.membership.devices import add_device
    from sync.membership.operation import decode_operation

    device = new.engine.device

    def add(engine: Engine) -> tuple[bytes, list[tuple[bytes, tuple[bytes, ...]]]]:
        log = [decode_operation(data) for data in engine.memberships.operations(engine.identity)]
        operation = add_device(engine.device, log, device)
        with engine.transaction(durable=True) as tx:
            engine.members.add(tx, engine.identity, [operation.encoded])
            engine.members.renew_epochs(tx)
        logs = [engine.identity, *engine.replica.own_workspaces()]
        return engine.identity, [(log_id, engine.memberships.operations(log_id)) for log_id in logs]

    identity, logs = old.do(add)

    def become(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            engine.become(tx, identity, logs[0][1])
            for workspace, operations in logs[1:]:
                engine.members.adopt(tx, workspace, operations, {})

    new.do(become)


def know(home: Home, other: Home) -> None:
    def keep(engine: Engine) -> None:
        with engine.transaction() as tx:
            keep_address(tx.connection, Address(other.device), 0)

    home.do(keep)


def test_what_one_writes_the_other_shows_live_and_after_a_pause(homes: tuple[Home, Home]) -> None:
    old, new = homes
    know(new, old)
    old.do(lambda engine: append(engine, 1, "before", "a"))

    async def scene() -> None:
        network = MemoryNetwork()
        async with old.online(network.transport(old.device)), new.online(network.transport(new.device)) as node:
            await until(lambda: new.shown().get("before") == {"a"})
            old.do(lambda engine: append(engine, 1, "live", "b"))
            await until(lambda: new.shown().get("live") == {"b"})
            new.do(lambda engine: append(engine, 1, "live", "c"))
            await until(lambda: old.shown().get("live") == {"b", "c"})
            assert [peer.device for peer in node.status().peers] == [old.device]
        old.do(lambda engine: append(engine, 1, "apart", "d"))
        new.do(lambda engine: append(engine, 1, "apart", "e"))
        know(new, old)  # it has moved
        async with old.online(network.transport(old.device)), new.online(network.transport(new.device)):
            await until(lambda: old.shown() == new.shown() and new.shown()["apart"] == {"d", "e"})

    asyncio.run(scene())


class Waiting:
    """A transport that is not answered when it connects."""

    def __init__(self, transport: MemoryTransport) -> None:
        self.start, self.stop, self.address = transport.start, transport.stop, transport.address
        self.tried, self.given_up = asyncio.Event(), asyncio.Event()

    async def connect(self, _address: Address, _purpose: Purpose) -> MemoryConnection:
        self.tried.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()
        raise AssertionError


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_who_waited_for_a_device_that_comes_by_itself_waits_no_more(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    old, new = homes
    monkeypatch.setattr(node_module, "OLD_DIAL_SECONDS", seconds)
    know(new, old)
    know(old, new)

    async def scene() -> None:
        network = MemoryNetwork()
        waiting = Waiting(network.transport(old.device))
        async with old.online(waiting) as node:
            await waiting.tried.wait()
            async with new.online(network.transport(new.device)):
                await until(lambda: any(peer.in_sync for peer in node.status().peers))
                assert waiting.given_up.is_set() == (seconds == 0.0)  # both may have begun just now

    asyncio.run(scene())


def test_two_devices_that_never_meet_use_a_mailbox(homes: tuple[Home, Home], tmp_path: Path) -> None:
    old, new = homes
    (tmp_path / "box").mkdir()

    def join(engine: Engine) -> None:
        with engine.transaction() as tx:
            add_mailbox(tx.connection, 1, str(tmp_path / "box"), {}, 0)

    async def online(home: Home) -> None:
        async with home.online(None) as node:
            await node.sync_now()
            (mailbox,) = node.status().mailboxes
            assert mailbox.trouble == "" and mailbox.reached > SystemClock().now_ms() - 60_000

    async def scene() -> None:
        await online(old)
        await online(new)
        await online(old)

    for home in homes:
        home.do(join)
    old.do(lambda engine: append(engine, 1, "s", "a"))
    new.do(lambda engine: append(engine, 1, "s", "b"))
    asyncio.run(scene())
    assert old.shown() == new.shown() == {"s": {"a", "b"}}


def test_what_comes_into_a_folder_is_shown_at_once(homes: tuple[Home, Home], tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()

    def join(engine: Engine) -> None:
        with engine.transaction() as tx:
            add_mailbox(tx.connection, 1, str(tmp_path / "box"), {}, 0)

    async def scene() -> None:
        old, new = homes
        async with old.online(None) as node, new.online(None) as other:
            await node.sync_now()
            await other.sync_now()
            old.do(lambda engine: append(engine, 1, "s", "a"))
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await until(lambda: new.shown() == {"s": {"a"}})
            assert loop.time() - begun < ACTIVE_S

    for home in homes:
        home.do(join)
    asyncio.run(scene())


def test_one_process_of_a_home_runs_the_network(tmp_path: Path) -> None:
    first, second = Lease(tmp_path), Lease(tmp_path)
    assert not is_running(tmp_path)
    assert first.take() and first.take() and not second.take() and is_running(tmp_path)
    first.give_back()
    assert second.take()
    second.give_back()
