"""The evaluator over random logs: order, agreement with the slow reference, and what must hold whatever was signed."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.membership.bodies import Leave
from sync.membership.operation import Operation
from sync.membership.state import State
from tests.sync.membership.reference import Reference
from tests.sync.membership.team import DEVICE, NAMES, PERSON, Team, evaluate, give, random_log, remove

logs = st.builds(random_log, st.integers(0, 2**32), st.integers(1, 22))
few = settings(max_examples=60)


@few
@given(logs)
def test_the_state_is_that_of_the_rules(operations: list[Operation]) -> None:
    state, reference = evaluate(operations).state(), Reference(operations)
    assert {operation.id for operation in operations if state.counts(operation.id)} == reference.counted
    assert {member: standing.role for member, standing in state.members.items()} == {
        member: role for member, (role, _rank) in reference.members.items()
    }
    ranks = {member: standing.rank for member, standing in state.members.items() if standing.is_owner}
    assert ranks == {member: rank for member, (role, rank) in reference.members.items() if role == "owner"}


@few
@given(logs, st.integers(0, 2**32))
def test_every_order_of_arrival_gives_the_same_state(operations: list[Operation], seed: int) -> None:
    """Looking at the state after every operation must not matter either."""
    shuffled = operations[:]
    random.Random(seed).shuffle(shuffled)
    log = evaluate([])
    for operation in shuffled:
        log.add(operation)
        log.state()
    assert log.state() == evaluate(operations).state()


@few
@given(logs, st.integers(0, 2**32))
def test_replicas_that_know_the_same_agree(operations: list[Operation], seed: int) -> None:
    """Three replicas hear everything by random, partly repeated deliveries; whenever two know the same, they agree."""
    rnd = random.Random(seed)
    replicas = [evaluate([]) for _ in range(3)]
    queues = [rnd.sample(operations, len(operations)) for _ in replicas]
    known: dict[frozenset[bytes], State] = {}
    while any(queues):
        replica, queue = rnd.choice([pair for pair in zip(replicas, queues, strict=True) if pair[1]])
        replica.add(queue.pop() if rnd.random() < 0.8 else rnd.choice(operations))
        state = replica.state()
        if not state.waiting:
            judged = frozenset(operation.id for operation in replica.operations())
            assert known.setdefault(judged, state) == state


@few
@given(logs)
def test_one_more_equals_evaluating_anew(operations: list[Operation]) -> None:
    log = evaluate([])
    for number, operation in enumerate(operations):
        log.add(operation)
        if number % 4 == 0:
            assert log.state() == evaluate(operations[: number + 1]).state()


@few
@given(logs)
def test_an_earlier_state_stays_what_it_was(operations: list[Operation]) -> None:
    log = evaluate(operations[:8])
    before, fresh = log.state(), evaluate(operations[:8]).state()
    for operation in operations[8:]:
        log.add(operation)
    assert before == fresh
    assert before.founder == fresh.founder
    assert before.heads(256) == fresh.heads(256)
    assert [before.counts(operation.id) for operation in operations] == [fresh.counts(o.id) for o in operations]


@few
@given(logs)
def test_there_is_one_founder(operations: list[Operation]) -> None:
    state = evaluate(operations).state()
    ranks = sorted(standing.rank for standing in state.members.values())
    assert ranks[0] <= 0
    assert ranks[1:2] != ranks[:1]
    assert state.founder is not None and state.members[state.founder].rank == ranks[0]


@few
@given(logs)
def test_every_right_goes_back_to_the_genesis(operations: list[Operation]) -> None:
    """Whatever counts was signed by an owner whom an earlier operation that counts made one, and so on."""
    state = evaluate(operations).state()
    persons = {DEVICE[name]: PERSON[name] for name in NAMES}
    counted = [operation for operation in operations if state.counts(operation.id)]
    past = Reference(operations).past
    assert all(state.counts(standing.grant) for standing in state.members.values())
    for operation in counted:
        if operation.log and not isinstance(operation.body, Leave):
            grants = [state.grant(earlier) for earlier in past[operation.id]]
            assert (persons[operation.signer_device], "owner") in grants


@few
@given(logs, st.sampled_from("ABCDE"), st.sampled_from("ABCDEX"), st.integers(0, 2**32))
def test_a_removed_member_changes_nothing_any_more(
    operations: list[Operation], name: str, target: str, seed: int
) -> None:
    """Back-dated operations of somebody whom the founder removed, also through an owner of their own making."""
    team, rnd = Team(), random.Random(seed)
    team.operations = list(operations)
    if team.state().founder != PERSON["F"]:
        return
    team.do("F", remove(name))
    before = team.state()
    old = rnd.choice(operations)
    made = team.do(name, give("Z", "owner"), old)
    team.do(name, rnd.choice((remove(target), give(target, "owner"))), old)
    team.do("Z", remove(target), made)
    after = team.state()
    assert PERSON[name] not in before.members
    assert after.members == before.members
    assert all(after.counts(operation.id) for operation in operations if before.counts(operation.id))


@few
@given(logs)
def test_strangers_change_nothing(operations: list[Operation]) -> None:
    team = Team()
    team.operations = list(operations)
    before = team.state()
    for body in (give("Z", "owner"), remove("A"), give("A", "owner")):
        team.do("Z", body)
    assert team.state().members == before.members


def test_the_random_logs_are_worth_something() -> None:
    """Many of them have conflicts; otherwise nothing above says much."""
    sizes = [evaluate(random_log(seed, 22)).state() for seed in range(30)]
    struck = [any("At the same time" in reason for reason in state.rejected.values()) for state in sizes]
    assert sum(struck) > 10
