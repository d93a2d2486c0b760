"""How a conversation's work becomes a stream of updates, and how streamed text becomes whole events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from app.agents.backend import OutputDelta, TextDelta, TextKind, Update
from app.errors import AgentError
from app.sessions.events import AgentMessage, AgentThought, Body

MOST_AT_ONCE = 200
MOST_WAITING = 2_000
"""Updates that lie in a stream before `room` makes wait."""


class UpdateStream:
    """Runs one piece of work at a time and yields what the work emits, in order, until it ends.

    What is emitted while a cancelled work winds up still arrives, so a tool call never loses its result.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Update | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._cancelling = False
        self._has_room = asyncio.Event()

    def emit(self, update: Update) -> None:
        """Put an update into the stream."""
        self._queue.put_nowait(update)

    async def room(self) -> None:
        """Wait while so much lies in the stream that whoever fills it should pause."""
        while self._queue.qsize() > MOST_WAITING:
            self._has_room.clear()
            await self._has_room.wait()

    async def run(self, work: Coroutine[Any, Any, None]) -> AsyncGenerator[Update, None]:
        """Yield updates while `work` runs; raise what it raised. A work that `cancel` ended just ends."""
        self._queue = asyncio.Queue()
        self._cancelling = False
        task = self._task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._queue.put_nowait(None))
        try:
            while (update := await self._queue.get()) is not None:
                self._has_room.set()
                yield update
            if not task.cancelled():
                task.result()
            elif not self._cancelling:
                raise AgentError("The agent broke off.")
        finally:
            await self.cancel()

    async def cancel(self) -> None:
        """End the running work and wait until it has wound up."""
        self._cancelling = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})


async def bursts(updates: AsyncGenerator[Update, None], most: int = MOST_AT_ONCE) -> AsyncGenerator[list[Update], None]:
    """The updates of a stream in lists: what lies ready comes together, at most so many. Errors come after them.

    The first comes alone, and lists grow only while more lies ready: nobody waits for the end of a quick stream.
    """
    burst: list[Update] = []
    size = 1
    following: asyncio.Future[Update | None] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(updates, None))
            if burst:
                await asyncio.sleep(0)
                is_ready = following.done() and following.exception() is None
                if not is_ready or len(burst) >= size:
                    size = min(2 * size, most) if is_ready else 1
                    yield burst
                    burst = []
            update = await following
            if update is None:
                break
            burst.append(update)
        if burst:
            yield burst
    finally:
        if following is not None and not following.done():
            following.cancel()
            await asyncio.wait({following})


class Joiner:
    """Joins text deltas into one message or thought, which is complete when anything else follows.

    model: recorded with the messages. A partial text can be read at any time (`kind`, `text`).
    """

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._pieces: list[str] = []
        self.kind: TextKind = "agent_message"

    @property
    def text(self) -> str:
        """The text of the message that is being said."""
        return "".join(self._pieces)

    def feed(self, update: Update) -> list[Body]:
        """Bodies that this update completes, in order."""
        match update:
            case OutputDelta():
                return []
            case TextDelta(kind=kind, text=text):
                finished = self.finish() if kind != self.kind else []
                self.kind = kind
                self._pieces.append(text)
                return finished
            case _:
                return [*self.finish(), update]

    def finish(self, *, interrupted: bool = False) -> list[Body]:
        """The message that was being said, if any; nothing is left afterwards."""
        text = self.text
        self._pieces.clear()
        if not text.strip():
            return []
        if self.kind == "agent_thought":
            return [AgentThought(text=text)]
        return [AgentMessage(text=text, model=self._model, interrupted=interrupted)]
