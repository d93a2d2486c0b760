"""A device that keeps to no rules, in a process of its own: `python -m tests.helpers.hostile_peer WORKSPACE HOME…`.

It has the keys and the copies of members' homes, and speaks the wire itself. Each line of its standard input is JSON,
`{"by", "attack", "device", "sockets", "more"}`; when the other side has worked through all of it, it answers with a
line that says what came back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from app.network.settings import NetworkSettings
from app.sessions.bodies import encode_draft
from app.sessions.events import Draft, PermissionAnswer, Takeover, UserMessage
from app.sessions.ids import event_id
from app.workspace import Workspace
from sync.clock import system_random
from sync.crypto import KEY_BYTES, encode, seal
from sync.documents.entry import Entry, SignedEntry, sign_entry
from sync.documents.segment import SegmentHeader, segment_id
from sync.engine import Engine
from sync.errors import TransportError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import MAX_PARENTS, Body, Remove, Set
from sync.membership.epoch import following_epoch, key_id, segment_key
from sync.membership.operation import sign_operation
from sync.protocol import messages as m
from sync.protocol.envelope import Batch, SignedPart, seal_batch
from sync.protocol.frames import encode_frame
from sync.store import operations as stored
from sync.store.entries import find_document
from sync.transports.connection import Address, Connection, Purpose
from sync.transports.iroh import IrohTransport
from tests.helpers.homes import open_home
from tests.sync.documents.forging import Author, wrong_header

SESSION = "01HX0000000000000000000EV1"
"""What it forges is of this session, of which nobody knows."""
LIMIT = 1 << 20
QUIET_SECONDS = 1.0
BIND = ("127.0.0.1:0",)
Signed = tuple[SignedEntry, Sequence[bytes]]


class Forger(Author):
    """Writes with the keys of an engine's device into a session that nobody knows."""

    def __init__(self, engine: Engine, workspace: bytes, k: int) -> None:
        self.keys = engine.device
        row = row_of(engine, workspace)
        grant = engine.connection.execute("SELECT grant_id FROM workspace WHERE row=?", (row,)).fetchone()[0]
        written = engine.connection.execute(
            "SELECT e.grant_id, e.n, e.prev, e.hash FROM entry e JOIN device d ON d.row=e.device "
            "WHERE e.workspace=? AND d.id=? ORDER BY e.n",
            (row, self.keys.device_id),
        ).fetchall()
        self.opening = _opening(engine, row, self.keys.device_id)
        self.chain = [(n, bytes(prev), bytes(digest)) for _grant, n, prev, digest in written]
        super().__init__(k=k, workspace=workspace, grant=bytes(written[-1][0] if written else grant))

    @property
    def key(self) -> bytes:
        return self.keys.signing_key

    @property
    def device(self) -> bytes:
        return self.keys.device_id

    @property
    def document(self) -> bytes:
        return segment_id(SESSION, self.device, self.grant, self.k)

    @property
    def header(self) -> SegmentHeader:
        return SegmentHeader(SESSION, self.k, "Mal", self.opening)

    def at(self, n: int, prev: bytes, change: Any, document: bytes | None = None) -> Signed:
        """One entry with this place in the chain over a change."""
        entry = Entry(self.workspace, document or self.document, self.grant, self.device, n, prev, (change.hash,))
        return sign_entry(entry, self.key), [change.chunk]

    def next(self, change: Any, document: bytes | None = None) -> Signed:
        return self.at(self.chain[-1][0] + 1, self.chain[-1][2], change, document)

    def change(self, text: str) -> Any:
        """A good first change of a segment."""
        body = encode_draft(Draft(body=UserMessage(text=f"forged: {text}"), time=1)).decode()
        change = self.segment.append([(event_id(1, self.device, body.encode()), body)], self.header)
        assert change is not None
        return change


def _opening(engine: Engine, row: int, device: bytes) -> str:
    """What a segment of this device says of its session."""
    found = engine.connection.execute(
        "SELECT d.id FROM document d JOIN device v ON v.row=d.device WHERE d.workspace=? AND v.id=?", (row, device)
    ).fetchone()
    document = find_document(engine.connection, bytes(found[0]))
    assert document is not None
    header = engine._repository.load(engine.workspace(row), document).segment.header()
    assert header is not None
    return header.opening


def row_of(engine: Engine, workspace: bytes) -> int:
    return int(engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()[0])


class Hostile:
    """What the process has: a home, the id of the workspace it is in, and where the others are."""

    def __init__(self, home: Workspace, workspace: bytes) -> None:
        self.home, self.workspace = home, workspace
        self._settings = NetworkSettings(bind=BIND)
        self._made = 0

    async def attack(self, name: str, at: Address, **more: str) -> list[str]:
        given = {word: bytes.fromhex(value) for word, value in more.items()}
        if name == "stranger":
            return await self._as_stranger(at)
        if name in RAW:
            return await self._raw(at, RAW[name])
        make = cast(Callable[..., Iterable[m.Message]], getattr(self, f"_{name}"))
        frames = await asyncio.to_thread(lambda: [m.encode_message(message) for message in make(**given)])
        return await self._say(at, "sync", frames)

    # the wire

    async def _say(self, at: Address, purpose: Purpose, frames: Sequence[bytes]) -> list[str]:
        """Say hello and these frames, and wait until all was worked through; gives the kinds of what came back."""
        transport = IrohTransport(self._seed(), bind=BIND)
        await transport.start(_nobody, lambda _device, _purpose: False)
        heard: list[str] = []
        try:
            connection = await transport.connect(at, purpose)
            end = system_random(KEY_BYTES)
            last = m.encode_message(m.WantBlob(self.workspace, end))
            for frame in (m.encode_message(m.Hello(1, 1, (), "Hostile")), *frames, last):
                await connection.send(frame)
            await _hear(connection, heard, end)
        except TransportError as error:
            heard.append(str(error))
        finally:
            await transport.stop()
        return heard

    def _seed(self) -> bytes:
        return self.home.with_engine(lambda engine: engine.device.signing_key[:KEY_BYTES])

    async def _raw(self, at: Address, data: bytes) -> list[str]:
        """Bytes that are no frame, below the transport."""
        transport = IrohTransport(self._seed(), bind=BIND)
        await transport.start(_nobody, lambda _device, _purpose: False)
        heard: list[str] = []
        try:
            connection = await transport.connect(at, "sync")
            await connection._send.write_all(data)
            await _hear(connection, heard, b"")
        except TransportError as error:
            heard.append(str(error))
        finally:
            await transport.stop()
        return heard

    async def _as_stranger(self, at: Address) -> list[str]:
        """What somebody does who has a link, or nothing at all, and so no device that is known."""
        heard = []
        for purpose in ("sync", "link", "join", "pair"):
            transport = IrohTransport(system_random(KEY_BYTES), bind=BIND)
            await transport.start(_nobody, lambda _device, _purpose: False)
            try:
                connection = await transport.connect(at, purpose)  # type: ignore[arg-type]
                for frame in (b"\xff" * 40, *await asyncio.to_thread(self._entry_frames)):
                    await connection.send(frame)
                while True:
                    await asyncio.wait_for(connection.receive(), QUIET_SECONDS)
            except (TransportError, TimeoutError) as error:
                heard.append(f"{purpose}: {error}")
            finally:
                await transport.stop()
        return heard

    def _entry_frames(self) -> list[bytes]:
        return [m.encode_message(message) for message in self._late()]

    # what is sent

    def _with(self, make: Callable[[Engine, Forger], Iterable[m.Message]]) -> list[m.Message]:
        self._made += 1
        return self.home.with_engine(lambda engine: list(make(engine, Forger(engine, self.workspace, self._made))))

    def _sealed(self, engine: Engine, signed: Signed, key: bytes | None = None) -> bytes:
        entry = signed[0].entry
        batch = Batch((SignedPart(entry, signed[0].signature),), "changes", b"".join(signed[1]))
        return seal_batch(batch, key or segment_key(self._epoch_key(engine), entry.document), system_random)

    def _epoch_key(self, engine: Engine) -> bytes:
        return list(stored.epoch_keys(engine.connection, row_of(engine, self.workspace)).values())[-1]

    def _entries(self, engine: Engine, *envelopes: bytes, workspace: bytes | None = None) -> m.Entries:
        return m.Entries(workspace or self.workspace, engine.device.device_id, envelopes, sent=1)

    def _late(self) -> list[m.Message]:
        """A new entry at the end of the chain, as an honest device would write it."""
        return self._with(lambda engine, me: [self._entries(engine, self._sealed(engine, me.next(me.change("late"))))])

    def _fork(self) -> list[m.Message]:
        """Another entry beside the last but one."""

        def make(engine: Engine, me: Forger) -> list[m.Message]:
            n, prev, _digest = me.chain[-2]
            return [self._entries(engine, self._sealed(engine, me.at(n, prev, me.change("fork"))))]

        return self._with(make)

    def _wrong_actor(self) -> list[m.Message]:
        def make(engine: Engine, me: Forger) -> list[m.Message]:
            chunk = wrong_header(me.change("actor"), actor=bytes(16))
            signed = me.forge([chunk])[0].entry
            entry = Entry(me.workspace, me.document, me.grant, me.device, *_place(me), signed.changes)
            return [self._entries(engine, self._sealed(engine, (sign_entry(entry, me.key), [chunk])))]

        return self._with(make)

    def _in_anothers_name(self, device: bytes) -> list[m.Message]:
        def make(engine: Engine, me: Forger) -> list[m.Message]:
            change = me.change("name")
            entry = Entry(me.workspace, me.document, me.grant, device, 1, bytes(32), (change.hash,))
            return [self._entries(engine, self._sealed(engine, (sign_entry(entry, me.key), [change.chunk])))]

        return self._with(make)

    def _in_anothers_segment(self, device: bytes) -> list[m.Message]:
        def make(engine: Engine, me: Forger) -> list[m.Message]:
            found = engine.connection.execute(
                "SELECT d.id FROM document d JOIN device v ON v.row=d.device WHERE v.id=? AND d.kind='segment'",
                (device,),
            ).fetchone()
            return [self._entries(engine, self._sealed(engine, me.next(me.change("segment"), bytes(found[0]))))]

        return self._with(make)

    def _wrong_key(self) -> list[m.Message]:
        def make(engine: Engine, me: Forger) -> list[m.Message]:
            return [self._entries(engine, self._sealed(engine, me.next(me.change("key")), system_random(KEY_BYTES)))]

        return self._with(make)

    def _wrong_key_id(self) -> list[m.Message]:
        """The id of the right key over what another one sealed."""

        def make(engine: Engine, me: Forger) -> list[m.Message]:
            right = segment_key(self._epoch_key(engine), me.document)
            outer = {"v": 1, "workspace": self.workspace, "document": me.document, "key_id": key_id(right)}
            sealed = seal(system_random(KEY_BYTES), b"anything", encode(outer), system_random)
            return [self._entries(engine, encode({**outer, "sealed": sealed}))]

        return self._with(make)

    def _bomb(self) -> list[m.Message]:
        def make(engine: Engine, me: Forger) -> list[m.Message]:
            key = segment_key(self._epoch_key(engine), me.document)
            outer = {"v": 1, "workspace": self.workspace, "document": me.document, "key_id": key_id(key)}
            sealed = seal(key, zlib.compress(bytes(40 << 20), 9), encode(outer), system_random)
            return [self._entries(engine, encode({**outer, "sealed": sealed}))]

        return self._with(make)

    def _into_another_document(self) -> list[m.Message]:
        """A real entry of this device, sealed as one of a document that it was not written for."""

        def make(engine: Engine, me: Forger) -> list[m.Message]:
            signed, chunks = me.next(me.change("moved"))
            old = signed.entry
            other = segment_id("01HXOTHER", me.device, me.grant, 0)
            moved = Entry(old.workspace, other, old.grant, old.device, old.n, old.prev, old.changes)
            return [self._entries(engine, self._sealed(engine, (SignedEntry(moved, signed.signature, b""), chunks)))]

        return self._with(make)

    def _into_another_workspace(self, workspace: bytes) -> list[m.Message]:
        """The same, said to be of a workspace of the other's own, and in a message about it."""

        def make(engine: Engine, me: Forger) -> list[m.Message]:
            signed, chunks = me.next(me.change("moved"))
            old = signed.entry
            moved = Entry(workspace, old.document, old.grant, old.device, old.n, old.prev, old.changes)
            envelope = self._sealed(engine, (SignedEntry(moved, signed.signature, b""), chunks))
            good = self._sealed(engine, (signed, chunks))
            return [
                self._entries(engine, envelope),
                self._entries(engine, good, workspace=workspace),
                m.Ids(workspace, b""),
                m.Chains(workspace, ()),
            ]

        return self._with(make)

    def _promote(self, founder: bytes) -> list[m.Message]:
        """Operations that only owners sign, by this member and by a device that nobody knows."""

        def make(engine: Engine, me: Forger) -> list[m.Message]:
            own = engine.identity
            bodies = (Set(own, "owner"), Remove(founder, {}), self._epoch(engine))
            signers = (engine.device, DeviceKeys.create(system_random))
            return [m.Operations(self.workspace, tuple(self._operation(engine, s, b) for b in bodies for s in signers))]

        return self._with(make)

    def _epoch(self, engine: Engine) -> Body:
        state = engine.memberships.state(self.workspace)
        held = stored.epoch_keys(engine.connection, row_of(engine, self.workspace))
        newest = list(state.epochs())[-1]
        only_me = {engine.device.device_id: engine.device.encryption_key}
        return following_epoch(self.workspace, bytes(KEY_BYTES), only_me, {newest: held[newest]}, system_random)

    def _operation(self, engine: Engine, signer: DeviceKeys, body: Body) -> bytes:
        parents = engine.memberships.state(self.workspace).heads(MAX_PARENTS)
        return sign_operation(signer, self.workspace, parents, body).encoded

    def _drive(self, session: bytes, runner: bytes, request: bytes) -> list[m.Message]:
        """Prompts, answers and a take-over for somebody else's runner, in its own session."""
        bodies = [
            UserMessage(text="rm -rf /", runner=runner.hex()),
            PermissionAnswer(request_id=request.decode(), answer="always"),
            Takeover(runner=runner.hex(), term=99),
        ]
        self.home.use(self.workspace.hex())
        drafts = [Draft(body=body, time=1, turn="evil") for body in bodies]
        self.home.write(lambda operations: operations.append(session.decode(), drafts))

        def make(engine: Engine, me: Forger) -> list[m.Message]:
            chain = engine.replica.find_chain(self.workspace, me.device)
            assert chain is not None
            return [self._entries(engine, *engine.replica.sealed_after(chain, 0, LIMIT).envelopes)]

        return self._with(make)

    def _noise(self) -> list[m.Message]:
        return [m.Passing(self.workspace, f"draft/{number}", os.urandom(200)) for number in range(50)]


def _place(me: Forger) -> tuple[int, bytes]:
    return me.chain[-1][0] + 1, me.chain[-1][2]


RAW = {
    "oversized": (1 << 31).to_bytes(4, "big") + bytes(1000),
    "torn": b"\0\0\0\x40" + b"x" * 10,
    "garbage": b"".join(len(frame).to_bytes(4, "big") + frame for frame in [b"\xff" * 40, b"", b"\xa1"] * 40),
    "unknown": b"".join(
        len(frame).to_bytes(4, "big") + frame
        for frame in [m.encode_message(m.Hello(1, 1)), *[encode_frame("later", {"x": n}) for n in range(200)]]
    ),
}


async def _nobody(_connection: Connection) -> None:
    return


async def _hear(connection: Any, heard: list[str], end: bytes) -> None:
    while True:
        try:
            message = m.decode_message(await asyncio.wait_for(connection.receive(), QUIET_SECONDS))
        except TimeoutError:
            heard.append("silence")
            return
        if isinstance(message, m.NoBlob) and message.blob == end:
            return
        heard.append("" if message is None else message.kind)


async def _main(workspace: bytes, homes: Sequence[Workspace]) -> None:
    hostile = {home.home.name: Hostile(home, workspace) for home in homes}
    print("{}", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        wish = json.loads(line)
        at = Address(bytes.fromhex(wish["device"]), tuple(wish["sockets"]))
        try:
            answer: dict[str, Any] = {"heard": await hostile[wish["by"]].attack(wish["attack"], at, **wish["more"])}
        except Exception as error:  # noqa: BLE001  the test says what went wrong here
            answer = {"failed": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    opened = [open_home(Path(folder)) for folder in sys.argv[2:]]
    try:
        asyncio.run(_main(bytes.fromhex(sys.argv[1]), opened))
    finally:
        for each in opened:
            each.close()
