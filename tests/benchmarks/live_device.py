"""A device of the benchmark of live sync: a home, its network, and what is seen in it, in a process of its own.

`python -m tests.benchmarks.live_device HOME` takes commands as lines of JSON, `[name, argument…]`, and answers
each with one line; the commands are the methods of `Device`. `… HOME SESSION KIND` only writes the time whenever a line
comes, beside the process that runs the network.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from app.network.meeting import offer_pairing
from app.network.service import NetworkService
from app.network.settings import NetworkSettings, make_transport
from app.sessions.events import AgentMessage, Draft
from app.sessions.queries import Queries
from app.workspace import Workspace
from sync.clock import SystemClock, system_random
from sync.engine import Engine
from sync.network.node import Hooks
from sync.protocol.happenings import Happening, InSync
from sync.transports.connection import Accept, Address, Allow, Connection, Purpose, Transport
from tests.helpers.homes import database_in

_TURN, _KIND = "turn", "agent_message"
_LOOK_SECONDS = 0.003
_COUNT_SESSIONS = "SELECT count(*) FROM session"
_COUNT_EVENTS = "SELECT count(*) FROM event e JOIN session s ON s.row=e.session WHERE s.id=?"


def open_device(home: Path, person: str = "Ada") -> Workspace:
    """A home of its own keys; without the half second that a passphrase takes."""
    return Workspace.start(database_in(home), name=person, clock=SystemClock(), random=system_random)


def write_time(workspace: Workspace, session: str, kind: str, before: str = "") -> str:
    """Write the time of the machine's clock as an event or at the end of what is being said; gives the text."""
    text = f"{before}{time.monotonic()} "  # a last word that may go on is held back
    if kind == "draft":
        workspace.write(lambda operations: operations.save_draft(session, _TURN, _KIND, text))
    else:
        write_events(workspace, session, [text])
    return text


def write_events(workspace: Workspace, session: str, texts: list[str]) -> None:
    """Append messages, each in a commit of its own."""

    def write(operations: Any) -> None:
        for text in texts:
            operations.append(session, [Draft(body=AgentMessage(text=text), time=0)])

    workspace.write(write)


class Counted:
    """A connection whose bytes are counted: those of frames, as they are given to the transport and come from it."""

    def __init__(self, connection: Connection, count: Callable[[int], None]) -> None:
        self._connection, self._count = connection, count
        self.peer, self.purpose, self.close = connection.peer, connection.purpose, connection.close

    async def send(self, frame: bytes) -> None:
        self._count(len(frame))
        await self._connection.send(frame)

    async def receive(self) -> bytes:
        frame = await self._connection.receive()
        self._count(len(frame))
        return frame


class CountingTransport:
    """Another transport: when the first connection began (seconds of the machine's clock), and bytes of all frames."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.begun, self.bytes = 0.0, 0
        self.stop, self.address = transport.stop, transport.address

    async def start(self, accept: Accept, allow: Allow) -> None:
        async def counted(connection: Connection) -> None:
            self.begun = self.begun or time.monotonic()
            await accept(Counted(connection, self._count))

        await self._transport.start(counted, allow)

    async def connect(self, address: Address, purpose: Purpose) -> Connection:
        self.begun = self.begun or time.monotonic()
        return Counted(await self._transport.connect(address, purpose), self._count)

    def _count(self, count: int) -> None:
        self.bytes += count


class Device:
    """A home that syncs between `serve` and `cut`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.transport: CountingTransport | None = None
        self.in_sync_at, self.in_sync_bytes = 0.0, 0
        self._session = ""
        self._seen: dict[str, float] = {}
        self._told = 0
        self._task: asyncio.Task[None] | None = None
        self._pairing: asyncio.Task[object] | None = None

    # the network

    async def offer(self) -> str:
        """Wait for another device to make this one its person's; gives the ticket."""
        shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = offer_pairing(self.workspace, lambda ticket: shown.set_result(str(ticket)))
        self._pairing = asyncio.ensure_future(waiting)
        return await shown

    async def paired(self) -> str:
        """Once that is done: the workspace."""
        assert self._pairing is not None
        await self._pairing
        return self.workspace.id

    async def serve(self) -> None:
        """Begin to sync."""
        self.in_sync_at = 0.0
        service = NetworkService(self.workspace, Hooks(happened=self._happened), self._make)
        self._task = asyncio.ensure_future(service.run())
        await service.ready()

    async def cut(self) -> None:
        """Sync no more."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})

    def _make(self, engine: Engine, settings: NetworkSettings) -> CountingTransport:
        self.transport = CountingTransport(make_transport(engine, settings))
        return self.transport

    def _happened(self, _peer: bytes, happening: Happening) -> None:
        if isinstance(happening, InSync) and happening.workspace.hex() == self.workspace.id:
            assert self.transport is not None
            self.in_sync_at, self.in_sync_bytes = time.monotonic(), self.transport.bytes

    # what is here

    async def watch(self, session: str) -> None:
        """Note from now on when the times that somebody writes into a session are seen."""
        self._session = session
        await self.workspace.on_commit(self._committed)

    def _committed(self, subjects: frozenset[str]) -> None:
        if f"session/{self._session}" in subjects or f"draft/{self._session}" in subjects:
            now = time.monotonic()
            for text in self.workspace.read(lambda queries: _times(queries, self._session)):
                self._seen.setdefault(text, now)

    async def seen(self) -> list[float]:
        """Milliseconds from writing to seeing, of all times that were seen since the last call."""
        fresh, self._told = list(self._seen.items())[self._told :], len(self._seen)
        return [(now - float(text)) * 1e3 for text, now in fresh]

    async def await_sessions(self, count: int) -> float:
        """When there were this many sessions, by the machine's clock."""
        return await self._until(_COUNT_SESSIONS, (), count)

    async def await_events(self, session: str, count: int) -> float:
        """When a session had this many events."""
        return await self._until(_COUNT_EVENTS, (session,), count)

    async def _until(self, sql: str, values: tuple[str, ...], count: int) -> float:
        while self.workspace.read(lambda queries: queries.connection.execute(sql, values).fetchone()[0]) < count:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        return time.monotonic()

    async def write(self, session: str, count: int) -> None:
        """Append events, each in a commit of its own."""
        texts = [f"written on this device, number {number}" for number in range(count)]
        await asyncio.to_thread(write_events, self.workspace, session, texts)


def _times(queries: Queries, session: str) -> list[str]:
    """The last word of what was said last."""
    bodies = [event.body for event in queries.tail(session, 4)]
    texts = [body.text for body in bodies if isinstance(body, AgentMessage)]
    return [text.split()[-1] for text in [*texts, *(draft.text for draft in queries.drafts(session))]]


async def _answer(device: Device) -> None:
    print(json.dumps("ready"), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, *arguments = json.loads(line)
        print(json.dumps(await getattr(device, name)(*arguments)), flush=True)


def _main(home: str, *writing: str) -> None:
    with closing(open_device(Path(home))) as workspace:
        if not writing:
            asyncio.run(_answer(Device(workspace)))
            return
        text = ""
        workspace.write(lambda operations: operations.set_setting("warm", None))
        print(json.dumps("ready"), flush=True)
        for _line in sys.stdin:
            text = write_time(workspace, *writing, before=text)


if __name__ == "__main__":
    _main(*sys.argv[1:])
