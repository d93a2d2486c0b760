"""Devices that meet in one storage, and a storage in memory that can be told to misbehave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sync.testing import ManualClock
from sync.transports.mailbox import Mailbox
from sync.transports.storage import Listed, Storage, StorageError
from tests.helpers.mailbox_replica import MemoryMailboxReplica, direct

SECRET = b"s" * 32
Fail = Callable[[str, str], StorageError | None]


class MemoryStorage:
    """Files in memory, and a record of every call. Nothing may be overwritten."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.everything: dict[str, bytes] = {}
        """Every file that was ever written."""
        self.failing: Fail = lambda call, path: None
        self.failing_late: Fail = lambda call, path: None
        """Errors before and after a call did what it should."""

    @property
    def folder(self) -> Path | None:
        return None

    def count(self, call: str) -> int:
        return sum(made == call for made, _ in self.calls)

    async def list(self, folder: str, after: str = "") -> Sequence[Listed]:
        self._call("list", folder)
        names = (path.removeprefix(folder) for path in self.files if path.startswith(folder))
        return [
            Listed(name, len(self.files[folder + name])) for name in sorted(names) if "/" not in name and name > after
        ]

    async def read(self, path: str, size: int) -> bytes | None:
        self._call("read", path)
        data = self.files.get(path)
        return None if data is None or len(data) < size else data[:size]

    async def write(self, path: str, data: bytes) -> None:
        self._call("write", path)
        assert path not in self.everything, "overwritten, or written again after it was deleted"
        self.files[path] = self.everything[path] = data
        self._done("write", path)

    async def delete(self, path: str) -> None:
        self._call("delete", path)
        self.files.pop(path, None)
        self._done("delete", path)

    def _call(self, call: str, path: str) -> None:
        self.calls.append((call, path))
        if error := self.failing(call, path):
            raise error

    def _done(self, call: str, path: str) -> None:
        if error := self.failing_late(call, path):
            raise error


class Device:
    """A replica and its mailbox; `exchange` polls, publishes and moves time on."""

    def __init__(self, storage: Storage, replica: MemoryMailboxReplica, clock: ManualClock | None = None) -> None:
        self.storage, self.replica = storage, replica
        self.clock = clock or ManualClock()
        self.now = 0.0
        self.restart()

    def restart(self) -> None:
        """As after the process ended: only what the replica keeps is left."""
        self.mailbox = Mailbox(self.storage, SECRET, self.replica, direct, self.clock, self.replica.random)

    async def exchange(self) -> None:
        self.now += 1
        await self.mailbox.publish(self.now)

    async def poll(self) -> None:
        self.now += 1
        await self.mailbox.poll(self.now)


def workspace(storage: Storage, count: int) -> list[Device]:
    """Members of one workspace; only the first knows all of the log."""
    first = MemoryMailboxReplica.found(1)
    return [Device(storage, replica) for replica in [first, *(first.join(seed) for seed in range(2, count + 1))]]


async def settle(devices: Sequence[Device], rounds: int = 4, wait: float = 1000.0) -> None:
    """Exchange until everything that can arrive has arrived."""
    for _ in range(rounds):
        for device in devices:
            device.now += wait
            await device.exchange()
