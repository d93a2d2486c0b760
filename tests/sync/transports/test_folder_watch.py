from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sync.transports.folder_watch import FolderWatch
from tests.helpers.mailbox_replica import MemoryMailboxReplica
from tests.sync.transports.mailboxes import Device
from tests.sync.transports.storages import connect

LONG = 30.0


def test_a_device_wakes_when_another_brings_something(shared: str) -> None:
    async def use() -> None:
        ada = MemoryMailboxReplica.found(1)
        here, there = Device(connect(shared), ada), Device(connect(shared), ada.join(2))
        await here.exchange()
        await there.poll()
        folder = connect(shared).folder
        assert folder is not None
        async with FolderWatch(folder / there.mailbox.root) as watch:
            waiting = asyncio.create_task(watch.wait(LONG))
            await asyncio.sleep(0)
            ada.say(b"hello")
            await here.exchange()
            assert await waiting
            await there.poll()
            assert there.replica.heard() == {ada.device: [b"hello"]}

    asyncio.run(use())


def test_reading_wakes_nobody(tmp_path: Path) -> None:
    async def use() -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a/x").write_text("1")
        async with FolderWatch(tmp_path) as watch:
            (tmp_path / "a/x").read_text()
            os.listdir(tmp_path / "a")
            assert not await watch.wait(0.1)

    asyncio.run(use())


def test_a_folder_that_comes_later_is_watched_from_then_on(tmp_path: Path) -> None:
    async def use() -> None:
        async with FolderWatch(tmp_path / "later") as watch:
            assert not await watch.wait(0.01)
            (tmp_path / "later/in").mkdir(parents=True)
            waiting = asyncio.create_task(watch.wait(LONG))
            await asyncio.sleep(0)
            (tmp_path / "later/in/x").write_text("1")
            assert await waiting

    asyncio.run(use())
