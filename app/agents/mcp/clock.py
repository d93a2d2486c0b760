"""The time of a call, which stands still while a person is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Clocks:
    """The clocks of the calls that run on one connection."""

    def __init__(self) -> None:
        self._running: set[asyncio.Timeout] = set()
        self._pauses = 0
        self._left: dict[asyncio.Timeout, float] = {}

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Raises TimeoutError once this has taken so long, without the pauses."""
        async with asyncio.timeout(None) as timeout:
            self._running.add(timeout)
            if self._pauses:
                self._left[timeout] = seconds
            else:
                timeout.reschedule(asyncio.get_running_loop().time() + seconds)
            try:
                yield
            finally:
                self._running.discard(timeout)
                self._left.pop(timeout, None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A person is asked: no time passes."""
        now = asyncio.get_running_loop().time
        if not self._pauses:
            for timeout in self._running:
                self._left[timeout] = (timeout.when() or now()) - now()
                timeout.reschedule(None)
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                for timeout, left in self._left.items():
                    if not timeout.expired():
                        timeout.reschedule(now() + left)
                self._left.clear()
