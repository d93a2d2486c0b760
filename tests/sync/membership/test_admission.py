"""Which entries count: every row of who may write what, and what a removal leaves of somebody's chain."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.documents.entry import FIRST_PREV, Entry
from sync.membership.admission import Verdict, judge_entry
from sync.membership.bodies import OTHERS, WHOLE, Cut, Leave, Remove, Set
from sync.membership.operation import Operation
from sync.membership.roster import Device, Roster
from tests.sync.membership.cases import team_of_owners
from tests.sync.membership.team import DEVICE, GENESIS, KEYS, PERSON, ROSTER, Team, evaluate, give, random_log, remove

CHAIN = [number.to_bytes(32, "big") for number in range(1, 20)]
"""Hashes of the entries of a chain: CHAIN[n - 1] is that of number n."""
OTHER = b"f" * 32


def leads_to(digest: bytes, end: bytes) -> bool | None:
    """Within CHAIN; of any other end nothing is known."""
    return digest in CHAIN and CHAIN.index(digest) <= CHAIN.index(end) if end in CHAIN else None


def entry(name: str, grant: bytes, n: int = 3) -> Entry:
    prev = FIRST_PREV if n == 1 else CHAIN[n - 2]
    return Entry(GENESIS.id, b"d" * 32, grant, DEVICE[name], n, prev, (b"c" * 32,))


def judge(team: Team, written: Entry, roster: Roster = ROSTER, digest: bytes | None = None) -> Verdict:
    return judge_entry(written, digest or CHAIN[written.n - 1], team.state(roster), roster, leads_to)


def grant_of(team: Team, name: str) -> bytes:
    return team.state().members[PERSON[name]].grant


def cut(name: str, n: int) -> dict[bytes, Cut]:
    return {DEVICE[name]: Cut(n, CHAIN[n - 1])}


@pytest.mark.parametrize("name", "FAEX")
def test_owners_and_members_write(name: str) -> None:
    team = team_of_owners()
    assert judge(team, entry(name, grant_of(team, name))) == Verdict("admitted")


@pytest.mark.parametrize("name", "YZ")
def test_readers_and_guests_do_not(name: str) -> None:
    team = team_of_owners()
    verdict = judge(team, entry(name, grant_of(team, name)))
    assert verdict.outcome == "rejected" and "does not write" in verdict.reason


def test_nobody_writes_by_the_right_of_another() -> None:
    team = team_of_owners()
    verdict = judge(team, entry("Y", grant_of(team, "X")))
    assert verdict.outcome == "held" and "does not belong" in verdict.reason


def test_what_can_never_count_is_rejected() -> None:
    team = team_of_owners()
    good = entry("X", grant_of(team, "X"))
    gone = team.do("A", remove("Z"))
    for bad in (replace(good, workspace=OTHER), replace(good, prev=FIRST_PREV), replace(good, n=1)):
        assert judge(team, bad).outcome == "rejected"
    assert "lets nobody write" in judge(team, entry("X", gone.id)).reason


def test_what_is_not_known_yet_is_held() -> None:
    team = team_of_owners()
    good = entry("X", grant_of(team, "X"))
    assert "not here yet" in judge(team, replace(good, grant=OTHER)).reason
    stranger = judge(team, replace(good, device=OTHER))
    assert stranger.outcome == "held" and "whose device" in stranger.reason


def test_a_right_that_does_not_count_admits_nothing() -> None:
    team = team_of_owners()
    refused = team.do("X", give("Y", "member"))
    verdict = judge(team, entry("Y", refused.id))
    assert verdict.outcome == "held" and "does not count" in verdict.reason


def test_a_right_that_became_void_admits_nothing_any_more() -> None:
    team = team_of_owners()
    heads = Team.heads(team.operations)
    given = team.do("A", give("Y", "member"), *heads)
    assert judge(team, entry("Y", given.id)).outcome == "admitted"
    team.do("F", remove("A"), *heads)
    verdict = judge(team, entry("Y", given.id))
    assert verdict.outcome == "held" and "does not count" in verdict.reason


@pytest.mark.parametrize("body", [Remove(PERSON["X"], cut("X", 5)), give("X", "reader", cut("X", 5))])
def test_a_removed_or_demoted_author_keeps_what_was_seen(body: Remove | Set) -> None:
    team = team_of_owners()
    grant = grant_of(team, "X")
    team.do("A", body)
    outcomes = [judge(team, entry("X", grant, n)).outcome for n in range(1, 9)]
    assert outcomes == ["admitted"] * 5 + ["held"] * 3


def test_a_device_that_is_absent_from_a_cut_keeps_nothing() -> None:
    team = team_of_owners()
    grant = grant_of(team, "X")
    team.do("A", remove("X"))
    assert judge(team, entry("X", grant, 1)).outcome == "held"


def test_the_smallest_of_concurrent_cuts_counts() -> None:
    team = team_of_owners()
    grant, heads = grant_of(team, "X"), Team.heads(team.operations)
    for name, n in (("A", 6), ("B", 3), ("F", 9)):
        team.do(name, Remove(PERSON["X"], cut("X", n)), *heads)
    outcomes = [judge(team, entry("X", grant, n)).outcome for n in range(1, 7)]
    assert outcomes == ["admitted"] * 3 + ["held"] * 3


def test_of_a_forked_chain_one_branch_is_cut() -> None:
    """X wrote two entries with number 5; an owner who goes on with X says which of them counts."""
    team = team_of_owners()
    grant = grant_of(team, "X")
    assert judge(team, entry("X", grant, 5)) == judge(team, entry("X", grant, 5), digest=OTHER) == Verdict("admitted")
    team.do("A", give("X", "member", cut("X", 5)))
    assert judge(team, entry("X", grant, 5)).outcome == "admitted"
    assert "two chains" in judge(team, entry("X", grant, 5), digest=OTHER).reason
    assert "two chains" in judge(team, entry("X", grant, 4), digest=OTHER).reason
    assert judge(team, entry("X", grant_of(team, "X"), 6)).outcome == "admitted"


def test_a_cut_through_one_device_leaves_the_others_whole() -> None:
    team = team_of_owners()
    grant = grant_of(team, "X")
    team.do("A", give("X", "member", {OTHER: Cut(2, CHAIN[1]), OTHERS: WHOLE}))
    for n in (1, 8):
        assert judge(team, entry("X", grant, n)) == Verdict("admitted")
    team.do("B", give("X", "member", cut("X", 5)))
    assert [judge(team, entry("X", grant, n)).outcome for n in (5, 6)] == ["admitted", "held"], "smaller than whole"


def test_what_may_lead_to_a_cut_is_held_until_the_chain_is_here() -> None:
    team = team_of_owners()
    grant = grant_of(team, "X")
    team.do("B", Remove(PERSON["X"], {DEVICE["X"]: Cut(5, OTHER)}))
    verdict = judge(team, entry("X", grant, 4))
    assert verdict.outcome == "held" and "not here yet" in verdict.reason


def test_a_new_right_is_not_cut_by_an_old_removal() -> None:
    team = team_of_owners()
    old = grant_of(team, "X")
    team.do("A", remove("X"))
    team.do("B", give("X", "member"))
    assert judge(team, entry("X", grant_of(team, "X"), 9)).outcome == "admitted"
    assert judge(team, entry("X", old, 9)).outcome == "held"


def test_a_void_removal_cuts_nothing() -> None:
    team = team_of_owners()
    grant, heads = grant_of(team, "X"), Team.heads(team.operations)
    team.do("E", remove("X"), *heads)
    assert judge(team, entry("X", grant)).outcome == "held"
    team.do("F", remove("E"), *heads)
    assert judge(team, entry("X", grant)).outcome == "admitted"


def test_a_right_given_beside_a_loss_writes_nothing() -> None:
    """Somebody becomes a reader in one branch, a member in the other, and leaves in a third."""
    for loss in (("A", give("Y", "guest")), ("Y", Leave())):
        team = team_of_owners()
        heads = Team.heads(team.operations)
        granted = team.do("B", give("Y", "member"), *heads)
        assert judge(team, entry("Y", granted.id)).outcome == "admitted"
        team.do(loss[0], loss[1], *heads)
        assert judge(team, entry("Y", granted.id)).outcome == "held"


def test_whoever_leaves_keeps_their_work() -> None:
    team = team_of_owners()
    grant = grant_of(team, "X")
    team.do("X", Leave())
    assert judge(team, entry("X", grant)).outcome == "admitted"


def test_lost_and_stolen_devices() -> None:
    team = team_of_owners()
    grant, key = grant_of(team, "X"), KEYS["X"].encryption_key
    lost = Roster({**ROSTER.devices, DEVICE["X"]: (Device(PERSON["X"], key, "lost"),)})
    stolen_device = Device(PERSON["X"], key, "stolen", {GENESIS.id: Cut(4, CHAIN[3])})
    stolen = Roster({**ROSTER.devices, DEVICE["X"]: (stolen_device,)})
    elsewhere = Roster({**ROSTER.devices, DEVICE["X"]: (replace(stolen_device, cuts={}),)})
    assert judge(team, entry("X", grant, 9), lost).outcome == "admitted"
    assert [judge(team, entry("X", grant, n), stolen).outcome for n in (4, 5)] == ["admitted", "held"]
    assert judge(team, entry("X", grant, 1), elsewhere).outcome == "held"


@settings(max_examples=40)
@given(st.builds(random_log, st.integers(0, 2**32), st.integers(1, 20)), st.integers(0, 2**32))
def test_replicas_admit_the_same_and_rejections_are_final(operations: list[Operation], seed: int) -> None:
    shuffled = operations[:]
    random.Random(seed).shuffle(shuffled)
    written = [entry(name, operation.id, n) for name in "ABX" for operation in operations for n in (1, 4)]
    final = evaluate(operations).state()
    verdicts = [judge_entry(item, CHAIN[item.n - 1], final, ROSTER, leads_to) for item in written]
    log = evaluate([])
    for operation in shuffled:
        log.add(operation)
        if len(log.operations()) % 5 == 0:
            early = log.state()
            for item, verdict in zip(written, verdicts, strict=True):
                if judge_entry(item, CHAIN[item.n - 1], early, ROSTER, leads_to).outcome == "rejected":
                    assert verdict.outcome == "rejected" or not final.counts(item.grant)
    assert [judge_entry(item, CHAIN[item.n - 1], log.state(), ROSTER, leads_to) for item in written] == verdicts
    for item, verdict in zip(written, verdicts, strict=True):
        granted = final.grant(item.grant)
        if verdict.outcome == "admitted":
            assert granted is not None and granted[1] in ("owner", "member")
