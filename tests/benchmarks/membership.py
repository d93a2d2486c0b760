"""The membership evaluator: a log of 5,000 operations as a whole, and one more on top.

Thirty owners write as a team does: mostly one after another, now and then several at once until somebody has seen all
of them; every fortieth operation is a removal that others do not know of. Signing and decoding are not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from sync.identity.device import DeviceKeys
from sync.membership.bodies import Body, Remove, Set, WorkspaceGenesis
from sync.membership.log import MembershipLog
from sync.membership.operation import Operation, sign_operation
from sync.membership.roster import Device, Roster
from sync.testing import seeded_random
from tests.benchmarks.figures import Figure, milliseconds, quantile
from tests.benchmarks.place import Place

BAR_ALL_S, BAR_ONE_MS = 0.5, 5.0
OPERATIONS, MORE, OWNERS, MEMBERS, ROUNDS = 5_000, 100, 30, 200, 5


def run(_place: Place) -> Iterator[Figure]:
    """Makes the log and evaluates it."""
    for name, branches in (("one after another", 1), ("five branches at a time", 5)):
        operations, roster = make_log(OPERATIONS + MORE, branches)
        rounds = []
        for _ in range(ROUNDS):
            log = MembershipLog(operations[0].id, roster)
            rounds.append(milliseconds(partial(_evaluate, log, operations[:OPERATIONS])) / 1e3)
        more = [milliseconds(partial(_evaluate, log, [operation])) for operation in operations[OPERATIONS:]]
        note = f"{len(log.state().rejected):,} of them rejected"
        yield Figure(f"{OPERATIONS:,} operations, {name}", min(rounds), "s", BAR_ALL_S, note=note)
        yield Figure(f"one more, {name}", quantile(more, 0.99), "ms", BAR_ONE_MS, note=f"p99 of {MORE}")


def _evaluate(log: MembershipLog, operations: list[Operation]) -> None:
    for operation in operations:
        log.add(operation)
    log.state()


def make_log(count: int, branches: int) -> tuple[list[Operation], Roster]:
    """A log of `count` operations, parents first, in which up to `branches` are concurrent."""
    random, draw = Random(branches), seeded_random(branches)
    devices = [DeviceKeys.create(draw) for _ in range(OWNERS)]
    people = [draw(32) for _ in range(MEMBERS)]
    roster = Roster({keys.device_id: (Device(people[n], keys.encryption_key),) for n, keys in enumerate(devices)})
    operations = [sign_operation(devices[0], b"", (), WorkspaceGenesis(people[0], draw(32)))]
    log = operations[0].id
    for person in people[1:OWNERS]:
        operations.append(sign_operation(devices[0], log, (operations[-1].id,), Set(person, "owner")))
    tips = [operations[-1].id] * branches
    while len(operations) < count:
        branch = random.randrange(branches)
        parents = tuple(tips) if random.random() < 0.1 else (tips[branch],)
        operation = sign_operation(devices[random.randrange(OWNERS)], log, parents, _body(random, people))
        tips = [operation.id] * branches if parents == tuple(tips) else tips
        tips[branch] = operation.id
        operations.append(operation)
    return operations, roster


def _body(random: Random, people: list[bytes]) -> Body:
    if random.random() < 0.025:
        return Remove(random.choice(people[1:]), {})
    return Set(random.choice(people[OWNERS:]), random.choice(("member", "member", "owner")))
