"""Live connections between two processes, in a network namespace of their own: connect, round trip, throughput.

The comparison is a plain TCP connection of asyncio within one process.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from sync.transports.connection import Address
from sync.transports.iroh import IrohTransport
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place
from tests.helpers import namespace

ROOT = Path(__file__).parents[2]
BAR_CONNECT_MS, BAR_ROUND_TRIP_MS, BAR_MIB_S = 25.0, 2.0, 40.0
CONNECTS, ROUND_TRIPS, FRAMES, FRAME_BYTES = 50, 500, 256, 1 << 20
_ONLY_HERE = ("127.0.0.1:0", "[::1]:0")


def run(_place: Place) -> Iterator[Figure]:
    """Measures in a process inside the namespace."""
    if reason := namespace.refusal():
        yield Figure("live connections (not measured)", 0.0, "", note=reason)
        return
    measured = json.loads(namespace.run(sys.executable, "-m", __name__, timeout=120).stdout)
    connect, round_trip = measured["connect"], measured["round_trip"]
    note = f"p50 of {CONNECTS}, let in by the other side"
    yield Figure("connect by iroh", quantile(connect, 0.5), "ms", BAR_CONNECT_MS, note=note)
    yield Figure("  p99", quantile(connect, 0.99), "ms")
    yield Figure("round trip", quantile(round_trip, 0.5), "ms", BAR_ROUND_TRIP_MS, note=f"p50 of {ROUND_TRIPS}")
    yield Figure("  p99", quantile(round_trip, 0.99), "ms")
    note = f"{FRAMES} frames of 1 MiB"
    yield Figure("throughput", measured["throughput"], "MiB/s", BAR_MIB_S, at_least=True, note=note)
    yield Figure("  by TCP in one process", measured["tcp"], "MiB/s", note="asyncio streams, unencrypted")


def _main() -> None:
    line = [sys.executable, "-m", "tests.helpers.iroh_peer", "2", *_ONLY_HERE]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        told = json.loads(peer.stdout.readline())
        figures = asyncio.run(_measure(Address(bytes.fromhex(told["device"]), tuple(told["sockets"]))))
        peer.communicate()
    print(json.dumps(figures))


async def _measure(there: Address) -> dict[str, list[float] | float]:
    transport = IrohTransport(bytes([1]) * 32, bind=_ONLY_HERE)
    await transport.start(_nobody, lambda _device, _purpose: False)
    try:
        return {
            "connect": [await _connect(transport, there) for _ in range(CONNECTS)],
            "round_trip": await _round_trips(transport, there),
            "throughput": await _throughput(transport, there),
            "tcp": await _tcp(),
        }
    finally:
        await transport.stop()


async def _nobody(_connection: object) -> None:
    """Nobody connects here."""


async def _connect(transport: IrohTransport, there: Address) -> float:
    begun = perf_counter()
    connection = await transport.connect(there, "sync")
    spent = (perf_counter() - begun) * 1e3
    await connection.close()
    return spent


async def _round_trips(transport: IrohTransport, there: Address) -> list[float]:
    connection, spent = await transport.connect(there, "sync"), []
    for _ in range(ROUND_TRIPS):
        begun = perf_counter()
        await connection.send(b"x" * 100)
        await connection.receive()
        spent.append((perf_counter() - begun) * 1e3)
    await connection.close()
    return spent


async def _throughput(transport: IrohTransport, there: Address) -> float:
    connection, frame = await transport.connect(there, "link"), bytes(FRAME_BYTES)
    begun = perf_counter()
    for _ in range(FRAMES):
        await connection.send(frame)
    await connection.send(b"")
    await connection.receive()
    spent = perf_counter() - begun
    await connection.close()
    return FRAMES * FRAME_BYTES / (1 << 20) / spent


async def _tcp() -> float:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(FRAMES):
            await reader.readexactly(FRAME_BYTES)
        writer.write(b"x")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        begun, frame = perf_counter(), bytes(FRAME_BYTES)
        for _ in range(FRAMES):
            writer.write(frame)
            await writer.drain()
        await reader.readexactly(1)
        spent = perf_counter() - begun
        writer.close()
    return FRAMES * FRAME_BYTES / (1 << 20) / spent


if __name__ == "__main__":
    _main()
