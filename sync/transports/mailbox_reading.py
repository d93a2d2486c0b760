"""Reading what other devices brought into a mailbox.

One LIST of the heads says which folders have something new; only those are listed, and of them only what comes after
what is here. What cannot be had yet (a gap, a file that is not whole, a key that is not here) is tried again, at first
soon, then ever more seldom, and at once when files or keys come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sync.errors import MembershipError, ProtocolError
from sync.membership.operation import decode_operation
from sync.protocol.address import Address
from sync.protocol.mailbox import MAX_DEVICES, Head, ObjectName, Stream, covered, object_start, read_heads, to_read
from sync.protocol.mailbox_objects import LockedObject
from sync.transports.mailbox_progress import Box, spot, together

FIRST_RETRY_S, LAST_RETRY_S = 5.0, 600.0
POLL_BYTES = 64 << 20
"""What one poll reads, about; so that this device's own work leaves in between."""
MAX_REFUSED = 100
_TOGETHER = 4
"""Objects that are fetched at the same time."""

Take = Callable[[ObjectName, bytes], Awaitable[None]]


@dataclass(slots=True)
class Polled:
    """What a poll brought. refused: sentences, for the log; behind: folders in which something is announced and not to
    be had yet; more: it ended at `POLL_BYTES`, and the next one may follow at once."""

    operations: int = 0
    admitted: int = 0
    waiting: int = 0
    behind: int = 0
    more: bool = False
    refused: list[str] = field(default_factory=list)
    bytes: int = 0


@dataclass(slots=True)
class _Folder:
    """One device's folder. have: read, but beyond a gap; useless: does not open; locked: waits for a
    key, or for what tells why a log belongs here."""

    name: str
    heads: frozenset[Head] = frozenset()
    due: bool = False
    retry_at: float = 0.0
    wait: float = FIRST_RETRY_S
    addresses: int = 0
    have: dict[Stream, set[ObjectName]] = field(default_factory=lambda: {"operations": set(), "entries": set()})
    useless: dict[Stream, set[ObjectName]] = field(default_factory=lambda: {"operations": set(), "entries": set()})
    locked: set[ObjectName] = field(default_factory=set)

    def announced(self, stream: Stream) -> int:
        """The last number of a stream by the heads."""
        return max((int(getattr(head, stream)) for head in self.heads), default=0)

    def hurry(self) -> None:
        """Try again at the next poll."""
        self.retry_at, self.wait = 0.0, FIRST_RETRY_S


class Reader:
    """Reads one mailbox for one device."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._folders: dict[str, _Folder] = {}
        self._devices: dict[str, bytes] = {}
        self._keys: Mapping[bytes, bytes] = {}
        self._logs: frozenset[bytes] = frozenset()
        self.own_heads: frozenset[Head] = frozenset()
        """This device's markers as the last poll saw them."""
        self.addresses: dict[bytes, Address] = {}
        """Where other devices say they may be reached."""

    def hurry(self) -> None:
        """Files came: try again what could not be had."""
        for folder in self._folders.values():
            folder.hurry()

    async def poll(self, now: float) -> Polled:
        """Take in what is new; now: seconds of a clock that only runs forward. StorageError if it cannot be read."""
        box, found = self._box, Polled()
        listed = await box.storage.list(box.layout.heads)
        self._note(read_heads(file.name for file in listed))
        await self._learn()
        while self._due(now) and await self._read_operations(self._due(now), found):
            await self._learn()
        due = self._due(now)
        for folder in due:
            await self._read_address(folder)
            if folder.name in self._devices:
                await self._read_entries(folder, self._devices[folder.name], found)
        for folder in due:
            await self._settle(folder, now, found)
        found.behind = sum(folder.due for folder in self._folders.values())
        return found

    def _note(self, heads: Mapping[str, Sequence[Head]]) -> None:
        there = heads.keys() | self._devices.keys()
        self._folders = {name: folder for name, folder in self._folders.items() if name in there}
        for name, markers in heads.items():
            seen = frozenset(markers)
            if name == self._box.own:
                continue
            folder = self._folders.setdefault(name, _Folder(name))
            if folder.heads != seen:
                folder.heads, folder.due = seen, True
                folder.hurry()
        self.own_heads = frozenset(heads.get(self._box.own, ()))

    async def _learn(self) -> None:
        """Look up devices, logs and keys; what waited for one is tried again when there are others."""
        box = self._box
        devices = await box.ask(box.replica.devices)
        logs = frozenset(await box.ask(box.replica.logs))
        keys = await box.log_keys()
        if keys.keys() != self._keys.keys() or len(devices) != len(self._devices) or logs != self._logs:
            for folder in self._folders.values():
                folder.locked.clear()
                folder.hurry()
        self._keys, self._logs = keys, logs
        self._devices = {box.layout.folder(device): device for device in devices}

    def _due(self, now: float) -> list[_Folder]:
        return [folder for folder in self._folders.values() if folder.due and now >= folder.retry_at]

    async def _read_operations(self, due: list[_Folder], found: Polled) -> int:
        """Operations that came; the roster and the keys may be others then."""
        box, before, progress = self._box, found.operations, dict(self._box.progress.read)
        for folder in due:
            n = box.progress.read.get(folder.name, 0)
            if folder.announced("operations") <= n:
                continue

            async def take(name: ObjectName, data: bytes, folder: _Folder = folder) -> None:
                place = spot(folder.name, "operations", name)
                logs = dict(box.sealer.open_operations(place, data, self._keys))
                while fitting := logs.keys() & set(await box.ask(box.replica.logs)):
                    for log in sorted(fitting):
                        found.operations += await self._add(log, logs.pop(log), found)
                (folder.locked if logs else folder.have["operations"]).add(name)

            await self._read(folder, "operations", n, take, found)
            n = covered(folder.have["operations"], n)
            if n and (folder.name in progress or len(progress) < MAX_DEVICES):
                progress[folder.name] = n
            folder.have["operations"] = {name for name in folder.have["operations"] if name.last > n}
        if progress != box.progress.read or found.operations > before:
            box.progress.read = progress
            await box.save(known=found.operations > before)
        return found.operations - before

    async def _add(self, log: bytes, operations: Sequence[bytes], found: Polled) -> int:
        """How many of them were not known to be in the mailbox."""
        box = self._box
        try:
            idents = [decode_operation(operation).id for operation in operations]
            await box.ask(lambda: box.replica.add_operations(log, operations))
        except (ProtocolError, MembershipError) as error:
            _refuse(found, [str(error)])
            return 0
        new = [ident for ident in idents if not box.is_known(ident)]
        box.note_known(new)
        return len(new)

    async def _read_entries(self, folder: _Folder, device: bytes, found: Polled) -> None:
        box = self._box
        n = await box.ask(lambda: box.replica.progress(device))
        if folder.announced("entries") <= n:
            return

        async def take(name: ObjectName, data: bytes) -> None:
            locked = 0
            for envelope in box.sealer.open_envelopes(spot(folder.name, "entries", name), data):
                received = await box.ask(lambda each=envelope: box.replica.receive([each]))  # type: ignore[misc]
                locked += received.locked
                found.admitted += received.taken.admitted
                found.waiting += received.taken.waiting
                _refuse(found, received.taken.refused)
            (folder.locked if locked else folder.have["entries"]).add(name)

        await self._read(folder, "entries", n, take, found)
        n = await box.ask(lambda: box.replica.progress(device))
        folder.have["entries"] = {name for name in folder.have["entries"] if name.last > n}

    async def _read(self, folder: _Folder, stream: Stream, n: int, take: Take, found: Polled) -> None:
        """Give every object after n to `take`, as far as objects are there and open."""
        names, _ = await self._box.objects(folder.name, stream, object_start(n))
        absent: set[ObjectName] = set()
        useless = folder.useless[stream] = folder.useless[stream] & set(names)
        while wanted := to_read(names, n, folder.have[stream], useless | folder.locked | absent):
            for at in range(0, len(wanted), _TOGETHER):
                if found.bytes >= POLL_BYTES:
                    found.more = True
                    return
                some = wanted[at : at + _TOGETHER]
                contents = await together([self._box.read(folder.name, stream, name) for name in some])
                for name, data in zip(some, contents, strict=True):
                    found.bytes += name.size
                    if data is None:
                        absent.add(name)
                    elif not await self._take(folder, name, data, take):
                        useless.add(name)
                        _refuse(found, [f"An object in folder {folder.name[:8]} of the mailbox is of no use."])

    async def _take(self, folder: _Folder, name: ObjectName, data: bytes, take: Take) -> bool:
        """Whether an object is of use, perhaps later."""
        try:
            await take(name, data)
        except LockedObject:
            folder.locked.add(name)
        except ProtocolError:
            return False
        return True

    async def _read_address(self, folder: _Folder) -> None:
        if folder.announced("addresses") <= folder.addresses:
            return
        box = self._box
        names, _ = await box.objects(folder.name, "addresses", object_start(folder.addresses))
        for name in sorted(names, key=lambda name: name.last, reverse=True)[:_TOGETHER]:
            data = await box.read(folder.name, "addresses", name)
            if data is None:
                continue
            try:
                address = box.sealer.open_address(spot(folder.name, "addresses", name), data, self._keys)
            except ProtocolError:
                continue
            if box.layout.folder(address.device) == folder.name:
                self.addresses[address.device] = address
                folder.addresses = name.last
                return

    async def _settle(self, folder: _Folder, now: float, found: Polled) -> None:
        """Done with a folder, or when to try again."""
        box = self._box
        device = self._devices.get(folder.name)
        entries = 0 if device is None else await box.ask(lambda: box.replica.progress(device))
        folder.due = (
            box.progress.read.get(folder.name, 0) < folder.announced("operations")
            or entries < folder.announced("entries")
            or folder.addresses < folder.announced("addresses")
        )
        if found.more:
            return
        folder.retry_at = now + folder.wait
        folder.wait = min(folder.wait * 2, LAST_RETRY_S)


def _refuse(found: Polled, sentences: Sequence[str]) -> None:
    found.refused.extend(sentences[: max(0, MAX_REFUSED - len(found.refused))])
