"""What every live transport promises: one suite, run over memory and over iroh in a network namespace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sync.crypto import signing_key
from sync.errors import TransportError
from sync.transports.connection import (
    CONNECT_SECONDS,
    MAX_FRAME,
    PURPOSES,
    Address,
    Connection,
    Purpose,
    Transport,
)
from sync.transports.iroh import IrohTransport
from sync.transports.memory import MemoryNetwork
from sync.transports.serving import Limits

ONLY_HERE = ("127.0.0.1:0", "[::1]:0")
SEEDS = [bytes([n]) * 32 for n in (1, 2, 3)]
IDS = [signing_key(seed)[32:] for seed in SEEDS]

Serve = Callable[[Connection], Awaitable[None]]


@dataclass
class Node:
    """A transport with what it was asked and what it took."""

    transport: Transport
    serve: Serve
    refused: set[bytes] = field(default_factory=set)
    asked: list[tuple[bytes, Purpose]] = field(default_factory=list)
    served: int = 0

    async def start(self) -> None:
        await self.transport.start(self.accept, self.allow)

    def allow(self, device: bytes, purpose: Purpose) -> bool:
        self.asked.append((device, purpose))
        return device not in self.refused

    async def accept(self, connection: Connection) -> None:
        self.served += 1
        await self.serve(connection)


Make = Callable[[int], Transport]
Kind = Callable[[Limits], Make]


def memory(limits: Limits) -> Make:
    """Transports on one memory network."""
    network = MemoryNetwork()
    return lambda n: network.transport(IDS[n], limits)


def iroh(limits: Limits) -> Make:
    """Real ones on loopback."""
    return lambda n: IrohTransport(SEEDS[n], bind=ONLY_HERE, limits=limits)


KINDS = [pytest.param(memory, id="memory"), pytest.param(iroh, id="iroh", marks=pytest.mark.namespace)]
pytestmark = [pytest.mark.parametrize("kind", KINDS), pytest.mark.timeout(40)]


async def echo(connection: Connection) -> None:
    """Gives every frame back."""
    while True:
        await connection.send(await connection.receive())


async def wait(connection: Connection) -> None:
    """Neither sends nor receives."""
    await asyncio.Event().wait()


async def nothing(connection: Connection) -> None:
    """Takes nobody."""
    raise AssertionError("nobody should connect here")


@asynccontextmanager
async def two(kind: Kind, serve: Serve = echo, limits: Limits | None = None) -> AsyncIterator[tuple[Node, Node]]:
    """Two started nodes; the second serves."""
    make = kind(limits or Limits())
    nodes = Node(make(0), nothing), Node(make(1), serve)
    for node in nodes:
        await node.start()
    try:
        yield nodes
    finally:
        await asyncio.gather(*(node.transport.stop() for node in nodes))


Two = AbstractAsyncContextManager[tuple[Node, Node]]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test and see that it left no task; what iroh still had to say to this loop comes before its end."""

    async def main() -> None:
        problems: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        async with asyncio.timeout(30):
            await work
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert problems == []

    asyncio.run(main())


def test_frames_come_back_as_they_were(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            for frame in (b"", b"x", os.urandom(70_000), os.urandom(MAX_FRAME), b""):
                await connection.send(frame)
                assert await connection.receive() == frame

    run(work())


def test_both_know_who_the_other_is_and_what_for(kind: Kind) -> None:
    taken: list[tuple[bytes, Purpose]] = []

    async def tell(connection: Connection) -> None:
        taken.append((connection.peer, connection.purpose))

    async def work() -> None:
        async with two(kind, tell) as (one, other):
            assert other.transport.address().device == IDS[1]
            for purpose in PURPOSES:
                connection = await one.transport.connect(other.transport.address(), purpose)
                assert (connection.peer, connection.purpose) == (IDS[1], purpose)
                with pytest.raises(TransportError):
                    await connection.receive()
            assert other.asked == taken == [(IDS[0], purpose) for purpose in PURPOSES]

    run(work())


def test_frames_keep_their_order(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            frames = [bytes([n % 251]) * (n * 37 % 5_000) for n in range(500)]

            async def send() -> None:
                for frame in frames:
                    await connection.send(frame)

            sending = asyncio.create_task(send())
            assert [await connection.receive() for _ in frames] == frames
            await sending

    run(work())


def test_a_frame_over_the_limit_is_not_sent_and_harms_nothing(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            with pytest.raises(TransportError, match=r"16,777,217 bytes.*limit"):
                await connection.send(bytes(MAX_FRAME + 1))
            await connection.send(b"small")
            assert await connection.receive() == b"small"

    run(work())


def test_a_slow_reader_bounds_the_sender(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind, wait) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            sent = 0
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        await connection.send(bytes(1 << 20))
                        sent += 1
            assert 1 <= sent <= 12

    run(work())


def test_a_sender_goes_on_when_the_reader_does(kind: Kind) -> None:
    begin = asyncio.Event()
    total = 24

    async def late(connection: Connection) -> None:
        await begin.wait()
        for n in range(total):
            assert await connection.receive() == bytes([n]) * (1 << 20)
        await connection.send(b"all")

    async def work() -> None:
        async with two(kind, late) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")

            async def send() -> None:
                for n in range(total):
                    await connection.send(bytes([n]) * (1 << 20))

            sending = asyncio.create_task(send())
            done, _ = await asyncio.wait({sending}, timeout=0.3)
            assert not done
            begin.set()
            await sending
            assert await connection.receive() == b"all"

    run(work())


def test_whoever_is_not_allowed_is_refused_and_nothing_is_read(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind) as (one, other):
            other.refused.add(IDS[0])
            with pytest.raises(TransportError, match="does not know this one"):
                await one.transport.connect(other.transport.address(), "sync")
            assert (other.served, other.asked) == (0, [(IDS[0], "sync")])
            other.refused.clear()
            await one.transport.connect(other.transport.address(), "sync")

    run(work())


def test_another_device_at_the_address_is_noticed(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind) as (one, other):
            wrong = Address(IDS[2], other.transport.address().sockets)
            with pytest.raises(TransportError, match="Another device"):
                await one.transport.connect(wrong, "sync")
            assert other.served == 0

    run(work())


def test_nobody_there_is_said_within_the_limit(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.transports.iroh.CONNECT_SECONDS", 0.5)
    assert CONNECT_SECONDS == 10.0

    async def work() -> None:
        async with two(kind) as (one, _):
            async with asyncio.timeout(2):
                with pytest.raises(TransportError, match="does not answer"):
                    await one.transport.connect(Address(IDS[2], ("127.0.0.1:9",)), "sync")

    run(work())


def test_frames_before_a_close_still_arrive_and_the_reason_too(kind: Kind) -> None:
    got: list[bytes] = []
    ended = asyncio.Event()
    said = ""

    async def slow(connection: Connection) -> None:
        nonlocal said
        await asyncio.sleep(0.2)
        try:
            while True:
                got.append(await connection.receive())
        except TransportError as error:
            said = str(error)
            ended.set()

    async def work() -> None:
        async with two(kind, slow) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            frames = [bytes([n]) * 100_000 for n in range(8)]
            for frame in frames:
                await connection.send(frame)
            await connection.close("time for tea")
            await connection.close()
            await ended.wait()
            assert got == frames
            assert said == "The other device left: time for tea"

    run(work())


@pytest.mark.parametrize("busy", ["receiving", "sending", "blocked"])
def test_a_close_from_the_other_side_ends_what_goes_on(kind: Kind, busy: str) -> None:
    async def leave(connection: Connection) -> None:
        await asyncio.sleep(0.2)

    async def work() -> None:
        async with two(kind, leave) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            with pytest.raises(TransportError):
                while busy == "receiving":
                    await connection.receive()
                while True:
                    await connection.send(bytes(1 << 20 if busy == "blocked" else 10))
                    await asyncio.sleep(0)
            with pytest.raises(TransportError):
                await connection.send(b"x")
            with pytest.raises(TransportError):
                await connection.receive()

    run(work())


def test_a_close_from_this_side_ends_what_goes_on(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind, wait) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")

            async def send() -> None:
                while True:
                    await connection.send(bytes(1 << 20))

            tasks = [asyncio.create_task(connection.receive()), asyncio.create_task(send())]
            await asyncio.sleep(0.2)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("sync.transports.iroh_connection.CLOSE_SECONDS", 0.5)
                await connection.close()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ends] == [TransportError, TransportError]

    run(work())


def test_many_connections_at_once(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind, limits=Limits(per_device=100)) as (one, other):

            async def talk(n: int) -> None:
                connection = await one.transport.connect(other.transport.address(), "sync")
                for size in (n, 10_000 + n):
                    await connection.send(bytes(size))
                    assert await connection.receive() == bytes(size)

            for wave in range(3):  # all of them stay
                await asyncio.gather(*(talk(wave + n) for n in range(24)))
            assert other.served == 72

    run(work())


def test_strangers_are_limited_in_number_and_members_are_not(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind, limits=Limits(strangers=2)) as (one, other):
            there = other.transport.address()
            strangers = [await one.transport.connect(there, purpose) for purpose in ("pair", "join")]
            with pytest.raises(TransportError, match="busy"):
                await one.transport.connect(there, "link")
            await one.transport.connect(there, "sync")
            await strangers[0].close()
            with pytest.raises(TransportError):
                await strangers[0].receive()
            for _ in range(100):  # the other side counts it out as soon as it has heard of it
                try:
                    await one.transport.connect(there, "link")
                    return
                except TransportError:
                    await asyncio.sleep(0.01)
            raise AssertionError("the place was not given free")

    run(work())


def test_one_device_gets_so_many_connections(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind, limits=Limits(per_device=3)) as (one, other):
            for _ in range(3):
                await one.transport.connect(other.transport.address(), "sync")
            with pytest.raises(TransportError, match="too many connections"):
                await one.transport.connect(other.transport.address(), "sync")

    run(work())


def test_stopping_while_busy_ends_everything(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind, wait) as (one, other):
            connections = [await one.transport.connect(other.transport.address(), "sync") for _ in range(3)]

            async def send(connection: Connection) -> None:
                while True:
                    await connection.send(bytes(1 << 18))

            sending = [asyncio.create_task(send(connection)) for connection in connections]
            receiving = [asyncio.create_task(connection.receive()) for connection in connections]
            await asyncio.sleep(0.2)
            await other.transport.stop()
            ends = await asyncio.gather(*sending, *receiving, return_exceptions=True)
            assert {type(end) for end in ends} == {TransportError}
            with pytest.raises(TransportError):
                await other.transport.connect(one.transport.address(), "sync")
            await other.transport.stop()

    run(work())


def test_it_can_start_again(kind: Kind) -> None:
    async def work() -> None:
        async with two(kind) as (one, other):
            await other.transport.stop()
            await other.start()
            connection = await one.transport.connect(other.transport.address(), "sync")
            await connection.send(b"again")
            assert await connection.receive() == b"again"

    run(work())


def test_serving_that_fails_closes_the_connection_and_is_heard_of(kind: Kind) -> None:
    heard: list[BaseException | None] = []

    async def fail(connection: Connection) -> None:
        raise LookupError("a bug")

    async def work() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context.get("exception")))
        async with two(kind, fail) as (one, other):
            connection = await one.transport.connect(other.transport.address(), "sync")
            with pytest.raises(TransportError, match="had an error"):
                await connection.receive()

    run(work())
    assert [type(error) for error in heard] == [LookupError]
