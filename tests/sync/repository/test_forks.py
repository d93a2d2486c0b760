"""A device that is at odds with itself: what is kept, how it is listed, and what an owner's cut makes of it."""

from __future__ import annotations

import random

import pytest

from sync.engine import Engine
from sync.errors import MembershipError
from sync.membership.bodies import OTHERS, WHOLE, Cut, Set
from sync.repository.forks import Fork
from sync.store.operations import epoch_keys
from tests.sync.engine_home import append, notes, shown
from tests.sync.repository.peers import bring, exchange, let_in, pair
from tests.sync.repository.put_back import Homes, introduce, row_of, team
from tests.sync.repository.support import bundle_all, edit


class Rivals:
    """Ada, Cleo and Dan, and Bob, whose home runs twice with one key and a program that does not care."""

    def __init__(self, homes: Homes, *, bundle: bool = False) -> None:
        self.ada, bob, self.workspace = team(homes)
        self.cleo, self.dan = homes.home("cleo"), homes.home("dan")
        for home in (self.cleo, self.dan):
            let_in(self.ada, home, self.workspace)
        append(bob, row_of(bob, self.workspace), "s", "bob 1")
        exchange([self.ada, bob, self.cleo, self.dan])
        homes.save("bob")
        self.bob = homes.home("bob")
        self._write(self.bob, "left", 1500 if bundle else 3)
        if bundle:
            bundle_all(self.bob)
        self.twin = homes.second("bob", "twin")
        self._write(self.twin, "right", 4)

    def _write(self, home: Engine, name: str, count: int) -> None:
        row = row_of(home, self.workspace)
        for number in range(min(count, 5)):
            append(home, row, "s", *(f"{name} {number} {part}" for part in range(max(1, count // 5))))
        append(home, row, f"only {name}", name)

    @property
    def honest(self) -> list[Engine]:
        return [self.ada, self.cleo, self.dan]

    def fork(self, home: Engine) -> Fork:
        [fork] = home.forks(row_of(home, self.workspace))
        return fork

    def cut(self, home: Engine, name: str) -> None:
        """Keep the side in which Bob wrote a session of that name."""
        fork = self.fork(home)
        [kept] = [branch for branch in fork.branches if f"only {name}" in branch.sessions]
        cuts = {fork.device: Cut(kept.n, kept.hash), OTHERS: WHOLE}
        with home.transaction(durable=True) as tx:
            home.members.sign(tx, self.workspace, Set(self.bob.identity, "member", cuts=cuts))


def spread(rivals: Rivals, dice: random.Random) -> None:
    """Everybody brings what they have, in some order, each side of the fork to somebody first."""
    bring(rivals.bob, dice.choice(rivals.honest))
    bring(rivals.twin, dice.choice(rivals.honest))
    meetings = [(one, other) for one in rivals.honest for other in rivals.honest if one is not other] * 2
    meetings += [(source, target) for source in (rivals.bob, rivals.twin) for target in rivals.honest]
    for source, target in dice.sample(meetings, len(meetings)):
        bring(source, target)


def test_a_fork_is_listed_with_its_sides(homes: Homes) -> None:
    rivals = Rivals(homes)
    assert rivals.ada.forks(1) == []
    bring(rivals.bob, rivals.ada)
    assert rivals.ada.forks(1) == []
    bring(rivals.twin, rivals.ada)
    fork = rivals.fork(rivals.ada)
    assert (fork.device, fork.n, fork.is_settled) == (rivals.bob.device.device_id, 2, False)
    assert [(b.n, b.entries, b.shown, b.sessions, b.counts) for b in fork.branches] == [
        (6, 5, 1, ("s", "only right"), True),
        (5, 4, 4, ("s", "only left"), True),
    ]
    exchange(rivals.honest)
    assert rivals.fork(rivals.cleo).branches[0].entries == 5
    assert rivals.bob.forks(row_of(rivals.bob, rivals.workspace)) == [], "its own device sees none before it renews"


@pytest.mark.parametrize("seed", range(6))
def test_after_a_cut_everybody_shows_the_side_that_was_kept(homes: Homes, seed: int) -> None:
    dice = random.Random(seed)
    rivals = Rivals(homes, bundle=seed == 5)
    spread(rivals, dice)
    side, other = dice.sample(("left", "right"), 2)
    bring(rivals.bob, rivals.ada)
    bring(rivals.twin, rivals.ada)
    rivals.cut(rivals.ada, side)
    order = dice.sample([(one, two) for one in rivals.honest for two in rivals.honest if one is not two], 6)
    for source, target in order:
        bring(source, target)
    exchange(rivals.honest)
    for home in rivals.honest:
        found = shown(home.connection)
        assert found[f"only {side}"] == {side} and f"only {other}" not in found
        assert found["s"] >= {"a", "b", "bob 1"} and not any(event.startswith(other) for event in found["s"])
        assert any(event.startswith(side) for event in found["s"])
        assert rivals.fork(home).is_settled
        home.rebuild()
        assert shown(home.connection) == found
    assert shown(rivals.ada.connection) == shown(rivals.cleo.connection) == shown(rivals.dan.connection)
    kept = rivals.ada.connection.execute("SELECT count(*) FROM entry WHERE changes IS NOT NULL AND state<>0").fetchone()
    assert kept[0] > 0, "what was cut stays, aside"


def test_a_late_comer_and_the_forger_change_nothing_after_a_cut(homes: Homes) -> None:
    rivals = Rivals(homes)
    bring(rivals.bob, rivals.ada)
    bring(rivals.twin, rivals.ada)
    rivals.cut(rivals.ada, "left")
    before = shown(rivals.ada.connection)
    append(rivals.twin, row_of(rivals.twin, rivals.workspace), "s", "right late")
    bring(rivals.twin, rivals.ada)
    assert shown(rivals.ada.connection) == before
    bring(rivals.twin, rivals.dan)  # the wrong side first, and the cut afterwards
    assert "right late" in shown(rivals.dan.connection)["s"]
    bring(rivals.ada, rivals.dan)
    assert shown(rivals.dan.connection) == before
    bring(rivals.ada, rivals.bob)  # who sees by that that somebody else has their key
    introduce(rivals.bob, *rivals.honest)
    append(rivals.bob, row_of(rivals.bob, rivals.workspace), "s", "bob goes on")
    bring(rivals.bob, rivals.ada)
    exchange(rivals.honest)
    assert all("bob goes on" in shown(home.connection)["s"] for home in rivals.honest), "with a new right"


def test_other_devices_of_the_person_lose_nothing(homes: Homes) -> None:
    rivals = Rivals(homes)
    phone = homes.home("phone")
    introduce(rivals.ada, phone)
    introduce(rivals.cleo, phone)
    introduce(rivals.dan, phone)
    pair(rivals.bob, phone)
    with phone.transaction(durable=True) as tx:
        keys = epoch_keys(rivals.bob.connection, row_of(rivals.bob, rivals.workspace))
        phone.members.add_keys(tx, rivals.workspace, keys)
    bring(rivals.bob, rivals.ada)
    bring(rivals.twin, rivals.ada)
    append(phone, row_of(phone, rivals.workspace), "s", "of the phone")
    rivals.cut(rivals.ada, "right")
    bring(rivals.bob, phone)
    bring(phone, rivals.ada)
    bring(rivals.bob, rivals.ada)
    bring(phone, rivals.ada)
    assert "of the phone" in shown(rivals.ada.connection)["s"]


def test_only_an_owner_above_them_cuts(homes: Homes) -> None:
    rivals = Rivals(homes)
    spread(rivals, random.Random(1))
    for home in (rivals.cleo, rivals.bob):
        bring(rivals.bob, home) if home is not rivals.bob else None
        with pytest.raises(MembershipError):
            fork = rivals.fork(rivals.cleo)
            cuts = {fork.device: Cut(fork.branches[0].n, fork.branches[0].hash), OTHERS: WHOLE}
            with home.transaction(durable=True) as tx:
                home.members.sign(tx, rivals.workspace, Set(rivals.bob.identity, "member", cuts=cuts))


def test_a_forked_note_goes_on_in_a_new_document(homes: Homes) -> None:
    rivals = Rivals(homes)
    edit(rivals.bob, row_of(rivals.bob, rivals.workspace), "begun. left. ")
    edit(rivals.twin, row_of(rivals.twin, rivals.workspace), "begun. right. ")
    bring(rivals.bob, rivals.ada)
    bring(rivals.twin, rivals.cleo)
    exchange([rivals.ada, rivals.cleo])
    assert notes(rivals.ada.connection) != notes(rivals.cleo.connection)
    with rivals.ada.transaction(durable=True) as tx:
        rivals.ada.begin_note_anew(tx, 1, "notes")
    rivals.cut(rivals.ada, "left")
    exchange(rivals.honest)
    edit(rivals.cleo, row_of(rivals.cleo, rivals.workspace), "begun. left. on. ")
    exchange(rivals.honest)
    for home in rivals.honest:
        assert notes(home.connection) == {"notes": "begun. left. on. "}
