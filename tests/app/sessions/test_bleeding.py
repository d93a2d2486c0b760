"""No context bleeds: two workspaces with equal content never show each other's sessions, whatever is done in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotFound
from app.sessions.events import Draft, SessionSet
from app.sessions.filters import SearchFilter, SessionFilter
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from app.workspace import Workspace
from tests.helpers.homes import open_home, read_in
from tests.helpers.talks import foreign, said, texts

WORDS = ("needle", "secret", "plan")
_names = itertools.count()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Workspace]:
    workspace = open_home(tmp_path_factory.mktemp("home"))
    yield workspace
    workspace.close()


_steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["create", "say", "fork", "point", "adopt", "note", "import", "restore", "trash", "rename"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(WORDS),
    ),
    max_size=14,
)


class _Bleeder:
    """Does the same things in two workspaces, and tries to reach from one into the other."""

    def __init__(self, operations: SessionOperations) -> None:
        self.workspaces = [operations.create_workspace(f"W{next(_names)}") for _ in range(2)]
        self.operations = [operations.inside(workspace) for workspace in self.workspaces]
        self.sessions: list[list[str]] = [[], []]
        for side in range(2):
            self.do(side, "create", 0, 0, "needle")

    def do(self, side: int, what: str, first: int, second: int, word: str) -> None:
        operations, mine = self.operations[side], self.sessions[side]
        theirs = self.sessions[1 - side]
        if what == "create":
            mine.append(operations.create(title=f"needle {word}", cwd="/same", tags=["same"]))
            operations.append(mine[-1], [said(f"{word} of {side}")])
            return
        session, other = mine[first % len(mine)], theirs[second % len(theirs)]
        if what == "say":
            operations.append(session, [said(f"{word} of {side}")])
        elif what == "fork":
            mine.append(operations.fork(session))
        elif what == "point":
            origin = {"session": other, "event": "7" + "Z" * 25}
            operations.append(session, [Draft(body=SessionSet(fields={"origin": origin}), time=0)])
        elif what == "adopt":
            parent = {"session": other, "call_id": "c"}
            operations.set_fields(session, {"parent": parent, "source": other, "title": f"needle {word}"})
        elif what == "note":
            operations.set_note(session, f"{word} of {side}")
        elif what == "import":
            target = operations.open_import("fmt", f"{self.workspaces[0]}{first}")
            operations.import_events(target.session, [Draft(body=said(f"{word} of {side}").body, time=0, source="s")])
            mine.append(target.session)
        elif what == "restore":
            operations.restore_events(session, [foreign(60 + second, said(f"{word} of {side}").body)])
        elif what == "trash":
            operations.set_fields(session, {"trashed": True})
        else:
            operations.set_fields(session, {"title": f"needle {word}"})


@given(_steps)
def test_two_workspaces_never_show_each_other(home: Workspace, steps: list[tuple[int, str, int, int, str]]) -> None:
    def run(operations: SessionOperations) -> _Bleeder:
        bleeder = _Bleeder(operations)
        for step in steps:
            bleeder.do(*step)
        return bleeder

    bleeder = home.write(run)
    for side, workspace in enumerate(bleeder.workspaces):
        mine, theirs = set(bleeder.sessions[side]), set(bleeder.sessions[1 - side])
        assert not mine & theirs
        shown = _everything(home, workspace)
        assert shown["sessions"] == mine
        assert not shown["hits"] & theirs
        assert all(text.endswith(f"of {side}") for text in shown["texts"]), shown["texts"]
        for session in theirs:
            _check_stranger(home, workspace, session)


def _everything(home: Workspace, workspace: str) -> dict[str, set[str]]:
    """All that the queries of one workspace show."""

    def look(queries: Queries) -> dict[str, set[str]]:
        rows = [*queries.sessions(SessionFilter(archived=None)), *queries.sessions(SessionFilter(trash=True))]
        assert {row.workspace for row in rows} == {workspace}
        assert queries.workspace_row().id == workspace
        hits = [hit for word in WORDS for hit in queries.search(word, SearchFilter(limit=1000))]
        hits += [hit for row in rows for hit in queries.search("of", SearchFilter(session=row.id, limit=1000))]
        latest = queries.latest()
        shown = [text for row in rows for text in texts(queries.events(row.id))]
        shown += [text for row in rows for text in texts(queries.tail(row.id, 100))]
        shown += [text for row in rows for text in texts(queries.events_at(queries.timeline(row.id).rows))]
        shown += [note for row in rows if (note := queries.note(row.id))]
        return {
            "sessions": {row.id for row in rows} | ({latest.id} if latest else set()),
            "hits": {hit.session for hit in hits},
            "texts": set(shown),
        }

    return read_in(home, workspace, look)


def _check_stranger(home: Workspace, workspace: str, session: str) -> None:
    """A session of another workspace: not found by a prefix, never searched."""
    assert read_in(home, workspace, lambda queries: queries.search("needle", SearchFilter(session=session))) == []
    try:
        found = read_in(home, workspace, lambda queries: queries.session(session[:25])).id
    except NotFound as error:
        assert not any(candidate.startswith(session) for candidate in error.candidates)
    else:
        assert found != session


def test_candidates_are_of_the_same_workspace(home: Workspace) -> None:
    bleeder = home.write(_Bleeder)
    for side, workspace in enumerate(bleeder.workspaces):
        home.write(lambda operations, side=side: bleeder.do(side, "create", 0, 0, "plan"))
        with pytest.raises(NotFound) as caught:
            read_in(home, workspace, lambda queries: queries.session("0"))
        assert {candidate[:26] for candidate in caught.value.candidates} == set(bleeder.sessions[side])
