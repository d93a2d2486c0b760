"""Homes that are older copies of others: what they write before they notice is neither lost nor doubled."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from typing import Any, cast

import pytest

from sync.engine import Engine
from sync.membership.bodies import Set
from sync.repository.branches import WRITTEN_ANEW
from sync.repository.transaction import Transaction
from sync.store.left_chains import left_chains
from sync.store.purge import is_purged
from tests.helpers.memory_replica import MemoryReplica
from tests.helpers.peer_network import PeerNetwork
from tests.sync.engine_home import append, first_workspace, notes, replay, shown
from tests.sync.repository.peers import bring, exchange, let_in, pair
from tests.sync.repository.put_back import Homes, introduce, row_of, team
from tests.sync.repository.support import bundle_all, edit


def forks(engine: Engine) -> int:
    sql = "SELECT count(*) FROM (SELECT 1 FROM entry GROUP BY workspace, device, n HAVING count(*)>1)"
    return int(engine.connection.execute(sql).fetchone()[0])


def sound(*engines: Engine, in_order: bool = True) -> None:
    """What is shown is what the documents say. in_order: no note has two authors who built on each other."""
    for engine in engines:
        before = shown(engine.connection), notes(engine.connection)
        engine.rebuild()
        assert (shown(engine.connection), notes(engine.connection)) == before
        if in_order and not forks(engine):
            replay(engine.connection)


def test_what_an_older_copy_wrote_beside_its_later_entries_is_written_anew(homes: Homes) -> None:
    _ada, bob, _workspace = team(homes)
    homes.save("ada")
    ada = homes.home("ada")
    append(ada, 1, "s", "lost 1")
    append(ada, 1, "t", "lost 2")
    edit(ada, 1, "begun. lost. ")
    bring(ada, bob)
    ada = homes.roll_back("ada")
    old = ada.device.device_id
    append(ada, 1, "s", "anew 1")
    append(ada, 1, "t", "anew 2")
    append(ada, 1, "u", "anew 3")
    edit(ada, 1, "begun. anew. ")
    bring(bob, ada)
    assert ada.device.device_id != old
    everything = {"s": {"a", "b", "lost 1", "anew 1"}, "t": {"lost 2", "anew 2"}, "u": {"anew 3"}}
    assert shown(ada.connection) == everything
    introduce(ada, bob)
    exchange([ada, bob])
    assert shown(bob.connection) == everything
    assert notes(ada.connection) == notes(bob.connection)
    assert sorted(notes(ada.connection)["notes"].split()) == ["anew.", "begun.", "lost."]
    assert forks(ada) == forks(bob) == 0
    [left] = left_chains(ada.connection, 1)
    assert (left.fork, left.rewritten) == (None, 4)
    sound(ada, bob)
    append(ada, 1, "s", "on")
    exchange([ada, bob])
    assert shown(bob.connection)["s"] == {"a", "b", "lost 1", "anew 1", "on"}


def test_a_branch_that_has_left_is_written_anew_with_the_other_one(homes: Homes) -> None:
    """Bob has the later entries, Cleo only what the older copy wrote: both see both in the end."""
    ada, bob, workspace = team(homes)
    cleo = homes.home("cleo")
    let_in(ada, cleo, workspace)
    exchange([ada, bob, cleo])
    homes.save("ada")
    ada = homes.home("ada")
    append(ada, 1, "s", "lost 1")
    append(ada, 1, "t", "lost 2")
    edit(ada, 1, "begun. lost. ")
    bring(ada, bob)
    ada = homes.roll_back("ada")
    append(ada, 1, "s", "anew 1")
    append(ada, 1, "t", "anew 2")
    edit(ada, 1, "begun. anew. ")
    bring(ada, cleo)
    append(ada, 1, "s", "anew 3")
    bring(bob, ada)
    introduce(ada, bob, cleo)
    exchange([ada, bob, cleo])
    everything = {"s": {"a", "b", "lost 1", "anew 1", "anew 3"}, "t": {"lost 2", "anew 2"}}
    for home in (ada, bob, cleo):
        assert shown(home.connection) == everything
        assert sorted(notes(home.connection)["notes"].split()) == ["anew.", "begun.", "lost."]
        assert forks(home) == 3, "the proof stays"
    edit(cleo, row_of(cleo, workspace), notes(cleo.connection)["notes"] + "on. ")
    exchange([ada, bob, cleo])
    assert notes(ada.connection) == notes(bob.connection) == notes(cleo.connection)
    sound(ada, bob, cleo)
    reasons = ada.connection.execute("SELECT DISTINCT reason FROM quarantine").fetchall()
    assert reasons == [(WRITTEN_ANEW,)]


def test_closed_segments_of_a_branch_are_taken_apart(homes: Homes) -> None:
    _ada, bob, _workspace = team(homes)
    homes.save("ada")
    ada = homes.home("ada")
    append(ada, 1, "s", "lost")
    bring(ada, bob)
    ada = homes.roll_back("ada")
    names = [f"e{number:04}" for number in range(2500)]
    for at in range(0, len(names), 500):
        append(ada, 1, "s", *names[at : at + 500])
    bundle_all(ada)
    assert ada.connection.execute("SELECT count(*) FROM bundle WHERE data IS NOT NULL").fetchone() == (2,)
    bring(bob, ada)
    introduce(ada, bob)
    exchange([ada, bob])
    assert shown(ada.connection) == shown(bob.connection) == {"s": {"a", "b", "lost", *names}}
    sound(ada, bob)


def test_who_may_not_write_any_more_keeps_what_they_wrote(homes: Homes) -> None:
    ada, bob, workspace = team(homes)
    append(bob, row_of(bob, workspace), "s", "of bob")
    exchange([ada, bob])
    homes.save("bob")
    bob = homes.home("bob")
    append(bob, row_of(bob, workspace), "s", "lost")
    bring(bob, ada)
    bob = homes.roll_back("bob")
    append(bob, row_of(bob, workspace), "s", "anew")
    with ada.transaction(durable=True) as tx:
        ada.members.sign(tx, workspace, Set(bob.identity, "reader", cuts={}))
    bring(ada, bob)
    assert {"a", "b", "anew"} <= shown(bob.connection)["s"]
    sound(ada, bob)


def test_what_was_purged_in_a_branch_stays_purged(homes: Homes) -> None:
    _ada, bob, _workspace = team(homes)
    homes.save("ada")
    append(homes.home("ada"), 1, "s", "lost")
    bring(homes.home("ada"), bob)
    ada = homes.roll_back("ada")
    append(ada, 1, "secret", "anew 1")
    append(ada, 1, "t", "anew 2")
    with ada.transaction() as tx:
        ada.purge(tx, 1, ["secret"], [])
        tx.connection.execute("DELETE FROM shown WHERE session='secret'")
    bring(bob, ada)
    introduce(ada, bob)
    exchange([ada, bob])
    assert shown(ada.connection) == shown(bob.connection) == {"s": {"a", "b", "lost"}, "t": {"anew 2"}}
    assert is_purged(ada.connection, 1, "secret")
    sound(ada, bob)


class _Home:
    """A home that may be put back, as `PeerNetwork` wants it."""

    def __init__(self, homes: Homes, name: str) -> None:
        self.homes, self.name = homes, name
        self.written: set[str] = set()

    @property
    def engine(self) -> Engine:
        return self.homes.home(self.name)

    @property
    def device(self) -> bytes:
        return self.engine.device.device_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine.replica, name)


@pytest.mark.parametrize("seed", range(8))
def test_in_a_conversation_nothing_of_the_branch_leaves_as_the_old_device(homes: Homes, seed: int) -> None:
    """Whoever speaks first: what the other one has of this device is asked for before anything of it is sent."""
    _ada, bob, _workspace = team(homes)
    homes.save("ada")
    ada, dice = homes.home("ada"), random.Random(seed)
    for number in range(dice.randint(1, 8)):
        append(ada, 1, dice.choice("st"), f"lost {number}")
    bring(ada, bob)
    ada = homes.roll_back("ada")
    for number in range(dice.randint(1, 8)):
        append(ada, 1, dice.choice("su"), f"anew {number}")
    network, ends = PeerNetwork(seed), [_Home(homes, name) for name in ("ada", "bob")]
    network.connect(*(cast(MemoryReplica, home) for home in ends))
    network.settle()
    introduce(ada, bob)
    network.cut(0)
    network.connect(*(cast(MemoryReplica, home) for home in ends))
    network.settle()
    assert shown(ada.connection) == shown(bob.connection) and shown(bob.connection)["s"]
    assert forks(ada) == forks(bob) == 0
    sound(ada, bob)


class _Weeks:
    """Ada with two devices, Bob and Cleo; the disks of two of them are put back now and then."""

    def __init__(self, homes: Homes, seed: int) -> None:
        self.dice = random.Random(seed)
        self.number = 0
        self.seen: set[str] = set()
        ada = homes.home("ada")
        self.workspace = ada.workspace(first_workspace(ada)).id
        pair(ada, homes.home("phone"))
        for name in ("bob", "cleo"):
            let_in(ada, homes.home(name), self.workspace)
        self.homes = {name: _Home(homes, name) for name in ("ada", "phone", "bob", "cleo")}
        exchange([home.engine for home in self.homes.values()])
        for name in ("ada", "bob"):
            homes.save(name)

    def step(self) -> None:
        what, home = self.dice.random(), self.dice.choice(list(self.homes.values()))
        if what < 0.6:
            self.write(home)
        elif what < 0.9:
            self.meet(home, self.dice.choice(list(self.homes.values())), self.dice.choice((5, 30, 300)))
        elif what < 0.95:
            home.homes.save(home.name) if home.name in ("ada", "bob") else None
        elif home.name in ("ada", "bob"):
            home.homes.roll_back(home.name)
            home.written.clear()

    def write(self, home: _Home) -> None:
        self.number += 1
        if self.dice.random() < 0.3:
            text = notes(home.engine.connection).get("notes", "")
            edit(home.engine, row_of(home.engine, self.workspace), f"{text}[{self.number}] ")
            return
        session, event = self.dice.choice("stu"), f"event {self.number}"
        append(home.engine, row_of(home.engine, self.workspace), session, event)
        home.written.add(event)

    def meet(self, one: _Home, other: _Home, steps: int) -> None:
        if one is other:
            return
        introduce(one.engine, other.engine)
        introduce(other.engine, one.engine)
        network = PeerNetwork(self.dice.randrange(1 << 32))
        network.connect(cast(MemoryReplica, one), cast(MemoryReplica, other))
        for _ in range(steps):
            network.step()
        self.seen |= self.shown(one) | self.shown(other) if steps > 30 else set()

    def shown(self, home: _Home) -> set[str]:
        return set().union(*shown(home.engine.connection).values())

    def end(self) -> None:
        for _ in range(3):
            for one in self.homes.values():
                for other in self.homes.values():
                    self.meet(one, other, 3000)


@pytest.mark.parametrize("seed", range(12))
def test_disks_that_are_put_back_at_any_moment(homes: Homes, seed: int) -> None:
    weeks = _Weeks(homes, seed)
    for _ in range(60):
        weeks.step()
    kept = set().union(*(home.written for home in weeks.homes.values()))
    weeks.end()
    engines = [home.engine for home in weeks.homes.values()]
    everything = weeks.shown(weeks.homes["ada"])
    assert kept <= everything
    assert all(shown(engine.connection) == shown(engines[0].connection) for engine in engines)
    read = [notes(engine.connection) for engine in engines]
    assert all(each == read[0] for each in read)
    words = read[0].get("notes", "").split()
    assert len(words) == len(set(words)), "nothing is doubled"
    sound(*engines, in_order=False)


def test_the_keys_of_the_new_device_are_on_the_disk_before_they_are_used(homes: Homes) -> None:
    _ada, bob, _workspace = team(homes)
    homes.save("ada")
    append(homes.home("ada"), 1, "s", "lost")
    bring(homes.home("ada"), bob)
    ada = homes.roll_back("ada")
    begun, begin, devices = list[bool](), ada.replica.begin, set[bytes]()

    def noted(durable: bool) -> AbstractContextManager[Transaction]:
        begun.append(durable)
        devices.add(ada.device.device_id)
        return begin(durable)

    ada.replica.begin = noted
    bring(bob, ada)
    assert begun.count(True) == 1 and begun[begun.index(True) + 1 :], "in a transaction of its own"
    assert len(devices) == 2
