"""Forked devices as people see them, and who may decide what counts of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.errors import NotFound, UserError
from app.network import devices, forks
from app.sessions.events import Draft, UserMessage
from app.workspace import Workspace
from tests.app.network.conftest import Place, device
from tests.app.network.test_members import sync, team
from tests.app.network.test_pairing import write_session
from tests.helpers.homes import open_home
from tests.sync.repository.peers import bring


def go_on(home: Workspace, session: str, text: str) -> None:
    home.write(lambda operations: operations.append(session, [Draft(body=UserMessage(text=text), time=0)]))


def texts(home: Workspace, session: str) -> set[str]:
    events = home.read(lambda queries: queries.events(session))
    return {event.body.text for event in events if isinstance(event.body, UserMessage)}


def give(source: Workspace, target: Workspace) -> None:
    bring(source.with_engine(lambda engine: engine), target.with_engine(lambda engine: engine))


@pytest.fixture
def forked(place: Place, tmp_path: Path) -> tuple[Workspace, Workspace, str]:
    """Ada, Bob with a member's right, and a session in which Bob's device wrote two chains."""
    ada, bob, workspace = team(place)
    bob.use(workspace)
    session = write_session(bob, "Plans")
    sync(ada, bob)
    bob.close()
    shutil.copytree(tmp_path / "bob", tmp_path / "twin")
    place.homes["bob"] = bob = open_home(tmp_path / "bob", clock=place.clock)
    place.homes["twin"] = twin = open_home(tmp_path / "twin", clock=place.clock)
    for home, text in ((bob, "one way"), (twin, "the other way"), (twin, "and on")):
        home.use(workspace)
        go_on(home, session, text)
    give(bob, ada)
    give(twin, ada)
    return ada, bob, session


def test_a_fork_is_told_and_cut(forked: tuple[Workspace, Workspace, str]) -> None:
    ada, bob, session = forked
    [fork] = forks.forks(ada)
    assert (fork.device, fork.settled, fork.yours, fork.may_cut) == (device(bob).hex(), False, False, True)
    assert [(branch.entries, branch.sessions, branch.shown) for branch in fork.branches] == [
        (2, ((session, "Plans"),), 0),
        (1, ((session, "Plans"),), 1),
    ]
    assert "Bob" in fork.who and "wrote two chains" in forks.fork_sentence(fork)
    assert forks.branch_words(fork.branches[0]) == "2 entries in “Plans” · not shown here"
    assert texts(ada, session) >= {"one way"}
    longer = forks.find_branch(forks.find_fork(ada, fork.device[:8]), fork.branches[0].id[:8])
    assert "Its 2 entries so far stay. 1 entry of the other side" in forks.cut_question(fork, longer)
    forks.cut(ada, fork.device, longer.id)
    assert texts(ada, session) >= {"the other way", "and on"} and "one way" not in texts(ada, session)
    [fork] = forks.forks(ada)
    assert fork.settled and not fork.may_cut and "it is decided" in forks.fork_sentence(fork)
    with pytest.raises(NotFound, match="no forked device"):
        forks.find_fork(ada, fork.device)
    assert fork.to_json()["branches"][0]["counts"] is True


def test_who_is_no_owner_sees_it_and_does_not_decide(place: Place, forked: tuple[Workspace, Workspace, str]) -> None:
    from tests.sync.repository.peers import let_in

    ada, _bob, _session = forked
    cleo = place.home("cleo", "Cleo")
    let_in(ada.with_engine(lambda e: e), cleo.with_engine(lambda e: e), bytes.fromhex(ada.id))
    give(ada, cleo)
    cleo.use(ada.id)
    [fork] = forks.forks(cleo)
    assert not fork.may_cut and "An owner can say" in forks.fork_sentence(fork)
    with pytest.raises(UserError, match="Only an owner"):
        forks.cut(cleo, fork.device, fork.branches[0].id)
    with pytest.raises(NotFound):
        forks.cut(ada, fork.device, "00" * 32)


def test_a_device_of_ones_own_is_retired(place: Place, tmp_path: Path) -> None:
    import asyncio

    laptop, phone = place.home("laptop"), place.home("phone")
    asyncio.run(place.pair(phone, laptop))
    phone.use(laptop.id)
    session = write_session(phone, "Plans")
    sync(laptop, phone)
    phone.close()
    shutil.copytree(tmp_path / "phone", tmp_path / "twin")
    place.homes["phone"] = phone = open_home(tmp_path / "phone", clock=place.clock)
    place.homes["twin"] = twin = open_home(tmp_path / "twin", clock=place.clock)
    for home, text in ((phone, "one way"), (twin, "the other way")):
        home.use(laptop.id)
        go_on(home, session, text)
        give(home, laptop)
    [fork] = forks.forks(laptop)
    assert fork.yours and fork.may_cut and "paired anew" in forks.cut_question(fork, fork.branches[0])
    [kept] = [branch for branch in fork.branches if not branch.shown]
    forks.cut(laptop, fork.device, kept.id)
    assert texts(laptop, session) >= {"the other way"} and "one way" not in texts(laptop, session)
    assert {row.id: row.state for row in devices.devices(laptop)}[fork.device] == "stolen"
    assert forks.forks(laptop)[0].settled
    give(laptop, phone)
    go_on(phone, session, "after all")
    give(phone, laptop)
    assert "after all" not in texts(laptop, session)


def test_a_home_says_that_it_became_a_new_device(place: Place, tmp_path: Path) -> None:
    ada, bob, _workspace = team(place)
    session = write_session(ada, "Plans")
    sync(ada, bob)
    ada.close()
    shutil.copytree(tmp_path / "ada", tmp_path / "old")
    place.homes["ada"] = ada = open_home(tmp_path / "ada", clock=place.clock)
    go_on(ada, session, "lost")
    give(ada, bob)
    place.homes["old"] = old = open_home(tmp_path / "old", clock=place.clock)
    before = device(old).hex()
    go_on(old, session, "anew")
    assert forks.renewals(old) == []
    give(bob, old)
    [renewal] = forks.renewals(old)
    assert (renewal.device, renewal.rewritten) == (before, 1)
    assert "older copy" in forks.renewal_sentence(renewal) and "1 events" not in forks.renewal_sentence(renewal)
    assert texts(old, session) >= {"lost", "anew"}
    place.clock.advance(forks.TOLD_MS + 1)
    assert forks.renewals(old) == []
