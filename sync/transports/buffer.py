"""Frames on their way between two tasks of one loop: a queue that is bounded in bytes, so that a slow reader slows."""

from __future__ import annotations

import asyncio
from collections import deque

from sync.errors import TransportError

HELD_BYTES = 1 << 20
"""A buffer takes another frame while it holds less than this: at most one frame more than that is in memory."""
_FRAME_OVERHEAD = 64  # so that empty frames are bounded as well


class FrameBuffer:
    """Used from one loop only. `put` waits for room, `get` for a frame; after `end` what is held still comes out."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self._limit = limit
        self._frames: deque[bytes] = deque()
        self._held = 0
        self._ended: str | None = None
        self._room, self._some = asyncio.Event(), asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether `end` was called; `get` may still have frames."""
        return self._ended is not None

    async def put(self, frame: bytes) -> None:
        """Add a frame when there is room; TransportError after `end`."""
        while self._ended is None and self._held >= self._limit:
            self._room.clear()
            await self._room.wait()
        if self._ended is not None:
            raise TransportError(self._ended)
        self._frames.append(frame)
        self._held += len(frame) + _FRAME_OVERHEAD
        self._some.set()

    async def get(self) -> bytes:
        """Take the oldest frame; TransportError when there is none left after `end`."""
        while not self._frames:
            if self._ended is not None:
                raise TransportError(self._ended)
            self._some.clear()
            await self._some.wait()
        frame = self._frames.popleft()
        self._held -= len(frame) + _FRAME_OVERHEAD
        self._room.set()
        return frame

    def end(self, reason: str, discard: bool = False) -> None:
        """Take no more; the first reason stays. discard: forget what is held, too."""
        if self._ended is None:
            self._ended = reason
        if discard:
            self._frames.clear()
            self._held = 0
        self._room.set()
        self._some.set()
