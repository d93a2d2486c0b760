"""Two and more devices that meet only through a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sync.testing import ManualClock
from sync.transports.mailbox import Mailbox
from sync.transports.opendal_storage import open_storage
from sync.transports.storage_uri import read_uri
from tests.helpers.mailbox_replica import MemoryMailboxReplica, direct

SECRET = b"s" * 32


def box(folder: Path, replica: MemoryMailboxReplica) -> Mailbox:
    return Mailbox(open_storage(read_uri(str(folder))), SECRET, replica, direct, ManualClock(), replica.random)


def test_two_devices_hear_each_other_through_a_folder(tmp_path: Path) -> None:
    async def talk() -> None:
        ada = MemoryMailboxReplica.found(1)
        bob = ada.join(2)
        here, there = box(tmp_path, ada), box(tmp_path, bob)
        ada.say(b"hello", b"again")
        await here.publish(1)
        await there.poll(1)
        assert bob.heard() == {ada.device: [b"hello", b"again"]}
        bob.say(b"answer")
        await there.publish(2)
        ada.say(b"more")
        await here.publish(2)
        await there.poll(3)
        assert ada.heard() == bob.heard() == {ada.device: [b"hello", b"again", b"more"], bob.device: [b"answer"]}

    asyncio.run(talk())
