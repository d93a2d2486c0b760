"""A device catches up with another one: 100 sessions of 1,000 events, from process to process over iroh.

Measured from the first connection until both are in sync: by then every signature and change is verified, and the
events are stored encrypted, projected and indexed; the last commit is on the disk. Once as an agent's turns are written
(50 events in an entry), once as events come one by one (a tenth as many).

`python -m tests.benchmarks.catch_up SIDE HOME …` is one side, inside a network namespace.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.clock import SystemClock, system_random
from sync.engine import Engine
from sync.network.node import Hooks, Node
from sync.protocol.address import Address
from sync.protocol.happenings import Happening, InSync, Received
from sync.store.network_rows import keep_address
from sync.transports.iroh import IrohTransport
from tests.benchmarks import automerge_repo
from tests.benchmarks.figures import Figure
from tests.benchmarks.long_session import session_drafts
from tests.benchmarks.mailbox import pair_homes
from tests.benchmarks.place import Place, high_water_kib
from tests.helpers import namespace
from tests.helpers.homes import open_home

T = TypeVar("T")

BAR_PER_S, BAR_MIB = 10_000.0, 250.0
SESSION_EVENTS, TURN_EVENTS = 1_000, 50
TIMEOUT_S = 1_800
ROOT = Path(__file__).parents[2]
_ONLY_HERE = ("127.0.0.1:0", "[::1]:0")


def run(place: Place) -> Iterator[Figure]:
    """Fills pairs of homes, and lets the second of each catch up inside a namespace."""
    if reason := namespace.refusal():
        yield Figure("catching up (not measured)", 0.0, "events/s", note=reason)
        return
    events, rates = place.sizes.caught_up_events, list[float]()
    for figure in _measure(place.folder / "turns", events, TURN_EVENTS, "catching up", BAR_PER_S):
        yield figure
        rates.append(figure.value)
    sessions = [range(first, first + SESSION_EVENTS) for first in range(0, events, SESSION_EVENTS)]
    yield from automerge_repo.measure(place.folder, sessions, TURN_EVENTS, rates[0])
    yield from _measure(place.folder / "single", events // 10, 1, "  an entry for each event", None)


def _measure(folder: Path, events: int, group: int, name: str, bar: float | None) -> Iterator[Figure]:
    with closing(open_home(folder / "one")) as one, closing(open_home(folder / "two")) as two:
        for first in range(0, events, SESSION_EVENTS):
            one.write(lambda operations, first=first: _fill(operations, first, group))  # type: ignore[misc]
        pair_homes(one, two)
    line = [sys.executable, "-m", __name__, "take", str(folder), str(events)]
    took = json.loads(namespace.run(*line, timeout=TIMEOUT_S).stdout.splitlines()[-1])
    rate, gave = events / took["seconds"], took["giver"]
    note = (
        f"{events:,} events in {took['seconds']:.1f} s; {took['cpu']:.1f} s of processor here, "
        f"{gave['cpu']:.1f} s there: {events / took['cpu']:,.0f} events a second of processor"
    )
    yield Figure(name, rate, "events/s", bar, at_least=True, note=note, detail=took)
    limit = None if bar is None else BAR_MIB
    yield Figure("  peak memory of who takes", took["kib"] / 1024, "MiB", limit)
    yield Figure("  peak memory of who gives", gave["kib"] / 1024, "MiB", limit)


def _fill(operations: SessionOperations, first: int, group: int) -> None:
    session = operations.create(title=f"Session {first // SESSION_EVENTS}")
    drafts = session_drafts(range(first, first + SESSION_EVENTS))
    for at in range(0, SESSION_EVENTS, group):
        operations.append(session, drafts[at : at + group])


class _Side:
    """A home with its node, in this process."""

    def __init__(self, home: Path, hear: Callable[[Happening], None]) -> None:
        self._hear = hear
        self._workspace: Workspace = open_home(home)
        seed = self._workspace.with_engine(lambda engine: engine.device.signing_key[:32])
        self.transport = IrohTransport(seed, bind=_ONLY_HERE)

    async def call(self, work: Callable[[Engine], T]) -> T:
        return await self._workspace.write_async(lambda operations: work(operations.engine))

    @asynccontextmanager
    async def online(self) -> AsyncIterator[Node]:
        loop, hooks = asyncio.get_running_loop(), Hooks(happened=lambda _peer, happening: self._hear(happening))
        node = Node(self.call, self.transport, SystemClock(), system_random, program="benchmark", hooks=hooks)

        def heard(subjects: frozenset[str]) -> None:
            loop.call_soon_threadsafe(node.committed, subjects)

        stop = await self._workspace.on_commit(heard)
        try:
            async with node.running():
                yield node
        finally:
            stop()
            self._workspace.close()


def _cost(before: float) -> dict[str, float]:
    return {"cpu": process_time() - before, "kib": high_water_kib(os.getpid())}


async def _give(folder: Path) -> None:
    side = _Side(folder / "one", lambda _happening: None)
    async with side.online():
        address, before = side.transport.address(), process_time()
        print(json.dumps({"device": address.device.hex(), "sockets": address.sockets}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps(_cost(before)), flush=True)


async def _take(folder: Path, events: int, there: Address) -> dict[str, float]:
    """Connect, and wait until everything is here."""
    arrived = asyncio.Event()

    def hear(happening: Happening) -> None:
        if isinstance(happening, Received) and happening.refused:
            raise AssertionError(happening.refused)
        if isinstance(happening, InSync):
            arrived.set()

    side = _Side(folder / "two", hear)
    await side.call(lambda engine: _know(engine, there))
    begun, before = perf_counter(), process_time()
    async with side.online():
        while await side.call(_count) < events:
            arrived.clear()
            await arrived.wait()
        await side.call(_settle)
        return {"seconds": perf_counter() - begun, **_cost(before)}


def _know(engine: Engine, address: Address) -> None:
    with engine.transaction() as tx:
        keep_address(tx.connection, address, 0)


def _count(engine: Engine) -> int:
    return int(engine.connection.execute("SELECT count(*) FROM event").fetchone()[0])


def _settle(engine: Engine) -> None:
    """Everything before a durable commit is on the disk with it."""
    with engine.transaction(durable=True) as tx:
        tx.touch("benchmark")


def _main(words: Sequence[str]) -> None:
    side, folder = words[0], Path(words[1])
    if side == "give":
        asyncio.run(_give(folder))
        return
    line = [sys.executable, "-m", __spec__.name, "give", str(folder)]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as giver:
        assert giver.stdout is not None
        told = json.loads(giver.stdout.readline())
        address = Address(bytes.fromhex(told["device"]), tuple(told["sockets"]))
        took = asyncio.run(_take(folder, int(words[2]), address))
        out, _ = giver.communicate()
    print(json.dumps({**took, "giver": json.loads(out)}))


if __name__ == "__main__":
    _main(sys.argv[1:])
