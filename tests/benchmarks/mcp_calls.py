"""Calls to a real MCP server: through our connection, and recorded, next to the library alone.

Both connections are open at once and take turns of a hundred calls, so that a busy machine is as busy for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter

from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place

CALLS, TURN = 1_000, 100
RECORDED = 200
BAR_RATIO, BAR_OVERHEAD_MS = 1.3, 5.0
Call = Callable[[], Awaitable[object]]


def run(place: Place) -> Iterator[Figure]:
    """Starts two servers and calls their tool `echo`."""
    bare, ours, recorded = asyncio.run(_measure(place))
    note = f"{CALLS} calls: {sum(ours):.2f} s next to {sum(bare):.2f} s"
    yield Figure("calls, to those of the library", sum(ours) / sum(bare), "×", BAR_RATIO, note=note)
    overhead = (quantile(recorded, 0.5) - quantile(ours, 0.5)) * 1e3
    yield Figure("recording a call, p50", overhead, "ms", BAR_OVERHEAD_MS, note="beyond the call itself")


async def _measure(place: Place) -> tuple[list[float], list[float], list[float]]:
    from mcp import Client, StdioServerParameters

    from app.agents.mcp.calling import Caller
    from app.agents.mcp.connection import Connection, connect
    from app.agents.mcp.launch import plan
    from app.agents.mcp.sessions import session_for
    from tests.app.agents.mcp.support import DEMO

    target = StdioServerParameters(command=str(DEMO.command), args=[str(word) for word in DEMO.args])
    with place.opened() as workspace:
        connection = await connect(plan(DEMO))
        try:
            async with Client(target) as client:
                bare: list[float] = []
                ours: list[float] = []
                for _ in range(CALLS // TURN):
                    bare += await _times(lambda: client.call_tool("echo", {"message": "hi"}), TURN)
                    ours += await _times(lambda: connection.call("echo", {"message": "hi"}), TURN)
            caller = Caller(workspace, await session_for(workspace, "demo"), workspace.clock)

            async def opening() -> Connection:
                return connection

            recorded = await _times(lambda: caller.call(opening, "demo", "echo", {"message": "hi"}), RECORDED)
        finally:
            await connection.close()
    return bare, ours, recorded


async def _times(call: Call, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        begun = perf_counter()
        await call()
        taken.append(perf_counter() - begun)
    return taken
