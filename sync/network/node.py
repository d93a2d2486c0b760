"""The network of one home: who is known, whom to connect to, the conversations, and the mailboxes.

A node runs in one process of a home at a time (see `lease`), on one asyncio loop; work with the store goes through
`call` to the writer's thread. It learns of commits, its own and those of other processes, from `committed`. Being
offline is a normal state: what cannot be reached is tried again, and shows in `status`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sync.clock import Clock, Random
from sync.crypto import decode, encode
from sync.engine import Engine
from sync.errors import ProtocolError, StoreError, TransportError
from sync.network.conversations import Call, Conversations
from sync.network.dialing import Dialer
from sync.network.epochs import EpochKeeper
from sync.network.mailboxes import Mailboxes, MailboxStatus
from sync.protocol.address import Address
from sync.protocol.happenings import Acknowledged, Ephemeral, Happening, InSync
from sync.store import network_rows
from sync.transports.connection import Connection, Purpose, Transport
from sync.transports.serving import UNKNOWN

ADDRESS_TOPIC = "address"
_MAX_SOCKETS, _MAX_SOCKET = 32, 64
Serve = Callable[[Connection], Awaitable[None]]
FindNearby = Callable[[frozenset[bytes]], Awaitable[Mapping[bytes, Address]]]
"""Looks for devices in the local network; see `sync.transports.lan`."""
NEARBY_SECONDS = 10.0
OLD_DIAL_SECONDS = 1.0
"""An attempt that has waited this long began before the other device was there."""
_NO_DIAL: tuple[float, asyncio.Task[object] | None] = (0.0, None)


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A device that is there now. since: seconds ago. refused: the last sentence about what it sent."""

    device: bytes
    since: float
    in_sync: bool
    program: str
    refused: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What the network does now. trouble: why there is no live transport, '' if there is one or none is wanted."""

    peers: tuple[PeerStatus, ...] = ()
    mailboxes: tuple[MailboxStatus, ...] = ()
    trouble: str = ""


@dataclass(slots=True)
class Hooks:
    """What the program is told, on the loop.

    happened: with the peer's id; changed: the status is another one; unknown: a device that is known here, at this
    address, does not know this one.
    """

    happened: Callable[[bytes, Happening], None] = lambda _peer, _happening: None
    changed: Callable[[], None] = lambda: None
    unknown: Callable[[Address], None] = lambda _address: None


@dataclass(slots=True)
class _Known:
    """What membership says now."""

    device: bytes = b""
    devices: frozenset[bytes] = frozenset()
    workspaces: tuple[bytes, ...] = ()
    addresses: list[Address] = field(default_factory=list)


class Node:
    """Runs the network; `running` for as long as it is entered. transport: None where nothing is to be live."""

    def __init__(
        self,
        call: Call,
        transport: Transport | None,
        clock: Clock,
        random: Random,
        *,
        program: str,
        nearby: FindNearby | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._call = call
        self._transport = transport
        self._clock = clock
        self._nearby = nearby
        self._hooks = hooks or Hooks()
        self._program = program
        self._serves: dict[Purpose, Serve] = {}
        self._known = _Known()
        self._dialer = Dialer()
        self._dial_now = asyncio.Event()
        self._dials: dict[bytes, tuple[float, asyncio.Task[object] | None]] = {}
        """Attempts to connect that wait for an answer: since when, and the task."""
        self._changes: asyncio.Queue[frozenset[str]] = asyncio.Queue()
        self._trouble = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._epochs = EpochKeeper(call)
        self._mailboxes = Mailboxes(call, clock, random, self._hooks.changed, self._learn_address)
        self._conversations: Conversations | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """Run until the block ends; conversations then end in an orderly way."""
        await self._look()
        self._conversations = Conversations(
            self._call, self._known.device, self._program, self._happened, self._hooks.changed
        )
        await self._start_transport()
        await self._mailboxes.renew()
        loops = [self._follow_commits(), self._dial(), self._epochs.run()]
        if self._nearby is not None and self._transport is not None:
            loops.append(self._look_nearby(self._nearby))
        for loop in loops:
            self._spawn(loop)
        try:
            yield self
        finally:
            await self._stop()

    async def _start_transport(self) -> None:
        if self._transport is None:
            return
        try:
            await self._transport.start(self._accept, self._allow)
        except TransportError as error:
            self._trouble, self._transport = str(error), None
            return
        address = self._transport.address()
        self._mailboxes.set_address(address)
        await self._keep(address)

    async def _stop(self) -> None:
        assert self._conversations is not None
        for task in self._tasks:
            task.cancel()
        await self._conversations.end()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._mailboxes.stop()
        if self._transport is not None:
            await self._transport.stop()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a part of the network failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    # what the program does

    def serve(self, purpose: Purpose, serve: Serve | None) -> None:
        """From now on let strangers begin conversations of this purpose, served so; None: not any more."""
        if serve is None:
            self._serves.pop(purpose, None)
        else:
            self._serves[purpose] = serve

    async def connect(self, address: Address, purpose: Purpose) -> Connection:
        """Connect for a purpose of the program's own. TransportError."""
        if self._transport is None:
            raise TransportError(self._trouble or "This device takes no live connections.")
        return await self._transport.connect(address, purpose)

    def address(self) -> Address | None:
        """Where this device is reached; None where it cannot be."""
        return None if self._transport is None else self._transport.address()

    def committed(self, subjects: frozenset[str]) -> None:
        """Something was committed (see `sync.events.Committed`); from the loop's thread."""
        self._changes.put_nowait(subjects)

    async def pass_on(self, workspace: bytes, topic: str, payload: bytes) -> None:
        """Send an ephemeral message to every device that shares a workspace and is there."""
        assert self._conversations is not None
        await self._conversations.pass_on(workspace, topic, payload)

    async def want_blob(self, workspace: bytes, blob: bytes, of: bytes | None = None) -> bool:
        """Ask the devices that are there, or one of them, for a blob; False if none is.

        `blob/<id>` is committed when it is here.
        """
        assert self._conversations is not None
        return await self._conversations.want_blob(workspace, blob, of)

    async def stop_blob(self, workspace: bytes, blob: bytes) -> None:
        """Ask no device for a blob any more."""
        assert self._conversations is not None
        await self._conversations.stop_blob(workspace, blob)

    async def fetch_from_mailboxes(self, workspace: bytes, blob: bytes) -> bool:
        """Look for a blob in the mailboxes of a workspace; gives whether it is here now."""
        return await self._mailboxes.fetch_blob(workspace, blob)

    async def sync_now(self) -> None:
        """Try everything at once: mailboxes, and devices that were not there."""
        self._dialer.hurry(asyncio.get_running_loop().time())
        self._dial_now.set()
        await self._mailboxes.sync_now()

    def hurry(self) -> None:
        """As `sync_now`, without waiting for it."""
        self._spawn(self.sync_now())

    def status(self) -> NodeStatus:
        """What goes on."""
        now = asyncio.get_running_loop().time()
        live = () if self._conversations is None else self._conversations.live
        peers = tuple(
            PeerStatus(each.peer, now - each.since, each.in_sync, each.program, each.refused)
            for each in live
            if each.reached
        )
        return NodeStatus(peers, self._mailboxes.status(), self._trouble)

    # connections

    def _allow(self, device: bytes, purpose: Purpose) -> bool:
        return device in self._known.devices if purpose == "sync" else purpose in self._serves

    async def _accept(self, connection: Connection) -> None:
        assert self._conversations is not None
        if connection.purpose == "sync":
            self._give_up_old_dial(connection.peer)
            await self._conversations.hold(connection, dialed=False)
        elif serve := self._serves.get(connection.purpose):
            await serve(connection)

    def _give_up_old_dial(self, device: bytes) -> None:
        """A device came that was waited for: do not replace the new conversation by what was tried meanwhile.

        Of two attempts at the same moment none is given up, as each side would give up its own.
        """
        since, task = self._dials.get(device, _NO_DIAL)
        if task is not None and asyncio.get_running_loop().time() - since >= OLD_DIAL_SECONDS:
            task.cancel()

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        while self._transport is not None and self._conversations is not None:
            wanted = [device for device in self._known.devices if not self._conversations.has(device)]
            for address in self._dialer.due(wanted, loop.time()):
                self._dialer.trying(address, loop.time())
                self._spawn(self._converse(self._transport, address))
            pause = self._dialer.next_due(wanted, loop.time()) - loop.time()
            self._dial_now.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, pause)):
                    await self._dial_now.wait()

    async def _converse(self, transport: Transport, address: Address) -> None:
        assert self._conversations is not None
        loop = asyncio.get_running_loop()
        connection = await self._connect(transport, address)
        if connection is not None:
            await self._conversations.hold(connection, dialed=True)
            self._dialer.ended(address.device, loop.time())
        self._dial_now.set()

    async def _connect(self, transport: Transport, address: Address) -> Connection | None:
        """None: nobody is there."""
        loop, device = asyncio.get_running_loop(), address.device
        self._dials[device] = (loop.time(), asyncio.current_task())
        try:
            return await transport.connect(address, "sync")
        except TransportError as error:
            self._dialer.failed(address, loop.time())
            if str(error) == UNKNOWN:
                self._hooks.unknown(address)
            return None
        except asyncio.CancelledError:
            self._dialer.ended(device, loop.time())
            raise
        finally:
            if self._dials.get(device, _NO_DIAL)[1] is asyncio.current_task():  # another attempt may have begun since
                del self._dials[device]

    async def _look_nearby(self, find: FindNearby) -> None:
        while True:
            for address in (await find(self._known.devices)).values():
                self._learn_address(address)
            await asyncio.sleep(NEARBY_SECONDS)

    def _learn_address(self, address: Address) -> None:
        if address.device in self._known.devices:
            self._dialer.learn(address, asyncio.get_running_loop().time())
            self._dial_now.set()

    # commits

    async def _follow_commits(self) -> None:
        assert self._conversations is not None
        while True:
            subjects = set(await self._changes.get())
            while not self._changes.empty():
                subjects |= self._changes.get_nowait()
            logs = any(subject.startswith(("workspace/", "identity/", "device", "network")) for subject in subjects)
            try:
                if logs:
                    await self._look()
                    await self._mailboxes.renew()
                await self._conversations.committed(self._known.workspaces, logs=logs)
            except StoreError:
                continue  # the disk is full, say: what is not pushed now comes with the next commit or tick
            self._mailboxes.note_activity()

    async def _look(self) -> None:
        self._known = await self._call(_look)
        now = asyncio.get_running_loop().time()
        for address in self._known.addresses:
            self._dialer.learn(address, now)
        self._dial_now.set()
        self._epochs.look()

    # happenings

    def _happened(self, peer: bytes, happening: Happening) -> None:
        match happening:
            case Acknowledged(workspace=workspace, n=n):
                self._spawn(self._note_holder(workspace, peer.hex(), n))
            case InSync(workspace=workspace):
                self._spawn(self._tell_address(workspace))
            case Ephemeral(topic=topic, payload=payload) if topic == ADDRESS_TOPIC:
                self._spawn(self._hear_address(peer, payload))
                return
        self._hooks.happened(peer, happening)

    async def _note_holder(self, workspace: bytes, name: str, n: int) -> None:
        now_ms = self._clock.now_ms()

        def note(engine: Engine) -> None:
            with engine.transaction() as tx:
                row = tx.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
                if row is not None:
                    network_rows.keep_holder(tx.connection, row[0], name, n, now_ms)
                    tx.touch("holder")

        await self._call(note)

    async def _tell_address(self, workspace: bytes) -> None:
        if self._transport is not None:
            address = self._transport.address()
            payload = encode({"sockets": list(address.sockets[:_MAX_SOCKETS]), "relay": address.relay})
            await self.pass_on(workspace, ADDRESS_TOPIC, payload)

    async def _hear_address(self, peer: bytes, payload: bytes) -> None:
        address = _read_address(peer, payload)
        if address is None:
            return
        await self._keep(address)
        self._learn_address(address)

    async def _keep(self, address: Address) -> None:
        """Remember where a device is, this one too: links that other processes make name it."""
        now_ms = self._clock.now_ms()

        def keep(engine: Engine) -> None:
            with engine.transaction() as tx:
                network_rows.keep_address(tx.connection, address, now_ms)

        await self._call(keep)


def _look(engine: Engine) -> _Known:
    known = engine.replica.known_devices()
    found = [address for address in network_rows.addresses(engine.connection) if address.device in known]
    return _Known(engine.device.device_id, known, engine.replica.own_workspaces(), found)


def _read_address(peer: bytes, payload: bytes) -> Address | None:
    """An address that a device told of itself; None if it is malformed."""
    try:
        value = decode(payload)
    except ProtocolError:
        return None
    match value:
        case {"sockets": [*sockets], "relay": str(relay)} if len(sockets) <= _MAX_SOCKETS and len(relay) < 512:
            texts = [text for text in sockets if isinstance(text, str) and len(text) <= _MAX_SOCKET]
            return Address(peer, tuple(texts), relay)
    return None
