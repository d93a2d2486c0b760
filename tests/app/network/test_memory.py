"""What a workspace remembers, over sync: edits of several devices merge, and roles say who may write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.memory import FACT_STATES, Fact
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.errors import MembershipError
from tests.app.network.conftest import Place
from tests.app.network.test_members import sync, team

Teams = tuple[Workspace, Workspace]
TEXTS = ("We use tabs.", "We use spaces, always.", "Ask Ada.")


@pytest.fixture(scope="module")
def pair_of_members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    place = Place(tmp_path_factory.mktemp("members"))
    ada, bob, workspace = team(place)
    bob.use(workspace)
    yield ada, bob
    place.close()


def facts(home: Workspace) -> dict[str, Fact]:
    return {row.fact.id: row.fact for row in home.read(lambda queries: queries.facts(FACT_STATES))}


def remembered(home: Workspace, text: str = TEXTS[0]) -> str:
    return home.write(lambda operations: operations.remember(text))


def proposed(home: Workspace) -> str:
    def run(operations: SessionOperations) -> str:
        session = operations.create(title="Work")
        return operations.propose_fact("We use tabs.", "decision", agent="Coder", session=session)

    return home.write(run)


def test_two_edits_that_did_not_know_of_each_other_both_stay(pair_of_members: Teams) -> None:
    ada, bob = pair_of_members
    fact = remembered(ada, "We use tabs for code.")
    sync(ada, bob)
    assert facts(bob)[fact] == facts(ada)[fact]
    ada.write(lambda operations: operations.edit_fact(fact, "We always use tabs for code."))
    bob.write(lambda operations: operations.edit_fact(fact, "We use tabs for code and tests."))
    sync(ada, bob)
    assert facts(ada)[fact].text == facts(bob)[fact].text == "We always use tabs for code and tests."


def test_forgetting_wins_over_an_acceptance_that_did_not_know_of_it(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    fact = proposed(old)
    sync(old, new)
    new.write(lambda operations: operations.accept_fact(fact))
    old.write(lambda operations: operations.forget_fact(fact))
    sync(old, new)
    assert facts(old)[fact] == facts(new)[fact]
    assert facts(old)[fact].state == "forgotten" and facts(old)[fact].accepted is not None


def test_only_the_person_of_an_agent_accepts_what_it_proposes(pair_of_members: Teams) -> None:
    ada, bob = pair_of_members
    fact = proposed(ada)
    sync(ada, bob)
    with pytest.raises(UserError, match="only that person"):
        bob.write(lambda operations: operations.accept_fact(fact))
    ada.write(lambda operations: operations.accept_fact(fact))
    sync(ada, bob)
    assert facts(bob)[fact].state == "accepted"
    assert [row.author for row in bob.read(lambda q: q.facts()) if row.fact.id == fact] == ["Ada"]


def test_a_reader_reads_and_writes_nothing(place: Place) -> None:
    ada, bob, workspace = team(place, "reader")
    fact = remembered(ada)
    sync(ada, bob)
    bob.use(workspace)
    assert facts(bob)[fact].text == TEXTS[0]
    changes: list[Callable[[SessionOperations], object]] = [
        lambda operations: operations.remember("x"),
        lambda operations: operations.edit_fact(fact, "x"),
        lambda operations: operations.forget_fact(fact),
    ]
    for change in changes:
        with pytest.raises(MembershipError):
            bob.write(change)
    assert facts(bob) == facts(ada)


STEPS = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["remember", "propose", "edit", "forget", "accept", "sync"]),
    st.integers(0, 3),
    st.sampled_from(TEXTS),
)


@settings(max_examples=8, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_replicas_agree_whatever_happens(pair_of_members: Teams, steps: list[tuple[int, str, int, str]]) -> None:
    made: list[str] = []
    for who, what, number, text in steps:
        home = pair_of_members[who]
        known = [fact for fact in made if fact in facts(home)]
        if what == "sync":
            sync(*pair_of_members)
        elif what in ("remember", "propose"):
            made.append(remembered(home, text) if what == "remember" else proposed(home))
        elif known:
            _change(home, what, known[number % len(known)], text)
    sync(*pair_of_members)
    ours, theirs = map(facts, pair_of_members)
    assert ours == theirs
    for fact in (ours[fact] for fact in made):
        assert fact.written.by
        assert fact.agent is None or fact.accepted is None or fact.accepted.by == fact.written.by


def _change(home: Workspace, what: str, fact: str, text: str) -> None:
    own, _device = home.read(lambda queries: queries.own_device())
    before = facts(home)[fact]
    if what == "edit":
        home.write(lambda operations: operations.edit_fact(fact, text))
        assert facts(home)[fact].text == text
    elif what == "forget":
        home.write(lambda operations: operations.forget_fact(fact))
        assert facts(home)[fact].state == "forgotten"
    elif before.agent is None or before.written.by == own:
        home.write(lambda operations: operations.accept_fact(fact))
        assert facts(home)[fact].state == "accepted"
