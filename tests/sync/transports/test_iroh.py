"""iroh's own: rude callers, threads and exits, and a cable that can be pulled."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync.errors import TransportError
from sync.transports import iroh_connection
from sync.transports.connection import Address, Connection
from sync.transports.iroh import EVERYWHERE, IrohTransport, load_iroh
from tests.helpers.namespace import Neighbour

ROOT = Path(__file__).parents[3]
ONLY_HERE = ("127.0.0.1:0", "[::1]:0")
ALPN = b"lovelace/sync/1"

pytestmark = [pytest.mark.namespace, pytest.mark.timeout(60)]


async def echo(connection: Connection) -> None:
    while True:
        await connection.send(await connection.receive())


@asynccontextmanager
async def device(seed: int, serve: Any = echo, bind: tuple[str, ...] = ONLY_HERE) -> AsyncIterator[IrohTransport]:
    """A started transport."""
    transport = IrohTransport(bytes([seed]) * 32, bind=bind)
    await transport.start(serve, lambda _device, _purpose: True)
    try:
        yield transport
    finally:
        await transport.stop()


def run(work: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(45):
            await work
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_port_is_free_again_when_its_endpoint_stopped_though_somebody_keeps_a_connection() -> None:
    async def work() -> None:
        async with device(1) as other, device(2) as first:
            (port,) = {socket for socket in first.address().sockets if socket.startswith("127.")}
            kept = await first.connect(other.address(), "sync")
            theirs = await other.connect(first.address(), "sync")
            await theirs.send(b"hello")
            await first.stop()
            async with device(2, bind=(port, "[::1]:0")) as second:
                assert port in second.address().sockets
            with pytest.raises(TransportError):
                await kept.send(b"too late")

    run(work())


@asynccontextmanager
async def raw_caller(there: Address) -> AsyncIterator[Any]:
    """A connection of iroh itself, by somebody who keeps to no rules."""
    module = load_iroh()
    builder = module.EndpointBuilder()
    builder.apply_minimal()
    builder.relay_mode(module.RelayMode.disabled())
    builder.bind_addr("127.0.0.1:0")
    endpoint = await builder.bind()
    target = module.EndpointAddr(module.EndpointId.from_bytes(there.device), None, list(there.sockets))
    try:
        yield await endpoint.connect(target, ALPN)
    finally:
        await endpoint.close()


# --- rude callers


@pytest.mark.parametrize("size", [(16 << 20) + 1, (1 << 32) - 2])
def test_a_length_over_the_limit_ends_the_connection(size: int) -> None:
    said: list[str] = []

    async def listen(connection: Connection) -> None:
        try:
            await connection.receive()
        except TransportError as error:
            said.append(str(error))

    async def work() -> None:
        async with device(1, listen) as transport, raw_caller(transport.address()) as caller:
            stream = await caller.open_bi()
            await stream.send().write_all(b"\x01" + size.to_bytes(4, "big"))
            await caller.closed()
            assert said == [f"The other device sent a frame of {size:,} bytes; the limit is 16,777,216."]

    run(work())


@pytest.mark.parametrize("open_more", ["open_bi", "open_uni"])
def test_a_second_stream_ends_the_connection(open_more: str) -> None:
    async def work() -> None:
        async with device(1) as transport, raw_caller(transport.address()) as caller:
            stream = await caller.open_bi()
            await stream.send().write_all(b"\x01")
            assert await stream.recv().read_exact(1) == b"\x01"
            more = await getattr(caller, open_more)()
            await (more.send() if open_more == "open_bi" else more).write_all(b"x")
            await caller.closed()

    run(work())


def test_a_wrong_first_byte_ends_the_connection() -> None:
    async def work() -> None:
        async with device(1) as transport, raw_caller(transport.address()) as caller:
            stream = await caller.open_bi()
            await stream.send().write_all(b"\x07")
            assert "first byte" in await caller.closed()

    run(work())


def test_a_caller_who_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.transports.iroh.CONNECT_SECONDS", 0.5)

    async def work() -> None:
        async with device(1) as transport, raw_caller(transport.address()) as caller:
            await caller.closed()

    run(work())


def test_a_caller_who_leaves_in_the_middle_of_a_frame_is_noticed() -> None:
    ended = asyncio.Event()

    async def listen(connection: Connection) -> None:
        with pytest.raises(TransportError):
            await connection.receive()
        ended.set()

    async def work() -> None:
        async with device(1, listen) as transport, raw_caller(transport.address()) as caller:
            stream = await caller.open_bi()
            await stream.send().write_all(b"\x01\x00\x00\x00\x05abc")
            await stream.send().finish()
            await ended.wait()

    run(work())


# --- addresses


@pytest.mark.parametrize(
    "sockets", [(), ("nowhere",), ("example.org:80",), ("127.0.0.1:0",), ("127.0.0.1:99999",), ("::1:80",), ("\x00:1",)]
)
def test_addresses_that_are_none_are_said_at_once(sockets: tuple[str, ...]) -> None:
    async def work() -> None:
        async with device(1) as transport:
            with pytest.raises(TransportError, match="No address"):
                await transport.connect(Address(bytes(32), sockets), "sync")

    run(work())


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_an_id_that_is_none_is_said_at_once(key: bytes) -> None:
    async def work() -> None:
        async with device(1) as transport:
            with pytest.raises(TransportError):
                async with asyncio.timeout(1):
                    await transport.connect(Address(key, ("127.0.0.1:9",)), "sync")

    run(work())


def test_an_address_that_is_taken_is_said() -> None:
    async def work() -> None:
        async with device(1) as transport:
            taken = next(socket for socket in transport.address().sockets if socket.startswith("127."))
            other = IrohTransport(bytes([2]) * 32, bind=(taken, "[::1]:0"))
            with pytest.raises(TransportError, match=r"cannot be used at 127\.0\.0\.1"):
                await other.start(echo, lambda _device, _purpose: True)
            await other.stop()

    run(work())


def test_a_relay_that_is_none_is_said_and_one_that_is_away_changes_nothing() -> None:
    async def work() -> None:
        with pytest.raises(TransportError, match="“nonsense” is not the URL of a relay"):
            await IrohTransport(bytes(32), "nonsense", ONLY_HERE).start(echo, lambda _device, _purpose: True)
        away = IrohTransport(bytes([2]) * 32, "https://127.0.0.1:9", ONLY_HERE)
        await away.start(echo, lambda _device, _purpose: True)
        async with device(1) as transport:
            there = Address(away.address().device, away.address().sockets, "https://elsewhere.invalid")
            await exchange(await transport.connect(there, "sync"), b"x", 5)
        await away.stop()

    run(work())


def test_without_the_package_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iroh", None)
    transport = IrohTransport(bytes(32))
    with pytest.raises(TransportError, match=r"“iroh” is missing.*mailbox"):
        asyncio.run(transport.start(echo, lambda _device, _purpose: True))


# --- threads and exits


def test_it_works_in_a_loop_of_another_thread() -> None:
    async def work() -> None:
        async with device(1) as one, device(2) as other:
            connection = await one.connect(other.address(), "sync")
            await connection.send(b"hello")
            assert await connection.receive() == b"hello"

    errors: list[BaseException] = []

    def thread() -> None:
        try:
            run(work())
        except BaseException as error:  # noqa: BLE001  given to the test
            errors.append(error)

    threads = [threading.Thread(target=thread) for _ in range(2)]
    for each in threads:
        each.start()
    run(work())
    for each in threads:
        each.join()
    assert errors == []


_EXIT = """
import asyncio, sys, threading
from sync.transports.iroh import IrohTransport

async def echo(connection):
    while True:
        await connection.send(await connection.receive())

async def main(how, ready):
    both = [IrohTransport(bytes([n]) * 32, bind=("127.0.0.1:0", "[::1]:0")) for n in (1, 2)]
    for each in both:
        await each.start(echo, lambda device, purpose: True)
    connection = await both[0].connect(both[1].address(), "sync")
    sending = asyncio.create_task(connection.send(bytes(16 << 20)))
    receiving = asyncio.create_task(connection.receive())
    await sending
    ready.set()
    if how == "leave":
        await asyncio.Event().wait()
    if how == "stop":
        for each in both:
            await each.stop()
        await asyncio.gather(receiving, return_exceptions=True)

how, ready = sys.argv[1], threading.Event()
thread = threading.Thread(target=asyncio.run, args=(main(how, ready),), daemon=how == "leave")
thread.start()
ready.wait()
"""


@pytest.mark.parametrize("how", ["stop", "return", "leave"])
def test_a_process_ends_in_peace_whether_or_not_it_stops_first(how: str) -> None:
    for _ in range(2):
        line = [sys.executable, "-X", "faulthandler", "-W", "always", "-c", _EXIT, how]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")


# --- a cable


@contextmanager
def neighbour_device(neighbour: Neighbour) -> Iterator[tuple[Address, subprocess.Popen[str]]]:
    """A device in the second namespace, in a process of its own."""
    line = neighbour.command(sys.executable, "-m", "tests.helpers.iroh_peer", "2", *EVERYWHERE)
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            sockets = tuple(each for each in told["sockets"] if each.startswith(neighbour.there))
            yield Address(bytes.fromhex(told["device"]), sockets), process
        finally:
            process.kill()


async def exchange(connection: Connection, frame: bytes, seconds: float) -> None:
    """A frame there and back in time."""
    async with asyncio.timeout(seconds):
        await connection.send(frame)
        assert await connection.receive() == frame


def test_a_cable_that_is_out_for_a_moment_breaks_nothing() -> None:
    async def work(neighbour: Neighbour, there: Address) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            connection = await transport.connect(there, "sync")
            await exchange(connection, bytes(100_000), 5)
            neighbour.plug(False)
            sending = asyncio.create_task(exchange(connection, bytes(200_000), 15))
            await asyncio.sleep(1)
            assert not sending.done()
            neighbour.plug(True)
            await sending

    with Neighbour() as neighbour, neighbour_device(neighbour) as (there, _):
        run(work(neighbour, there))


def test_a_cable_that_stays_out_ends_the_connection_and_a_new_one_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert iroh_connection.SILENT_SECONDS < 20
    monkeypatch.setattr(iroh_connection, "SILENT_SECONDS", 2.0)
    monkeypatch.setattr("sync.transports.iroh.CONNECT_SECONDS", 1.0)

    async def work(neighbour: Neighbour, there: Address) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            connection = await transport.connect(there, "sync")
            await exchange(connection, b"x", 5)
            neighbour.plug(False)
            with pytest.raises(TransportError, match="does not answer"):
                async with asyncio.timeout(6):
                    await connection.receive()
            with pytest.raises(TransportError, match="does not answer"):
                await transport.connect(there, "sync")
            neighbour.plug(True)
            await exchange(await transport.connect(there, "sync"), b"y", 5)

    with Neighbour() as neighbour, neighbour_device(neighbour) as (there, _):
        run(work(neighbour, there))


def test_a_peer_that_was_killed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iroh_connection, "SILENT_SECONDS", 2.0)

    async def work(there: Address, process: subprocess.Popen[str]) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            connection = await transport.connect(there, "sync")
            await exchange(connection, b"x", 5)
            process.kill()
            with pytest.raises(TransportError, match="does not answer"):
                async with asyncio.timeout(6):
                    await connection.receive()

    with Neighbour() as neighbour, neighbour_device(neighbour) as (there, process):
        run(work(there, process))


def test_a_caller_keeps_its_connection_when_its_address_changes() -> None:
    async def work(neighbour: Neighbour, there: Address) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            connection = await transport.connect(there, "sync")
            await exchange(connection, b"x", 5)
            neighbour.move_here("10.77.0.8")
            await exchange(connection, bytes(300_000), 10)

    with Neighbour() as neighbour, neighbour_device(neighbour) as (there, _):
        run(work(neighbour, there))


def test_a_device_whose_address_changed_is_reached_at_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iroh_connection, "SILENT_SECONDS", 2.0)

    async def work(neighbour: Neighbour, there: Address) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            connection = await transport.connect(there, "sync")
            await exchange(connection, b"x", 5)
            old = neighbour.there
            neighbour.move_there("10.77.0.9")
            with pytest.raises(TransportError, match="does not answer"):
                await exchange(connection, b"y", 6)
            sockets = tuple(each.replace(old, neighbour.there) for each in there.sockets)
            await exchange(await transport.connect(Address(there.device, sockets), "sync"), b"z", 5)

    with Neighbour() as neighbour, neighbour_device(neighbour) as (there, _):
        run(work(neighbour, there))


def test_packets_that_are_lost_are_sent_again() -> None:
    async def work(neighbour: Neighbour, there: Address) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            connection = await transport.connect(there, "sync")
            neighbour.make_lossy()
            begun = time.monotonic()
            for n in range(4):
                await exchange(connection, bytes([n]) * 500_000, 20)
            assert neighbour.dropped() > 0
            assert time.monotonic() - begun < 20

    with Neighbour() as neighbour, neighbour_device(neighbour) as (there, _):
        run(work(neighbour, there))


def test_one_packet_in_twenty_may_be_lost_both_ways() -> None:
    async def work(neighbour: Neighbour, there: Address) -> None:
        async with device(1, bind=EVERYWHERE) as transport:
            begun = time.monotonic()
            connection = await transport.connect(there, "sync")
            for n in range(4):
                await exchange(connection, bytes([n]) * 500_000, 20)
            assert neighbour.lost() > 20
            assert time.monotonic() - begun < 40

    with Neighbour(loss=0.05) as neighbour, neighbour_device(neighbour) as (there, _):
        run(work(neighbour, there))
