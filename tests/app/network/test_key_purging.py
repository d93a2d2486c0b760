"""After a purge of keys nothing that was sealed before opens, with all that any device has by then; work goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.errors import UserError
from app.network.key_purging import purge_keys
from app.network.syncing import add_mailbox
from app.workspace import Workspace
from sync.engine import Engine
from sync.errors import MembershipError, SyncError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Epoch
from sync.membership.epoch import key_id, segment_key, unwrap_epoch
from sync.membership.epochs import reach_keys
from sync.protocol.envelope import read_envelope
from sync.store.operations import epoch_keys
from tests.app.network.conftest import Place, device
from tests.app.network.test_fetching import LARGE, alone, ask, attached, is_here
from tests.app.network.test_live import until
from tests.app.network.test_members import sync, team
from tests.app.network.test_purging import begun, count, said


def without_code(*homes: Workspace) -> None:
    """As if the recovery codes were written down."""

    def forget(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            tx.connection.execute("DELETE FROM secret WHERE name='recovery'")

    for home in homes:
        home.with_engine(forget)


def sealed_by(home: Workspace, workspace: str) -> list[bytes]:
    """What a home has sent or brought of a workspace, as somebody kept it."""

    def seal(engine: Engine) -> list[bytes]:
        chain = engine.replica.find_chain(bytes.fromhex(workspace), engine.device.device_id)
        assert chain is not None
        return list(engine.replica.sealed_after(chain, 0, 1 << 20).envelopes)

    return home.with_engine(seal)


def secrets(home: Workspace) -> DeviceKeys:
    return home.with_engine(lambda engine: engine.device)


def opens(home: Workspace, workspace: str, kept: list[bytes], stolen: DeviceKeys | None = None) -> int:
    """How many envelopes open with all that a home has now, or with its data and an earlier secret."""

    def count(engine: Engine) -> int:
        ident = bytes.fromhex(workspace)
        (row,) = engine.connection.execute("SELECT row FROM workspace WHERE id=?", (ident,)).fetchone()
        state, keys = engine.memberships.state(ident), dict(epoch_keys(engine.connection, row))
        for epoch, body in state.epochs().items():
            operation = state.operation(epoch)
            assert operation is not None and isinstance(body, Epoch)
            try:
                keys.setdefault(epoch, unwrap_epoch(operation, stolen or engine.device))
            except SyncError:
                continue
        keys = reach_keys(state, keys)
        found = [read_envelope(data) for data in kept]
        return sum(any(key_id(segment_key(key, one.document)) == one.key_id for key in keys.values()) for one in found)

    return home.with_engine(count)


def test_what_was_sealed_before_opens_no_more(place: Place) -> None:
    ada, bob, workspace = team(place)
    phone = place.home("phone")
    asyncio.run(place.pair(phone, ada))
    everybody = (ada, bob, phone)
    session = begun(ada, "before")
    for home in (bob, phone):
        sync(ada, home)
    kept, old = sealed_by(ada, workspace), [secrets(home) for home in everybody]
    without_code(*everybody)
    assert [opens(home, workspace, kept) for home in everybody] == [len(kept)] * 3
    purge_keys(ada)
    for _ in range(2):
        for home in (bob, phone):
            sync(ada, home)
    for home, before in zip(everybody, old, strict=True):
        assert opens(home, workspace, kept) == 0
        assert opens(home, workspace, kept, before) == len(kept), "a control: the secrets of before do open it"
        assert secrets(home).device_id == before.device_id
    for home in everybody:
        assert said(home)[session] == ["before"]


def test_work_goes_on_and_late_devices_get_all(place: Place) -> None:
    ada, bob, workspace = team(place)
    session = begun(ada, "before")
    sync(ada, bob)
    without_code(ada, bob)
    purge_keys(ada)
    sync(ada, bob)
    later = begun(bob, "of Bob's own workspace")
    bob.use(workspace)
    there = begun(bob, "after")
    sync(ada, bob)
    assert said(ada)[there] == ["after"] and later not in said(ada)
    phone = place.home("phone")
    asyncio.run(place.pair(phone, ada))
    sync(ada, phone)
    sync(bob, phone)
    assert said(phone)[session] == ["before"] and said(phone)[there] == ["after"]
    purge_keys(ada)
    sync(ada, phone)
    again = begun(phone, "and on")
    sync(ada, phone)
    assert said(ada)[again] == ["and on"]


def test_only_owners_may_and_only_without_the_code(place: Place) -> None:
    ada, bob, workspace = team(place)
    with pytest.raises(UserError, match="Write it down first"):
        purge_keys(ada)
    without_code(ada, bob)
    bob.use(workspace)
    before = secrets(bob)
    with pytest.raises(MembershipError, match="Only an owner"):
        purge_keys(bob)
    assert secrets(bob) == before and device(bob) == before.device_id


def test_what_lies_in_a_folder_is_brought_anew(place: Place, tmp_path: Path) -> None:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    sync(old, new)
    box = tmp_path / "box"
    box.mkdir()
    for home in (old, new):
        add_mailbox(home, f"file://{box}", {})
    without_code(old, new)
    session = begun(old, "before")
    ref = attached(old, session)

    def objects() -> set[str]:
        files = (str(path) for path in box.rglob("*") if path.is_file())
        return {path for path in files if "/entries/" in path or "/blobs/" in path}

    async def bring() -> None:
        await until(lambda: sum(Path(path).stat().st_size for path in objects()) > len(LARGE))

    alone(old, bring)
    before = objects()
    purge_keys(old)

    async def bring_anew() -> None:
        await until(lambda: not before & objects() and sum(Path(p).stat().st_size for p in objects()) > len(LARGE))
        await until(lambda: count(old, "kept_log_key") == 0)  # it was announced before

    async def take() -> None:
        await until(lambda: session in said(new))
        ask(new, ref)
        await until(lambda: is_here(new, ref))

    assert count(old, "kept_log_key") > 0
    alone(old, bring_anew)
    alone(new, take)
    assert len(said(new)[session]) == 2
