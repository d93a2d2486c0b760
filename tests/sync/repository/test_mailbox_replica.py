"""Homes that meet only in a mailbox."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine import Engine
from sync.membership.bodies import Remove
from sync.repository.mailbox_replica import StoredMailboxReplica
from sync.store.network_rows import add_mailbox, holders, mailboxes
from sync.testing import ManualClock, seeded_random
from sync.transports.mailbox import Mailbox
from tests.helpers.mailbox_replica import direct
from tests.sync.engine_home import PlainProjector, append, open_engine, shown
from tests.sync.repository.peers import let_in
from tests.sync.transports.mailboxes import MemoryStorage


class Member:
    """A home and its mailbox of the common workspace."""

    def __init__(self, folder: Path, name: str) -> None:
        (folder / name).mkdir()
        self.engine: Engine = open_engine(folder / name, name)
        self.now = 0.0

    def row(self, workspace: bytes) -> int:
        return int(self.engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()[0])

    def enter(self, storage: MemoryStorage, workspace: bytes) -> None:
        with self.engine.transaction() as tx:
            add_mailbox(tx.connection, self.row(workspace), "/somewhere", {}, 0)
        self.open_mailbox(storage, workspace)

    def open_mailbox(self, storage: MemoryStorage, workspace: bytes) -> None:
        row = self.row(workspace)
        [box] = [mailbox.row for mailbox in mailboxes(self.engine.connection) if mailbox.workspace == row]
        replica = StoredMailboxReplica(self.engine.replica, box, row, workspace, lambda: 0)
        secret = self.engine.workspace(row).mailbox_secret
        self.mailbox = Mailbox(storage, secret, replica, direct, ManualClock(), seeded_random(hash(workspace)))

    def exchange(self) -> None:
        self.now += 1000
        asyncio.run(self.mailbox.publish(self.now))

    def shown(self) -> dict[str, set[str]]:
        return shown(self.engine.connection)


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Member]]:
    made = [Member(tmp_path, name) for name in ("ada", "bob", "eve", "new")]
    yield made
    for member in made:
        member.engine.close()


def test_members_follow_each_other_through_a_mailbox_alone(members: list[Member]) -> None:
    ada, bob, eve, new = members
    storage = MemoryStorage()
    with ada.engine.transaction(durable=True):
        row = ada.engine.create_workspace().row
    workspace = ada.engine.workspace(row).id
    let_in(ada.engine, bob.engine, workspace)
    let_in(ada.engine, eve.engine, workspace)
    for member in ada, bob, eve:
        member.enter(storage, workspace)
    append(ada.engine, row, "s", "a")
    for member in ada, bob, eve, ada:
        member.exchange()
    append(bob.engine, bob.row(workspace), "s", "b")
    for member in bob, ada, eve:
        member.exchange()
    assert ada.shown() == bob.shown() == eve.shown() == {"s": {"a", "b"}}
    with ada.engine.transaction(durable=True) as tx:
        ada.engine.members.sign(tx, workspace, Remove(eve.engine.identity, {}))
        ada.engine.members.renew_epochs(tx)
    append(ada.engine, row, "s", "c")
    for member in ada, bob, eve:
        member.exchange()
    assert bob.shown() == {"s": {"a", "b", "c"}}
    assert eve.shown() == {"s": {"a", "b"}}
    let_in(ada.engine, new.engine, workspace)
    with ada.engine.transaction(durable=True) as tx:
        ada.engine.members.renew_epochs(tx)
    new.enter(storage, workspace)
    for member in ada, new, bob:
        member.exchange()
    assert new.shown() == {"s": {"a", "b", "c"}}
    append(new.engine, new.row(workspace), "s", "d")
    for member in new, ada, bob:
        member.exchange()
    assert ada.shown() == bob.shown() == {"s": {"a", "b", "c", "d"}}
    assert [holder.n for holder in holders(ada.engine.connection, row)] == [2]


def test_a_purged_session_goes_from_the_mailbox(members: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob, *_ = members
    storage = MemoryStorage()
    with ada.engine.transaction(durable=True):
        row = ada.engine.create_workspace().row
    workspace = ada.engine.workspace(row).id
    let_in(ada.engine, bob.engine, workspace)
    ada.enter(storage, workspace)
    bob.enter(storage, workspace)
    for session in ("kept", "purged", "kept"):
        append(ada.engine, row, session, f"{session}{len(storage.everything)}")
        ada.exchange()
    entries = {path for path in storage.files if "/entries/" in path}
    with ada.engine.transaction() as tx:
        blobs = [ada.engine.put_blob(tx, row, content).id for content in (b"still shown", b"not any more")]
    ada.exchange()
    held = {path for path in storage.files if "/blobs/" in path}
    monkeypatch.setattr(PlainProjector, "refers", lambda *args: args[-1] == blobs[0])
    with ada.engine.transaction() as tx:
        ada.engine.purge(tx, row, ["purged"], blobs[1:])
    ada.exchange()
    assert len(entries - storage.files.keys()) == 1
    assert (len(held), len(held & storage.files.keys())) == (2, 1)
    bob.exchange()
    assert bob.shown().keys() == {"kept"} and len(bob.shown()["kept"]) == 2
    before = dict(storage.files)
    ada.exchange()
    assert storage.files == before


def test_nothing_that_a_home_brings_is_readable(members: list[Member]) -> None:
    ada, bob, *_ = members
    storage = MemoryStorage()
    with ada.engine.transaction(durable=True):
        row = ada.engine.create_workspace().row
    workspace = ada.engine.workspace(row).id
    let_in(ada.engine, bob.engine, workspace)
    append(ada.engine, row, "SENTINEL-session", "SENTINEL-event")
    with ada.engine.transaction() as tx:
        blob = ada.engine.put_blob(tx, row, b"SENTINEL-blob")
        ada.engine.edit_note(tx, row, "note/SENTINEL", "SENTINEL-text", {})
    ada.enter(storage, workspace)
    bob.enter(storage, workspace)
    for member in ada, bob, ada:
        member.exchange()
    keys = ada.engine.workspace(row)
    secrets = [b"SENTINEL", workspace, blob.id, keys.mailbox_secret, keys.blob_secret, keys.grant]
    secrets += [ada.engine.identity, bob.engine.identity, ada.engine.device.device_id, bob.engine.device.device_id]
    secrets += [bytes(ident) for (ident,) in ada.engine.connection.execute("SELECT id FROM document").fetchall()]
    written = b"\n".join(path.encode() + b"\n" + data for path, data in storage.everything.items())
    for secret in secrets:
        assert secret not in written and secret.hex().encode() not in written
    assert bob.shown() == {"SENTINEL-session": {"SENTINEL-event"}}


def test_a_home_put_back_from_a_copy_is_known_by_the_mailbox_alone(members: list[Member], tmp_path: Path) -> None:
    ada, bob, *_ = members
    storage = MemoryStorage()
    with ada.engine.transaction(durable=True):
        row = ada.engine.create_workspace().row
    workspace = ada.engine.workspace(row).id
    let_in(ada.engine, bob.engine, workspace)
    ada.enter(storage, workspace)
    bob.enter(storage, workspace)
    for member in ada, bob, ada:
        member.exchange()
    bob.engine.close()
    shutil.copytree(tmp_path / "bob", tmp_path / "copy")
    bob.engine = open_engine(tmp_path / "bob", "bob")
    bob.open_mailbox(storage, workspace)
    append(bob.engine, bob.row(workspace), "s", "after the copy")
    for member in bob, ada:
        member.exchange()
    assert ada.shown() == {"s": {"after the copy"}}
    before = bob.engine.device.device_id
    bob.engine.close()
    shutil.rmtree(tmp_path / "bob")
    shutil.copytree(tmp_path / "copy", tmp_path / "bob")
    bob.engine = open_engine(tmp_path / "bob", "bob")
    bob.open_mailbox(storage, workspace)
    bob.exchange()
    bob.open_mailbox(storage, workspace)  # as a node does for another device
    append(bob.engine, bob.row(workspace), "s", "from the new device")
    for member in ada, bob, ada, bob, ada:
        member.exchange()
    assert bob.engine.device.device_id != before
    assert ada.shown() == bob.shown() == {"s": {"after the copy", "from the new device"}}
