"""Search: newest first, filters, forks, marks, and nothing that people type is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.events import Draft, FileChange, ToolCall, UserMessage
from app.sessions.filters import SearchFilter
from app.sessions.views import SearchHit
from app.workspace import Workspace
from tests.helpers.talks import foreign, go_on, said, talk

NOW = 1_700_000_000_000


def search(home: Workspace, query: str, **wanted) -> list[SearchHit]:
    return home.read(lambda queries: queries.search(query, SearchFilter(**wanted)))


def events(home: Workspace, query: str, **wanted) -> list[str]:
    return [hit.event for hit in search(home, query, **wanted)]


def test_newest_first_with_marks(home: Workspace) -> None:
    session, _ = talk(home, title="T")
    drafts = [said(f"needle {number}", NOW - number * 1000) for number in (3, 1, 2)]
    ids = home.write(lambda operations: operations.append(session, drafts))
    found = search(home, "needle")
    assert [hit.event for hit in found] == [ids[1], ids[2], ids[0]]
    assert found[0] == SearchHit(session, ids[1], "user_message", NOW - 1000, "T", "‹needle› 1")
    assert events(home, "needle", limit=2) == [ids[1], ids[2]]
    assert events(home, "needle", limit=0) == events(home, "needle", limit=-3) == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("parser", 2),
        ("PARSER", 2),
        ("naive", 1),
        ("naïve parser", 1),
        ("parser broken", 1),
        ('"parser is"', 2),
        ('"is parser"', 0),
        ("pars*", 2),
        ("pars", 0),
        ("C++", 1),
        ("src/a-b.py", 1),
        ("a-b", 1),
        ("snake_case", 1),
        ("snake", 0),
        ("", 0),
        ("***", 0),
        ("--", 0),
    ],
)
def test_words_phrases_prefixes(home: Workspace, query: str, count: int) -> None:
    talk(home, "the naïve parser is broken in src/a-b.py", "C++ snake_case; the parser is fine", title="T")
    assert len(search(home, query)) == count


@given(
    st.text()
    | st.lists(st.sampled_from(['"', "*", "AND", "NEAR(", ")", "^", ":", "meta", "w1", "-", "x", " ", "\0"])).map(
        "".join
    )
)
def test_no_input_is_an_error(shared: Workspace, query: str) -> None:
    for as_typed in (False, True):
        search(shared, query, as_typed=as_typed)


def test_filters_cannot_be_typed(home: Workspace) -> None:
    """The tokens of filters stand beside the text and are found only by filters."""
    talk(home, "something", title="T")
    assert search(home, "w1") == search(home, "meta:w1") == search(home, "k_user_message") == []


def test_as_typed(home: Workspace) -> None:
    talk(home, "a lovely needle", title="T")
    assert len(search(home, "need", as_typed=True)) == 1
    assert search(home, "need") == search(home, "need lovely", as_typed=True) == search(home, "n", as_typed=True) == []


def test_filters(home: Workspace) -> None:
    one, ids = talk(home, "needle", title="One")
    two, _ = talk(home, title="Two", type="agent")
    drafts = [said("needle", agent="hal"), Draft(body=ToolCall(call_id="c", name="needle"), time=0)]
    more = home.write(lambda operations: operations.append(two, drafts))
    eve = foreign(50, UserMessage(text="needle"))
    home.write(lambda operations: operations.restore_events(two, [eve]))
    assert set(events(home, "needle")) == {*ids, *more, eve.id}
    assert events(home, "needle", session=one) == ids
    assert set(events(home, "needle", type="agent")) == {*more, eve.id}
    assert events(home, "needle", kind="tool_call") == [more[1]]
    assert events(home, "needle", author="HAL") == [more[0]]
    assert events(home, "needle", author="eve") == events(home, "needle", author="eeeeee") == [eve.id]
    assert events(home, "needle", author="hal", kind="tool_call") == []
    for wanted in ({"type": "mcp"}, {"kind": "none"}, {"kind": "user_message OR tool_call"}, {"author": "nobody"}):
        assert events(home, "needle", **wanted) == []


def test_a_new_type_of_session_is_found_too(home: Workspace) -> None:
    session, ids = talk(home, "needle", title="T")
    home.write(lambda operations: operations.set_fields(session, {"type": "agent"}))
    assert events(home, "needle", type="agent") == ids
    assert events(home, "needle", type="interactive") == []


def test_since_and_until_are_exact(home: Workspace) -> None:
    session, _ = talk(home, title="T")
    drafts = [said("needle", NOW + step) for step in (0, 0, 0, 1, 2)]
    ids = home.write(lambda operations: operations.append(session, drafts))
    assert set(events(home, "needle", since=NOW, until=NOW)) == set(ids[:3])
    assert set(events(home, "needle", since=NOW + 1)) == set(ids[3:])
    assert set(events(home, "needle", until=NOW + 1)) == set(ids[:4])
    for moment in (10**30, -(10**30)):
        assert len(events(home, "needle", since=moment)) + len(events(home, "needle", until=moment)) == 5


def test_rank(home: Workspace) -> None:
    session, _ = talk(home, title="T")
    drafts = [said("needle needle needle", NOW - 5000), said("needle in a very long haystack of straw", NOW)]
    ids = home.write(lambda operations: operations.append(session, drafts))
    assert events(home, "needle") == [ids[1], ids[0]]
    assert events(home, "needle", rank=True) == ids


def test_a_fork_is_searched_with_what_it_inherits_and_no_more(home: Workspace) -> None:
    session, ids = talk(home, "needle one", "needle two", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[0]))
    mine = go_on(home, fork, "needle three")
    again = home.write(lambda operations: operations.fork(fork, ids[0]))
    assert set(events(home, "needle", session=fork)) == {ids[0], *mine}
    assert events(home, "needle", session=again) == [ids[0]]
    assert set(events(home, "needle", session=session)) == set(ids)


def test_what_was_deleted_is_not_found(home: Workspace) -> None:
    session, ids = talk(home, "needle", title="T")
    home.write(lambda operations: operations.set_fields(session, {"trashed": True}))
    assert events(home, "needle") == []
    assert events(home, "needle", session=session) == ids
    home.write(lambda operations: operations.set_fields(session, {"trashed": False, "archived": True}))
    assert events(home, "needle") == ids


def test_paths_diffs_and_titles_are_found(home: Workspace) -> None:
    session, _ = talk(home, title="Grand title")
    change = Draft(body=FileChange(path="src/deep/file.py", diff="+frobnicate = 1"), time=0)
    (identifier,) = home.write(lambda operations: operations.append(session, [change]))
    assert events(home, "frobnicate") == events(home, "src/deep/file.py") == [identifier]
    assert [hit.kind for hit in search(home, "grand")] == ["session_set"]


@pytest.mark.parametrize("size", [5_000, 60_000, 300_000])
def test_large_texts_are_found(home: Workspace, size: int) -> None:
    _, ids = talk(home, "needle " + "x" * size, title="T")
    assert events(home, "needle") == ids
