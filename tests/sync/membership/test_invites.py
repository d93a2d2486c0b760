"""Which invites are open, and who is named by those who are not known yet."""

from __future__ import annotations

from sync.membership.bodies import Role
from sync.membership.invites import make_invite, make_join
from sync.membership.operation import Operation
from sync.membership.roster import Roster
from sync.testing import seeded_random
from tests.sync.membership.team import GENESIS, KEYS, PERSON, ROSTER, Team, evaluate, give, remove


def invited(team: Team, signer: str = "F", role: Role = "member", seed: int = 1) -> tuple[Operation, bytes]:
    parents = [operation.id for operation in team.heads(team.operations)]
    made, secret = make_invite(KEYS[signer], GENESIS.id, parents, role, seeded_random(seed))
    team.operations.append(made)
    return made, secret


def answered(team: Team, name: str, invite: Operation, secret: bytes) -> Operation:
    join = make_join(KEYS[name], invite, [invite.id], PERSON[name], secret)
    team.operations.append(join)
    return join


def test_an_invite_is_open_until_one_of_its_answers_is_decided() -> None:
    team = Team()
    assert not team.state().awaits_answers()
    invite, secret = invited(team)
    assert team.state().open_invite(invite.id) == invite.body
    assert team.state().awaits_answers()
    answered(team, "A", invite, secret)
    answered(team, "B", invite, secret)
    assert team.state().open_invite(invite.id) == invite.body
    team.do("F", give("A", "member"))
    assert team.state().open_invite(invite.id) is None
    assert team.state().requests() == {} and not team.state().awaits_answers()


def test_what_is_no_invite_or_does_not_count_is_not_open() -> None:
    team = Team()
    team.do("F", give("A", "owner"))
    before = team.heads(team.operations)
    lost, _secret = invited(team, "A")
    team.do("F", remove("A"), *before)
    assert team.state().open_invite(lost.id) is None
    assert team.state().open_invite(GENESIS.id) is None
    assert team.state().open_invite(bytes(32)) is None


def test_strangers_are_those_whom_joins_of_unknown_devices_name() -> None:
    team = Team()
    invite, secret = invited(team)
    answered(team, "A", invite, secret)
    known = {device: claims for device, claims in ROSTER.devices.items() if claims[0].identity != PERSON["A"]}
    log = evaluate(team.operations, Roster(known))
    assert log.strangers() == {PERSON["A"]}
    log.set_roster(ROSTER)
    assert log.strangers() == frozenset()
    assert len(log.state().requests()) == 1
