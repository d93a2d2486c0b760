"""Finishes what other devices have purged: erases it from the files of this home, and takes back the links to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from app.network.beside import beside
from sync.errors import StoreError
from sync.repository.purging import HEARD

if TYPE_CHECKING:
    from app.workspace import Workspace

CALM_SECONDS = 1.0
"""Erasing rewrites the database, so that of several purges in a row is done once."""
AGAIN_SECONDS = 60.0


class PurgeFinisher:
    """Finishes for one home, while its node runs."""

    def __init__(self, home: Workspace) -> None:
        self._home = home
        self._woken = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends; what an earlier program left is finished too."""
        self._woken.set()
        async with beside(self._run()):
            yield

    def heard(self, subjects: Iterable[str]) -> None:
        """Something was committed; on the loop's thread."""
        if HEARD in subjects:
            self._woken.set()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self._woken.wait()
                    await asyncio.sleep(CALM_SECONDS)
            self._woken.clear()
            with contextlib.suppress(StoreError):  # another program is writing; it is tried again
                await self._home.write_async(lambda operations: operations.finish_purges())
