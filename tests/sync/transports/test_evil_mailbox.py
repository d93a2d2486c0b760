"""A storage that lies: honest devices never believe anything false, and find together once it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.protocol.mailbox import Head, Layout, ObjectName
from sync.transports.storage import Listed, StorageError, Trouble
from tests.sync.transports.mailboxes import SECRET, MemoryStorage, settle, workspace

FOREIGN = [".DS_Store", "desktop.ini", "x (conflicted copy 2026-11-25)", "0000000000000001-1-1-1-aa", "", "ü\n"]
TROUBLES: list[Trouble] = ["gone", "refused", "full", "read-only", "slow"]


class EvilStorage(MemoryStorage):
    """Does what `do` tells it; n picks files and amounts."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[str] = set()
        self.deleted: dict[str, bytes] = {}
        self.left: dict[Trouble, int] = {}
        self.failing = self._trouble

    async def list(self, folder: str, after: str = "") -> Sequence[Listed]:
        return [file for file in await super().list(folder, after) if folder + file.name not in self.hidden]

    async def read(self, path: str, size: int) -> bytes | None:
        data = await super().read(path, size)
        return None if path in self.hidden else data

    def _trouble(self, call: str, path: str) -> StorageError | None:
        for trouble, left in self.left.items():
            if left and (call in ("write", "delete") or trouble not in ("full", "read-only")):
                self.left[trouble] = left - 1
                return StorageError(trouble, "No.")
        return None

    def stop(self) -> None:
        self.hidden.clear()
        self.left.clear()

    def do(self, what: str, n: int, m: int) -> None:
        paths = sorted(self.files)
        if paths:
            getattr(self, what)(paths[n % len(paths)], paths[m % len(paths)], n)

    def drop(self, path: str, other: str, n: int) -> None:
        self.hidden.add(path)

    def show(self, path: str, other: str, n: int) -> None:
        self.hidden.discard(path)

    def erase(self, path: str, other: str, n: int) -> None:
        self.deleted[path] = self.files.pop(path)

    def replay(self, path: str, other: str, n: int) -> None:
        self.files.update(self.deleted)

    def truncate(self, path: str, other: str, n: int) -> None:
        self.files[path] = self.files[path][: n % (len(self.files[path]) + 1)]

    def flip(self, path: str, other: str, n: int) -> None:
        data = bytearray(self.files[path])
        if data:
            data[n % len(data)] ^= 1 << n % 8
        self.files[path] = bytes(data)

    def swap(self, path: str, other: str, n: int) -> None:
        self.files[path], self.files[other] = self.files[other], self.files[path]

    def duplicate(self, path: str, other: str, n: int) -> None:
        self.files[other.rpartition("/")[0] + "/" + path.rpartition("/")[2]] = self.files[path]

    def forge(self, path: str, other: str, n: int) -> None:
        """Bytes of one's own under a name that fits them, at numbers that are wanted."""
        data = self.files[other][: n % 300 + 1] or b"x"
        folder = path.rpartition("/")[0] + "/"
        self.files[f"{folder}{ObjectName.of(n % 5 + 1, n % 5 + 1 + n % 40, 0, data)}"] = data

    def announce(self, path: str, other: str, n: int) -> None:
        """A head for the folder of some device, or of nobody."""
        parts = path.split("/")
        folder = parts[2] if len(parts) > 4 else f"{n:032x}"
        self.files[f"{Layout(SECRET).heads}{Head(folder, n, n * 7, n * 3, n)}"] = b""

    def foreign(self, path: str, other: str, n: int) -> None:
        self.files[path.rpartition("/")[0] + "/" + FOREIGN[n % len(FOREIGN)]] = b"?" * (n % 3)

    def fail(self, path: str, other: str, n: int) -> None:
        self.left[TROUBLES[n % len(TROUBLES)]] = n % 4 + 1


EVIL = "drop show erase replay truncate flip swap duplicate forge announce foreign fail".split()
HONEST = ["say", "exchange", "exchange", "poll", "restart", "later", "operation"]
steps = st.lists(st.tuples(st.sampled_from(HONEST + EVIL), st.integers(0, 1000), st.integers(0, 1000)), max_size=40)


class Story:
    """Three devices, what each of them said, and what must hold at all times."""

    def __init__(self) -> None:
        self.storage = EvilStorage()
        self.devices = workspace(self.storage, 3)
        self.said: dict[bytes, list[bytes | None]] = {device.replica.device: [] for device in self.devices}

    async def do(self, what: str, n: int, m: int) -> None:
        device = self.devices[m % len(self.devices)]
        if what == "say":
            text = b"%d of %d" % (len(self.said[device.replica.device]), m)
            device.replica.say(text)
            self.said[device.replica.device].append(text)
        elif what == "operation":
            self.devices[0].replica.new_epoch([each.replica for each in self.devices])
        elif what == "restart":
            device.restart()
        elif what == "later":
            device.now += 4000
        elif what in ("exchange", "poll"):
            with suppress(StorageError):
                await getattr(device, what)()
        else:
            self.storage.do(what, n, m)
        self.check()

    def check(self) -> None:
        """Nobody believes what was not said."""
        for device in self.devices:
            for speaker, texts in device.replica.heard().items():
                assert texts == self.said[speaker][: len(texts)]
            assert device.replica.log.keys() <= self.devices[0].replica.log.keys()
            assert device.replica.heard().get(device.replica.device, []) == self.said[device.replica.device]

    async def end(self) -> None:
        """It stops: what it destroyed comes again from those who have it."""
        self.storage.stop()
        await settle(self.devices, rounds=12, wait=4000)
        for device in self.devices:
            assert device.replica.log.keys() == self.devices[0].replica.log.keys()
            assert device.replica.heard() == {speaker: texts for speaker, texts in self.said.items() if texts}


@settings(max_examples=60)
@given(steps)
def test_nothing_false_is_believed_and_all_find_together_in_the_end(story: list[tuple[str, int, int]]) -> None:
    async def play() -> None:
        told = Story()
        for step in story:
            await told.do(*step)
        await told.end()

    asyncio.run(play())


def test_every_kind_of_evil_by_itself() -> None:
    async def play(what: str) -> None:
        told = Story()
        for n in range(30):
            await told.do("say", n, n)
            await told.do("exchange", n, n)
            for m in range(6):
                await told.do(what, 7 * n + m, n + m)
            await told.do("exchange", n, n + 1)
        await told.end()

    for what in EVIL:
        asyncio.run(play(what))


def test_calls_are_bounded_while_it_goes_on() -> None:
    """A head that promises what never comes costs ever fewer calls."""

    async def play() -> None:
        storage = EvilStorage()
        ada, bob = workspace(storage, 2)
        ada.replica.say(b"one")
        await settle([ada, bob])
        own = Layout(SECRET).folder(ada.replica.device)
        storage.files[f"{Layout(SECRET).heads}{Head(own, 10**9, 10**12, 10**12, 10**12)}"] = b""
        storage.calls.clear()
        for _ in range(600):
            bob.now += 4
            await bob.poll()
        assert storage.count("list") < 600 + 3 * 12
        assert storage.count("read") == 0

    asyncio.run(play())
