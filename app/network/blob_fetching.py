"""Brings in the payloads that synced events refer to: pictures, outputs, file contents.

Entries travel without them. What is small comes by itself, the newest sessions first, so that it is here without a
network too; what is larger comes when somebody wants to see it (`want`). One that nobody has is asked for again later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.network.beside import beside
from sync.errors import SyncError
from sync.protocol.happenings import BlobMissing, Happening, InSync, Reached

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.workspace import Workspace
    from sync.network.node import Node

BY_ITSELF_BYTES = 8 << 20
AT_ONCE = 32
AGAIN_SECONDS = 60.0
CALM_SECONDS = 0.5


_BY_ITSELF = """
SELECT f.blob, max(f.size), w.id FROM (
  SELECT blob, size, session FROM session_blob WHERE size BETWEEN 1 AND ?
  UNION ALL SELECT a.blob, a.size, e.session FROM awaited a JOIN event e ON e.row=a.row WHERE a.size<=?
) f JOIN session s ON s.row=f.session JOIN workspace w ON w.row=s.workspace
GROUP BY f.blob, w.id ORDER BY max(s.updated) DESC"""


@dataclass(frozen=True, slots=True)
class MissingBlob:
    """A payload that is not on this device. size: of its content, as the events say."""

    workspace: bytes
    blob: bytes
    size: int


def missing_blobs(queries: Queries, known: set[str], limit: int) -> list[MissingBlob]:
    """Payloads up to `BY_ITSELF_BYTES` that sessions of any workspace refer to and that are not here.

    known: ids (hex) that need no look; those that are found here are added.
    """
    rows = queries.connection.execute(_BY_ITSELF, (BY_ITSELF_BYTES, BY_ITSELF_BYTES))
    found = []
    for name, size, workspace in rows:
        if name in known:
            continue
        blob = bytes.fromhex(name)
        if queries.has_blob(blob):
            known.add(name)
            continue
        found.append(MissingBlob(bytes(workspace), blob, size))
        if len(found) == limit:
            break
    return found


class BlobFetcher:
    """Fetches for one home, while its node runs."""

    def __init__(self, home: Workspace) -> None:
        self._home = home
        self._here: set[str] = set()
        self._asked: dict[bytes, float] = {}
        self._wanted: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        self._woken = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self, node: Node) -> AsyncIterator[None]:
        """Run until the block ends."""
        async with beside(self._run(node), self._search_mailboxes(node)):
            yield

    def heard(self, subjects: Iterable[str]) -> None:
        """Something was committed; on the loop's thread."""
        if any(subject.startswith(("session/", "blob/")) for subject in subjects):
            self._woken.set()

    def happened(self, happening: Happening) -> None:
        """A conversation went on; on the loop's thread."""
        match happening:
            case Reached() | InSync():
                self._asked.clear()
                self._woken.set()
            case BlobMissing(workspace=workspace, blob=blob):
                self._wanted.put_nowait((workspace, blob))

    async def _run(self, node: Node) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self._woken.wait()
                    await asyncio.sleep(CALM_SECONDS)
            self._woken.clear()
            status = node.status()
            if not status.peers and not status.mailboxes:
                continue
            missing = await self._home.read_async(lambda queries: missing_blobs(queries, self._here, AT_ONCE))
            for one in missing:
                if self._asked.get(one.blob, float("-inf")) + AGAIN_SECONDS <= loop.time():
                    self._asked[one.blob] = loop.time()
                    await self._fetch(node, one.workspace, one.blob)

    async def _fetch(self, node: Node, workspace: bytes, blob: bytes) -> None:
        if not await node.want_blob(workspace, blob):
            self._wanted.put_nowait((workspace, blob))

    async def _search_mailboxes(self, node: Node) -> None:
        """What no connected device has may lie in a mailbox."""
        while True:
            workspace, blob = await self._wanted.get()
            with contextlib.suppress(SyncError):  # it is asked for again
                await node.fetch_from_mailboxes(workspace, blob)
