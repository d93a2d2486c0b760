"""Queries: lists with every filter, look-ups, events across forks, timelines, workspaces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotFound
from app.sessions import search_queries
from app.sessions.events import KNOWN_KINDS, AgentMessage, BlobRef, Draft, SessionSet, Usage, UserMessage
from app.sessions.facets import Facets
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from app.sessions.texts import estimated_lines
from app.sessions.views import SessionRow
from app.workspace import Workspace
from sync.engine import Engine
from tests.helpers.bodies import example_of
from tests.helpers.homes import open_home
from tests.helpers.talks import foreign, go_on, said, talk, texts, texts_of

AGENTS = (None, "hal", "Otto", "hal", None)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Iterator[Workspace]:
    """A home with sessions of every sort, one a minute."""

    def fill(operations: SessionOperations) -> None:
        choices = itertools.product(
            ("interactive", "agent"),
            ("active", "failed"),
            (False, True),
            (False, True),
            ((), ("red",), ("red", "blue")),
        )
        for number, (type_, status, archived, trashed, tags) in enumerate(choices):
            session = operations.create(type=type_, tags=tags, title=f"S{number}", agent=AGENTS[number % len(AGENTS)])
            time = 1_700_000_000_000 + number * 60_000
            operations.append(session, [said("word", time, agent="hal" if number % 2 else None)])
            fields = {"status": status, "archived": archived, "trashed": trashed}
            operations.append(session, [Draft(body=SessionSet(fields=fields), time=time)])
            if number % 3 == 0:
                operations.restore_events(session, [foreign(9, UserMessage(text="hi"), time=time)])

    home = open_home(tmp_path_factory.mktemp("library"))
    home.write(fill)
    yield home
    home.close()


def _wanted(row: SessionRow, wanted: SessionFilter) -> bool:
    authors = {name.lower() for name in row.authors} | ({"hal"} if int(row.title[1:]) % 2 else set())
    return (
        row.trashed == wanted.trash
        and wanted.type in (None, row.type)
        and wanted.status in (None, row.status)
        and (wanted.trash or wanted.archived in (None, row.archived))
        and (wanted.tag is None or wanted.tag in row.tags)
        and (wanted.since is None or row.updated >= wanted.since)
        and (wanted.until is None or row.updated <= wanted.until)
        and (wanted.author is None or wanted.author.lower() in authors)
        and (wanted.agent is None or (row.agent is not None and wanted.agent.lower() == row.agent.lower()))
        and (wanted.only is None or row.id in wanted.only)
    )


def _everything(library: Workspace) -> list[SessionRow]:
    both = [SessionFilter(archived=None, trash=trash) for trash in (False, True)]
    return [row for wanted in both for row in library.read(lambda queries, w=wanted: queries.sessions(w))]


_moments = st.none() | st.integers(-1, 50).map(lambda minute: 1_700_000_000_000 + minute * 60_000)


@given(
    st.builds(
        SessionFilter,
        type=st.sampled_from([None, "interactive", "agent", "mcp", "'"]),
        status=st.sampled_from([None, "active", "failed", "nonsense"]),
        since=_moments,
        until=_moments,
        author=st.sampled_from([None, "Ada", "eve", "HAL", "nobody", "%"]),
        tag=st.sampled_from([None, "red", "blue", "green", "re"]),
        archived=st.sampled_from([None, False, True]),
        trash=st.booleans(),
        limit=st.sampled_from([None, None, 0, 1, 5, -1]),
        agent=st.sampled_from([None, None, "HAL", "otto", "%", ""]),
        everywhere=st.booleans(),
    ),
    st.none() | st.sets(st.integers(0, 50), max_size=30),
)
def test_every_combination_of_filters(library: Workspace, wanted: SessionFilter, only: set[int] | None) -> None:
    everything = _everything(library)
    assert len(everything) == 48
    if only is not None:
        ids = [row.id for number, row in enumerate(everything) if number in only]
        wanted = replace(wanted, only=frozenset([*ids, "no such", "'"]))
    expected = sorted((row for row in everything if _wanted(row, wanted)), key=lambda row: -row.updated)
    found = library.read(lambda queries: queries.sessions(wanted))
    assert found == expected[: None if wanted.limit is None else max(wanted.limit, 0)]


@given(
    st.builds(
        SessionFilter,
        status=st.sampled_from([None, "active", "failed"]),
        tag=st.sampled_from([None, "red", "blue", "green"]),
        agent=st.sampled_from([None, "hal", "otto"]),
        archived=st.sampled_from([None, False, True]),
        trash=st.booleans(),
    )
)
def test_a_search_within_sessions_finds_in_those_alone(library: Workspace, within: SessionFilter) -> None:
    expected = {row.id for row in _everything(library) if _wanted(row, within)}
    for few in (64, 3):  # named to the index, and looked at one by one
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(search_queries, "FEW_SESSIONS", few)
            found = library.read(lambda queries: queries.search("word", SearchFilter(limit=500, within=within)))
        assert {hit.session for hit in found} == expected


def test_all_workspaces_of_the_home(home: Workspace) -> None:
    here, _ = talk(home, "needle here", agent="hal", tags=["a"])
    second = home.write(lambda operations: operations.create_workspace("Second"))
    there = home.write(lambda operations: operations.inside(second).create(agent="otto", tags=["b"]))
    go_on(home, there, "needle there")
    everywhere = SessionFilter(everywhere=True)
    assert {row.id for row in home.read(lambda queries: queries.sessions(everywhere))} == {here, there}
    assert [row.id for row in home.read(lambda queries: queries.sessions())] == [here]
    found = home.read(lambda queries: queries.search("needle", SearchFilter(within=everywhere)))
    assert {hit.session for hit in found} == {here, there}
    assert {hit.session for hit in home.read(lambda queries: queries.search("needle"))} == {here}
    assert home.read(lambda queries: queries.facets()) == Facets(("hal",), ("Ada",), ("a",))
    assert home.read(lambda queries: queries.facets(everywhere=True)) == Facets(("hal", "otto"), ("Ada",), ("a", "b"))


@pytest.mark.parametrize("moment", [10**30, -(10**30), 1 << 63])
def test_moments_beyond_all_bounds(library: Workspace, moment: int) -> None:
    both = [SessionFilter(since=moment), SessionFilter(until=moment)]
    counts = {len(library.read(lambda queries, wanted=wanted: queries.sessions(wanted))) for wanted in both}
    assert counts == {0, 12}


def test_author_by_a_prefix_of_an_id(library: Workspace) -> None:
    identity = library.read(lambda queries: queries.events(queries.sessions()[0].id))[0].author.identity
    for author, count in ((identity[:6], 12), (identity.upper(), 12), ("eeeeee", 4), (identity[:5], 0), ("%%%%%%%", 0)):
        found = library.read(lambda queries, author=author: queries.sessions(SessionFilter(author=author)))
        assert len(found) == count, author


def test_latest_is_the_newest_that_is_not_trashed(home: Workspace) -> None:
    assert home.read(lambda queries: queries.latest()) is None
    old, _ = talk(home, "old")
    new, _ = talk(home, "new")
    home.write(lambda operations: operations.append(old, [said("again", home.clock.now_ms() + 5)]))
    assert home.read(lambda queries: queries.latest()).id == old
    home.write(lambda operations: operations.set_fields(old, {"trashed": True}))
    assert home.read(lambda queries: queries.latest()).id == new


def test_sessions_in_which_other_devices_of_the_person_wrote(home: Workspace) -> None:
    session, _ = talk(home, "there")
    talk(home, "here")
    assert home.read(lambda queries: queries.of_other_devices(0)) == []

    def write(engine: Engine) -> None:
        with engine.transaction() as tx:
            tx.connection.execute(
                "INSERT INTO author(identity, device, name, agent, claimed) "
                "SELECT identity, x'07', 'Ada', '', 0 FROM device WHERE is_own"
            )
            tx.connection.execute(
                "INSERT INTO session_author SELECT s.row, a.row FROM session s, author a "
                "WHERE s.id=? AND a.device=x'07'",
                (session,),
            )

    home.with_engine(write)
    assert home.read(lambda queries: queries.of_other_devices(0)) == [session]
    assert home.read(lambda queries: queries.of_other_devices(home.clock.now_ms() + 1_000)) == []


# look-ups


@pytest.mark.parametrize("wanted", [SessionFilter(limit=3), SessionFilter(archived=None, limit=1)])
def test_the_newest_are_found_without_reading_the_others(home: Workspace, wanted: SessionFilter) -> None:
    asked: list[str] = []

    def look(queries: Queries) -> list[str]:
        queries._connection.set_trace_callback(asked.append)
        queries.sessions(wanted)
        queries._connection.set_trace_callback(None)
        plan = queries._connection.execute(f"EXPLAIN QUERY PLAN {next(one for one in asked if 'ORDER BY' in one)}")
        return [row[3] for row in plan]

    (step,) = home.read(look)
    assert step.startswith("SEARCH s USING INDEX session_by_change (workspace=? AND trashed=?")


def test_prefixes(home: Workspace) -> None:
    ids = [talk(home, "x", title=f"T{number}")[0] for number in range(12)]
    for identifier in ids:
        assert home.read(lambda queries, i=identifier: queries.session(i)).id == identifier
        assert home.read(lambda queries, i=identifier: queries.session(f" {i[:20].lower()} ")).id == identifier
    with pytest.raises(NotFound) as caught:
        home.read(lambda queries: queries.session(ids[0][:10]))
    assert len(caught.value.candidates) == 10
    assert set(caught.value.candidates) <= {f"{identifier}  T{number}" for number, identifier in enumerate(ids)}
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("identifier", ["", " ", "ZZZ", "%", "_", "\0", "ü", "0" * 30, "'; DROP TABLE session"])
@pytest.mark.parametrize("call", ["session", "events", "tail", "timeline", "note", "event"])
def test_unknown_sessions(shared: Workspace, call: str, identifier: str) -> None:
    more: dict[str, tuple[Any, ...]] = {"tail": (5,), "event": ("x",)}
    with pytest.raises(NotFound) as caught:
        shared.read(lambda queries: getattr(queries, call)(identifier, *more.get(call, ())))
    assert caught.value.candidates == ()


def test_one_event(home: Workspace) -> None:
    session, ids = talk(home, "one", "two")
    assert home.read(lambda queries: queries.event(session, ids[1][:12].lower())).id == ids[1]
    with pytest.raises(NotFound) as caught:
        home.read(lambda queries: queries.event(session, "0"))
    assert list(caught.value.candidates)[1:3] == ids
    with pytest.raises(NotFound):
        home.read(lambda queries: queries.event(session, "7" * 26))


# events of a conversation


@pytest.fixture(scope="module")
def forked(shared: Workspace) -> tuple[Workspace, list[str], str]:
    """Three generations: (home, everything said in the youngest, its id)."""

    def fill(operations: SessionOperations) -> str:
        session = operations.create(title="T")
        for generation in range(3):
            ids = operations.append(session, [said(f"{generation}/{n}") for n in range(700)])
            session = operations.fork(session, ids[599])
        operations.append(session, [said("end"), Draft(body=Usage(input=3), time=0)])
        return session

    said_there = [f"{generation}/{n}" for generation in range(3) for n in range(600)] + ["end"]
    return shared, said_there, shared.write(fill)


def test_events_across_forks(forked: tuple[Workspace, list[str], str]) -> None:
    home, everything, session = forked
    found = home.read(lambda queries: queries.events(session))
    assert texts(found) == everything
    assert [event.id for event in found] == sorted(event.id for event in found)
    assert [event.text for event in _messages(found) if not event.inherited] == ["end"]
    assert {event.session for event in found if not event.inherited} == {session}
    assert home.read(lambda queries: queries.session(session)).events == len(found)


class _Said:
    def __init__(self, event: Any) -> None:
        self.inherited, self.text = event.inherited, event.body.text


def _messages(events: Sequence[Any]) -> list[_Said]:
    return [_Said(event) for event in events if isinstance(event.body, UserMessage)]


@given(data=st.data())
def test_after_kinds_and_limit(forked: tuple[Workspace, list[str], str], data: st.DataObject) -> None:
    home, _, session = forked
    everything = home.read(lambda queries: queries.events(session))
    after = data.draw(st.none() | st.integers(0, len(everything) - 1))
    limit = data.draw(st.none() | st.integers(-1, 5) | st.integers(0, 2500))
    kinds = data.draw(st.none() | st.sets(st.sampled_from(["user_message", "session_set", "usage", "none"])))
    expected = [event for event in everything if kinds is None or event.kind in kinds]
    if limit is not None:
        expected = expected[max(len(expected) - max(limit, 0), 0) :]
    if after is not None:
        expected = [event for event in expected if event.id > everything[after].id]
    start = None if after is None else everything[after].id
    found = home.read(lambda queries: queries.events(session, kinds=kinds, after=start, limit=limit))
    assert [event.id for event in found] == [event.id for event in expected]


def test_events_of_a_rare_kind_are_looked_for_in_the_index_alone(forked: tuple[Workspace, list[str], str]) -> None:
    """In a session of 100,000 events, looking at every row takes ten times as long."""
    home, _, session = forked

    def plans(queries: Queries) -> list[str]:
        said: list[str] = []
        queries._connection.set_trace_callback(said.append)
        try:
            assert queries.events(session, kinds=["conclusion"], limit=5) == []
        finally:
            queries._connection.set_trace_callback(None)
        wanted = [sql for sql in said if sql.startswith("SELECT id FROM event ") and "'conclusion'" in sql]
        return [queries._connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchone()[-1] for sql in wanted]

    found = home.read(plans)
    assert found and all("USING COVERING INDEX event_order" in plan for plan in found), found


def test_after_an_event_of_nowhere(forked: tuple[Workspace, list[str], str]) -> None:
    home, _, session = forked
    with pytest.raises(NotFound):
        home.read(lambda queries: queries.events(session, after="7" * 26))


@pytest.mark.parametrize("count", [0, 1, 3, 600, 601, 5000, -1])
def test_tail(forked: tuple[Workspace, list[str], str], count: int) -> None:
    home, everything, session = forked
    found = home.read(lambda queries: queries.tail(session, count))
    assert texts(found) == everything[len(everything) - max(count, 0) :]
    assert [event.inherited for event in found] == [event.body.text != "end" for event in found]


def test_timeline(forked: tuple[Workspace, list[str], str]) -> None:
    home, everything, session = forked
    timeline = home.read(lambda queries: queries.timeline(session))
    assert (len(timeline.rows), set(timeline.lines)) == (len(everything), {1})
    found = home.read(lambda queries: queries.events_at(timeline.rows[::-1]))
    assert texts(found) == everything[::-1]
    assert texts(home.read(lambda queries: queries.events_at([timeline.rows[5], -7, 1 << 62]))) == ["0/5"]


def test_only_what_people_see_is_in_a_timeline(home: Workspace) -> None:
    session, _ = talk(home)
    drafts = [Draft(body=example_of(kind), time=0) for kind in KNOWN_KINDS]
    home.write(lambda operations: operations.append(session, drafts))
    timeline = home.read(lambda queries: queries.timeline(session))
    shown = [d.body.kind for d in drafts if estimated_lines(d.body.kind, d.body)]
    assert [event.kind for event in home.read(lambda queries: queries.events_at(timeline.rows))] == shown


def test_rows_of_other_sessions_are_left_out(home: Workspace) -> None:
    """A rebuild gives new row ids; an old timeline must not show another session's events."""
    mine, _ = talk(home, "mine")
    other, _ = talk(home, "other")
    rows = [*home.read(lambda q: q.timeline(mine)).rows, *home.read(lambda q: q.timeline(other)).rows]
    assert texts(home.read(lambda queries: queries.events_at(rows, mine))) == ["mine"]


def test_sizes_count_every_payload_once(home: Workspace) -> None:
    from app.sessions.events import FileChange

    session, _ = talk(home, "x")
    before = home.read(lambda queries: queries.session(session)).bytes
    ref = home.write(lambda operations: operations.put_blob(b"z" * 50_000))
    changes = [
        Draft(body=FileChange(path="a", before=ref), time=0),
        Draft(body=FileChange(path="a", after=ref), time=0),
    ]
    home.write(lambda operations: operations.append(session, changes))
    assert 50_000 < home.read(lambda queries: queries.session(session)).bytes - before < 51_000


def test_the_largest_size_that_is_claimed_counts(home: Workspace) -> None:
    session, _ = talk(home, "x")
    claims = [BlobRef(blob="ab" * 32, size=size) for size in (700, 5_000_000, 30)]
    drafts = [Draft(body=UserMessage(text="", attachments=(ref,)), time=0) for ref in claims]
    home.write(lambda operations: operations.append(session, drafts))
    assert 5_000_000 < home.read(lambda queries: queries.session(session)).bytes < 5_002_000


# workspaces


def test_workspaces_by_name_id_and_prefix(home: Workspace) -> None:
    other = home.write(lambda operations: operations.create_workspace("Other"))
    home.write(lambda operations: operations.inside(other).create(title="x"))
    found = home.read(lambda queries: queries.resolve_workspace("Other"))
    assert (found.id, found.sessions, found.current) == (other, 1, False)
    for name in ("other", other, other[:8].upper()):
        assert home.read(lambda queries, name=name: queries.resolve_workspace(name)).id == other
    for name in ("", "nothing", "zz"):
        with pytest.raises(NotFound):
            home.read(lambda queries, name=name: queries.resolve_workspace(name))
    home.write(lambda operations: operations.create_workspace("other"))
    assert home.read(lambda queries: queries.resolve_workspace("Other")).id == other
    with pytest.raises(NotFound) as caught:
        home.read(lambda queries: queries.resolve_workspace("OTHER"))
    assert len(caught.value.candidates) == 2


def test_go_on_after_reading(home: Workspace) -> None:
    session, _ = talk(home, "one")
    texts_of(home, session)
    go_on(home, session, "two")
    assert texts_of(home, session) == ["one", "two"]


def _said(home: Workspace, session: str, *texts: str, time: int = 0) -> list[str]:
    """Prompts (in capitals) and answers."""
    bodies = [UserMessage(text=text) if text.isupper() else AgentMessage(text=text) for text in texts]
    drafts = [Draft(body=body, time=time + number) for number, body in enumerate(bodies)]
    return home.write(lambda operations: operations.append(session, drafts))


def test_find_gives_all_matches_of_a_conversation_in_order(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="needle"))
    ids = _said(home, session, "A NEEDLE", "no", "the needle", "needles too")
    fork = home.write(lambda operations: operations.fork(session, at=ids[2]))
    more = _said(home, fork, "one more needle")
    _said(home, home.write(lambda operations: operations.create()), "needle elsewhere")
    find = lambda where, text: home.read(lambda queries: queries.find(where, text))  # noqa: E731
    assert find(session, "needl") == [ids[0], ids[2], ids[3]]
    assert find(fork, "needle") == [ids[0], ids[2], *more]
    assert find(session, "the needle") == [ids[2]]
    assert find(session, "“*(") == []
    home.use(home.write(lambda operations: operations.create_workspace("Another")))
    assert find(session, "the needle") == [ids[2]]


def test_a_turn_is_a_prompt_and_what_follows_up_to_the_next(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="x"))
    ids = _said(home, session, "before", "ONE", "a", "b", "TWO", "c")
    turn = lambda where, event: [e.id for e in home.read(lambda queries: queries.turn(where, event))]  # noqa: E731
    assert turn(session, ids[2]) == ids[1:4]
    assert turn(session, ids[1]) == ids[1:4]
    assert turn(session, ids[5]) == ids[4:]
    assert turn(session, ids[0])[-1] == ids[0]
    fork = home.write(lambda operations: operations.fork(session, at=ids[2]))
    (more,) = _said(home, fork, "d")
    assert [one for one in turn(fork, more) if one in (*ids, more)] == [*ids[1:3], more]


def test_where_turns_begin_is_part_of_the_timeline(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="x"))
    ids = _said(home, session, "ONE", "a", "TWO")
    timeline = home.read(lambda queries: queries.timeline(session))
    events = home.read(lambda queries: queries.events_at([timeline.rows[n] for n in timeline.starts]))
    assert [event.id for event in events] == [ids[0], ids[2]]


def test_the_event_at_a_time(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="x"))
    ids = _said(home, session, "a", "b", "c", time=1_000)
    at = lambda time: home.read(lambda queries: queries.event_at_time(session, time))  # noqa: E731
    assert [at(0), at(1_001), at(5_000)] == [ids[0], ids[1], ids[2]]
    assert home.read(lambda q: q.event_at_time(home.write(lambda o: o.create()), 0)) is None


def test_unread_counts_what_people_see_since_they_looked(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="x"))
    ids = _said(home, session, "a", "b")
    unread = lambda: home.read(lambda queries: queries.session(session)).unread  # noqa: E731
    assert unread() == 0  # nobody ever looked: not a list of everything that was imported
    home.write(lambda operations: operations.mark_seen(session, ids[0]))
    assert unread() == 1
    assert home.read(lambda queries: [row.unread for row in queries.sessions()]) == [1]
    home.write(lambda operations: operations.mark_seen(session, ids[1]))
    home.write(lambda operations: operations.mark_seen(session, ids[0]))
    assert unread() == 0
    home.write(lambda operations: operations.append(session, [Draft(body=Usage(input=1), time=0)]))
    assert unread() == 0
    _said(home, session, *"c" * 150)
    assert unread() == 100
    assert home.read(lambda queries: queries.first_unseen(session)) is not None
    home.write(lambda operations: operations.rebuild())
    assert unread() == 100
    home.write(lambda operations: operations.purge([session]))
    (left,) = home.write(lambda o: o._engine.connection.execute("SELECT count(*) FROM seen").fetchone())
    assert left == 0
