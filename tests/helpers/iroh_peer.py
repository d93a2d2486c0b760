"""A device in a process of its own: `python -m tests.helpers.iroh_peer SEED ADDRESS…` gives frames back over iroh.

For the purpose "link" it only takes frames, and answers the empty one.

Prints its id and sockets as one line of JSON, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys

from sync.transports.connection import Connection
from sync.transports.iroh import IrohTransport


async def _serve(connection: Connection) -> None:
    while True:
        frame = await connection.receive()
        if connection.purpose != "link" or not frame:
            await connection.send(frame)


async def _main(seed: bytes, bind: tuple[str, ...]) -> None:
    transport = IrohTransport(seed, bind=bind)
    await transport.start(_serve, lambda _device, _purpose: True)
    address = transport.address()
    print(json.dumps({"device": address.device.hex(), "sockets": address.sockets}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await transport.stop()


if __name__ == "__main__":
    asyncio.run(_main(bytes([int(sys.argv[1])]) * 32, tuple(sys.argv[2:])))
