"""Homes whose engines run on threads of their own, as in the program, and nodes that connect them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sync.clock import SystemClock, system_random
from sync.engine import Engine
from sync.events import Committed
from sync.network.node import Hooks, Node
from sync.transports.connection import Transport
from tests.sync.engine_home import open_engine, shown

T = TypeVar("T")


class Home:
    """An engine on its writer's thread. transport: made when the node is."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._thread = ThreadPoolExecutor(1)
        self.engine: Engine = self._thread.submit(open_engine, folder, folder.name).result()

    def do(self, work: Callable[[Engine], T]) -> T:
        return self._thread.submit(work, self.engine).result()

    async def call(self, work: Callable[[Engine], T]) -> T:
        return await asyncio.wrap_future(self._thread.submit(work, self.engine))

    @property
    def device(self) -> bytes:
        return self.engine.device.device_id

    def shown(self) -> dict[str, set[str]]:
        return self.do(lambda engine: shown(engine.connection))

    def close(self) -> None:
        self._thread.submit(self.engine.close).result()
        self._thread.shutdown()

    @asynccontextmanager
    async def online(self, transport: Transport | None, hooks: Hooks | None = None) -> AsyncIterator[Node]:
        loop = asyncio.get_running_loop()
        node = Node(self.call, transport, SystemClock(), system_random, program="test", hooks=hooks)

        def committed(commit: Committed) -> None:
            loop.call_soon_threadsafe(node.committed, commit.subjects)

        self.engine.subscribe(committed)
        async with node.running():
            yield node


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  rows of another thread's database are looked at
            await asyncio.sleep(0.01)
