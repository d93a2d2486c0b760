"""Archives: everything comes back equal in another home, however the file was rewritten."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.archive import write_archive
from app.sessions.archive_reader import ArchiveReport, read_archive
from app.sessions.bodies import missing_fields
from app.sessions.events import Draft, FileChange, ToolCall, ToolResult, Unknown, UserMessage
from app.sessions.filters import SessionFilter
from app.sessions.queries import Queries
from app.workspace import Workspace
from tests.helpers.homes import open_home, read_in
from tests.helpers.random_sessions import grow, steps
from tests.helpers.talks import foreign, go_on, said, talk, texts_of


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Workspace]:
    """A second home that archives go into."""
    workspace = open_home(tmp_path_factory.mktemp("target"))
    yield workspace
    workspace.close()


def export(home: Workspace, *sessions: str, workspace: str | None = None) -> str:
    """The archive of these sessions, or of all in the workspace."""
    out = io.StringIO()

    def write(queries: Queries) -> None:
        rows = [queries.session(session) for session in sessions] or [
            *queries.sessions(SessionFilter(archived=None)),
            *queries.sessions(SessionFilter(trash=True)),
        ]
        write_archive(queries, rows, out)

    read_in(home, workspace or home.id, write)
    return out.getvalue()


def take_in(home: Workspace, archive: str) -> ArchiveReport:
    return home.write(lambda operations: read_archive(io.BytesIO(archive.encode()), operations))


def comparable(archive: str) -> dict[str, Any]:
    """All that must be equal: everything but the workspace and local sizes."""
    value = json.loads(archive)
    for session in value["sessions"]:
        for local in ("workspace", "workspace_name", "bytes"):
            del session[local]
    value["sessions"].sort(key=lambda session: session["id"])
    return value


def mentioned(archive: str) -> list[str]:
    return [session["id"] for session in json.loads(archive)["sessions"]]


REWRITTEN: dict[str, Callable[[Any], str]] = {
    "as it is": json.dumps,
    "keys sorted": lambda value: json.dumps(value, sort_keys=True),
    "pretty-printed": lambda value: json.dumps(value, indent=4, ensure_ascii=False),
    "blobs first": lambda value: json.dumps({key: value[key] for key in ("blobs", "sessions", "version", "format")}),
}


@settings(max_examples=60)
@given(steps, st.sampled_from(sorted(REWRITTEN)))
def test_round_trip(shared: Workspace, target: Workspace, wanted: list[tuple[str, int, Any]], rewritten: str) -> None:
    def fill(operations: Any) -> str:
        workspace = operations.create_workspace("W")
        grow(operations.inside(workspace), wanted)
        return workspace

    archive = export(shared, workspace=shared.write(fill))
    report = take_in(target, REWRITTEN[rewritten](json.loads(archive)))
    sessions = mentioned(archive)
    assert (report.created, report.updated, report.unchanged) == (len(sessions), 0, 0)
    assert report.events == sum(len(session["events"]) for session in json.loads(archive)["sessions"])
    assert comparable(export(target, *sessions)) == comparable(archive)
    again = take_in(target, archive)
    assert (again.created, again.updated, again.unchanged) == (0, 0, len(sessions))


def test_a_third_home_says_the_same(home: Workspace, new_home) -> None:
    """What was restored is exported again as it came."""
    session, _ = talk(home, "hello", title="T")
    home.write(lambda operations: operations.restore_events(session, [foreign(9, UserMessage(text="from Eve"))]))
    home.write(lambda operations: operations.set_note(session, "note"))
    first = export(home)
    second, third = new_home(), new_home()
    take_in(second, first)
    go_on(second, session, "added there")
    take_in(third, export(second))
    assert comparable(export(third)) == comparable(export(second))
    authors = [event.author.name for event in third.read(lambda queries: queries.events(session))]
    assert authors == ["Ada", "Ada", "Eve", "Ada"]


def test_a_fork_brings_its_origin_up_to_the_fork(home: Workspace, new_home) -> None:
    session, ids = talk(home, "one", "two", "secret", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[1]))
    again = home.write(lambda operations: operations.fork(fork, ids[0]))
    go_on(home, fork, "three")
    archive = export(home, fork, again)
    assert set(mentioned(archive)) == {session, fork, again}
    assert "secret" not in archive
    other = new_home()
    take_in(other, archive)
    assert texts_of(other, fork) == ["one", "two", "three"]
    assert texts_of(other, again) == ["one"]
    assert json.loads(export(other, fork))["sessions"][0]["events"] == json.loads(archive)["sessions"][0]["events"]


def test_an_origin_that_is_not_here_does_not_stop_an_export(home: Workspace, new_home) -> None:
    session, _ = talk(home, "one")
    origin = {"session": "0" * 26, "event": "0" * 26}
    home.write(lambda operations: operations.set_fields(session, {"origin": origin}))
    other = new_home()
    take_in(other, export(home, session))
    assert texts_of(other, session) == ["one"]


def test_an_origin_of_another_workspace_is_not_exported(home: Workspace) -> None:
    secret, ids = talk(home, "secret")
    other = home.write(lambda operations: operations.create_workspace("Other"))
    inside = home.write(lambda operations: operations.inside(other))
    session = home.write(lambda operations: inside.create())
    home.write(lambda operations: inside.set_fields(session, {"origin": {"session": secret, "event": ids[0]}}))
    assert "secret" not in export(home, session, workspace=other)


def test_more_of_a_session_is_added_to_it(home: Workspace, new_home) -> None:
    session, _ = talk(home, "one")
    other = new_home()
    take_in(other, export(home))
    go_on(home, session, "two")
    report = take_in(other, export(home))
    assert (report.created, report.updated, report.unchanged) == (0, 1, 0)
    assert texts_of(other, session) == ["one", "two"]


def test_a_note_that_somebody_changed_stays(home: Workspace, new_home) -> None:
    session, _ = talk(home, "one")
    home.write(lambda operations: operations.set_note(session, "old"))
    other = new_home()
    take_in(other, export(home))
    other.write(lambda operations: operations.set_note(session, "mine"))
    take_in(other, export(home))
    assert other.read(lambda queries: queries.note(session)) == "mine"


@pytest.mark.parametrize("size", [10, 5_000, 300_000, 3_000_000])
def test_blobs_come_along(home: Workspace, new_home, size: int) -> None:
    ref = home.write(lambda operations: operations.put_blob(b"\xff" * size, name="n"))
    image = {"type": "image", "data": {"blob": ref.blob, "size": ref.size, "key": ref.key}}
    bodies = [
        UserMessage(text="x", attachments=(ref,)),
        FileChange(path="p", after=ref),
        ToolResult(call_id="c", status="completed", content=[image]),
    ]
    for body in bodies:
        session, _ = talk(home)
        home.write(lambda operations, s=session, b=body: operations.append(s, [Draft(body=b, time=0)]))
        other = new_home()
        report = take_in(other, export(home, session))
        assert report.blobs == 1
        assert other.read(lambda queries: queries.blob(ref)) == b"\xff" * size


def test_content_that_is_not_here_stays_missing(home: Workspace, new_home) -> None:
    """An export of a home that lacks a blob can be imported, and says so there too."""
    session, _ = talk(home, "x" * 10_000, title="T")
    home.write(lambda operations: operations._engine.connection.execute("DELETE FROM blob"))
    found = home.read(lambda queries: queries.events(session))[1]
    assert found.body == Unknown("user_message", missing_fields(found.body.fields["bytes"]))
    archive = export(home)
    other = new_home()
    take_in(other, archive)
    assert comparable(export(other)) == comparable(archive)


def test_kinds_of_a_newer_version_come_back(home: Workspace, new_home) -> None:
    session, _ = talk(home)
    body = Unknown("hologram", {"id": "mine", "time": "late", "deep": {"b": 1, "a": [1.5, None]}, "partial": 7})
    home.write(lambda operations: operations.append(session, [Draft(body=body, time=5)]))
    other = new_home()
    take_in(other, json.dumps(json.loads(export(home)), sort_keys=True))
    assert comparable(export(other)) == comparable(export(home))
    assert not other.read(lambda queries: queries.events(session))[1].damaged


def test_into_another_workspace_of_the_same_home(home: Workspace) -> None:
    session, _ = talk(home, "x")
    archive = export(home)
    other = home.write(lambda operations: operations.create_workspace("Other"))
    with pytest.raises(UserError, match="another workspace") as caught:
        home.write(lambda operations: read_archive(io.BytesIO(archive.encode()), operations.inside(other)))
    assert caught.value.exit_code == 1
    assert home.read(lambda queries: queries.session(session)).workspace == home.id
    assert read_in(home, other, lambda queries: queries.sessions()) == []


def test_nothing_to_export(home: Workspace, new_home) -> None:
    assert json.loads(export(home)) == {"format": "lovelace-sessions", "version": 1, "sessions": [], "blobs": {}}
    assert take_in(new_home(), export(home)) == ArchiveReport()


def test_the_order_of_fields_does_not_matter(home: Workspace, new_home) -> None:
    """A note after the events, an id after the events."""
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.set_note(session, "note"))
    value = json.loads(export(home))
    (only,) = value["sessions"]
    for order in (("id", "events", "note"), ("events", "note", "id")):
        value["sessions"] = [{key: only[key] for key in order}]
        other = new_home()
        take_in(other, json.dumps(value))
        assert texts_of(other, session) == ["x"]
        assert other.read(lambda queries: queries.note(session)) == "note"


def test_numbers_of_any_size(home: Workspace, new_home) -> None:
    session, _ = talk(home)
    numbers = [2**64, -(2**70), 10**400, 0.1, 1.0, 1e300, -0.0, 5e-324]
    call = ToolCall(call_id="c", name="n", input={"numbers": numbers})
    home.write(lambda operations: operations.append(session, [Draft(body=call, time=0)]))
    other = new_home()
    take_in(other, export(home))
    found = other.read(lambda queries: queries.events(session))[1]
    assert (found.body, found.damaged) == (call, False)


def test_said_with_every_time(home: Workspace, new_home) -> None:
    session, _ = talk(home)
    drafts = [said("x", time) for time in (-(1 << 43), -1, 0, 1_767_348_000_123, 1 << 43)]
    home.write(lambda operations: operations.append(session, drafts))
    other = new_home()
    take_in(other, export(home))
    assert not any(event.damaged for event in other.read(lambda queries: queries.events(session)))
    assert comparable(export(other)) == comparable(export(home))
