"""Introduces this device to devices that it knows and that do not know it.

A home that was restored from a backup, copied, or paired while the others were away has a device that only its own
identity log proves. Whoever refuses it as unknown is shown that log, as after a recovery; nothing they hand over is
taken in, because the conversation that is possible then brings it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.network.conversing import send
from app.network.inviting import introduce
from app.workspace import Workspace
from sync.clock import Random, system_random
from sync.engine import Engine
from sync.errors import MembershipError, ProtocolError, TransportError
from sync.network.node import Node
from sync.protocol.address import Address

_FOUNDED = 2
"""Operations of an identity with its first device, which everybody who knows it has."""
AGAIN_SECONDS, LATER_SECONDS = 60.0, 3600.0
"""Not before that after a device could not be reached, and after it has decided about the same log."""
_WAITING = 64


@dataclass(frozen=True, slots=True)
class _Tried:
    """An introduction. log: the number of operations that were shown; until: seconds of the loop's clock."""

    log: int
    until: float


class Introducer:
    """One device at a time, each once for what the log says, with pauses; while `running`."""

    def __init__(self, workspace: Workspace, random: Random = system_random) -> None:
        self._workspace, self._random = workspace, random
        self._waiting: asyncio.Queue[Address] = asyncio.Queue(_WAITING)
        self._tried: dict[bytes, _Tried] = {}

    def refused(self, address: Address) -> None:
        """A device that is known here does not know this one; on the loop. Beyond some at once they come again."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(address)

    @contextlib.asynccontextmanager
    async def running(self, node: Node) -> AsyncIterator[None]:
        """Run until the block ends."""
        task = asyncio.ensure_future(self._run(node))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, node: Node) -> None:
        while True:
            address = await self._waiting.get()
            log = await asyncio.to_thread(self._workspace.with_engine, _operations)
            if log > _FOUNDED and self._is_due(address.device, log):
                pause = await self._try(node, address)
                self._tried[address.device] = _Tried(log, asyncio.get_running_loop().time() + pause)

    def _is_due(self, device: bytes, log: int) -> bool:
        tried = self._tried.get(device)
        return tried is None or tried.log != log or tried.until <= asyncio.get_running_loop().time()

    async def _try(self, node: Node, address: Address) -> float:
        """Introduce this device; gives the seconds to wait before the same is tried again."""
        try:
            connection = await node.connect(address, "join")
            try:
                side, _given = await introduce(self._workspace, connection, self._random)
                await send(connection, side.keep())
            finally:
                await connection.close()
        except TransportError:
            return AGAIN_SECONDS
        except (ProtocolError, MembershipError):
            return LATER_SECONDS
        node.hurry()
        return LATER_SECONDS


def _operations(engine: Engine) -> int:
    return len(engine.memberships.operations(engine.identity))
