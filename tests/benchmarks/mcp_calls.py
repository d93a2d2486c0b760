"""Calls to a real MCP server: through our connection, and recorded, next to the library alone.

The server is the everything-server where `make test-external` has installed it, else one made with the library. All
three kinds of calls take turns, so that a busy machine is as busy for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter

from app.agents.mcp.calling import Caller
from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import Connection, connect
from app.agents.mcp.launch import plan
from app.agents.mcp.sessions import session_for
from tests.app.agents.mcp.support import DEMO
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place
from tests.helpers import mcp_servers

CALLS, TURN = 1_000, 100
RECORDED_TURN = 20
BAR_RATIO, BAR_OVERHEAD_MS = 1.3, 5.0
GIVEN = {"message": "hi"}
Call = Callable[[], Awaitable[object]]


def run(place: Place) -> Iterator[Figure]:
    """Starts two servers and calls their tool `echo`."""
    server = _server()
    bare, ours, recorded = asyncio.run(_measure(place, server))
    note = f"{server.name}, {CALLS} calls: {sum(ours):.2f} s next to {sum(bare):.2f} s"
    yield Figure("calls, to those of the library", sum(ours) / sum(bare), "×", BAR_RATIO, note=note)
    overhead = (quantile(recorded, 0.5) - quantile(ours, 0.5)) * 1e3
    yield Figure("recording a call, p50", overhead, "ms", BAR_OVERHEAD_MS, note="beyond the call itself")


def _server() -> ServerConfig:
    if not mcp_servers.is_installed("everything"):
        return DEMO
    program, *words = mcp_servers.command("everything")
    return ServerConfig(name="everything", command=program, args=tuple(words))


async def _measure(place: Place, server: ServerConfig) -> tuple[list[float], list[float], list[float]]:
    from mcp import Client, StdioServerParameters

    target = StdioServerParameters(command=str(server.command), args=[str(word) for word in server.args])
    bare: list[float] = []
    ours: list[float] = []
    recorded: list[float] = []
    with place.opened() as workspace:
        caller = Caller(workspace, await session_for(workspace, server.name), workspace.clock)
        connection = await connect(plan(server))

        async def opening() -> Connection:
            return connection

        try:
            async with Client(target) as client:
                for _ in range(CALLS // TURN):
                    bare += await _times(lambda: client.call_tool("echo", GIVEN), TURN)
                    ours += await _times(lambda: connection.call("echo", GIVEN), TURN)
                    recorded += await _times(lambda: caller.call(opening, server.name, "echo", GIVEN), RECORDED_TURN)
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
