"""A mailbox: storage of the user's choice where the devices of a workspace leave what they have for each other.

`Mailbox.poll` takes in what others left, `Mailbox.publish` brings what this device has. Both are called by whoever runs
the network, one at a time, with the seconds of a clock that only runs forward; `Pace` says when. An idle poll is one
LIST. A storage that fails raises StorageError; nothing here is changed by that, and the next call goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sync.clock import Clock, Random
from sync.errors import ProtocolError
from sync.protocol.address import Address
from sync.protocol.mailbox import MAX_NUMBER, Head, Layout, ObjectName, read_name
from sync.protocol.mailbox_objects import Sealer, Spot
from sync.protocol.mailbox_replica import MailboxReplica
from sync.protocol.replica import BlobPart
from sync.transports.mailbox_care import Caretaker
from sync.transports.mailbox_progress import Ask, Box
from sync.transports.mailbox_reading import Polled, Reader
from sync.transports.mailbox_writing import Published, Writer
from sync.transports.storage import Storage

ACTIVE_S, IDLE_S = 3.0, 30.0
ACTIVE_FOR_S = 120.0
AUDIT_S = 3600.0


class Mailbox:
    """One workspace's mailbox for one device. secret: as of `protocol.mailbox.Layout`; ask: runs the replica's calls.

    A device that has lost its right to write, or may not write to the storage, still polls.
    """

    def __init__(
        self, storage: Storage, secret: bytes, replica: MailboxReplica, ask: Ask, clock: Clock, random: Random
    ) -> None:
        self._box = Box(storage, Layout(secret), Sealer(secret, random), replica, ask, clock)
        self._reader = Reader(self._box)
        self._writer = Writer(self._box)
        self._care = Caretaker(self._box, self._writer)
        self._heads: frozenset[Head] = frozenset()
        self._brought = 0
        self._loaded = False
        self._polled_at: float | None = None
        self._audited_at: float | None = None

    @property
    def root(self) -> str:
        """Where in the storage everything of this workspace lies."""
        return self._box.layout.root

    @property
    def folder(self) -> Path | None:
        """The same on this computer, where changes can be watched; it may not be there yet."""
        return self._box.storage.folder and self._box.storage.folder / self.root

    def addresses(self) -> list[Address]:
        """Where other devices say they may be reached."""
        return list(self._reader.addresses.values())

    def set_address(self, address: Address) -> None:
        """Where this device may be reached from now on; the next `publish` brings it."""
        self._writer.address = address

    def hurry(self) -> None:
        """Files came: the next poll tries again what could not be had before."""
        self._reader.hurry()

    async def poll(self, now: float) -> Polled:
        """Take in what others left."""
        await self._load()
        self._box.renew()
        found = await self._reader.poll(now)
        if self._reader.own_heads != self._heads:  # lost, or written by a copy of this home
            self._audited_at = None
        self._heads = self._reader.own_heads
        self._polled_at = now
        return found

    async def publish(self, now: float) -> Published:
        """Bring what this device has, after a poll at this time: what came may have changed the keys."""
        if self._polled_at != now:
            await self.poll(now)
        done = Published()
        key = await self._box.ask(self._box.replica.log_key)
        if key is None:
            done.unsafe = True
            return done
        if self._audited_at is None or now - self._audited_at >= AUDIT_S:
            await self._care.audit(key, done)
            self._audited_at = now
        if self._box.progress.device != self._box.replica.device:  # it was a copy; the next call begins its new folder
            return done
        await self._care.erase(done)
        await self._writer.publish(key, done)
        self._heads = await self._writer.announce(self._heads)
        if self._brought != (entries := self._box.progress.entries):
            await self._box.ask(lambda: self._box.replica.brought(entries))
            self._brought = entries
        return done

    async def fetch_blob(self, blob: bytes, devices: Iterable[bytes], offset: int = 0) -> bool:
        """Fetch a wanted blob from where one of these devices brought it, from an offset on; whether it is whole."""
        keys = await self._box.log_keys()
        for device in devices:
            folder = self._box.layout.folder(device)
            place = self._box.layout.blob(folder, blob)
            offset, whole = await self._fetch_parts(blob, folder, place, offset, keys)
            if whole:
                return True
        return False

    async def _fetch_parts(
        self, blob: bytes, folder: str, place: str, offset: int, keys: Mapping[bytes, bytes]
    ) -> tuple[int, bool]:
        """How far parts in one folder lead, and whether the blob is whole then."""
        box = self._box
        parts = _parts(file.name for file in await box.storage.list(place))
        kind = "blobs/" + place.split("/")[-2]
        while (first := max((at for at in parts if at <= offset), default=None)) is not None:
            name = parts[first]
            data = await box.storage.read(f"{place}{name}", name.size)
            if data is None or not name.fits(data):
                break
            try:
                inside = box.sealer.open_part(Spot(folder, kind, first, name.last), data, keys)
                part = BlobPart(first, name.last, inside)
                after = await box.ask(lambda part=part: box.replica.receive_blob(blob, part))  # type: ignore[misc]
            except ProtocolError:
                break
            if after >= name.last:
                return after, True
            if after <= offset:
                break
            offset = after
        return offset, False

    async def _load(self) -> None:
        if not self._loaded:
            await self._box.load()
            self._loaded = True


def _parts(files: Iterable[str]) -> dict[int, ObjectName]:
    names = (read_name(file) for file in files)
    return {name.first: name for name in names if name is not None and name.last <= MAX_NUMBER}


@dataclass(slots=True)
class Pace:
    """When to poll: every few seconds while something goes on, seldom otherwise. Times in seconds, as for `poll`."""

    last_activity: float = float("-inf")
    last_poll: float = float("-inf")

    def note_activity(self, now: float) -> None:
        """Something was written here, or came from others."""
        self.last_activity = now

    def note_poll(self, now: float) -> None:
        """A poll was made."""
        self.last_poll = now

    def next_poll(self, now: float) -> float:
        """When the next poll is due."""
        return self.last_poll + (ACTIVE_S if now - self.last_activity < ACTIVE_FOR_S else IDLE_S)
