"""Counters that run away, fields that claim what is not there, events with one id: the set decides, not the order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.bodies import Restored, encode_restored
from app.sessions.events import SessionSet, UserMessage
from app.sessions.ids import MAX_COUNTER, counter_of, event_id
from app.sessions.import_operations import RawEvent
from app.sessions.settling import MAX_STEP
from app.workspace import Workspace
from tests.helpers.talks import STRANGER, foreign, go_on, talk, texts_of

_numbers = itertools.count(1)


def new_session() -> str:
    return event_id(next(_numbers), b"", b"")


def restore(home: Workspace, session: str, *events: RawEvent) -> None:
    home.write(lambda operations: operations.restore_events(session, events))


def damaged(home: Workspace, session: str) -> list[int]:
    return [counter_of(event.id) or 0 for event in home.read(lambda q: q.events(session)) if event.damaged]


@pytest.mark.parametrize("counter", [MAX_STEP + 4, 1 << 40, MAX_COUNTER])
def test_nobody_runs_a_counter_away(home: Workspace, counter: int) -> None:
    session, _ = talk(home, "one", title="T")  # counters 1 and 2
    restore(home, session, foreign(counter, SessionSet(fields={"title": "Forged", "trashed": True})))
    assert counter_of(go_on(home, session, "two")[0]) == 3
    found = home.read(lambda queries: queries.session(session))
    assert (found.title, found.trashed, found.events) == ("T", False, 4)
    assert damaged(home, session) == [counter]


def test_a_step_of_a_million_is_allowed(home: Workspace) -> None:
    session, _ = talk(home, "one", title="T")
    restore(home, session, foreign(2 + MAX_STEP, SessionSet(fields={"title": "Later"})))
    assert home.read(lambda queries: queries.session(session)).title == "Later"
    assert counter_of(go_on(home, session, "two")[0]) == 3 + MAX_STEP
    assert damaged(home, session) == []


def test_what_lay_between_lets_the_rest_count(home: Workspace) -> None:
    session, _ = talk(home, "one", title="T")
    restore(home, session, foreign(2 * MAX_STEP, SessionSet(fields={"title": "Far"})))
    assert damaged(home, session) == [2 * MAX_STEP]
    restore(home, session, foreign(MAX_STEP, UserMessage(text="between")))
    assert damaged(home, session) == []
    assert home.read(lambda queries: queries.session(session)).title == "Far"


_counters = st.sampled_from([0, 1, 2, 9, MAX_STEP, MAX_STEP + 1, 2 * MAX_STEP, 3 * MAX_STEP + 5, 1 << 41, MAX_COUNTER])


@given(st.lists(_counters, unique=True, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(shared: Workspace, counters: list[int], random) -> None:
    events = [foreign(n, SessionSet(fields={"title": str(n)})) for n in counters]
    answers = []
    for _ in range(2):
        random.shuffle(events)
        session = new_session()
        for event in events:
            restore(shared, session, event)
        found = shared.read(lambda queries, session=session: queries.session(session))
        answers.append((found.title, found.events, found.bytes, damaged(shared, session)))
    session = new_session()
    restore(shared, session, *events)
    found = shared.read(lambda queries: queries.session(session))
    answers.append((found.title, found.events, found.bytes, damaged(shared, session)))
    assert answers[0] == answers[1] == answers[2]
    reach = min(counters)
    for counter in sorted(counters):
        reach = counter if counter <= reach + MAX_STEP else reach
    assert answers[0][0] == str(reach)
    assert answers[0][3] == sorted(n for n in counters if n > reach)


@pytest.mark.parametrize("word", ["", "zzz "])
@pytest.mark.parametrize("author", [STRANGER, Restored("", "", "")])
def test_a_forged_event_does_not_hide_the_real_one(new_home, word: str, author: Restored) -> None:
    """The same id with another body, before or after the real event: the one that its id fits counts."""
    real = foreign(3, UserMessage(text="real"))
    forged = RawEvent(real.id, foreign(3, UserMessage(text=f"{word}forged")).body, author)
    for first, second in ((real, forged), (forged, real)):
        home = new_home()
        session, _ = talk(home, "one", title="T")
        restore(home, session, first)
        before = home.read(lambda queries, session=session: queries.session(session))
        other = home.write(lambda operations: operations._engine.workspace(operations.workspace))
        _project(home, session, second, other.row)
        found = home.read(lambda queries, session=session: queries.session(session))
        assert texts_of(home, session) == ["one", "real"]
        assert damaged(home, session) == []
        assert found.events == before.events == 3
        assert [hit.snippet for hit in home.read(lambda queries: queries.search("real"))] == ["‹real›"]
        assert home.read(lambda queries: queries.search("forged")) == []
        assert found.authors == ("Ada", "Eve")


def _project(home: Workspace, session: str, event: RawEvent, workspace: int, device: bytes = b"\x01" * 32) -> int:
    """Bring an event as the segment of another device would."""
    from app.sessions.operations import SessionOperations
    from sync.documents.segment import SegmentHeader
    from sync.store.projector import SegmentRows

    def apply(operations: SessionOperations) -> int:
        engine = operations._engine
        header = SegmentHeader(session, 0, "Mallory", "{}")
        item = (event.id, encode_restored(event.body, event.author).decode())
        with engine.transaction() as tx:
            rows = SegmentRows(workspace, b"\x02" * 32, device, header, True, [item], 1_700_000_000_000)
            return engine._projector.apply_segment(tx.connection, rows)

    return home.write(apply)


def test_a_segment_that_claims_a_session_of_another_workspace(home: Workspace) -> None:
    session, _ = talk(home, "mine", title="T")
    other = home.write(lambda operations: operations.inside(operations.create_workspace("Other")).workspace)
    assert _project(home, session, foreign(9, SessionSet(fields={"title": "Forged"})), other) == 0
    assert home.read(lambda queries: queries.session(session)).title == "T"
    assert texts_of(home, session) == ["mine"]


def test_a_segment_of_no_session(home: Workspace) -> None:
    workspace = home.write(lambda operations: operations.workspace)
    assert _project(home, "no id", foreign(1, UserMessage(text="x")), workspace) == 0
    assert home.read(lambda queries: queries.sessions()) == []
