"""Epochs that others' operations make due: made by one owner's device, whoever is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sync.engine import Engine
from sync.membership.bodies import Remove, Set
from sync.membership.devices import add_device
from sync.membership.epochs import current_epochs
from sync.membership.operation import decode_operation
from sync.network import epochs
from sync.network.epochs import QUIET_SECONDS, SETTLE_SECONDS, TURN_SECONDS, Turns
from sync.store.network_rows import keep_address
from sync.transports.connection import Address
from sync.transports.memory import MemoryNetwork
from tests.sync.engine_home import append, first_workspace, open_engine
from tests.sync.network.homes import Home, until
from tests.sync.repository.peers import exchange, let_in

ROLES = {"ada": "owner", "bob": "owner", "cleo": "member", "dan": "member"}


class Team:
    """The homes of a team in one workspace. ada and bob are its owners; they know where each other's devices are."""

    def __init__(self, folder: Path) -> None:
        for name in ROLES:
            (folder / name).mkdir()
        with ExitStack() as stack:
            engines = {name: stack.enter_context(closing(open_engine(folder / name))) for name in ROLES}
            ada = engines["ada"]
            self.workspace = ada.workspace(first_workspace(ada)).id
            for name in ("bob", "cleo", "dan"):
                let_in(ada, engines[name], self.workspace, ROLES[name])
            exchange(list(engines.values()))
            _introduce(list(engines.values()))
        self.homes = {name: Home(folder / name) for name in ROLES}
        self.owners = sorted((self.homes["ada"], self.homes["bob"]), key=lambda home: home.device)

    def sign(self, signer: Home, body: Remove | Set) -> None:
        def run(engine: Engine) -> None:
            with engine.transaction(durable=True) as tx:
                engine.members.sign(tx, self.workspace, body)

        signer.do(run)

    def remove(self, signer: str, name: str) -> None:
        self.sign(self.homes[signer], Remove(self.homes[name].engine.identity, {}))

    def epochs(self, home: Home) -> int:
        return home.do(lambda engine: len(engine.memberships.state(self.workspace).epochs()))

    def current(self, home: Home) -> dict[bytes, frozenset[bytes]]:
        """The newest epochs, with the devices that have their keys."""

        def run(engine: Engine) -> dict[bytes, frozenset[bytes]]:
            found = current_epochs(engine.memberships.state(self.workspace))
            return {ident: frozenset(epoch.wraps) for ident, epoch in found.items()}

        return home.do(run)

    def key(self, home: Home) -> object:
        def run(engine: Engine) -> object:
            (row,) = engine.connection.execute("SELECT row FROM workspace WHERE id=?", (self.workspace,)).fetchone()
            return engine.memberships.writing_key(self.workspace, row)

        return home.do(run)

    def close(self) -> None:
        for home in self.homes.values():
            home.close()


def _introduce(engines: list[Engine]) -> None:
    for engine in engines:
        with engine.transaction() as tx:
            for other in engines:
                if other is not engine:
                    keep_address(tx.connection, Address(other.device.device_id), 0)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    team = Team(tmp_path)
    yield team
    team.close()


def add_phone(engine: Engine) -> bytes:
    """Another device of a person, by its log alone; gives its id."""
    from sync.clock import system_random
    from sync.identity.device import DeviceKeys

    phone = DeviceKeys.create(system_random)
    log = [decode_operation(data) for data in engine.memberships.operations(engine.identity)]
    with engine.transaction(durable=True) as tx:
        engine.members.add(tx, engine.identity, [add_device(engine.device, log, phone).encoded])
    return phone.device_id


def test_owners_who_changed_members_apart_meet_and_one_of_them_joins_the_keys(team: Team) -> None:
    ada, bob = team.homes["ada"], team.homes["bob"]
    before = team.epochs(ada)
    team.remove("ada", "cleo")
    team.remove("bob", "dan")
    assert team.epochs(ada) == team.epochs(bob) == before + 1

    async def scene() -> None:
        network = MemoryNetwork()
        async with ada.online(network.transport(ada.device)), bob.online(network.transport(bob.device)):
            await until(lambda: len(team.current(ada)) == 1 and team.current(ada) == team.current(bob))
            ada.do(lambda engine: append(engine, 1, "s", "after"))
            await until(lambda: bob.shown() == {"s": {"after"}})

    asyncio.run(scene())
    assert team.epochs(ada) == team.epochs(bob) == before + 3, "two made apart, and one that follows both"
    assert team.key(ada) == team.key(bob) is not None
    [having] = team.current(ada).values()
    assert {ada.device, bob.device} <= having
    assert not {team.homes["cleo"].device, team.homes["dan"].device} & having


def test_owners_who_remove_each_other_apart_agree_when_they_meet(team: Team) -> None:
    """ada is the founder, so that bob's operation does not count."""
    ada, bob = team.homes["ada"], team.homes["bob"]
    bob_id = bob.engine.identity
    team.sign(ada, Set(bob_id, "member"))
    team.remove("bob", "cleo")
    members = []

    async def scene() -> None:
        network = MemoryNetwork()
        async with ada.online(network.transport(ada.device)), bob.online(network.transport(bob.device)):
            await until(lambda: ada.do(operations) == bob.do(operations) and len(team.current(ada)) == 1)

    def operations(engine: Engine) -> frozenset[bytes]:
        return frozenset(engine.memberships.operations(team.workspace))

    asyncio.run(scene())
    for home in (ada, bob):
        members.append(
            home.do(lambda e: {m: e.memberships.state(team.workspace).role(m) for m in (bob_id, cleo_identity(team))})
        )
    assert members[0] == members[1] == {bob_id: "member", cleo_identity(team): "member"}


def cleo_identity(team: Team) -> bytes:
    return team.homes["cleo"].engine.identity


def test_a_new_device_of_a_member_is_given_the_key_by_an_owner(team: Team) -> None:
    ada, cleo = team.homes["ada"], team.homes["cleo"]
    phone = cleo.do(add_phone)
    assert cleo.do(lambda engine: engine.memberships.due_epoch(team.workspace)) is None, "not hers to make"

    async def scene() -> None:
        network = MemoryNetwork()
        async with ada.online(network.transport(ada.device)), cleo.online(network.transport(cleo.device)):
            await until(lambda: any(phone in having for having in team.current(cleo).values()))

    asyncio.run(scene())
    assert team.current(ada) == team.current(cleo)


def test_when_the_first_owner_is_away_the_next_one_makes_it(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "TURN_SECONDS", 0.02)
    second, cleo = team.owners[1], team.homes["cleo"]
    phone = cleo.do(add_phone)

    async def scene() -> None:
        network = MemoryNetwork()
        async with second.online(network.transport(second.device)), cleo.online(network.transport(cleo.device)):
            await until(lambda: any(phone in having for having in team.current(cleo).values()))

    asyncio.run(scene())
    assert len(team.current(cleo)) == 1


def test_owners_take_turns_and_papers_have_none(team: Team) -> None:
    team.homes["cleo"].do(add_phone)
    log = team.homes["cleo"].do(lambda engine: engine.memberships.operations(engine.identity))
    turns = []
    for home in (*team.owners, team.homes["dan"]):

        def turn(engine: Engine) -> int | None:
            with engine.transaction(durable=True) as tx:
                assert engine.members.epoch_turn(tx) is None
                engine.members.add(tx, cleo_identity(team), log)
                return engine.members.epoch_turn(tx)

        turns.append(home.do(turn))
    assert turns == [0, 1, None]


def test_turns_of_a_device_that_made_some_lately_are_longer() -> None:
    turns = Turns()
    assert turns.pause(0, 1000.0) == SETTLE_SECONDS
    assert turns.pause(2, 1000.0) == SETTLE_SECONDS + 2 * TURN_SECONDS
    for number in range(1, 5):
        turns.made(1000.0 + number)
        assert turns.pause(1, 1010.0) == SETTLE_SECONDS + TURN_SECONDS * 2**number
    assert turns.pause(0, 1010.0) == SETTLE_SECONDS
    for _ in range(100):
        turns.made(1010.0)
    assert turns.pause(1, 1010.0) < QUIET_SECONDS
    assert turns.pause(1, 1011.0 + QUIET_SECONDS) == SETTLE_SECONDS + TURN_SECONDS
