"""Keeps the links of a home as they should be, for as long as this process runs the network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING

from app.network.beside import beside
from app.network.sharing import Storages, refresh_links, storage_at
from sync.errors import SyncError

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations
    from app.workspace import Workspace
    from sync.protocol.address import Address

CALM_SECONDS = 2.0
"""So long after a change its session is published again: a turn is many changes."""
LONGEST_PAUSE = 60.0
"""How often all links are looked at: some expire, and places come back."""


class LinkKeeper:
    """Publishes sessions again that changed, and takes back what has ended. address: where this device is reached."""

    def __init__(self, home: Workspace, address: Callable[[], Address | None], storages: Storages = storage_at) -> None:
        self._home = home
        self._address = address
        self._storages = storages
        self._changed: set[str] = set()
        self._woken = asyncio.Event()

    def heard(self, subjects: Iterable[str]) -> None:
        """Something was committed (see `sync.events.Committed`); on the loop's thread."""
        for subject in subjects:
            kind, _, name = subject.removeprefix("note/").partition("/")
            if kind == "session":
                self._changed.add(name)
                self._woken.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends."""
        async with beside(self._run()):
            yield

    async def _run(self) -> None:
        await self._home.write_async(self._remember_address)
        while True:
            await self._refresh(None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(await self._pause()):
                    while True:
                        await self._woken.wait()
                        await asyncio.sleep(CALM_SECONDS)
                        self._woken.clear()
                        changed, self._changed = self._changed, set()
                        await self._refresh(changed)

    async def _refresh(self, sessions: set[str] | None) -> None:
        with contextlib.suppress(SyncError):  # a disk that is full now may not be at the next look
            await refresh_links(self._home, self._storages, sessions)

    async def _pause(self) -> float:
        """Seconds until a link expires, but not too many."""
        now = self._home.clock.now_ms()
        ends = await self._home.read_async(lambda queries: queries.next_expiry(now))
        return LONGEST_PAUSE if ends is None else min(LONGEST_PAUSE, max(0.1, (ends - now) / 1000))

    def _remember_address(self, operations: SessionOperations) -> None:
        address = self._address()
        if address is not None:
            operations.keep_own_address(address)
