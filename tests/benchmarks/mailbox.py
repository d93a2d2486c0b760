"""10,000 events from one device to another through a mailbox on a real S3 server (SeaweedFS).

All at once, as after a time offline, between two homes: from the rows of the one to the rows, projection and index of
the other. In groups, as during work, between stores in memory. Then what an idle poll asks of the storage when there
are many devices.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from app.sessions.events import Draft
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.clock import system_random
from sync.engine import Engine
from sync.membership.devices import add_device
from sync.membership.operation import decode_operation
from sync.protocol.replica import Outgoing
from sync.repository.mailbox_replica import StoredMailboxReplica
from sync.store.network_rows import add_mailbox
from sync.testing import ManualClock
from sync.transports.mailbox import Mailbox
from sync.transports.opendal_storage import open_storage
from sync.transports.storage import Listed, Storage
from sync.transports.storage_uri import read_uri
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.long_session import session_body
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words
from tests.helpers.mailbox_replica import MemoryMailboxReplica, direct
from tests.helpers.storage_servers import PROGRAMS, seaweed_s3

T = TypeVar("T")

BAR_S, BAR_RATIO, BAR_LISTS = 20.0, 1.3, 1
EVENTS, EVENT_BYTES, GROUP, DEVICES, POLLS = 10_000, 300, 50, 50, 20

_START_MS = 1_760_000_000_000


class _Counted:
    """A storage, and what was asked of it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.calls: Counter[str] = Counter()
        self.written = 0

    @property
    def folder(self) -> Path | None:
        return self._storage.folder

    async def list(self, folder: str, after: str = "") -> Sequence[Listed]:
        self.calls["list"] += 1
        return await self._storage.list(folder, after)

    async def read(self, path: str, size: int) -> bytes | None:
        self.calls["read"] += 1
        return await self._storage.read(path, size)

    async def write(self, path: str, data: bytes) -> None:
        self.calls["write"] += 1
        self.written += len(data)
        await self._storage.write(path, data)

    async def delete(self, path: str) -> None:
        self.calls["delete"] += 1
        await self._storage.delete(path)


class _Stored(StoredMailboxReplica):
    """Counts the bytes of the envelopes that it gives."""

    sealed = 0

    def entries_after(self, n: int, limit: int) -> Outgoing:
        out = super().entries_after(n, limit)
        self.sealed += sum(map(len, out.envelopes))
        return out


class _Replica(MemoryMailboxReplica):
    """The same in memory."""

    sealed = 0

    def entries_after(self, n: int, limit: int) -> Outgoing:
        out = super().entries_after(n, limit)
        self.sealed += sum(map(len, out.envelopes))
        return out


def run(place: Place) -> Iterator[Figure]:
    """Starts a server and sends through it."""
    if not (PROGRAMS / "weed").exists():
        note = "not measured: packaging/setup.sh external fetches SeaweedFS"
        yield Figure(f"{EVENTS:,} events through S3", float("inf"), "s", BAR_S, note=note)
        return
    with seaweed_s3(place.folder) as uri:
        yield from _between_homes(place, uri)
        yield from asyncio.run(_in_groups(uri))
        yield from asyncio.run(_idle(uri))


def _between_homes(place: Place, uri: str) -> Iterator[Figure]:
    with place.opened("one") as one, place.opened("two") as two:
        one.write(_fill)
        pair_homes(one, two)
        storage = _Counted(open_storage(read_uri(uri)))
        begun, processor = perf_counter(), process_time()
        sealed = asyncio.run(_publish(one, storage))
        published = perf_counter() - begun
        asyncio.run(_poll(two, storage))
        seconds, processor = perf_counter() - begun, process_time() - processor
        assert two.with_engine(_count) >= EVENTS
    calls = ", ".join(f"{count} {call}" for call, count in sorted(storage.calls.items()))
    note = f"{published:.2f} s to bring them; {processor:.2f} s of processor in this process; {calls}"
    yield Figure(f"{EVENTS:,} events through S3", seconds, "s", BAR_S, note=note)
    ratio, note = storage.written / sealed, f"{storage.written / 1e6:.1f} MB"
    yield Figure("bytes written / envelopes", ratio, "×", BAR_RATIO, note=note)


def _count(engine: Engine) -> int:
    return int(engine.connection.execute("SELECT count(*) FROM event").fetchone()[0])


def _fill(operations: SessionOperations) -> None:
    words, session = Words(7), operations.create(title="Brought")
    for number in range(EVENTS):
        operations.append(session, [Draft(body=session_body(words, number), time=_START_MS + number * 500)])


def pair_homes(old: Workspace, new: Workspace) -> None:
    """Make a home another device of the same person, with the same workspaces."""
    device = new.with_engine(lambda engine: engine.device)

    def let_in(engine: Engine) -> list[tuple[bytes, tuple[bytes, ...]]]:
        log = [decode_operation(data) for data in engine.memberships.operations(engine.identity)]
        with engine.transaction(durable=True) as tx:
            engine.members.add(tx, engine.identity, [add_device(engine.device, log, device).encoded])
            engine.members.renew_epochs(tx)
        logs = [engine.identity, *engine.replica.own_workspaces()]
        return [(each, engine.memberships.operations(each)) for each in logs]

    (identity, log), *workspaces = old.with_engine(let_in)

    def enter(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            engine.become(tx, identity, log)
            for workspace, operations in workspaces:
                engine.members.adopt(tx, workspace, operations, {})

    new.with_engine(enter)


def _stored(home: Workspace, storage: Storage) -> tuple[_Stored, Mailbox]:
    """The mailbox of the workspace in which both homes are, the last one."""

    def make(engine: Engine) -> tuple[_Stored, bytes]:
        workspace = max(engine.replica.own_workspaces(), key=lambda each: len(engine.memberships.operations(each)))
        (row,) = engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
        with engine.transaction() as tx:
            box = add_mailbox(tx.connection, row, "s3://mailbox", {}, 0)
        replica = _Stored(engine.replica, box, row, workspace, lambda: 0)
        return replica, engine.workspace(row).mailbox_secret

    replica, secret = home.with_engine(make)

    def ask(call: Callable[[], T]) -> Awaitable[T]:
        return home.write_async(lambda _operations: call())

    return replica, Mailbox(storage, secret, replica, ask, ManualClock(), system_random)


async def _publish(home: Workspace, storage: Storage) -> int:
    """Bring everything; gives the bytes of all envelopes."""
    replica, mailbox = _stored(home, storage)
    await mailbox.publish(1)
    return replica.sealed


async def _poll(home: Workspace, storage: Storage) -> None:
    _, mailbox = _stored(home, storage)
    await mailbox.poll(1)


async def _in_groups(uri: str) -> list[Figure]:
    storage = _Counted(open_storage(read_uri(uri)))
    writer, reader = _pair(3)
    here, there = _mailbox(storage, writer, b"2"), _mailbox(storage, reader, b"2")
    texts, times = _texts(EVENTS), []
    for at in range(0, EVENTS, GROUP):
        writer.say(*texts[at : at + GROUP])
        begun = perf_counter()
        await here.publish(at)
        await there.poll(at)
        times.append(perf_counter() - begun)
    assert reader.progress(writer.device) == EVENTS
    note = f"p50 {quantile(times, 0.5) * 1e3:.0f} ms, p95 {quantile(times, 0.95) * 1e3:.0f} ms for {GROUP} events"
    return [
        Figure(f"the same, {GROUP} at a time", sum(times), "s", BAR_S, note=note),
        Figure("bytes written / envelopes", storage.written / writer.sealed, "×", BAR_RATIO),
    ]


async def _idle(uri: str) -> list[Figure]:
    storage = _Counted(open_storage(read_uri(uri)))
    first = MemoryMailboxReplica.found(5)
    replicas = [first, *(first.join(seed) for seed in range(6, 5 + DEVICES))]
    mailboxes = [_mailbox(storage, replica, b"3") for replica in replicas]
    for now in range(2):
        for replica, mailbox in zip(replicas, mailboxes, strict=True):
            replica.say(b"here")
            await mailbox.publish(now)
    await mailboxes[0].poll(2)
    assert len(first.heard()) == DEVICES
    storage.calls.clear()
    times = []
    for now in range(POLLS):
        begun = perf_counter()
        await mailboxes[0].publish(3 + now)
        times.append(perf_counter() - begun)
    calls = sum(storage.calls.values()) / POLLS
    return [
        Figure(f"calls of an idle poll, {DEVICES} devices", calls, "", BAR_LISTS, note=str(dict(storage.calls))),
        Figure("an idle poll", quantile(times, 0.5) * 1e3, "ms", note=f"p95 {quantile(times, 0.95) * 1e3:.1f} ms"),
    ]


def _pair(seed: int) -> tuple[_Replica, MemoryMailboxReplica]:
    writer = _Replica.found(seed)
    return writer, writer.join(seed + 1)


def _mailbox(storage: Storage, replica: MemoryMailboxReplica, name: bytes) -> Mailbox:
    return Mailbox(storage, name * 32, replica, direct, ManualClock(), replica.random)


def _texts(count: int) -> list[bytes]:
    words = Words(7)
    return [f"{number} {words.text(EVENT_BYTES)}".encode() for number in range(count)]
