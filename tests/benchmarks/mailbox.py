"""10,000 events from one device to another through a mailbox on a real S3 server (SeaweedFS).

Both replicas are in memory, with real entries, signatures, envelopes and keys; what the store takes is measured
elsewhere. Once all events at once, as after a time offline, and once in groups, as during work; then the bytes that lie
there next to the envelopes in them, and what an idle poll asks of the storage with many devices.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from sync.protocol.replica import Outgoing
from sync.testing import ManualClock
from sync.transports.mailbox import Mailbox
from sync.transports.opendal_storage import open_storage
from sync.transports.storage import Listed, Storage
from sync.transports.storage_uri import read_uri
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words
from tests.helpers.mailbox_replica import MemoryMailboxReplica, direct
from tests.helpers.storage_servers import PROGRAMS, seaweed_s3

BAR_S, BAR_RATIO, BAR_LISTS = 20.0, 1.3, 1
EVENTS, EVENT_BYTES, GROUP, DEVICES, POLLS = 10_000, 300, 50, 50, 20


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


class _Replica(MemoryMailboxReplica):
    """Counts the bytes of the envelopes that it gives."""

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
        yield from asyncio.run(_all_at_once(uri))
        yield from asyncio.run(_in_groups(uri))
        yield from asyncio.run(_idle(uri))


async def _all_at_once(uri: str) -> list[Figure]:
    storage = _Counted(open_storage(read_uri(uri)))
    writer, reader = _pair(1)
    writer.say(*_texts(EVENTS))
    begun = perf_counter()
    await _mailbox(storage, writer, b"1").publish(1)
    published = perf_counter() - begun
    await _mailbox(storage, reader, b"1").poll(1)
    seconds = perf_counter() - begun
    assert reader.progress(writer.device) == EVENTS
    ratio = storage.written / writer.sealed
    calls = ", ".join(f"{count} {call}" for call, count in sorted(storage.calls.items()))
    return [
        Figure(f"{EVENTS:,} events through S3", seconds, "s", BAR_S, note=f"{published:.2f} s to bring them; {calls}"),
        Figure("bytes written / envelopes", ratio, "×", BAR_RATIO, note=f"{storage.written / 1e6:.1f} MB"),
    ]


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
