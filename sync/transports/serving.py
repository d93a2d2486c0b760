"""Incoming connections: who is let in, and the tasks that serve them. The same for every live transport."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sync.errors import TransportError
from sync.transports.connection import Accept, Allow, Connection, Purpose

_END_SECONDS = 1.0  # for tasks to see that their connection is closed, before they are cancelled
STOPPED = "This device has stopped taking part in the network."
UNKNOWN = "The other device does not know this one."


@dataclass(frozen=True, slots=True)
class Limits:
    """strangers: connections at once whose purpose is not "sync"; per_minute: how many may begin in a minute;
    per_device: connections at once of one device."""

    strangers: int = 16
    per_minute: int = 60
    per_device: int = 64


class Serving:
    """Lets connections in and runs `accept` for each in a task. `monotonic`: seconds."""

    def __init__(self, accept: Accept, allow: Allow, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._accept, self._allow, self._limits, self._monotonic = accept, allow, limits, monotonic
        self._served: dict[asyncio.Task[None], Connection] = {}
        self._devices: Counter[bytes] = Counter()
        self._strangers = 0
        self._tokens, self._counted = float(limits.per_minute), monotonic()

    def enter(self, peer: bytes, purpose: Purpose) -> None:
        """Count a connection in; whoever calls it calls `leave` at its end. TransportError: why it is refused."""
        if not self._allow(peer, purpose):
            raise TransportError(UNKNOWN)
        if self._devices[peer] >= self._limits.per_device:
            raise TransportError("The other device has too many connections of this one already.")
        if purpose != "sync":
            self._enter_stranger()
        self._devices[peer] += 1

    def _enter_stranger(self) -> None:
        now, rate = self._monotonic(), self._limits.per_minute
        self._tokens = min(float(rate), self._tokens + (now - self._counted) * rate / 60)
        self._counted = now
        if self._strangers >= self._limits.strangers or self._tokens < 1:
            raise TransportError("The other device is busy with others; try again in a minute.")
        self._tokens -= 1
        self._strangers += 1

    def leave(self, peer: bytes, purpose: Purpose) -> None:
        """Count a connection out."""
        self._devices[peer] -= 1
        if not self._devices[peer]:
            del self._devices[peer]
        if purpose != "sync":
            self._strangers -= 1

    async def serve(self, connection: Connection) -> None:
        """Run `accept` in this task; close the connection when it returns or raises."""
        task = asyncio.current_task()
        assert task is not None
        self._served[task] = connection
        reason = ""
        try:
            await self._accept(connection)
        except TransportError:  # the peer left: nothing to tell
            pass
        except Exception as error:  # noqa: BLE001  whatever it is, it is heard of and the others go on
            reason = "The other device had an error."
            context = {"message": "serving a connection failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        finally:
            try:
                await connection.close(reason)
            finally:
                del self._served[task]

    async def stop(self) -> None:
        """Close what is being served and wait until the tasks have ended; the calling task is left alone."""
        served = {task: connection for task, connection in self._served.items() if task is not asyncio.current_task()}
        await asyncio.gather(*(connection.close(STOPPED) for connection in served.values()))
        await end_tasks(set(served), _END_SECONDS)


async def end_tasks(tasks: set[asyncio.Task[None]], seconds: float) -> None:
    """Wait for tasks to end by themselves, then cancel them; whatever they raise is gone."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
