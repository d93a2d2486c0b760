"""Planted faults: with any one rule changed, some directed case or random log must notice."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from sync.membership import admission, bodies, epochs, history, log, roster, rules, state, step
from sync.membership.bodies import Remove
from sync.membership.history import History, Point
from sync.membership.log import MembershipLog
from sync.membership.operation import Operation
from sync.membership.standing import Standing
from sync.membership.state import State
from sync.membership.step import Step
from tests.sync.membership import test_admission, test_epochs, test_roster
from tests.sync.membership.cases import CASES
from tests.sync.membership.reference import Reference
from tests.sync.membership.team import evaluate, random_log, remove

Plant = Callable[[pytest.MonkeyPatch], None]
RANDOM_LOGS = 12


def _attribute(owner: Any, name: str, value: Any) -> Plant:
    return lambda patch: patch.setattr(owner, name, value)


def _rule(table: Any, kind: type, rule: Callable[[rules.Case], str] = lambda _case: "") -> Plant:
    return lambda patch: patch.setitem(table, kind, rule)


def _strikes(rule: Callable[[Step, Step], bool]) -> Plant:
    return _attribute(history, "strikes", rule)


def _all_assignments(self: History, member: bytes, counted: int) -> list[Step]:
    return [self.steps[number] for number in step.bits(self.assignments.get(member, 0) & counted)]


def _strongest(self: History, member: bytes, counted: int) -> Standing | None:
    given = [found.gives for found in self.last_assignments(member, counted) if found.gives is not None]
    return min(given, key=lambda standing: standing.rank, default=None)


def _first_parent(self: MembershipLog, operation: Operation) -> Point:
    return self._points[operation.parents[0]] if operation.parents else Point(0)


def _ignore_missing(self: MembershipLog, operation: Operation) -> Point:
    points = [self._points[parent] for parent in operation.parents if parent in self._points]
    return self._history.merge(points) if points else Point(0)


def _settle_at_once(self: MembershipLog, operation: Operation) -> list[Operation]:
    self._judge(operation)
    return []


def _settle_without_parents(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MembershipLog, "_before", _ignore_missing)
    patch.setattr(MembershipLog, "_settle", _settle_at_once)


def _signed_by_whoever_arrived_first(left: Step, right: Step) -> bool:
    return left.number < right.number and not right.past & left.bit and left.target == right.signer


def _by_removal_only(left: Step, right: Step) -> bool:
    return isinstance(left.body, Remove | bodies.TransferFounder) and step.strikes(left, right)


def _whoever_is_stronger_or_not(left: Step, right: Step) -> bool:
    return isinstance(left.body, Remove) and left.target == right.signer


def _no_transfer(left: Step, right: Step) -> bool:
    return not isinstance(left.body, bodies.TransferFounder) and step.strikes(left, right)


def _stale_top(self: MembershipLog) -> None:
    point = self._pending[-1]
    self._top = self._history.merge((self._top, *self._pending))
    for number in step.bits(point.seen):
        member = self._history.steps[number].target
        standing = None if member is None else self._history.standing(member, point.counted)
        if member is not None and standing is not None:
            self._members[member] = standing


def _past_of_the_first(self: History, points: Any) -> Point:
    seen = 0
    for point in points:
        seen |= point.seen
    return Point(seen, next(iter(points)).void, next(iter(points)).invalid)


def _transfers_beside_other_words(left: Step, right: Step) -> bool:
    return not isinstance(right.body, bodies.TransferFounder) and step.strikes(left, right)


FAULTS: dict[str, Plant] = {
    "anybody sets roles": _rule(rules.AUTHORITY, bodies.Set),
    "members set roles": _rule(rules.AUTHORITY, bodies.Set, rules.need_membership),
    "owners set the roles of equals": _rule(rules.AUTHORITY, bodies.Set, rules.need_owner),
    "anybody removes": _rule(rules.AUTHORITY, bodies.Remove),
    "owners remove equals": _rule(rules.AUTHORITY, bodies.Remove, rules.need_owner),
    "anybody invites": _rule(rules.AUTHORITY, bodies.Invite),
    "anybody makes epochs": _rule(rules.AUTHORITY, bodies.Epoch),
    "owners hand over": _rule(rules.AUTHORITY, bodies.TransferFounder, rules.need_owner),
    "strangers leave, and founders": _rule(rules.AUTHORITY, bodies.Leave),
    "joins without an invite": _rule(rules.AUTHORITY, bodies.Join),
    "joins in another's name or with another key": _rule(rules.FORM, bodies.Join),
    "removals that do not say what counts": _rule(rules.FORM, bodies.Remove),
    "demotions that do not say what counts": _rule(rules.FORM, bodies.Set),
    "epochs that follow anything": _rule(rules.FORM, bodies.Epoch),
    "concurrency is ignored": _strikes(lambda _left, _right: False),
    "whoever arrived first wins": _strikes(_signed_by_whoever_arrived_first),
    "weaker ones void too": _strikes(_whoever_is_stronger_or_not),
    "demotions void nothing": _strikes(_by_removal_only),
    "two founders at a time": _strikes(_no_transfer),
    "a transfer beside another word about its receiver": _strikes(_transfers_beside_other_words),
    "leaving can be voided": _attribute(Step, "needs_owner", property(lambda self: bool(self.operation.log))),
    "void operations make owners": _attribute(History, "_is_unsupported", lambda *_: False),
    "authority is asked once": _attribute(History, "lacks_authority", lambda *_: ""),
    "nothing descends from void operations": _attribute(History, "_dependents", lambda *_: []),
    "the strongest of concurrent roles": _attribute(History, "standing", _strongest),
    "old assignments still count": _attribute(History, "last_assignments", _all_assignments),
    "voids are not worked out at merges": _attribute(History, "_void", lambda *_: 0),
    "merges take what one branch knew": _attribute(History, "_merge", _past_of_the_first),
    "only the first parent is seen": _attribute(MembershipLog, "_before", _first_parent),
    "missing parents are ignored": _settle_without_parents,
    "members are those of the last branch": _attribute(MembershipLog, "_rise", _stale_top),
    "thieves are heard": _attribute(roster.Roster, "is_stolen", lambda *_: False),
    "claimed devices speak for the claimant": _attribute(
        MembershipLog, "_signer", lambda self, operation, _before: self._roster.identities(operation.signer_device)[0]
    ),
    "what owners give has their own rank": _attribute(step, "rank_given", lambda role, rank: rank),
    "decided requests stay": _attribute(state.State, "_is_decided", lambda *_: False),
}


def _epochs_of_everybody(found: State, devices: roster.Roster) -> bytes | None:
    return max(epochs.current_epochs(found), default=None)


def _cuts_old_and_new(assignment: Step, _grant: Step) -> Any:
    return getattr(assignment.body, "cuts", None)


def _cuts_that_are_written(assignment: Step, grant: Step) -> Any:
    return None if grant.past & assignment.bit else getattr(assignment.body, "cuts", None)


def _find_void_too(self: State, operation: bytes) -> Step | None:
    number = self._history.number.get(operation)
    return None if number is None else self._history.steps[number]


def _live_device(found: State, device: bytes) -> roster.Device:
    return roster.Device(found.log_id, found.encryption_key(device))


ADMISSION_FAULTS: dict[str, Plant] = {
    "readers write": _attribute(admission, "WRITING", frozenset({"owner", "member", "reader"})),
    "everybody writes": _attribute(admission, "WRITING", frozenset({"owner", "member", "reader", "guest"})),
    "only owners write": _attribute(admission, "WRITING", frozenset({"owner"})),
    "cuts are ignored": _attribute(State, "limits", lambda *_: []),
    "the largest cut counts": lambda patch: patch.setattr(admission, "min", max, raising=False),
    "a cut reaches into the next right": _attribute(state, "_cuts", _cuts_old_and_new),
    "a loss without cuts is none": _attribute(state, "_cuts", _cuts_that_are_written),
    "any right will do": _attribute(
        roster.Roster, "claim", lambda self, device, _identity: next(iter(self.devices.get(device, ())), None)
    ),
    "entries of other workspaces": _attribute(admission, "_malformed", lambda *_: ""),
    "rights that do not count": _attribute(State, "_find", _find_void_too),
    "guests have the key": _attribute(epochs, "READING", frozenset({"owner", "member", "reader", "guest"})),
    "one writes under any epoch": _attribute(epochs, "writing_epoch", _epochs_of_everybody),
    "concurrent epochs never merge": _attribute(epochs, "_reason", lambda *_: ""),
    "epochs that were followed are current": _attribute(epochs, "current_epochs", State.epochs),
    "lost devices are live": _attribute(roster, "_device", _live_device),
}


def _check_admission() -> None:
    for module in (test_admission, test_epochs, test_roster):
        for name, test in vars(module).items():
            if name.startswith("test_") and not getattr(test, "pytestmark", None) and not hasattr(test, "hypothesis"):
                test()
    test_admission.test_readers_and_guests_do_not("Y")
    test_admission.test_readers_and_guests_do_not("Z")
    for name in "FAEX":
        test_admission.test_owners_and_members_write(name)
    test_epochs.test_nobody_writes_under_a_key_of_somebody_who_must_not_read(remove("X"))


def _check() -> None:
    for case in CASES:
        case()
    for seed in range(RANDOM_LOGS):
        operations = random_log(seed, 20)
        shuffled = operations[:]
        random.Random(seed).shuffle(shuffled)
        found = evaluate(shuffled).state()
        assert found == evaluate(operations).state()
        assert {operation.id for operation in operations if found.counts(operation.id)} == Reference(operations).counted


def test_without_a_fault_nothing_is_noticed() -> None:
    _check()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    with pytest.raises((AssertionError, LookupError)):
        _check()


def test_without_a_fault_admission_is_right() -> None:
    _check_admission()


@pytest.mark.parametrize("fault", ADMISSION_FAULTS)
def test_a_fault_of_admission_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        ADMISSION_FAULTS[fault](patch)
        for name in ("writing_epoch", "current_epochs"):
            patch.setattr(test_epochs, name, getattr(epochs, name))
        with pytest.raises((AssertionError, LookupError)):
            _check_admission()


def test_faults_are_planted_where_the_evaluator_looks() -> None:
    assert history.strikes is step.strikes and log.AUTHORITY is rules.AUTHORITY is history.AUTHORITY
