"""Forks begin at any event that a person can see in a session, wherever that event lies, and copy nothing."""

from __future__ import annotations

import io

import pytest

from app.errors import NotFound
from app.sessions.archive import write_archive
from app.sessions.archive_reader import read_archive
from app.sessions.events import Draft, UserMessage
from app.sessions.views import SessionRow
from app.workspace import Workspace
from tests.helpers.talks import go_on, talk, texts_of


def fork(home: Workspace, session: str, at: str | None = None) -> str:
    return home.write(lambda operations: operations.fork(session, at))


def row(home: Workspace, session: str) -> SessionRow:
    return home.read(lambda queries: queries.session(session))


def test_at_an_inherited_event_of_a_fork_of_a_fork(home: Workspace) -> None:
    origin, first = talk(home, "one", "two", "three", title="O")
    second = fork(home, origin, first[1])
    own = go_on(home, second, "four", "five")
    third = fork(home, second, own[0])
    go_on(home, third, "six")
    assert texts_of(home, third) == ["one", "two", "four", "six"]
    for at, said in ((first[0], ["one"]), (first[1], ["one", "two"]), (own[0], ["one", "two", "four"])):
        forked = fork(home, third, at)
        assert texts_of(home, forked) == said
        go_on(home, forked, "on")
        assert texts_of(home, forked) == [*said, "on"]
    for hidden in (first[2], own[1]):  # not part of the third session's conversation
        with pytest.raises(NotFound):
            fork(home, third, hidden)
    assert texts_of(home, origin) == ["one", "two", "three"]


def test_a_fork_without_own_messages_is_forked_where_it_begins(home: Workspace) -> None:
    origin, first = talk(home, "one", "two")
    second = fork(home, origin, first[0])
    assert texts_of(home, fork(home, second)) == ["one"]


def test_of_an_imported_session(home: Workspace) -> None:
    target = home.write(lambda operations: operations.open_import("fmt", "one"))
    drafts = [Draft(body=UserMessage(text=str(n)), time=n, source=f"fmt:one:{n}") for n in range(4)]
    events = home.write(lambda operations: operations.import_events(target.session, drafts))
    forked = fork(home, target.session, events[1])
    go_on(home, forked, "mine")
    assert texts_of(home, forked) == ["0", "1", "mine"]
    more = [Draft(body=UserMessage(text="4"), time=4, source="fmt:one:4")]
    home.write(lambda operations: operations.import_events(target.session, more))
    assert texts_of(home, forked) == ["0", "1", "mine"]
    assert row(home, forked).source is None


def test_of_a_session_in_the_trash(home: Workspace) -> None:
    session, events = talk(home, "one", "two", title="Away", tags=["t"])
    home.write(lambda operations: operations.set_all([session], {"trashed": True, "archived": True}))
    forked = fork(home, session, events[0])
    assert texts_of(home, forked) == ["one"]
    assert (row(home, forked).trashed, row(home, forked).archived) == (False, False)
    assert row(home, session).trashed
    hits = home.read(lambda queries: [hit.session for hit in queries.search("one")])
    assert session not in hits


def test_of_a_paused_session_goes_on(home: Workspace) -> None:
    session, _ = talk(home, "one")
    home.write(lambda operations: operations.pause([session]))
    assert row(home, fork(home, session)).status == "active"


def test_of_a_restored_session(home: Workspace, new_home) -> None:
    origin, events = talk(home, "one", "two")
    second = fork(home, origin, events[0])
    go_on(home, second, "three")
    out = io.StringIO()
    home.read(lambda queries: write_archive(queries, [queries.session(second)], out))
    other = new_home()
    other.write(lambda operations: read_archive(io.BytesIO(out.getvalue().encode()), operations))
    forked = fork(other, second, events[0])
    assert texts_of(other, forked) == ["one"]
    assert texts_of(other, fork(other, second)) == ["one", "three"]
