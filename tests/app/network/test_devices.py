"""A person's devices: listed, named, revoked; and the recovery code when all are gone."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import NotFound, UserError
from app.network import devices, inviting, members, recovery
from app.workspace import Workspace
from sync.errors import IdentityError
from sync.identity.device import show_recovery_code
from sync.protocol.address import Address
from tests.app.network.conftest import NOBODY, Place, device, identity
from tests.app.network.test_members import sync, team
from tests.app.network.test_pairing import keys, write_session


def paper(home: Workspace) -> str:
    """The recovery code; it is taken out of the home, as if it were on paper only."""

    def run(engine) -> bytes:
        with engine.transaction(durable=True) as tx:
            (secret,) = tx.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
            tx.connection.execute("DELETE FROM secret WHERE name='recovery'")
        return bytes(secret)

    return show_recovery_code(home.with_engine(run))


def two(place: Place) -> tuple[Workspace, Workspace]:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    sync(old, new)
    return old, new


def test_devices_are_listed_and_named(place: Place) -> None:
    old, new = two(place)
    devices.rename(old, device(old).hex(), "  Laptop\n\u202e ")
    devices.rename(new, device(new).hex(), "Phone")
    sync(old, new)
    for home, other in ((old, new), (new, old)):
        rows = devices.devices(home)
        assert [(row.id, row.this, row.state) for row in rows[:2]] == [
            (device(home).hex(), True, "active"),
            (device(other).hex(), False, "active"),
        ]
        assert {row.name for row in rows[:2]} == {"Laptop", "Phone"}
        assert (rows[2].state, len(rows)) == ("paper", 3)
        assert rows[0].last_seen == place.clock.now_ms()
    [phone] = [row for row in devices.devices(old) if row.name == "Phone"]
    assert phone.added == "2023-11-14T22:13:20.000Z"
    assert set(phone.to_json()) == {"id", "name", "this", "added", "last_seen", "state"}
    assert devices.find_device(old, "phone") == phone == devices.find_device(old, phone.id[:9])
    with pytest.raises(NotFound, match="no device"):
        devices.find_device(old, "toaster")
    with pytest.raises(UserError, match="not empty"):
        devices.rename(old, phone.id, " \n")


def test_two_devices_of_one_name_are_told_apart(place: Place) -> None:
    old, new = two(place)
    for home in (old, new):
        devices.rename(old, device(home).hex(), "Box")
    with pytest.raises(NotFound, match="several") as failure:
        devices.find_device(old, "box")
    assert len(failure.value.candidates) == 2


def test_a_lost_device_reads_nothing_newer_and_what_it_wrote_stays(place: Place) -> None:
    old, new = two(place)
    before = write_session(new, "before it was lost")
    devices.revoke(old, device(new).hex(), stolen=False)
    held = keys(new)
    after = write_session(old, "after it was lost")
    unseen = write_session(new, "not seen yet")
    sync(old, new)
    assert keys(new) == held and keys(old) - held
    with pytest.raises(NotFound):
        new.read(lambda q: q.session(after))
    with pytest.raises(NotFound):
        old.read(lambda q: q.session(before))  # it gets no connection any more: others bring what it wrote
    assert unseen
    assert [row.state for row in devices.devices(old)] == ["active", "paper", "lost"]


def test_of_a_stolen_device_counts_what_was_seen(place: Place) -> None:
    old, new = two(place)
    seen = write_session(new, "seen")
    sync(old, new)
    devices.revoke(old, device(new).hex(), stolen=True)
    assert old.read(lambda q: q.session(seen)).title == "seen"
    state = old.with_engine(lambda e: e.memberships.roster.claim(device(new), e.identity))
    assert state.life == "stolen" and state.cuts[bytes.fromhex(old.id)].n > 0
    with pytest.raises(UserError, match="that you are using"):
        devices.revoke(old, device(old).hex(), stolen=False)


def test_an_older_device_is_revoked_with_the_recovery_code(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    code = paper(old)
    asyncio.run(place.pair(new, old))
    with pytest.raises(UserError, match="recovery code"):
        devices.revoke(new, device(old).hex(), stolen=False)
    with pytest.raises(IdentityError):
        devices.revoke(new, device(old).hex(), stolen=False, recovery_code="ABCD")
    with pytest.raises(UserError, match="not this person's"):
        devices.revoke(new, device(old).hex(), stolen=False, recovery_code=paper(place.home("other")))
    assert {row.state for row in devices.devices(new)} == {"active", "paper"}
    devices.revoke(new, device(old).hex(), stolen=False, recovery_code=code)
    assert {row.id: row.state for row in devices.devices(new)}[device(old).hex()] == "lost"


def come_back(place: Place, home: Workspace, host: Workspace) -> list[str]:
    async def run() -> list[str]:
        transport = place.transport(home)
        await transport.start(*NOBODY)
        try:
            where = [Address(device(host))]
            return await place.while_hosting(host, lambda: inviting.come_back(home, transport, where))
        finally:
            await transport.stop()

    return asyncio.run(run())


def test_the_paper_brings_back_a_person_who_lost_every_device(place: Place) -> None:
    ada, bob, workspace = team(place)
    bob.use(workspace)
    session = write_session(ada, "Ada's plans")
    sync(ada, bob)
    code = paper(ada)
    again = place.home("again")
    assert recovery.recover(again, code) == identity(ada).hex() == identity(again).hex()
    assert again.read(lambda q: q.own_device())[0] == identity(ada).hex()
    assert come_back(place, again, bob) == [workspace]
    sync(bob, again)
    again.use(workspace)
    assert again.read(lambda q: q.session(session)).title == "Ada's plans"
    answer = write_session(again, "here again")
    sync(bob, again)
    assert bob.read(lambda q: q.session(answer)).title == "here again"
    devices.revoke(again, device(ada).hex(), stolen=True)
    assert {row.state for row in devices.devices(again)} == {"active", "paper", "stolen"}
    members.change_role(again, identity(bob).hex(), "reader")


def test_only_the_right_paper_comes_back(place: Place) -> None:
    ada, bob, _workspace = team(place)
    stranger = place.home("stranger", "Eve")
    with pytest.raises(IdentityError):
        recovery.recover(stranger, "nonsense")
    assert recovery.recover(ada, show_recovery_code(secret(ada))) == identity(ada).hex()
    with pytest.raises(Exception, match="shares nothing"):
        come_back(place, stranger, bob)


def secret(home: Workspace) -> bytes:
    sql = "SELECT value FROM secret WHERE name='recovery'"
    return home.with_engine(lambda e: bytes(e.connection.execute(sql).fetchone()[0]))


def test_somebody_who_only_claims_an_identity_is_not_let_back(place: Place) -> None:
    """Eve's home says that it is Ada's, with Ada's log, in which Eve's device does not stand."""
    ada, bob, workspace = team(place)
    eve = place.home("eve", "Eve")
    log = ada.with_engine(lambda e: e.memberships.operations(e.identity))
    proof = inviting.Handover(identity(ada), "", logs={identity(ada): log})
    own = eve.with_engine(lambda e: e.device)
    with pytest.raises(Exception, match="does not have this device"):
        inviting.welcome_back(bob, identity(ada), inviting.party_of(own), proof)
    assert workspace
