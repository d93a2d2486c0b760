"""The bounded queue between two tasks."""

from __future__ import annotations

import asyncio

import pytest

from sync.errors import TransportError
from sync.transports.buffer import FrameBuffer


def test_empty_frames_are_bounded_too() -> None:
    async def work() -> int:
        buffer, put = FrameBuffer(10_000), 0
        try:
            async with asyncio.timeout(0.05):
                while True:
                    await buffer.put(b"")
                    put += 1
        except TimeoutError:
            return put

    assert asyncio.run(work()) == 157  # 64 bytes are counted for each


def test_what_waits_wakes_at_the_end_and_what_is_held_still_comes_out() -> None:
    async def work() -> None:
        buffer = FrameBuffer(1)
        await buffer.put(b"a")
        putting = [asyncio.create_task(buffer.put(b"b")) for _ in range(2)]
        await asyncio.sleep(0)
        buffer.end("over")
        buffer.end("later")
        assert [str(error) for error in await asyncio.gather(*putting, return_exceptions=True)] == ["over", "over"]
        assert await buffer.get() == b"a"
        with pytest.raises(TransportError, match="over"):
            await buffer.get()

    asyncio.run(work())


def test_a_reader_that_gives_up_loses_nothing() -> None:
    async def work() -> None:
        buffer = FrameBuffer()
        getting = asyncio.create_task(buffer.get())
        await asyncio.sleep(0)
        await buffer.put(b"a")
        getting.cancel()
        await asyncio.gather(getting, return_exceptions=True)
        assert await buffer.get() == b"a"

    asyncio.run(work())
