"""Two homes of one person become two devices of one identity."""

from __future__ import annotations

import asyncio

import pytest

from app.network import handing, pairing
from app.network.pairing import PairingDesk, accept
from app.sessions.events import Draft, UserMessage
from app.workspace import Workspace
from sync.errors import ProtocolError, TransportError
from sync.protocol.pairing_code import Code
from tests.app.network.conftest import NOBODY, Place, device, identity


def write_session(home: Workspace, text: str) -> str:
    def run(operations) -> str:
        session = operations.create(title=text)
        operations.append(session, [Draft(body=UserMessage(text=text), time=1)])
        return session

    return home.write(run)


def names(home: Workspace) -> list[str]:
    return [row.name for row in home.read(lambda queries: queries.workspaces())]


def keys(home: Workspace) -> set[bytes]:
    return {
        bytes(key) for (key,) in home.with_engine(lambda e: e.connection.execute("SELECT key FROM epoch").fetchall())
    }


def test_a_fresh_home_takes_over_person_and_workspaces(place: Place) -> None:
    old, new = place.home("old"), place.home("new", "somebody")
    write_session(old, "Secret plans")
    there, here = asyncio.run(place.pair(new, old))
    assert (there.name, there.workspaces) == ("Ada", (old.id,))
    assert here.workspaces == ()
    assert identity(new) == identity(old) and device(new) != device(old)
    assert [row.id for row in new.read(lambda q: q.workspaces())] == [old.id]  # its own empty one is gone
    assert new.id == old.id
    assert keys(new) == keys(old) and len(keys(old)) == 2  # a new epoch for the new device
    for home in (old, new):
        state = home.with_engine(lambda e: e.memberships.identity_state(e.identity))
        assert {device(old), device(new)} < set(state.members)
        assert state.members[device(old)].rank == state.members[device(new)].rank  # beside each other
        assert home.with_engine(lambda e: e.memberships.state(bytes.fromhex(old.id)).role(e.identity)) == "owner"
    write_session(new, "written on the new device")


def test_nothing_readable_leaves_but_sealed(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    write_session(old, "Secret plans")
    there, _here = asyncio.run(place.pair(new, old))
    sent = b"".join(place.wires.frames)
    secrets = [*keys(old), *keys(new), b"Ada", b"Personal", b"Secret plans", bytes.fromhex(old.id), identity(old)]
    assert there.name == "Ada" and len(sent) > 1000
    for secret in secrets:
        assert secret not in sent


def test_a_home_with_work_of_its_own_keeps_it_and_shares_it(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    kept = write_session(new, "begun on the new device")
    own = new.id
    there, here = asyncio.run(place.pair(new, old))
    assert there.workspaces == (old.id,) and here.workspaces == (own,)
    assert {row.id for row in new.read(lambda q: q.workspaces())} == {own, old.id}
    assert {row.id for row in old.read(lambda q: q.workspaces())} == {own, old.id}
    assert new.read(lambda q: q.session(kept)).title == "begun on the new device"
    workspace = bytes.fromhex(own)
    for home in (old, new):
        assert home.with_engine(lambda e: e.memberships.state(workspace).role(e.identity)) == "owner"
        key = home.with_engine(lambda e: e.memberships.writing_key(workspace, row(e, workspace)))
        assert key is not None
    assert keys(old) == keys(new)
    new.use(own)
    write_session(new, "goes on there")


def row(engine, workspace: bytes) -> int:
    return engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()[0]


def test_pairing_again_changes_nothing_more(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    before = keys(old)
    there, here = asyncio.run(place.pair(new, old))
    assert there.workspaces == (old.id,) and here.identity == identity(old).hex()
    assert keys(old) == keys(new) == before


def test_a_third_device_pairs_with_the_second(place: Place) -> None:
    old, new, third = place.home("old"), place.home("new"), place.home("third")
    asyncio.run(place.pair(new, old))
    there, here = asyncio.run(place.pair(third, new))
    assert not isinstance(there, Exception) and not isinstance(here, Exception)
    assert identity(third) == identity(old)
    state = third.with_engine(lambda e: e.memberships.identity_state(e.identity))
    assert {device(old), device(new), device(third)} < set(state.members)


def test_a_wrong_code_changes_nothing_on_either_side(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    before = identity(new), keys(new), keys(old)

    async def attempt() -> object:
        waiting, desk = place.transport(new), PairingDesk(new)
        await waiting.start(desk.serve, desk.allow)
        wrong, connecting = Code("A" * 26), place.transport(old)
        await connecting.start(*NOBODY)
        for _ in range(5):
            with pytest.raises(ProtocolError, match="refused: That is not the code"):
                await accept(old, connecting, wrong, waiting.address())
        with pytest.raises(ProtocolError):
            await desk.wait()
        await waiting.stop()
        await connecting.stop()
        return desk.offer.closed()

    assert "too often" in str(asyncio.run(attempt()))
    assert (identity(new), keys(new), keys(old)) == before


def test_a_device_that_breaks_off_in_the_middle_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = place.home("old"), place.home("new")
    before = identity(new), keys(new)

    def breaks(*_arguments: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(pairing, "add_and_give", breaks)
    there, here = asyncio.run(place.pair(new, old))
    assert isinstance(there, TransportError) and isinstance(here, RuntimeError)
    assert (identity(new), keys(new)) == before


def test_a_new_device_that_fails_says_so_and_stays_as_it_was(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = place.home("old"), place.home("new")
    before = identity(new), keys(new), names(new)

    def breaks(*_arguments: object) -> None:
        raise ProtocolError("The other device handed over nonsense.")

    monkeypatch.setattr(handing, "keep_places", breaks)
    there, here = asyncio.run(place.pair(new, old))
    assert "nonsense" in str(there) and "refused: The other device handed over nonsense" in str(here)
    assert (identity(new), keys(new), names(new)) == before
    write_session(new, "still works")
    assert new.with_engine(lambda e: (e.identity, e.memberships.identity)) == (identity(new), identity(new))


def test_a_code_that_nobody_used_expires(place: Place) -> None:
    async def run() -> None:
        desk = PairingDesk(place.home("new"))
        place.clock.advance(10 * 60 * 1000)
        with pytest.raises(ProtocolError, match="expired"):
            await desk.wait()

    asyncio.run(run())
