"""The mailboxes of a home: each is polled and published to in a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sync.clock import Clock, Random
from sync.engine import Engine
from sync.errors import SyncError
from sync.network.conversations import Call
from sync.protocol.address import Address
from sync.repository.mailbox_replica import StoredMailboxReplica
from sync.store.network_rows import MailboxRow, mailboxes
from sync.transports.folder_watch import FolderWatch
from sync.transports.mailbox import Mailbox, Pace
from sync.transports.opendal_storage import open_storage
from sync.transports.storage_uri import read_uri

T = TypeVar("T")

WATCH_S = 2.0
"""How often it is looked whether a folder is there that can be watched."""
GATHER_S = 0.05
"""Files that come one after the other make one poll."""


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """A mailbox now. reached: milliseconds since 1970 of the last time all went well, 0 for never. trouble: a sentence;
    behind: devices of which something is announced and not there yet; waiting: nothing may be sealed until an owner
    made a new key."""

    row: int
    workspace: bytes
    shown: str
    reached: int = 0
    trouble: str = ""
    behind: int = 0
    waiting: bool = False


class _Running:
    """One mailbox and its task."""

    def __init__(self, owner: Mailboxes, row: MailboxRow, workspace: bytes, secret: bytes) -> None:
        self.row = row
        self.workspace = workspace
        self._owner = owner
        self._secret = secret
        self._pace = Pace()
        self._wake = asyncio.Event()
        self._rounds = 0
        self._more = False
        self._watching: asyncio.Task[None] | None = None
        self._round_done = asyncio.Condition()
        self.mailbox: Mailbox | None = None
        shown = read_uri(row.uri, row.credentials).shown
        self.status = MailboxStatus(row.row, workspace, shown)
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            await self._round(loop.time())
            async with self._round_done:
                self._rounds += 1
                self._round_done.notify_all()
            self._pace.note_poll(loop.time())
            pause = 0.0 if self._more else self._pace.next_poll(loop.time()) - loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.1, pause)):
                    await self._wake.wait()

    async def _watch(self, mailbox: Mailbox, folder: Path) -> None:
        """Poll as soon as files come into a folder."""
        async with FolderWatch(folder) as watch:
            while True:
                if await watch.wait(WATCH_S):
                    await asyncio.sleep(GATHER_S)
                    mailbox.hurry()
                    self._wake.set()

    async def _round(self, now: float) -> None:
        try:
            mailbox = self.mailbox = self.mailbox or await self._open()
            if self._owner.address is not None:
                mailbox.set_address(self._owner.address)
            polled = await mailbox.poll(now)
            published = await mailbox.publish(now)
        except SyncError as error:
            self._show(replace(self.status, trouble=str(error)))
            return
        if mailbox.folder is not None and self._watching is None:
            self._watching = asyncio.ensure_future(self._watch(mailbox, mailbox.folder))
        self._more = polled.more
        if polled.admitted or polled.operations or published.entries:
            self._pace.note_activity(now)
        for address in mailbox.addresses():
            self._owner.learn_address(address)
        reached = self._owner.clock.now_ms()
        self._show(replace(self.status, trouble="", reached=reached, behind=polled.behind, waiting=published.unsafe))

    async def _open(self) -> Mailbox:
        owner = self._owner
        storage = await asyncio.to_thread(open_storage, read_uri(self.row.uri, self.row.credentials))

        def make(engine: Engine) -> StoredMailboxReplica:
            return StoredMailboxReplica(
                engine.replica, self.row.row, self.row.workspace, self.workspace, owner.clock.now_ms
            )

        replica = await owner.call(make)

        def ask(work: Callable[[], T]) -> Awaitable[T]:
            return owner.call(lambda _engine: work())

        return Mailbox(storage, self._secret, replica, ask, owner.clock, owner.random)

    async def stop(self) -> None:
        """End both tasks, and whoever waits for them."""
        for task in filter(None, (self.task, self._watching)):
            task.cancel()
            await asyncio.wait([task])
        async with self._round_done:
            self._round_done.notify_all()

    def _show(self, status: MailboxStatus) -> None:
        if status != self.status:
            self.status = status
            self._owner.changed()

    def note_activity(self, now: float) -> None:
        self._pace.note_activity(now)
        self._wake.set()

    async def sync_now(self) -> None:
        """Until a round that began after this call has ended, or none will."""
        wanted = self._rounds + 2
        async with self._round_done:
            while self._rounds < wanted and not self.task.done():
                self._wake.set()
                await self._round_done.wait()


class Mailboxes:
    """All of them. learn_address: told where devices say they are."""

    def __init__(
        self,
        call: Call,
        clock: Clock,
        random: Random,
        changed: Callable[[], None],
        learn_address: Callable[[Address], None],
    ) -> None:
        self.call = call
        self.clock = clock
        self.random = random
        self.changed = changed
        self.learn_address = learn_address
        self.address: Address | None = None
        self._running: dict[int, _Running] = {}

    def set_address(self, address: Address) -> None:
        """Where this device is reached, for others to find in the mailboxes."""
        self.address = address

    async def renew(self) -> None:
        """Begin with new mailboxes and end with those that are gone, or whose credentials changed."""
        found = await self.call(_look)
        wanted = {row.row: (row, workspace, secret) for row, workspace, secret in found}
        for number, running in list(self._running.items()):
            if number not in wanted or wanted[number][0] != running.row:
                await self._running.pop(number).stop()
        for number, (row, workspace, secret) in wanted.items():
            if number not in self._running:
                self._running[number] = _Running(self, row, workspace, secret)
        self.changed()

    def note_activity(self) -> None:
        """Something was written here: bring it soon."""
        now = asyncio.get_running_loop().time()
        for running in self._running.values():
            running.note_activity(now)

    async def sync_now(self) -> None:
        """Poll and publish everywhere, and wait for it."""
        await asyncio.gather(*(running.sync_now() for running in self._running.values()))

    async def fetch_blob(self, workspace: bytes, blob: bytes) -> bool:
        """Look for a blob in the mailboxes of a workspace."""
        for running in self._running.values():
            if running.workspace == workspace and running.mailbox is not None:
                mailbox = running.mailbox
                devices = await self.call(lambda engine: engine.replica.devices_of(workspace))
                with contextlib.suppress(SyncError):
                    if await mailbox.fetch_blob(blob, devices):
                        return True
        return False

    def status(self) -> tuple[MailboxStatus, ...]:
        """Each one's."""
        return tuple(running.status for running in self._running.values())

    async def stop(self) -> None:
        """End all."""
        for running in self._running.values():
            await running.stop()
        self._running.clear()


def _look(engine: Engine) -> list[tuple[MailboxRow, bytes, bytes]]:
    """Mailboxes of workspaces whose keys are here: (row, workspace id, secret of the mailbox)."""
    found = [(row, engine.workspace(row.workspace)) for row in mailboxes(engine.connection)]
    return [(row, keys.id, keys.mailbox_secret) for row, keys in found if keys.mailbox_secret]
