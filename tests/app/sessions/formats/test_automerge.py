"""Automerge exports: nothing of an event is lost, every home writes the same bytes, forks are whole."""

from __future__ import annotations

import io
import json
from typing import Any

from automerge.core import ROOT, Document
from hypothesis import given, settings

from app.sessions.archive import stored_json, write_archive
from app.sessions.archive_reader import read_archive
from app.sessions.events import UserMessage
from app.sessions.formats.automerge import write_automerge
from app.workspace import Workspace
from tests.helpers.homes import read_in
from tests.helpers.random_sessions import grow, steps
from tests.helpers.talks import foreign, go_on, talk


def export(home: Workspace, session: str) -> bytes:
    out = io.BytesIO()
    home.read(lambda queries: write_automerge(queries, [queries.session(session)], out))
    return out.getvalue()


def texts(saved: bytes, name: str) -> dict[str, Any]:
    """A map of JSON texts, read."""
    document = Document.load(saved)
    _, container = document.get(ROOT, name)
    return {key: json.loads(document.get(container, key)[0][1]) for key in document.keys(container)}


@settings(max_examples=30)
@given(steps)
def test_every_event_can_be_told_from_it(shared: Workspace, wanted: list[tuple[str, int, Any]]) -> None:
    def fill(operations: Any) -> tuple[str, list[str]]:
        workspace = operations.create_workspace("W")
        return workspace, grow(operations.inside(workspace), wanted)

    workspace, sessions = shared.write(fill)
    for session in sessions:
        found = texts(export(shared, session), "events")
        kept = read_in(shared, workspace, lambda queries, session=session: queries.events(session))
        assert list(found) == sorted({event.id for event in kept})
        for event in kept:
            value = found[event.id]
            assert value.get("raw", stored_json(value)) == event.data.decode()
            assert value["author"]["name"] == event.author.name


def test_another_home_writes_the_same_bytes(home: Workspace, new_home) -> None:
    session, _ = talk(home, "hello", "Grüße", title="T", tags=["b", "a"])
    home.write(lambda operations: operations.restore_events(session, [foreign(9, UserMessage(text="from Eve"))]))
    home.write(lambda operations: operations.set_note(session, "note"))
    archive = io.StringIO()
    home.read(lambda queries: write_archive(queries, [queries.session(session)], archive))
    other = new_home()
    other.write(lambda operations: read_archive(io.BytesIO(archive.getvalue().encode()), operations))
    assert export(other, session) == export(home, session)
    before = export(home, session)
    go_on(home, session, "more")
    after = Document.load(before)
    after.merge(Document.load(export(home, session)))
    assert len(after.keys(after.get(ROOT, "events")[1])) == 5


def test_fields_and_note(home: Workspace) -> None:
    session, _ = talk(home, "x", title="Größe", tags=["a"])
    home.write(lambda operations: operations.set_note(session, "my note"))
    saved = export(home, session)
    assert Document.load(saved).get(ROOT, "note")[0][1] == "my note"
    fields = texts(saved, "fields")
    assert fields["title"] == "Größe" and fields["tags"] == ["a"] and "workspace" not in fields


def test_a_fork_names_whose_events_it_inherited(home: Workspace) -> None:
    session, ids = talk(home, "one", "two", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[0]))
    go_on(home, fork, "three")
    found = texts(export(home, fork), "events")
    said = [(value["session"], value["text"]) for value in found.values() if value["kind"] == "user_message"]
    assert said == [(session, "one"), (fork, "three")]
