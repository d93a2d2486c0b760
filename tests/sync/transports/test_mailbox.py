"""Devices that meet only in a mailbox."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from sync.crypto import decode
from sync.membership.bodies import Set
from sync.protocol.mailbox import DAY_MS, Layout, read_name
from sync.transports.connection import Address
from sync.transports.mailbox import ACTIVE_FOR_S, ACTIVE_S, IDLE_S, Pace
from sync.transports.mailbox_writing import PART_BYTES
from sync.transports.storage import StorageError
from tests.helpers.mailbox_replica import MemoryMailboxReplica
from tests.sync.transports.mailboxes import SECRET, Device, MemoryStorage, settle, workspace
from tests.sync.transports.storages import connect


def run(talk: Coroutine[Any, Any, None]) -> None:
    asyncio.run(talk)


def test_two_devices_hear_each_other(any_storage: str) -> None:
    async def talk() -> None:
        ada = MemoryMailboxReplica.found(1)
        here, there = Device(connect(any_storage), ada), Device(connect(any_storage), ada.join(2))
        here.replica.say(b"hello", b"again")
        await here.exchange()
        await there.exchange()
        assert there.replica.heard() == {ada.device: [b"hello", b"again"]}
        there.replica.say(b"answer")
        await there.exchange()
        here.replica.say(b"more")
        await here.exchange()
        await there.poll()
        heard = {here.replica.device: [b"hello", b"again", b"more"], there.replica.device: [b"answer"]}
        assert here.replica.heard() == there.replica.heard() == heard

    run(talk())


def test_a_new_member_with_the_newest_key_alone_reads_everything_from_the_start() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        for epoch in range(4):
            ada.replica.say(b"in epoch %d" % epoch)
            bob.replica.say(b"too %d" % epoch)
            await settle([ada, bob], 2)
            ada.replica.new_epoch([ada.replica, bob.replica])
        new = Device(storage, ada.replica.join(9))
        assert len(new.replica.epochs) == 1
        await ada.exchange()
        await new.poll()
        assert new.replica.log.keys() == ada.replica.log.keys()
        assert new.replica.heard() == ada.replica.heard()
        assert len(new.replica.epochs) == 5

    run(talk())


def test_a_removed_member_reads_nothing_newer() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob, eve = workspace(storage, 3)
        ada.replica.say(b"before")
        await settle([ada, bob, eve])
        ada.replica.remove(eve.replica, [bob.replica])
        ada.replica.say(b"after")
        await settle([ada, bob])
        await eve.poll()
        assert bob.replica.heard()[ada.replica.device] == [b"before", b"after"]
        assert eve.replica.heard()[ada.replica.device] == [b"before"]

    run(talk())


def test_entries_that_come_before_the_key_they_need_are_opened_once_it_is_there() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        await settle([ada, bob])
        before = set(storage.files)
        ada.replica.new_epoch([ada.replica, bob.replica])
        ada.replica.say(b"under the new key")
        await ada.exchange()
        (late,) = [path for path in storage.files.keys() - before if "/operations/" in path]
        held = storage.files.pop(late)
        for _ in range(3):
            await bob.poll()
        assert bob.replica.heard() == {}
        storage.files[late] = held
        bob.mailbox.hurry()
        await bob.poll()
        assert bob.replica.heard() == {ada.replica.device: [b"under the new key"]}

    run(talk())


@pytest.mark.parametrize("members", [2, 12])
def test_an_idle_poll_is_one_list_whatever_the_number_of_devices(members: int) -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        devices = workspace(storage, members)
        for device in devices:
            device.replica.say(b"hello")
            device.mailbox.set_address(Address(device.replica.device, ("127.0.0.1:1",)))
        await settle(devices)
        for device in devices:
            storage.calls.clear()
            await device.poll()
            await device.exchange()
            assert storage.calls == [("list", Layout(SECRET).heads)] * 2
        assert len([path for path in storage.files if path.startswith(Layout(SECRET).heads)]) == members

    run(talk())


def test_after_a_restart_only_what_is_new_is_read_and_written() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        ada.replica.say(*(b"%d" % n for n in range(300)))
        await settle([ada, bob])
        ada.replica.say(b"new")
        await ada.exchange()
        for device in ada, bob:
            device.restart()
        storage.calls.clear()
        await bob.poll()
        assert storage.count("read") == 1
        await settle([ada, bob])
        assert storage.count("write") == 0
        assert bob.replica.heard() == {ada.replica.device: [*(b"%d" % n for n in range(300)), b"new"]}

    run(talk())


def test_what_leaves_was_recorded_before() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        (ada,) = workspace(storage, 1)
        ada.replica.say(b"one", b"two")
        recorded = []

        def watch(call: str, path: str) -> StorageError | None:
            if call == "write" and "/entries/" in path:
                recorded.append(ada.replica.published)
            if call == "write" and "/operations/" in path:
                recorded.append(decode(ada.replica.values["progress"])["reserved"])
            return None

        storage.failing = watch
        await ada.exchange()
        assert recorded == [1, 2]

    run(talk())


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("fatal", range(10))
def test_after_a_crash_at_any_call_everything_arrives(fatal: int, killed: bool) -> None:
    """From some call on the storage fails, or the process ends after a call that did what it should."""

    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        ada.replica.say(b"one")
        await ada.exchange()
        ada.replica.say(b"two", b"three")
        ada.replica.new_epoch([ada.replica, bob.replica])
        left = fatal

        def crash(call: str, path: str) -> StorageError | None:
            nonlocal left
            left -= 1
            if left < 0 and killed:
                raise Killed
            return StorageError("gone", "Gone.") if left < 0 else None

        working = storage.failing
        storage.failing, storage.failing_late = (working, crash) if killed else (crash, working)
        with suppress(StorageError, Killed):
            await ada.exchange()
        storage.failing = storage.failing_late = working
        await bob.poll()
        ada.restart()
        ada.replica.say(b"four")
        ada.replica.sign(Set(b"m" * 32, "member"))
        await settle([ada, bob])
        assert bob.replica.heard() == {ada.replica.device: [b"one", b"two", b"three", b"four"]}
        assert bob.replica.log.keys() == ada.replica.log.keys()
        storage.calls.clear()
        await bob.poll()
        assert len(storage.calls) == 1, "nothing is announced that is not there"

    run(talk())


def test_who_read_what_a_crash_left_behind_misses_nothing_that_follows() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        await ada.exchange()
        ada.replica.sign(Set(b"l" * 32, "member"))

        def crash(call: str, path: str) -> StorageError | None:
            raise Killed

        working, storage.failing_late = storage.failing_late, crash
        with suppress(Killed):
            await ada.exchange()
        storage.failing_late = working
        await bob.poll()
        assert bob.replica.log.keys() == ada.replica.log.keys()
        ada.restart()
        ada.replica.sign(Set(b"m" * 32, "member"))
        await settle([ada, bob])
        assert bob.replica.log.keys() == ada.replica.log.keys()

    run(talk())


def test_nothing_leaves_while_no_epoch_is_safe() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        (ada,) = workspace(storage, 1)
        ada.replica.say(b"one")
        ada.replica.writable = False
        await ada.exchange()
        assert storage.files == {}
        ada.replica.writable = True
        await ada.exchange()
        assert storage.files

    run(talk())


def test_many_entries_go_into_objects_of_a_fitting_size() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        texts = [ada.replica.random(1000).replace(b"\0", b"x") for _ in range(3000)]
        ada.replica.say(*texts)
        await settle([ada, bob])
        sizes = sorted(len(data) for path, data in storage.files.items() if "/entries/" in path)
        assert len(sizes) >= 3
        assert all(64 << 10 < size <= 1 << 20 for size in sizes[1:])
        assert bob.replica.heard() == {ada.replica.device: texts}

    run(talk())


def test_what_was_lost_is_brought_again() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        for n in range(6):
            ada.replica.say(b"%d" % n)
            await ada.exchange()
        lost = [path for path in storage.files if "/heads/" not in path][::2]
        for path in lost:
            del storage.files[path]
        ada.restart()
        await settle([ada, bob])
        assert bob.replica.heard() == {ada.replica.device: [b"%d" % n for n in range(6)]}
        assert bob.replica.log.keys() == ada.replica.log.keys()
        storage.files.clear()
        new = Device(storage, ada.replica.join(9))
        await ada.exchange()
        await new.poll()
        assert new.replica.heard() == ada.replica.heard()

    run(talk())


def test_a_log_that_does_not_belong_here_yet_is_taken_in_once_it_does() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        await ada.exchange()
        related, bob.replica.related = bob.replica.related, set()
        await bob.poll()
        assert bob.replica.log == {}
        bob.replica.related = related
        await bob.poll()
        assert bob.replica.log.keys() == ada.replica.log.keys()

    run(talk())


def test_small_objects_are_merged_and_the_originals_stay_thirty_days() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        for n in range(40):
            ada.replica.say(b"%d" % n)
            ada.replica.sign(Set(ada.replica.random(32), "member"))
            await ada.exchange()
        before = set(storage.files)
        ada.now += 4000
        await ada.exchange()
        merged = [path.rpartition("/")[2] for path in storage.files.keys() - before]
        assert sorted((n.first, n.last) for n in map(read_name, merged) if n) == [(1, 40), (2, 41)]
        storage.calls.clear()
        await bob.poll()
        assert storage.count("read") == 3, "what begins an epoch stays by itself"
        assert bob.replica.heard() == {ada.replica.device: [b"%d" % n for n in range(40)]}
        assert bob.replica.log.keys() == ada.replica.log.keys()
        for days, left in (29, 40 + 1 + 41 + 1), (2, 1 + 2):
            ada.clock.advance(days * DAY_MS)
            ada.now += 4000
            await ada.exchange()
            assert len([path for path in storage.files if "/heads/" not in path]) == left
        new = Device(storage, ada.replica.join(9))
        await settle([ada, new])
        assert new.replica.heard() == ada.replica.heard()

    run(talk())


def test_purged_entries_go_from_the_storage_at_once() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        for n in range(5):
            ada.replica.say(b"first %d" % n, b"second %d" % n)
            await ada.exchange()
        blob, other = ada.replica.attach(b"secret file"), ada.replica.attach(b"other file")
        await ada.exchange()
        holds = {path for path in storage.files if "/entries/" in path}
        ada.replica.erase(3, 6, blobs=[blob])
        await ada.exchange()
        gone = holds - storage.files.keys()
        assert len(gone) == 2
        folder = Layout(SECRET).folder(ada.replica.device)
        assert not any(path.startswith(Layout(SECRET).blob(folder, blob)) for path in storage.files)
        assert any(path.startswith(Layout(SECRET).blob(folder, other)) for path in storage.files)
        await settle([ada, bob])
        assert bob.replica.heard()[ada.replica.device][1:6] == [b"second 0", None, b"second 1", b"first 2", None]
        assert ada.replica.to_erase == []

    run(talk())


def test_blobs_arrive_whole_in_parts_and_only_what_their_id_says(any_storage: str) -> None:
    async def talk() -> None:
        ada = MemoryMailboxReplica.found(7)
        here, there = Device(connect(any_storage), ada), Device(connect(any_storage), ada.join(8))
        large, small = ada.random(PART_BYTES * 2 + 5), b"small"
        blobs = [ada.attach(large), ada.attach(small)]
        await here.exchange()
        await there.exchange()
        for blob in blobs:
            assert await there.mailbox.fetch_blob(blob, [there.replica.device, ada.device])
        assert [there.replica.blobs[blob] for blob in blobs] == [large, small]
        assert not await there.mailbox.fetch_blob(b"?" * 32, [ada.device])

    run(talk())


def test_addresses_are_left_for_members_and_the_old_one_goes() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        for port in range(3):
            ada.mailbox.set_address(Address(ada.replica.device, (f"192.0.2.1:{port}",), "https://relay.example.net"))
            await settle([ada, bob])
        assert bob.mailbox.addresses() == [Address(ada.replica.device, ("192.0.2.1:2",), "https://relay.example.net")]
        assert len([path for path in storage.files if "/addresses/" in path]) == 1
        ada.restart()
        ada.mailbox.set_address(Address(ada.replica.device, ("192.0.2.1:2",), "https://relay.example.net"))
        storage.calls.clear()
        await ada.exchange()
        assert storage.count("write") == 0

    run(talk())


def test_nobody_says_where_another_device_is() -> None:
    async def talk() -> None:
        ada, bob = workspace(MemoryStorage(), 2)
        bob.mailbox.set_address(Address(ada.replica.device, ("192.0.2.66:1",)))
        await settle([ada, bob])
        assert ada.mailbox.addresses() == []

    run(talk())


def test_a_copy_of_a_home_becomes_another_device_with_a_folder_of_its_own() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        ada.replica.say(b"one", b"two")
        await ada.exchange()
        copied = Device(storage, copy.deepcopy(ada.replica))
        old = ada.replica.device
        ada.replica.say(b"of the original")
        await ada.exchange()
        await copied.exchange()
        assert copied.replica.device != old
        assert [said.text for said in copied.replica.chains[old][3].values()] == [b"of the original"]
        ada.replica.sign(Set(copied.replica.device, "member"))
        copied.replica.say(b"of the copy")
        await settle([ada, copied, bob])
        everything = {old: [b"one", b"two", b"of the original"], copied.replica.device: [b"of the copy"]}
        assert ada.replica.heard() == copied.replica.heard() == bob.replica.heard() == everything

    run(talk())


def test_nothing_readable_is_written_neither_in_names_nor_in_objects() -> None:
    async def talk() -> None:
        storage = MemoryStorage()
        ada, bob = workspace(storage, 2)
        ada.replica.say(b"SENTINEL text", document=b"SENTINEL document")
        bob.replica.say(b"SENTINEL answer")
        blob = ada.replica.attach(b"SENTINEL file" * 9)
        ada.mailbox.set_address(Address(ada.replica.device, ("SENTINEL:1",), "SENTINEL"))
        await settle([ada, bob])
        document = next(iter(ada.replica.chains[ada.replica.device][1].values())).signed.entry.document
        secrets = [b"SENTINEL", SECRET, document, blob, ada.replica.workspace]
        secrets += [*ada.replica.log, *ada.replica.log_keys(), ada.replica.device, bob.replica.device]
        written = b"\n".join(path.encode() + b"\n" + data for path, data in storage.everything.items())
        for secret in secrets:
            assert secret not in written and secret.hex().encode() not in written
        assert len(storage.everything) >= 7

    run(talk())


def test_the_pace_is_seconds_while_something_goes_on_and_half_a_minute_otherwise() -> None:
    pace = Pace()
    assert pace.next_poll(5) <= 5
    pace.note_poll(10)
    assert pace.next_poll(10) == 10 + IDLE_S
    pace.note_activity(10)
    assert pace.next_poll(11) == 10 + ACTIVE_S
    assert pace.next_poll(10 + ACTIVE_FOR_S) == 10 + IDLE_S
