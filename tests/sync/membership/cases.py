"""Directed cases: one function each, which asserts what the rules say. They run as tests and against planted faults."""

from __future__ import annotations

from collections.abc import Callable

from sync.membership.bodies import Body, Cut, Epoch, Invite, Join, Leave, Role, Set
from sync.membership.invites import make_invite, make_join
from sync.membership.operation import Operation
from sync.membership.roster import Device, Roster
from sync.testing import seeded_random
from tests.sync.membership.team import DEVICE, GENESIS, KEYS, NAMES, PERSON, ROSTER, Team, give, hand_over, remove


def team_of_owners() -> Team:
    """F made A and B owners, A made C, B made D, C made E, one after another; X is a member, Y a reader, Z a guest."""
    team = Team()
    for signer, target in ("FA", "FB", "AC", "BD", "CE"):
        team.do(signer, give(target, "owner"))
    roles: tuple[tuple[str, Role], ...] = (("X", "member"), ("Y", "reader"), ("Z", "guest"))
    for target, role in roles:
        team.do("F", give(target, role))
    return team


def _together(team: Team, *acts: tuple[str, Body]) -> list[Operation]:
    """Operations of people who do not know of each other's."""
    heads = Team.heads(team.operations)
    return [team.do(name, body, *heads) for name, body in acts]


def a_removed_owners_concurrent_invite_is_void() -> None:
    team = team_of_owners()
    invite, gone = _together(team, ("A", Invite(bytes(32), "owner")), ("F", remove("A")))
    state = team.state()
    assert state.counts(gone.id) and not state.counts(invite.id)
    assert "stronger" in state.rejected[invite.id]


def a_demoted_owners_concurrent_acts_are_void() -> None:
    team = team_of_owners()
    given, _, _ = _together(team, ("C", give("X", "owner")), ("A", give("C", "member")), ("C", Leave()))
    assert not team.state().counts(given.id)
    assert team.roles()["X"] == "member"


def of_concurrent_ranks_the_weaker_wins() -> None:
    team = team_of_owners()
    _together(team, ("F", give("C", "owner")), ("A", give("C", "owner")))
    assert team.state().members[PERSON["C"]].rank == 2


def a_promotion_voids_nothing() -> None:
    team = team_of_owners()
    given, _ = _together(team, ("C", give("X", "reader")), ("F", give("C", "owner")))
    assert team.state().counts(given.id)
    assert team.roles()["X"] == "reader"


def work_that_the_remover_had_seen_stays() -> None:
    team = team_of_owners()
    team.do("F", remove("A"))
    assert {"C", "E"} <= team.roles().keys()


def authority_from_what_became_void_is_none() -> None:
    """F removes A while A makes X an owner, X makes Y one, and Y removes the guest."""
    team = team_of_owners()
    heads = Team.heads(team.operations)
    made = team.do("A", give("X", "owner"), *heads)
    again = team.do("X", give("Y", "owner"), made)
    last = team.do("Y", remove("Z"), again)
    assert "Z" not in team.roles()
    team.do("F", remove("A"), *heads)
    state = team.state()
    assert not any(map(state.counts, (made.id, again.id, last.id)))
    assert team.roles() == {**dict.fromkeys("FBCDE", "owner"), "X": "member", "Y": "reader", "Z": "guest"}


def an_owner_made_by_a_removed_one_voids_nobodys_acts() -> None:
    """A, who is being removed, makes X strong enough to remove E; what E did meanwhile stays."""
    team = team_of_owners()
    heads = Team.heads(team.operations)
    made = team.do("A", give("X", "owner"), *heads)
    team.do("X", remove("E"), made)
    kept = team.do("E", give("Y", "member"), *heads)
    assert not team.state().counts(kept.id)
    team.do("F", remove("A"), *heads)
    assert team.state().counts(kept.id)
    assert team.roles()["Y"] == "member" and team.roles()["E"] == "owner"


def a_void_removal_voids_nothing() -> None:
    """F removes A, who removes C, who removes E: A's does not count, and therefore C's does."""
    team = team_of_owners()
    _together(team, ("F", remove("A")), ("A", remove("C")), ("C", remove("E")))
    assert team.roles().keys() == set("FBCDXYZ")


def owners_of_one_rank_do_not_remove_each_other() -> None:
    team = team_of_owners()
    first, second = _together(team, ("A", remove("B")), ("B", remove("A")))
    state = team.state()
    assert {first.id, second.id} <= state.rejected.keys()
    assert {"A", "B"} <= team.roles().keys()


def of_two_who_remove_each_other_the_stronger_stays() -> None:
    team = team_of_owners()
    _together(team, ("A", remove("C")), ("C", remove("A")))
    assert "A" in team.roles() and "C" not in team.roles()


def an_owner_removes_the_owners_of_others_if_weaker() -> None:
    team = team_of_owners()
    team.do("A", remove("D"))
    assert "D" not in team.roles()


def every_owner_is_stronger_than_who_is_none() -> None:
    """X was let in by the founder; an owner of the lowest rank removes them all the same."""
    team = team_of_owners()
    team.do("E", remove("X"))
    assert "X" not in team.roles()


def a_removal_wins_over_a_concurrent_grant() -> None:
    team = team_of_owners()
    _together(team, ("F", give("X", "owner")), ("E", remove("X")))
    assert "X" not in team.roles()


def the_lesser_of_concurrent_roles_wins() -> None:
    team = team_of_owners()
    _together(team, ("F", give("X", "owner")), ("A", give("X", "reader")), ("E", give("X", "member")))
    assert team.roles()["X"] == "reader"


def whoever_was_removed_can_be_let_in_again() -> None:
    team = team_of_owners()
    team.do("A", remove("X"))
    team.do("B", give("X", "member"))
    assert team.roles()["X"] == "member"


def a_late_grant_that_had_not_seen_the_removal_does_not_undo_it() -> None:
    team = team_of_owners()
    heads = Team.heads(team.operations)
    team.do("E", remove("X"), *heads)
    team.do("E", give("Y", "member"))
    team.do("F", give("X", "member"), *heads)
    assert "X" not in team.roles()


def leaving_is_for_oneself_and_stays() -> None:
    team = team_of_owners()
    _together(team, ("C", Leave()), ("A", give("C", "reader")), ("X", Leave()), ("F", give("X", "owner")))
    assert team.roles().keys() == set("FABDEYZ")


def nobody_leaves_who_is_not_there() -> None:
    team = team_of_owners()
    team.do("X", Leave())
    again = team.do("X", Leave())
    assert again.id in team.state().rejected


def the_founder_stays() -> None:
    team = team_of_owners()
    left = team.do("F", Leave())
    taken = [team.do(name, body) for name in "ABE" for body in (remove("F"), give("F", "reader"))]
    state = team.state()
    assert {left.id, *(operation.id for operation in taken)} <= state.rejected.keys()
    assert state.founder == PERSON["F"]


def the_founder_hands_over() -> None:
    team = team_of_owners()
    team.do("F", hand_over("C"))
    assert team.state().founder == PERSON["C"]
    refused = team.do("F", remove("C"))
    team.do("F", remove("A"))
    state = team.state()
    assert state.may_act_on(PERSON["C"], PERSON["F"]) and not state.may_act_on(PERSON["F"], PERSON["C"])
    assert refused.id in state.rejected and "A" not in team.roles()
    left = team.do("F", Leave())
    assert team.state().counts(left.id)


def only_the_founder_hands_over_and_only_to_members() -> None:
    team = team_of_owners()
    refused = [team.do("A", hand_over("C")), team.do("F", hand_over("F"))]
    team.do("F", remove("X"))
    refused.append(team.do("F", hand_over("X")))
    team.do("F", hand_over("B"))
    refused.append(team.do("F", hand_over("C")))
    assert {operation.id for operation in refused} == team.state().rejected.keys()


def of_two_concurrent_founders_there_is_one() -> None:
    """Two devices of the founder hand over to different people, who both act on it."""
    team = team_of_owners()
    to_a, to_b = _together(team, ("F", hand_over("A")), ("F", hand_over("B")))
    team.do("A", remove("B"), to_a)
    team.do("B", remove("A"), to_b)
    state = team.state()
    assert len({PERSON["A"], PERSON["B"]} & state.members.keys()) == 1
    assert state.counts(to_a.id) != state.counts(to_b.id)
    assert state.founder in (PERSON["A"], PERSON["B"])


def whoever_is_made_founder_can_not_be_removed_meanwhile() -> None:
    team = team_of_owners()
    _together(team, ("F", hand_over("C")), ("A", remove("C")), ("C", Leave()), ("A", give("C", "reader")))
    assert team.state().founder == PERSON["C"]


def one_of_a_transfer_and_another_word_of_the_founder_counts() -> None:
    """Found at random: the founder hands over to C and leaves, and on another device makes C an owner meanwhile."""
    outcomes = set()
    for number in range(20):
        team = team_of_owners()
        team.do("F", Invite(number.to_bytes(32, "big"), "member"))
        confirmed, handed = _together(team, ("F", give("C", "owner")), ("F", hand_over("C")))
        team.do("F", Leave(), handed)
        state = team.state()
        assert state.counts(confirmed.id) != state.counts(handed.id)
        assert state.founder == PERSON["C" if state.counts(handed.id) else "F"]
        outcomes.add(state.founder)
    assert len(outcomes) == 2


def a_former_founder_is_removed_by_the_next() -> None:
    team = team_of_owners()
    team.do("F", hand_over("C"))
    team.do("C", remove("F"))
    assert "F" not in team.roles() and team.state().founder == PERSON["C"]


def nobody_but_owners_decides() -> None:
    team = team_of_owners()
    bodies: list[Body] = [
        give("B", "reader"),
        remove("Z"),
        Invite(bytes(32), "reader"),
        hand_over("X"),
        Epoch((), {}, {}),
    ]
    team.do("F", remove("A"))
    refused = [team.do(name, body) for name in "XYZA" for body in bodies]
    assert {operation.id for operation in refused} == team.state().rejected.keys()


def each_role_may_what_it_may() -> None:
    state = team_of_owners().state()
    rights = {name: (state.may_admit(m), state.may_write(m), state.may_read(m)) for name, m in PERSON.items()}
    owners = dict.fromkeys("FABCDE", (True, True, True))
    assert rights == {**owners, "X": (False, True, True), "Y": (False, False, True), "Z": (False, False, False)}


def nobody_changes_their_own_role() -> None:
    team = team_of_owners()
    refused = [team.do(name, give(name, "owner")) for name in "AX"]
    assert {operation.id for operation in refused} == team.state().rejected.keys()


def an_owner_gives_less_than_they_have() -> None:
    """What E makes is weaker than E, and does not act on E nor on E's equals."""
    team = team_of_owners()
    team.do("E", give("X", "owner"))
    state = team.state()
    assert state.members[PERSON["X"]].rank == state.members[PERSON["E"]].rank + 1
    assert not state.may_act_on(PERSON["X"], PERSON["E"])
    refused = team.do("X", remove("E"))
    assert refused.id in team.state().rejected


def a_removal_says_what_counts() -> None:
    team = team_of_owners()
    refused = [team.do("A", Set(PERSON["X"], "reader"))]
    refused.append(team.do("F", type(remove("X"))(PERSON["X"])))
    state = team.state()
    assert {operation.id for operation in refused} == state.rejected.keys()
    assert all("what of the member's work" in reason for reason in state.rejected.values())


def a_join_asks_and_an_owner_completes_it() -> None:
    team = team_of_owners()
    team.do("F", remove("X"))
    invite, seed = make_invite(KEYS["A"], GENESIS.id, [o.id for o in Team.heads(team.operations)], "member", _RANDOM)
    team.operations.append(invite)
    join = make_join(KEYS["X"], invite, [invite.id], PERSON["X"], seed)
    team.operations.append(join)
    state = team.state()
    assert PERSON["X"] not in state.members and list(state.requests()) == [join.id]
    team.do("B", give("X", "member"))
    assert team.roles()["X"] == "member" and not team.state().requests()


def a_join_needs_an_invite_that_counts() -> None:
    team = team_of_owners()
    heads = [operation.id for operation in Team.heads(team.operations)]
    invite, seed = make_invite(KEYS["A"], GENESIS.id, heads, "member", _RANDOM)
    team.operations.append(invite)
    joins = [
        make_join(KEYS["X"], invite, [invite.id], PERSON["X"], bytes(32)),
        make_join(KEYS["X"], invite, [invite.id], PERSON["Y"], seed),
        make_join(KEYS["X"], invite, heads, PERSON["X"], seed),
    ]
    team.operations.extend(joins)
    good = make_join(KEYS["X"], invite, [invite.id], PERSON["X"], seed)
    team.operations.append(good)
    copied = team.do("Y", good.body, invite)
    state = team.state()
    assert list(state.requests()) == [good.id]
    assert {join.id for join in joins} | {copied.id} == state.rejected.keys()
    team.do("F", remove("A"), *(operation for operation in team.operations if operation.id in heads))
    assert not team.state().requests()
    assert isinstance(good.body, Join)


def an_epoch_follows_epochs() -> None:
    team = team_of_owners()
    first = team.do("A", Epoch((), {}, {}))
    unseen = team.do("B", Epoch((first.id,), {}, {}), team.operations[-2])
    other = team.do("C", Epoch((team.operations[3].id,), {}, {}))
    assert team.state().rejected.keys() == {unseen.id, other.id}


def _stolen(name: str) -> Roster:
    claim = Device(PERSON[name], KEYS[name].encryption_key, "stolen", {GENESIS.id: Cut(5, bytes(32))})
    return Roster({**ROSTER.devices, DEVICE[name]: (claim,)})


def a_thief_is_heard_only_where_somebody_built_on_it() -> None:
    team = team_of_owners()
    built_on = team.do("A", give("X", "reader"))
    team.do("B", give("Z", "reader"))
    heads = Team.heads(team.operations)
    alone = [team.do("A", remove("Z")), team.do("A", give("Y", "owner"))]
    state = team.state(_stolen("A"))
    assert state.counts(built_on.id) and PERSON["A"] in state.members
    assert state.rejected.keys() == {operation.id for operation in alone}
    assert state.heads(256) == tuple(operation.id for operation in heads)


def a_claimed_device_still_speaks_for_its_owner() -> None:
    """The log of X claims the device of A, and the log of F that of X: the one takes nothing, the other gives."""
    key = KEYS["A"].encryption_key
    devices = {**ROSTER.devices, DEVICE["A"]: (Device(PERSON["X"], key), Device(PERSON["A"], key))}
    team = team_of_owners()
    removed = team.do("A", remove("Z"))
    assert team.state(Roster(devices)).counts(removed.id)
    assert team.state(Roster(devices)).members[PERSON["X"]].role == "member"


def whoever_follows_two_branches_has_seen_both() -> None:
    """X was made an owner in one branch and acts after both."""
    team = team_of_owners()
    _together(team, ("A", give("X", "owner")), ("B", give("Y", "owner")))
    acts = [team.do("X", remove("Z")), team.do("Y", give("Z", "reader"))]
    assert all(team.state().counts(operation.id) for operation in acts)


def a_branch_that_did_not_see_a_right_does_not_have_it() -> None:
    team = team_of_owners()
    heads = Team.heads(team.operations)
    team.do("A", give("X", "owner"), *heads)
    early = team.do("X", remove("Z"), *heads)
    assert early.id in team.state().rejected


_RANDOM = seeded_random(77)
CASES: tuple[Callable[[], None], ...] = tuple(
    value
    for name, value in list(globals().items())
    if callable(value)
    and getattr(value, "__module__", None) == __name__
    and not name.startswith("_")
    and name != "team_of_owners"
)
assert len(NAMES) == len(ROSTER.devices)
