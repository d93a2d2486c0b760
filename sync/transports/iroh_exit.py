"""What is done for a process that ends without having stopped its transports.

iroh's threads answer into Python. If they do so while the interpreter is being taken down, the process aborts; so
everything that still runs is stopped before.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as Late

_SECONDS = 3.0
_running: dict[Callable[[], Awaitable[None]], asyncio.AbstractEventLoop] = {}


def stop_at_exit(stop: Callable[[], Awaitable[None]]) -> None:
    """Have this called in the running loop at the end of the process; a loop that has ended waits for nothing more."""
    _running[stop] = asyncio.get_running_loop()


def is_stopped(stop: Callable[[], Awaitable[None]]) -> None:
    """It was called already."""
    _running.pop(stop, None)


@atexit.register
def _stop_all() -> None:
    for stop, loop in tuple(_running.items()):
        if loop.is_running():
            try:
                asyncio.run_coroutine_threadsafe(_call(stop), loop).result(_SECONDS)
            except Late:
                pass


async def _call(stop: Callable[[], Awaitable[None]]) -> None:
    await stop()
