"""Epochs: when a new one is due and for whom, what its key opens, and what one may write under."""

from __future__ import annotations

import pytest

from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Epoch
from sync.membership.epoch import first_epoch, following_epoch, unwrap_epoch
from sync.membership.epochs import (
    covered_epochs,
    current_epochs,
    epoch_recipients,
    needed_keys,
    next_epoch,
    reach_keys,
    writing_epoch,
)
from sync.membership.operation import Operation
from sync.membership.roster import Device, Roster
from sync.testing import seeded_random
from tests.sync.membership.team import DEVICE, GENESIS, KEYS, PERSON, ROSTER, Team, give, remove


class Keyed(Team):
    """A team that makes its epochs by the plans."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[bytes, bytes] = {}
        self._random = seeded_random(5)

    def epoch(self, name: str, *after: Operation) -> Operation:
        """The epoch that is due, as this owner makes it after these operations."""
        seen = Team()
        seen.operations = self.past(after) if after else self.operations
        plan = next_epoch(seen.state(), ROSTER)
        assert plan is not None
        key, parents = self._random(32), {parent: self.keys[parent] for parent in plan.parents}
        body = following_epoch(GENESIS.id, key, plan.recipients, parents, self._random)
        made = self.do(name, body, *after)
        self.keys[made.id] = key
        return made

    def past(self, ends: tuple[Operation, ...]) -> list[Operation]:
        wanted = {end.id for end in ends}
        for operation in reversed(self.operations):
            if operation.id in wanted:
                wanted.update(operation.parents)
        return [operation for operation in self.operations if operation.id in wanted]


def team() -> Keyed:
    """F with A an owner, X a member, Y a reader, Z a guest, and an epoch for them."""
    made = Keyed()
    for name, role in (("A", "owner"), ("X", "member"), ("Y", "reader"), ("Z", "guest")):
        made.do("F", give(name, role))  # type: ignore[arg-type]
    made.epoch("F")
    return made


def test_readers_have_the_key_and_guests_do_not() -> None:
    state = team().state()
    (epoch,) = current_epochs(state).values()
    assert epoch.wraps.keys() == epoch_recipients(state, ROSTER).keys() == {DEVICE[name] for name in "FAXY"}
    assert next_epoch(state, ROSTER) is None


def test_there_is_an_epoch_to_make_before_the_first_one() -> None:
    plan = next_epoch(Team().state(), ROSTER)
    assert plan is not None and plan.parents == () and plan.recipients.keys() == {DEVICE["F"]}
    assert writing_epoch(Team().state(), ROSTER) is None


@pytest.mark.parametrize("body", [remove("X"), remove("Y"), give("X", "guest")], ids=["removed", "reader", "guest"])
def test_nobody_writes_under_a_key_of_somebody_who_must_not_read(body: object) -> None:
    made = team()
    before = writing_epoch(made.state(), ROSTER)
    assert before in made.keys
    made.do("A", body)  # type: ignore[arg-type]
    assert writing_epoch(made.state(), ROSTER) is None
    plan = next_epoch(made.state(), ROSTER)
    assert plan is not None and "must not read" in plan.reason and plan.parents == (before,)
    new = made.epoch("A")
    assert writing_epoch(made.state(), ROSTER) == new.id
    assert isinstance(new.body, Epoch) and not {DEVICE["Z"]} & new.body.wraps.keys()


def test_a_demotion_to_reader_needs_no_new_key() -> None:
    made = team()
    made.do("A", give("X", "reader"))
    assert next_epoch(made.state(), ROSTER) is None


def test_a_new_member_is_due_a_key_but_others_go_on_writing() -> None:
    made = team()
    (before,) = current_epochs(made.state())
    made.do("A", give("B", "member"))
    plan = next_epoch(made.state(), ROSTER)
    assert plan is not None and "does not have" in plan.reason and DEVICE["B"] in plan.recipients
    assert writing_epoch(made.state(), ROSTER) == before


def test_concurrent_epochs_merge_in_the_next() -> None:
    made = team()
    gone = made.do("A", remove("X"))
    (first,) = current_epochs(made.state())
    left, right = made.epoch("A", gone), made.epoch("F", gone)
    state = made.state()
    assert current_epochs(state).keys() == {left.id, right.id}
    assert writing_epoch(state, ROSTER) == max(left.id, right.id)
    merged = made.epoch("F")
    state = made.state()
    assert current_epochs(state).keys() == {merged.id}
    assert covered_epochs(state, merged.id) == {merged.id, left.id, right.id, first}
    assert next_epoch(state, ROSTER) is None


def test_one_key_opens_all_before_it_and_none_after() -> None:
    made = team()
    (first,) = current_epochs(made.state())
    made.do("A", remove("X"))
    last = made.epoch("A")
    state = made.state()
    assert reach_keys(state, {last.id: unwrap_epoch(last, KEYS["Y"])}) == made.keys
    assert reach_keys(state, {first: made.keys[first]}) == {first: made.keys[first]}
    assert needed_keys(state, DEVICE["Y"]) == {last.id}
    assert needed_keys(state, DEVICE["X"]) == {first}
    assert needed_keys(state, DEVICE["Z"]) == frozenset()


def test_a_wrong_way_back_is_an_error() -> None:
    made = team()
    (first,) = current_epochs(made.state())
    body = following_epoch(GENESIS.id, b"k" * 32, {}, {first: made.keys[first]}, seeded_random(9))
    bad = made.do("A", Epoch(body.parents, body.wraps, {first: bytes(72)}))
    with pytest.raises(ProtocolError):
        reach_keys(made.state(), {bad.id: b"k" * 32})


def test_an_epoch_of_a_removed_owner_is_none() -> None:
    made = team()
    heads = Team.heads(made.operations)
    made.do("F", give("B", "member"), *heads)
    theirs = made.epoch("A", *made.operations[-1:])
    assert theirs.id in current_epochs(made.state())
    made.do("F", remove("A"), *heads)
    assert theirs.id not in made.state().epochs()
    assert writing_epoch(made.state(), ROSTER) is None


def test_a_lost_or_unknown_device_is_a_recipient_too_many() -> None:
    made = team()
    lost = Device(PERSON["X"], KEYS["X"].encryption_key, "lost")
    roster = Roster({**ROSTER.devices, DEVICE["X"]: (lost,)})
    assert writing_epoch(made.state(), roster) is None
    stranger = DeviceKeys.create(seeded_random(55))
    made.do("A", first_epoch(GENESIS.id, b"k" * 32, {stranger.device_id: stranger.encryption_key}))
    assert writing_epoch(made.state(), ROSTER) != made.operations[-1].id
