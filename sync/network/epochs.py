"""Makes the epochs that operations of others have made due, one owner's device after the other.

Whoever signs an operation makes the epoch that follows from it. Others are due when a member's own device is added or
revoked, when two epochs were made at the same time, or when who removed somebody could not make one. Every owner's
device sees that: they take turns, and whoever finds the epoch made when its turn comes does nothing. Where news travel
slowly two may still make one each, which makes a further one due; so the turns of a device that has made some lately
are longer and longer, and the first device of all ends it.
"""

from __future__ import annotations

import asyncio
import contextlib

from sync.engine import Engine
from sync.errors import StoreError
from sync.network.conversations import Call

SETTLE_SECONDS = 0.2
"""So long even the first waits: operations come in groups."""
TURN_SECONDS = 2.0
QUIET_SECONDS = 600.0
"""After so long without a new one turns are short again."""
_MOST_DOUBLINGS = 8


class Turns:
    """How long this device waits, in seconds of a clock that only runs forward: pure."""

    def __init__(self) -> None:
        self._made, self._last = 0, 0.0

    def pause(self, turn: int, now: float) -> float:
        """Before an epoch is made by the device whose turn this is, counted from 0."""
        if now - self._last > QUIET_SECONDS:
            self._made = 0
        return SETTLE_SECONDS + turn * TURN_SECONDS * 2.0 ** min(self._made, _MOST_DOUBLINGS)

    def made(self, now: float) -> None:
        """This device has made an epoch."""
        self._made, self._last = self._made + 1, now


class EpochKeeper:
    """Makes epochs while `run` runs, whenever `look` was called and this device's turn has come."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._asked = asyncio.Event()
        self._turns = Turns()

    def look(self) -> None:
        """Logs have changed."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            with contextlib.suppress(StoreError):  # the disk is full, say: tried again after the next change
                await self._take_turn()

    async def _take_turn(self) -> None:
        turn = await self._call(_turn)
        if turn is None:
            return
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._turns.pause(turn, clock()))
        if await self._call(_renew):
            self._turns.made(clock())


def _turn(engine: Engine) -> int | None:
    with engine.transaction() as tx:
        return engine.members.epoch_turn(tx)


def _renew(engine: Engine) -> int:
    with engine.transaction(durable=True) as tx:
        return engine.members.renew_epochs(tx)
