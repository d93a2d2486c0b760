"""Conversations over connections in memory, each executed on a thread as the store's writer does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from sync.network.conversing import Conversing
from sync.protocol.happenings import Ended, Happening, InSync, Reached
from sync.protocol.messages import Beat, Hello, decode_message
from sync.protocol.peer import Conversation
from tests.helpers.connection_pair import PairedConnection, connection_pair
from tests.helpers.memory_replica import MemoryReplica

T = TypeVar("T")
WORKSPACE = b"w" * 32


class _Device:
    """A replica, its writer's thread and what its conversation told."""

    def __init__(self, replica: MemoryReplica) -> None:
        self.replica = replica
        self.writer = ThreadPoolExecutor(1)
        self.heard: list[Happening] = []
        self.changed = asyncio.Event()

    def run(self, function: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self.writer, function)

    def hear(self, happening: Happening) -> None:
        self.heard.append(happening)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def conversing(self, connection: PairedConnection) -> Conversing:
        conversation = Conversation(self.replica, self.replica.device, connection.peer, program="test")
        return Conversing(connection, conversation, self.run, self.hear)


Devices = Callable[[int], tuple[_Device, _Device]]


@pytest.fixture
def devices() -> Iterator[Devices]:
    made: list[_Device] = []

    def make(entries: int) -> tuple[_Device, _Device]:
        pair = _make(entries)
        made.extend(pair)
        return pair

    yield make
    for device in made:
        device.writer.shutdown()


def _make(entries: int) -> tuple[_Device, _Device]:
    left, right = MemoryReplica(1), MemoryReplica(2)
    for member in (left.device, right.device):
        left.invite(WORKSPACE, member)
    right.operations_of[WORKSPACE] = dict(left.operations_of[WORKSPACE])
    for number in range(entries):
        left.write(WORKSPACE, b"%d" % number)
    return _Device(left), _Device(right)


def test_two_devices_meet_and_part(devices: Devices) -> None:
    async def meet() -> None:
        left, right = devices(300)
        ends = connection_pair(left.replica.device, right.replica.device, room=1)
        holding = [device.conversing(end) for device, end in zip((left, right), ends, strict=True)]
        tasks = [asyncio.create_task(each.converse()) for each in holding]
        for device in (left, right):
            await device.until(lambda device=device: InSync(WORKSPACE) in device.heard)  # type: ignore[misc]
        assert left.replica.contents() == right.replica.contents()
        left.replica.write(WORKSPACE, b"live")
        await holding[0].act(lambda: holding[0].conversation.local_change(WORKSPACE))
        await right.until(lambda: right.heard.count(InSync(WORKSPACE)) == 2)
        await holding[0].act(lambda: holding[0].conversation.leave("Closing down."))
        ended = [await task for task in tasks]
        assert ended[0] == Ended("") and "Closing down." in ended[1].reason
        assert all(end.is_closed for end in ends)

    asyncio.run(meet())


def test_cancelling_says_goodbye(devices: Devices) -> None:
    async def meet() -> None:
        left, right = devices(1)
        ends = connection_pair(left.replica.device, right.replica.device)
        tasks = [
            asyncio.create_task(device.conversing(end).converse())
            for device, end in zip((left, right), ends, strict=True)
        ]
        await left.until(lambda: any(isinstance(each, Reached) for each in left.heard))
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        assert (await tasks[1]).reason == "The other device ended the conversation."
        assert all(end.is_closed for end in ends)

    asyncio.run(meet())


def test_a_connection_that_breaks_ends_it(devices: Devices) -> None:
    async def meet() -> None:
        left, right = devices(1)
        ends = connection_pair(left.replica.device, right.replica.device)
        task = asyncio.create_task(left.conversing(ends[0]).converse())
        await ends[1].close()
        assert await task == Ended("The other device left.")
        assert left.heard[-1] == Ended("The other device left.")

    asyncio.run(meet())


def test_a_fault_of_the_store_is_raised(devices: Devices) -> None:
    async def meet() -> None:
        left, right = devices(1)
        ends = connection_pair(left.replica.device, right.replica.device)

        def broken(peer: bytes) -> list[object]:
            raise OSError("The disk is gone.")

        left.replica.logs = broken  # type: ignore[assignment]
        tasks = [
            asyncio.create_task(device.conversing(end).converse())
            for device, end in zip((left, right), ends, strict=True)
        ]
        with pytest.raises(OSError, match="disk"):
            await tasks[0]
        assert (await tasks[1]).reason
        assert all(end.is_closed for end in ends)

    asyncio.run(meet())


def test_a_silent_peer_is_left(devices: Devices) -> None:
    async def meet() -> None:
        left, right = devices(1)
        ends = connection_pair(left.replica.device, right.replica.device)
        holding = left.conversing(ends[0])
        task = asyncio.create_task(holding.converse())
        for now_ms in range(10**12, 10**12 + 60_000, 5_000):
            await holding.act(lambda now_ms=now_ms: holding.conversation.tick(now_ms))  # type: ignore[misc]
        assert "does not answer" in (await task).reason
        assert ends[0].is_closed

    asyncio.run(meet())


def test_a_writer_that_is_busy_elsewhere_still_gives_signs_of_life(devices: Devices) -> None:
    async def meet() -> None:
        left, right = devices(1)
        ends = connection_pair(left.replica.device, right.replica.device)
        conversation = Conversation(left.replica, left.replica.device, right.replica.device, program="test")
        holding = Conversing(ends[0], conversation, left.run, left.hear, tick_seconds=0.02)
        task = asyncio.create_task(holding.converse())
        assert isinstance(decode_message(await ends[1].receive()), Hello)
        is_free = threading.Event()
        busy = asyncio.ensure_future(left.run(is_free.wait))
        try:
            async with asyncio.timeout(20):
                for _ in range(5):
                    assert isinstance(decode_message(await ends[1].receive()), Beat)
            assert not busy.done()
        finally:
            is_free.set()
        await ends[1].close()
        assert (await task).reason == "The other device left."

    asyncio.run(meet())


@pytest.mark.parametrize("steps", range(5))
def test_a_conversation_that_is_woken_while_it_is_cancelled_ends(devices: Devices, steps: int) -> None:
    left, right = devices(1)

    async def scene() -> None:
        ends = connection_pair(left.replica.device, right.replica.device)
        one, other = left.conversing(ends[0]), right.conversing(ends[1])
        tasks = [asyncio.create_task(each.converse()) for each in (one, other)]
        await left.until(lambda: any(isinstance(each, InSync) for each in left.heard))
        await asyncio.sleep(0.05)  # both wait
        tasks[0].cancel()
        for _ in range(steps):
            one.wake()
            await asyncio.sleep(0)
        assert not (await asyncio.wait(tasks, timeout=5))[1]

    asyncio.run(scene())
