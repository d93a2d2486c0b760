"""Fetches the payloads that somebody asked for, whatever their size and in whichever process they asked.

One device after the other is asked, then the mailboxes. What nobody has stays wanted: it is tried again when a device
comes, and when the person asks again. How much has come is the size of what waits for the rest
(`Queries.fetches`), so that every process sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.network.beside import beside
from app.sessions.tables import FETCH
from sync.errors import SyncError
from sync.protocol.happenings import BlobMissing, Ended, Happening, InSync, Reached

if TYPE_CHECKING:
    from app.sessions.payload_queries import Fetch
    from app.sessions.queries import Queries
    from app.workspace import Workspace
    from sync.network.node import Node

NOBODY = "Nobody who has it can be reached now. It comes as soon as somebody who has it is there."
GONE = "Nothing in this home refers to it any more."
AGAIN_SECONDS = 60.0
LIVE_SECONDS = 10.0
LOOK_SECONDS = 0.1


@dataclass(slots=True)
class _Asked:
    """How far a payload is. peer: who sends it now; tried: who does not have it, or ended."""

    workspace: bytes
    peer: bytes | None = None
    mailbox: asyncio.Task[None] | None = None
    tried: set[bytes] = field(default_factory=set)
    tried_mailboxes: bool = False

    @property
    def is_coming(self) -> bool:
        return self.peer is not None or self.mailbox is not None


class PayloadFetcher:
    """Fetches for one home, while its node runs."""

    def __init__(self, home: Workspace) -> None:
        self._home = home
        self._asked: dict[bytes, _Asked] = {}
        self._woken = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self, node: Node) -> AsyncIterator[None]:
        """Run until the block ends."""
        self._woken.set()
        async with beside(self._run(node)):
            try:
                yield
            finally:
                for asked in self._asked.values():
                    if asked.mailbox is not None:
                        asked.mailbox.cancel()

    def heard(self, subjects: Iterable[str]) -> None:
        """Something was committed; on the loop's thread."""
        if any(subject == FETCH or subject.startswith("blob/") for subject in subjects):
            self._woken.set()

    def happened(self, peer: bytes, happening: Happening) -> None:
        """A conversation went on; on the loop's thread."""
        match happening:
            case Reached() | InSync():
                for asked in self._asked.values():
                    asked.tried.discard(peer)
                    asked.tried_mailboxes = False
            case BlobMissing(blob=blob) if blob in self._asked:
                self._give_up(self._asked[blob], peer)
            case Ended():
                for asked in self._asked.values():
                    self._give_up(asked, peer)
            case _:
                return
        self._woken.set()

    @staticmethod
    def _give_up(asked: _Asked, peer: bytes) -> None:
        asked.tried.add(peer)
        if asked.peer == peer:
            asked.peer = None

    async def _run(self, node: Node) -> None:
        while True:
            await self._wait()
            wanted = {bytes.fromhex(fetch.blob): fetch for fetch in await self._home.read_async(_wanted)}
            for blob in self._asked.keys() - wanted.keys():
                await self._stop(node, blob)
            for blob, fetch in wanted.items():
                await self._go_on(node, blob, fetch)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            for asked in self._asked.values():
                asked.tried.clear()
                asked.tried_mailboxes = False
        self._woken.clear()

    async def _stop(self, node: Node, blob: bytes) -> None:
        """It is here, or nobody wants it any more."""
        asked = self._asked.pop(blob)
        if asked.mailbox is not None:
            asked.mailbox.cancel()
        if asked.peer is not None:
            await node.stop_blob(asked.workspace, blob)

    async def _go_on(self, node: Node, blob: bytes, fetch: Fetch) -> None:
        if await self._home.read_async(lambda queries: queries.has_blob(blob)):
            await self._home.write_async(lambda operations: operations.end_fetch([fetch.blob]))
            return
        if fetch.workspace is None:
            await self._fail(fetch, GONE)
            return
        asked = self._asked.setdefault(blob, _Asked(fetch.workspace))
        if asked.is_coming:
            return
        peers = [peer.device for peer in node.status().peers if peer.device not in asked.tried]
        if peers:
            asked.peer = peers[0]
            await node.want_blob(asked.workspace, blob, asked.peer)
        elif not asked.tried_mailboxes:
            asked.tried_mailboxes = True
            asked.mailbox = asyncio.ensure_future(self._search(node, asked, blob))
        else:
            await self._fail(fetch, NOBODY)

    async def _search(self, node: Node, asked: _Asked, blob: bytes) -> None:
        try:
            with contextlib.suppress(SyncError):
                await node.fetch_from_mailboxes(asked.workspace, blob)
        finally:
            asked.mailbox = None
            self._woken.set()

    async def _fail(self, fetch: Fetch, problem: str) -> None:
        if fetch.problem != problem:
            await self._home.write_async(lambda operations: operations.fail_fetch(fetch.blob, problem))


def _wanted(queries: Queries) -> list[Fetch]:
    return queries.fetches()


async def fetch_payloads(
    home: Workspace, payloads: Mapping[str, int], advance: Callable[[int], object], patience_s: float = LIVE_SECONDS
) -> list[Fetch]:
    """Ask for payloads (id in hex, size) and wait until they are here; gives those that do not come now.

    Some process of the home must take part in the network. advance: told the bytes that have come. patience_s: how long
    somebody may take to be met, in seconds. What does not come stays wanted.
    """
    await home.write_async(lambda operations: operations.fetch(payloads))
    loop, total = asyncio.get_running_loop(), sum(payloads.values())
    last, moved = -1, asyncio.get_running_loop().time()
    while left := [fetch for fetch in await home.read_async(_wanted) if fetch.blob in payloads]:
        came = total - sum(max(0, fetch.size - fetch.done) for fetch in left)
        if came != last:
            last, moved = came, loop.time()
            advance(came)
        if all(fetch.problem for fetch in left) and loop.time() - moved >= patience_s:
            break
        await asyncio.sleep(LOOK_SECONDS)
    return left
