"""Two devices that sync live, each a process with a real home, over iroh on loopback in a network of their own.

How soon an event and streamed text are on the other device; what a connection costs when there is nothing new; how soon
two that wrote much apart show all of it. Latencies go from just before the write to the row in the other's database, by
the machine's monotonic clock, which stands in the texts.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from app.network.meeting import accept_pairing
from sync.protocol.pairing_code import read_ticket
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.live_device import Device, open_device, write_time
from tests.benchmarks.place import Place
from tests.helpers import namespace

BAR_EVENT_MS, BAR_TOKEN_MS, BAR_TOKEN_ELSEWHERE_MS = 50.0, 60.0, 150.0
BAR_RECONNECT_MS, BAR_RECONNECT_BYTES, BAR_MERGE_MS = 100.0, 1024.0, 250.0
SAMPLES, PAUSE_S, SETTLE_S = 60, 0.05, 1.0
RECONNECTS, MERGED = 5, 1_000
_BINDS = ("127.0.0.1:47501", "127.0.0.1:47502")
_TIMEOUT_S = 900


def run(place: Place) -> Iterator[Figure]:
    """Measures in a process inside the namespace."""
    if reason := namespace.refusal():
        yield Figure("live sync (not measured)", 0.0, "", note=reason)
        return
    line = [sys.executable, "-m", __name__, str(place.sizes.listed_sessions)]
    found = json.loads(namespace.run(*line, timeout=_TIMEOUT_S).stdout.splitlines()[-1])
    for name, key, bar in (
        ("event on the other device", "event", BAR_EVENT_MS),
        ("  written by another process", "event elsewhere", None),
        ("streamed text on the other device", "draft", BAR_TOKEN_MS),
        ("  written by another process", "draft elsewhere", BAR_TOKEN_ELSEWHERE_MS),
    ):
        values = found[key]
        detail = {"p50_ms": round(quantile(values, 0.5), 2), "max_ms": round(max(values), 2), "samples": len(values)}
        yield Figure(f"{name}, p95", quantile(values, 0.95), "ms", bar, note=f"p50 {detail['p50_ms']}", detail=detail)
    sessions = f"{place.sizes.listed_sessions:,} sessions"
    yield Figure("another device gets them", found["first"], "s", note=sessions)
    yield Figure("  bytes", found["first_bytes"] / place.sizes.listed_sessions, "bytes", note="of each")
    yield Figure("reconnecting in sync", quantile(found["reconnect_ms"], 0.5), "ms", BAR_RECONNECT_MS, note=sessions)
    note = "frames of both directions"
    yield Figure("  bytes", max(found["reconnect_bytes"]), "bytes", BAR_RECONNECT_BYTES, note=note)
    note = "with addresses and signs of life"
    yield Figure("  bytes in the first second", max(found["second_bytes"]), "bytes", note=note)
    note = f"{MERGED:,} events of each in one session"
    yield Figure("apart, then merged and shown", found["merge_ms"], "ms", BAR_MERGE_MS, note=note)


class Child:
    """Another process, which takes lines and may answer them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def tell(self, *words: object) -> None:
        """Give a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        await self._process.stdin.drain()

    async def answer(self) -> Any:
        """The next line of it."""
        assert self._process.stdout is not None
        return json.loads(await self._process.stdout.readline())

    async def ask(self, *words: object) -> Any:
        """Give a command and wait for the answer."""
        await self.tell(*words)
        return await self.answer()


@asynccontextmanager
async def _child(home: Path, *words: str) -> AsyncIterator[Child]:
    line = [sys.executable, "-m", "tests.benchmarks.live_device", str(home), *words]
    environment = os.environ | {"LOVELACE_BIND": _BINDS[1]}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*line, stdin=pipe, stdout=pipe, env=environment, limit=1 << 20)
    child = Child(process)
    try:
        await child.answer()
        yield child
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _measure(folder: Path, sessions: int) -> dict[str, Any]:
    os.environ["LOVELACE_BIND"] = _BINDS[0]
    with closing(open_device(folder / "here")) as workspace:
        here = Device(workspace)
        async with _child(folder / "there") as there:
            await accept_pairing(workspace, read_ticket(await there.ask("offer")))
            await there.ask("paired")
            session = workspace.write(lambda operations: operations.create(title="Both"))
            await here.serve()
            await there.ask("serve")
            await there.ask("await_sessions", 1)
            found = await _latencies(folder, here, there, session)
            found["merge_ms"] = await _apart(here, there)
            found["first"], found["first_bytes"] = await _fill(here, there, sessions)
            reconnects = [await _reconnect(here) for _ in range(RECONNECTS)]
            await here.cut()
            await there.ask("cut")
    keys = ("reconnect_ms", "reconnect_bytes", "second_bytes")
    found |= dict(zip(keys, map(list, zip(*reconnects, strict=True)), strict=True))
    return found


async def _latencies(folder: Path, here: Device, there: Child, session: str) -> dict[str, Any]:
    await there.ask("watch", session)
    found: dict[str, Any] = {}
    for kind in ("event", "draft"):
        text = ""
        for _ in range(SAMPLES):
            text = await asyncio.to_thread(write_time, here.workspace, session, kind, text)
            await asyncio.sleep(PAUSE_S)
        found[kind] = await _seen(there)
        async with _child(folder / "here", session, kind) as writer:
            for _ in range(SAMPLES):
                await writer.tell()
                await asyncio.sleep(PAUSE_S)
        found[f"{kind} elsewhere"] = await _seen(there)
    return found


async def _seen(there: Child) -> list[float]:
    await asyncio.sleep(SETTLE_S)
    values: list[float] = await there.ask("seen")
    return values


async def _apart(here: Device, there: Child) -> float:
    """From the beginning of the connection until both show what both wrote."""
    session = here.workspace.write(lambda operations: operations.create(title="Apart"))
    await there.ask("await_sessions", 2)
    await here.cut()
    await here.write(session, MERGED)
    await there.ask("write", session, MERGED)
    await here.serve()
    await there.tell("await_events", session, 2 * MERGED)
    seen = max(await here.await_events(session, 2 * MERGED), await there.answer())
    assert here.transport is not None
    return (seen - here.transport.begun) * 1e3


async def _fill(here: Device, there: Child, count: int) -> tuple[float, int]:
    """Seconds from the beginning of the connection until the other device has many sessions more, and bytes."""

    def create(operations: Any) -> None:
        for number in range(count):
            operations.create(title=f"Session {number}")

    await here.cut()
    await asyncio.to_thread(here.workspace.write, create)
    await here.serve()
    seen: float = await there.ask("await_sessions", count + 2)
    assert here.transport is not None
    return seen - here.transport.begun, here.transport.bytes


async def _reconnect(here: Device) -> tuple[float, int, int]:
    """Milliseconds from the beginning of a connection to being in sync; bytes until then, and until a second later."""
    await asyncio.sleep(SETTLE_S)
    await here.cut()
    await here.serve()
    deadline = time.monotonic() + _TIMEOUT_S
    while not here.in_sync_at:
        assert time.monotonic() < deadline, "the devices do not meet again"
        await asyncio.sleep(0.01)
    await asyncio.sleep(SETTLE_S)
    assert here.transport is not None
    return (here.in_sync_at - here.transport.begun) * 1e3, here.in_sync_bytes, here.transport.bytes


def _main(sessions: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lovelace-live-") as folder:
        print(json.dumps(asyncio.run(_measure(Path(folder), sessions))))


if __name__ == "__main__":
    _main(int(sys.argv[1]))
