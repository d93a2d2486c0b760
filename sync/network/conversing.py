"""Runs a conversation over a live connection.

One task reads, one writes, one keeps time; each step of the conversation is executed where `run` says, which is the
writer's thread of the store. Whoever ends first ends all, and the connection is closed in every case.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

from sync.errors import TransportError
from sync.protocol.happenings import Ended, Happening
from sync.protocol.messages import Beat, encode_message
from sync.protocol.peer import TICK_MS, Conversation
from sync.transports.connection import Connection

T = TypeVar("T")
FAREWELL_SECONDS = 2.0
"""How long the last frame may take."""


class Run(Protocol):
    """Executes a function on the writer's thread."""

    def __call__(self, function: Callable[[], T]) -> Awaitable[T]: ...


class Conversing:
    """A conversation that is being held; `converse` until it is over. heard: told on the loop what happens, in order.

    After anything that may give the conversation something to send (`local_change`, …, executed with `run`), `wake`.
    """

    def __init__(
        self,
        connection: Connection,
        conversation: Conversation,
        run: Run,
        heard: Callable[[Happening], None],
        tick_seconds: float = TICK_MS / 1000,
    ) -> None:
        self._tick_seconds = tick_seconds
        self._connection = connection
        self.conversation = conversation
        self._run = run
        self._heard = heard
        self._awake = asyncio.Event()
        self._ended: Ended | None = None
        self._is_torn = False
        """Whether a frame may have left in part."""

    def wake(self) -> None:
        """There may be something to send; from the loop's thread."""
        self._awake.set()

    async def act(self, function: Callable[[], T]) -> T:
        """Let the conversation do something, such as `local_change`, and send what comes of it."""
        result = await self._run(function)
        self._tell()
        self.wake()
        return result

    async def converse(self) -> Ended:
        """Hold the conversation until one side ends it; gives why. Cancelling it says goodbye first."""
        tasks = [asyncio.create_task(each) for each in (self._read(), self._write(), self._keep_time())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return await self._ending(tasks)
        finally:
            await _cancel(tasks)
            await self._part()

    async def _ending(self, tasks: list[asyncio.Task[None]]) -> Ended:
        """Why it is over; raises what is not the connection's or the peer's fault."""
        await _cancel(tasks)
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, TransportError):
                await self.act(partial(self.conversation.lose, str(error)))
            elif error is not None:
                raise error
        self._tell()
        return self._ended or Ended("")

    async def _part(self) -> None:
        """Say goodbye if there is somebody to say it to, and close."""
        try:
            await self._run(self.conversation.leave)
            frame = await self._run(self.conversation.next_frame)
            if frame is not None and not self._is_torn:
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._connection.send(frame)
        except (TransportError, TimeoutError):
            pass
        finally:
            self._tell()
            await self._connection.close()

    async def _read(self) -> None:
        while not self.conversation.is_over:
            frame = await self._connection.receive()
            await self.act(partial(self.conversation.receive, frame))

    async def _write(self) -> None:
        await self.act(self.conversation.start)
        while not self.conversation.is_over:
            self._awake.clear()
            while not self.conversation.is_over and (frame := await self._next_frame()) is not None:
                await self._send(frame)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tick_seconds):  # Python 3.11's wait_for may swallow a cancellation
                    await self._awake.wait()

    async def _send(self, frame: bytes) -> None:
        self._is_torn = True
        await self._connection.send(frame)
        self._is_torn = False

    async def _next_frame(self) -> bytes | None:
        """The next frame; while the writer's thread is long at something else, a sign of life instead."""
        making = asyncio.ensure_future(self._run(self.conversation.next_frame))
        while not (await asyncio.wait([making], timeout=self._tick_seconds))[0]:
            await self._send(encode_message(Beat()))
        self._tell()
        return await making

    async def _keep_time(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.conversation.is_over:
            await self.act(partial(self.conversation.tick, int(loop.time() * 1000)))
            await asyncio.sleep(self._tick_seconds)

    def _tell(self) -> None:
        while (happening := self.conversation.next_happening()) is not None:
            if isinstance(happening, Ended):
                self._ended = happening
                self.wake()
            self._heard(happening)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
