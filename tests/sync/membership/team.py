"""A workspace of people with one letter and one device each, for logs written by hand or at random."""

from __future__ import annotations

import random
from collections.abc import Iterable

from sync.crypto import domain_hash
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Body, Cuts, Leave, Remove, Role, Set, TransferFounder, WorkspaceGenesis
from sync.membership.log import MembershipLog
from sync.membership.operation import Operation, sign_operation
from sync.membership.roster import Device, Roster
from sync.membership.state import State
from sync.testing import seeded_random

NAMES = "FABCDEXYZ"
KEYS = {name: DeviceKeys.create(seeded_random(number + 100)) for number, name in enumerate(NAMES)}
PERSON = {name: domain_hash("test/person", name.encode()) for name in NAMES}
NAME = {person: name for name, person in PERSON.items()}
DEVICE = {name: keys.device_id for name, keys in KEYS.items()}
ROSTER = Roster({KEYS[name].device_id: (Device(PERSON[name], KEYS[name].encryption_key),) for name in NAMES})
GENESIS = sign_operation(KEYS["F"], b"", (), WorkspaceGenesis(PERSON["F"], bytes(32)))


def give(name: str, role: Role, cuts: Cuts | None = None) -> Set:
    """A Set; whoever may lose the right to write loses everything unless `cuts` says otherwise."""
    writes = role in ("owner", "member")
    return Set(PERSON[name], role, cuts=cuts if cuts is not None or writes else {})


def remove(name: str, cuts: Cuts | None = None) -> Remove:
    return Remove(PERSON[name], cuts or {})


def hand_over(name: str) -> TransferFounder:
    return TransferFounder(PERSON[name])


class Team:
    """Operations of one workspace, founded by F."""

    def __init__(self) -> None:
        self.operations = [GENESIS]

    def do(self, name: str, body: Body, *after: Operation) -> Operation:
        """Sign an operation after others, or after everything so far."""
        parents = after or self.heads(self.operations)
        operation = sign_operation(KEYS[name], GENESIS.id, tuple(parent.id for parent in parents), body)
        if operation not in self.operations:
            self.operations.append(operation)
        return operation

    @staticmethod
    def heads(operations: Iterable[Operation]) -> tuple[Operation, ...]:
        named = {parent for operation in operations for parent in operation.parents}
        return tuple(operation for operation in operations if operation.id not in named)

    def log(self, roster: Roster = ROSTER) -> MembershipLog:
        return evaluate(self.operations, roster)

    def state(self, roster: Roster = ROSTER) -> State:
        return self.log(roster).state()

    def roles(self) -> dict[str, str]:
        return roles(self.state())


def evaluate(operations: Iterable[Operation], roster: Roster = ROSTER) -> MembershipLog:
    log = MembershipLog(GENESIS.id, roster)
    for operation in operations:
        log.add(operation)
    return log


def roles(state: State) -> dict[str, str]:
    return {NAME[member]: standing.role for member, standing in state.members.items()}


def random_log(seed: int, count: int) -> list[Operation]:
    """What eight people do who see each other's work now and then, some of them with back-dated parents.

    Six begin as owners of three ranks: strangers alone would do nothing that counts.
    """
    rnd, team = random.Random(seed), Team()
    people = NAMES[:8]
    for signer, target in ("FA", "FB", "AC", "BD", "CE"):
        team.do(signer, give(target, "owner"))
    views = {name: list(team.operations) for name in people}
    for _ in range(count):
        name = rnd.choice(people[:6])
        view = views[name]
        if rnd.random() < 0.4:
            view += [operation for operation in views[rnd.choice(people)] if operation not in view]
        parents = Team.heads(view) if rnd.random() < 0.8 else (rnd.choice(view),)
        operation = team.do(name, _random_body(rnd, people), *parents)
        if operation not in view:
            view.append(operation)
    return team.operations


def _random_body(rnd: random.Random, people: str) -> Body:
    target = rnd.choice(people)
    match rnd.random():
        case x if x < 0.66:
            return give(target, rnd.choice(("owner", "owner", "owner", "member", "reader")))
        case x if x < 0.86:
            return remove(target)
        case x if x < 0.9:
            return Leave()
    return hand_over(target)
