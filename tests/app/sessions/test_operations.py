"""Operations: ids, titles, forks, notes, drafts, blobs, workspaces, imports, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotFound, UserError
from app.sessions.events import (
    AgentMessage,
    BlobRef,
    Draft,
    PermissionAnswer,
    PermissionRequest,
    SessionSet,
    UserMessage,
)
from app.sessions.filters import SessionFilter
from app.sessions.ids import counter_of, event_digest
from app.sessions.import_operations import RawEvent
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from tests.helpers.talks import STRANGER, foreign, go_on, said, talk, texts_of


def row(home: Workspace, session: str):
    return home.read(lambda queries: queries.session(session))


def test_create_keeps_its_fields(home: Workspace) -> None:
    session = home.write(
        lambda operations: operations.create(
            title="T", type="agent", agent="ada", cwd="/w", tags=["b", "a"], parent={"session": "S", "call_id": "c"}
        )
    )
    found = row(home, session)
    assert (found.title, found.type, found.status, found.agent, found.cwd) == ("T", "agent", "active", "ada", "/w")
    assert (found.tags, found.parent, found.events) == (("a", "b"), {"session": "S", "call_id": "c"}, 1)
    assert (found.authors, found.archived, found.trashed) == (("Ada",), False, False)


@given(st.lists(st.lists(st.text("ab", max_size=3), min_size=1, max_size=4), min_size=1, max_size=4))
def test_ids_are_ordered_and_counters_contiguous(shared: Workspace, batches: list[list[str]]) -> None:
    session = shared.write(lambda operations: operations.create(title="T"))
    ids: list[str] = []
    for batch in batches:
        ids += shared.write(lambda operations, batch=batch: operations.append(session, [said(text) for text in batch]))
    assert ids == sorted(set(ids))
    assert [counter_of(identifier) for identifier in ids] == list(range(2, len(ids) + 2))
    assert texts_of(shared, session) == [text for batch in batches for text in batch]


@pytest.mark.parametrize(
    ("fields", "drafts", "title"),
    [
        ({}, [said("Mend it")], "Mend it"),
        ({}, [said("x", agent="a"), said("Mend it"), said("And that")], "Mend it"),
        ({}, [said(" \n ")], "Untitled"),
        ({"title": "T"}, [said("Mend it")], "T"),
        ({}, [Draft(body=SessionSet(fields={"title": "Given"}), time=0), said("Mend it")], "Given"),
    ],
)
def test_title_of_a_session(home: Workspace, fields: dict[str, str], drafts: list[Draft], title: str) -> None:
    session = home.write(lambda operations: operations.create(**fields))
    ids = home.write(lambda operations: operations.append(session, drafts))
    assert len(ids) == len(drafts)
    assert row(home, session).title == title


def test_an_empty_append_is_nothing(home: Workspace) -> None:
    session, _ = talk(home)
    assert home.write(lambda operations: operations.append(session, [])) == []


def test_the_last_value_of_a_field_counts(home: Workspace) -> None:
    session, _ = talk(home, "a")
    for fields in ({"title": "One", "archived": True}, {"title": "Two"}, {"archived": False, "color": "red"}):
        home.write(lambda operations, fields=fields: operations.set_fields(session, fields))
    assert (row(home, session).title, row(home, session).archived) == ("Two", False)


@pytest.mark.parametrize("call", ["append", "set_fields", "fork", "set_note"])
def test_an_unknown_session(home: Workspace, call: str) -> None:
    arguments = {"append": ([said("x")],), "set_fields": ({"title": "x"},), "fork": (), "set_note": ("x",)}
    with pytest.raises(NotFound, match="There is no session"):
        home.write(lambda operations: getattr(operations, call)("0" * 26, *arguments[call]))


# forks


def test_a_fork_copies_nothing(home: Workspace) -> None:
    session, ids = talk(home, "one", "two", "three", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[1]))
    go_on(home, fork, "four")
    assert texts_of(home, fork) == ["one", "two", "four"]
    assert texts_of(home, session) == ["one", "two", "three"]
    found = row(home, fork)
    assert (found.title, found.origin) == ("T (fork)", (session, ids[1]))
    assert found.bytes < 600


def test_a_fork_at_the_end_by_default(home: Workspace) -> None:
    session, ids = talk(home, "one", "two", title="T")
    fork = home.write(lambda operations: operations.fork(session, title="Mine"))
    assert (row(home, fork).title, row(home, fork).origin) == ("Mine", (session, ids[-1]))
    go_on(home, session, "three")
    assert texts_of(home, fork) == ["one", "two"]


def test_a_fork_of_a_fork_at_an_inherited_event(home: Workspace) -> None:
    session, ids = talk(home, "one", "two", "three", title="T")
    first = home.write(lambda operations: operations.fork(session, ids[1]))
    mine = go_on(home, first, "four", "five")
    second = home.write(lambda operations: operations.fork(first, ids[0]))
    third = home.write(lambda operations: operations.fork(first, mine[0]))
    fourth = home.write(lambda operations: operations.fork(third))
    assert row(home, second).origin == (session, ids[0])
    assert texts_of(home, second) == ["one"]
    assert texts_of(home, third) == texts_of(home, fourth) == ["one", "two", "four"]


def test_a_fork_at_a_prefix(home: Workspace) -> None:
    session, ids = talk(home, "one", "two", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[0][:15].lower()))
    assert texts_of(home, fork) == ["one"]
    with pytest.raises(NotFound) as caught:
        home.write(lambda operations: operations.fork(session, "00000"))
    assert len(caught.value.candidates) == 3


@pytest.mark.parametrize("at", ["ZZZ", "%", "_" * 26, ""])
def test_a_fork_at_an_unknown_event(home: Workspace, at: str) -> None:
    session, _ = talk(home, "one", title="T")
    with pytest.raises(NotFound, match="has no event"):
        home.write(lambda operations: operations.fork(session, at))


def test_a_fork_does_not_reach_beyond_the_point_of_its_origin(home: Workspace) -> None:
    session, ids = talk(home, "one", "two", title="T")
    fork = home.write(lambda operations: operations.fork(session, ids[0]))
    with pytest.raises(NotFound):
        home.write(lambda operations: operations.fork(fork, ids[1]))
    with pytest.raises(NotFound):
        home.read(lambda queries: queries.event(fork, ids[1]))


def test_a_session_that_is_its_own_origin(home: Workspace) -> None:
    session, ids = talk(home, "one", "two")
    home.write(lambda operations: operations.set_fields(session, {"origin": {"session": session, "event": ids[1]}}))
    assert texts_of(home, session) == ["one", "two"]


def test_an_origin_of_another_workspace_draws_nothing_in(home: Workspace) -> None:
    """A member of one workspace names a session of another one that only this home has."""
    secret, ids = talk(home, "secret")
    other = home.write(lambda operations: operations.create_workspace("Other"))

    def forge(operations: SessionOperations) -> str:
        inside = operations.inside(other)
        session = inside.create()
        inside.set_fields(session, {"origin": {"session": secret, "event": ids[0]}})
        return session

    session = home.write(forge)
    assert texts_of(home, session) == []
    assert row(home, session).events == 2
    with pytest.raises(NotFound):
        home.write(lambda operations: operations.fork(session, ids[0]))


# notes, drafts, blobs


def test_notes(home: Workspace) -> None:
    session, _ = talk(home, "x")
    assert home.read(lambda queries: queries.note(session)) == ""
    for text in ("first line\n", "first line\nsecond 🎈", ""):
        home.write(lambda operations, text=text: operations.set_note(session, text))
        assert home.read(lambda queries: queries.note(session)) == text


def test_drafts(home: Workspace) -> None:
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.save_draft(session, "t1", "agent_message", "hal", "ada"))
    home.write(lambda operations: operations.save_draft(session, "t1", "agent_message", "hallo", "ada"))
    home.write(lambda operations: operations.save_draft(session, "t1", "agent_thought", "hm", "ada"))
    home.write(lambda operations: operations.save_draft(session, "t2", "agent_message", "other"))
    home.write(lambda operations: operations.clear_draft(session, "t2"))
    found = home.read(lambda queries: queries.drafts(session))
    assert {(d.turn, d.kind, d.text, d.agent) for d in found} == {
        ("t1", "agent_message", "hallo", "ada"),
        ("t1", "agent_thought", "hm", "ada"),
    }


@pytest.mark.parametrize("size", [0, 1, 5000, 256 * 1024, 256 * 1024 + 1, 1 << 20])
def test_blobs(home: Workspace, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    ref = home.write(lambda operations: operations.put_blob(data, name="n", media_type="m/t"))
    again = home.write(lambda operations: operations.put_blob(data, name="n", media_type="m/t"))
    assert ref == again
    assert (ref.size, ref.name, ref.media_type, ref.key is None) == (size, "n", "m/t", size <= 256 * 1024)
    assert home.read(lambda queries: queries.blob(ref)) == home.read(lambda queries: queries.find_blob(ref)) == data


@pytest.mark.parametrize("ref", [("zz", None), ("ab" * 32, None), ("ab" * 32, "!"), ("ab" * 32, "AAAA"), ("", None)])
def test_a_blob_that_is_not_here(home: Workspace, ref: tuple[str, str | None]) -> None:
    assert home.read(lambda queries: queries.find_blob(BlobRef(blob=ref[0], size=1, key=ref[1]))) is None


@pytest.mark.parametrize("size", [100, 4000, 5000, 300_000])
def test_large_bodies_read_the_same(home: Workspace, size: int) -> None:
    session, _ = talk(home, "x" * size, title="T")
    assert texts_of(home, session) == ["x" * size]
    assert size < row(home, session).bytes < size + 1000


# workspaces


def test_open_folder_twice_is_one_workspace(home: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    first = home.write(lambda operations: operations.open_folder(folder))
    (tmp_path / "link").symlink_to(folder)
    assert home.write(lambda operations: operations.open_folder(tmp_path / "link" / ".." / "project")) == first
    found = home.read(lambda queries: queries.resolve_workspace("project"))
    assert (found.id, found.folders) == (first, (str(folder),))


def test_a_folder_that_cannot_be_bound_leaves_no_workspace(home: Workspace, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(SessionOperations, "bind_folder", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        home.write(lambda operations: operations.open_folder(tmp_path))
    assert [found.name for found in home.read(lambda queries: queries.workspaces())] == ["Personal"]


def test_bind_rename_switch(home: Workspace, tmp_path: Path) -> None:
    other = home.write(lambda operations: operations.create_workspace("Other"))
    home.write(lambda operations: operations.bind_folder(other, tmp_path))
    home.write(lambda operations: operations.rename_workspace(other, "Büro"))
    home.write(lambda operations: operations.switch(other))
    found = home.read(lambda queries: queries.workspaces())
    assert [(one.name, one.current, one.folders) for one in found] == [
        ("Personal", False, ()),
        ("Büro", True, (str(tmp_path),)),
    ]
    home.write(lambda operations: operations.bind_folder(home.id, tmp_path))
    assert home.read(lambda queries: queries.folders()) == [tmp_path]


@pytest.mark.parametrize("call", ["switch", "rename_workspace", "bind_folder", "inside"])
@pytest.mark.parametrize("workspace", ["00" * 32, "no hex", ""])
def test_an_unknown_workspace(home: Workspace, call: str, workspace: str, tmp_path: Path) -> None:
    arguments = {"rename_workspace": ("x",), "bind_folder": (tmp_path,)}.get(call, ())
    with pytest.raises(NotFound, match="no workspace"):
        home.write(lambda operations: getattr(operations, call)(workspace, *arguments))


def test_events_go_into_the_workspace_of_their_session(home: Workspace) -> None:
    other = home.write(lambda operations: operations.create_workspace("Other"))
    session = home.write(lambda operations: operations.inside(other).create(title="There"))
    go_on(home, session, "x")
    assert row(home, session).workspace == other
    assert home.read(lambda queries: queries.sessions()) == []


# imports


def imported(text: str, source: str) -> Draft:
    return Draft(body=UserMessage(text=text), time=0, source=f"fmt:S:{source}")


def test_two_homes_make_equal_events_of_one_source(new_home) -> None:
    first, second = new_home(), new_home()
    drafts = [imported("a", "1"), imported("b", "2")]
    ids = []
    for home in (first, second):
        session = home.write(lambda operations: operations.open_import("fmt", "S")).session
        ids.append(home.write(lambda operations, session=session: operations.import_events(session, drafts)))
    assert ids[0] == ids[1]


def test_an_import_knows_what_is_there(home: Workspace) -> None:
    target = home.write(lambda operations: operations.open_import("fmt", "S"))
    assert target.is_new
    ids = home.write(lambda operations: operations.import_events(target.session, [imported("a", "1")], floor=41))
    again = home.write(lambda operations: operations.open_import("fmt", "S"))
    assert (again.session, again.is_new, len(again.digests)) == (target.session, False, 1)
    assert ids[0][10:] in again.digests
    assert "0" * 16 not in again.digests
    assert counter_of(ids[0]) == 42
    assert not home.read(lambda queries: queries.events(target.session))[0].damaged


def test_what_another_process_imported_meanwhile_is_not_written_twice(home: Workspace) -> None:
    first = home.write(lambda operations: operations.open_import("claude", "shared"))
    session, drafts = first.session, [imported("a", "1"), imported("b", "2")]
    assert first.last == ""
    ids = home.write(lambda operations: operations.import_events(session, drafts))
    more = [*drafts, imported("c", "3")]
    again = home.write(lambda operations: operations.import_events(session, more, after=first.last))
    assert again[:2] == ids and len(home.read(lambda queries: queries.events(session))) == 3
    assert home.write(lambda operations: operations.open_import("claude", "shared")).last == again[2]
    later = home.write(lambda operations: operations.import_events(session, [imported("d", "4")], after=again[2]))
    assert later[0] > again[2]


def test_one_source_in_two_workspaces_is_two_sessions(home: Workspace) -> None:
    other = home.write(lambda operations: operations.create_workspace("Other"))
    here = home.write(lambda operations: operations.open_import("fmt", "S"))
    there = home.write(lambda operations: operations.inside(other).open_import("fmt", "S"))
    assert here.session != there.session


@pytest.mark.parametrize("size", [1, 10_000])
def test_find_source(home: Workspace, size: int) -> None:
    session = home.write(lambda operations: operations.open_import("fmt", "S")).session
    drafts = [imported("a" * size, "1"), imported("b" * size, "2"), imported("c" * size, "2")]
    ids = home.write(lambda operations: operations.import_events(session, drafts))
    find = lambda source: home.write(lambda operations: operations.find_source(session, source))  # noqa: E731
    assert (find("fmt:S:1"), find("fmt:S:2"), find("fmt:S:3")) == (ids[0], ids[2], None)


def test_restored_events_keep_id_and_author(home: Workspace) -> None:
    event = foreign(5, UserMessage(text="hi"))
    session = "0" * 25 + "1"
    assert home.write(lambda operations: operations.restore_events(session, [event])) == 1
    assert home.write(lambda operations: operations.restore_events(session, [event, event])) == 0
    (found,) = home.read(lambda queries: queries.events(session))
    assert (found.id, found.data, found.damaged, found.author.claimed) == (event.id, event.body, False, True)
    assert (found.author.name, found.author.device) == (STRANGER.name, STRANGER.device)
    assert counter_of(go_on(home, session, "next")[0]) == 6


def test_nothing_restored_counts_as_signed_here(home: Workspace) -> None:
    """An export that says an event is by this very device makes it no signed event of this device."""
    session, _ = talk(home, "mine")
    mine = home.read(lambda queries: queries.events(session))[1].author
    author = type(STRANGER)(mine.identity, mine.device, mine.name)
    home.write(
        lambda operations: operations.restore_events(session, [foreign(9, AgentMessage(text="x"), author=author)])
    )
    assert home.read(lambda queries: queries.events(session))[-1].author.claimed


def test_restored_events_in_any_order_overwrite_nothing(home: Workspace) -> None:
    events = [foreign(n, UserMessage(text=str(n))) for n in (5, 3, 9)]
    session = "0" * 25 + "1"
    home.write(lambda operations: operations.restore_events(session, events))
    forged = [RawEvent(event.id, b'{"time":1,"kind":"user_message","text":"forged"}', STRANGER) for event in events]
    assert home.write(lambda operations: operations.restore_events(session, forged)) == 0
    home.write(lambda operations: operations.rebuild())
    assert texts_of(home, session) == ["3", "5", "9"]


def test_a_session_of_another_workspace_is_not_restored_here(home: Workspace) -> None:
    session, _ = talk(home, "x")
    other = home.write(lambda operations: operations.create_workspace("Other"))
    with pytest.raises(UserError, match="another workspace") as caught:
        home.write(lambda operations: operations.inside(other).has_session(session))
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("key", ["!", "AAAA", "ä"])
def test_a_blob_with_a_broken_key_is_refused(home: Workspace, key: str) -> None:
    with pytest.raises(UserError) as caught:
        home.write(lambda operations: operations.restore_blob(BlobRef(blob="00" * 32, size=1, key=key), b"x"))
    assert caught.value.exit_code == 6


# all or nothing


def test_an_exception_leaves_nothing(home: Workspace, tmp_path: Path) -> None:
    session, _ = talk(home, "kept", title="T")
    before = home.read(lambda queries: queries.sessions(SessionFilter(archived=None)))

    def fail(operations: SessionOperations) -> None:
        with operations._engine.transaction(durable=True):
            operations.append(session, [said("lost")])
            operations.create(title="lost")
            operations.set_note(session, "lost")
            operations.open_folder(tmp_path)
            operations.fork(session)
            raise OSError("the cable")

    with pytest.raises(OSError, match="the cable"):
        home.write(fail)
    assert home.read(lambda queries: queries.sessions(SessionFilter(archived=None))) == before
    assert home.read(lambda queries: queries.note(session)) == ""
    assert len(home.read(lambda queries: queries.workspaces())) == 1
    ids = go_on(home, session, "next")
    assert [counter_of(identifier) for identifier in ids] == [3]
    assert texts_of(home, session) == ["kept", "next"]


def test_digest_of_an_id() -> None:
    event = foreign(7, UserMessage(text="x"))
    assert event.id[10:] == event_digest(bytes.fromhex(STRANGER.device), event.body)


def test_a_waiting_request_is_answered_once(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create())
    request = PermissionRequest(request_id="req-1", call_id="c", name="run", title="Run it")
    home.write(lambda operations: operations.append(session, [Draft(body=request, time=0)]))
    assert home.write(lambda operations: operations.answer(session, "req", "once")) == "req-1"
    answers = home.read(lambda queries: queries.events(session, kinds=["permission_answer"]))
    assert [event.body for event in answers] == [PermissionAnswer(request_id="req-1", answer="once")]
    with pytest.raises(UserError, match="already"):
        home.write(lambda operations: operations.answer(session, "req-1", "reject"))
    with pytest.raises(NotFound):
        home.write(lambda operations: operations.answer(session, "other", "once"))


def test_tags_come_and_go_in_many_sessions_at_once(home: Workspace) -> None:
    first, second = (
        home.write(lambda operations, tags=tags: operations.create(tags=tags)) for tags in (["a", "b"], ["b"])
    )

    def tags() -> list[tuple[str, ...]]:
        return [home.read(lambda queries, s=session: queries.session(s)).tags for session in (first, second)]

    def change(*sessions: str, **tags: list[str]) -> list[str]:
        return home.write(lambda operations: operations.change_tags(sessions, **tags))

    assert change(first, second, add=["a", "c", "c"]) == [first, second]
    assert tags() == [("a", "b", "c"), ("a", "b", "c")]
    assert change(first, second, add=["c"]) == []
    assert change(second, first, remove=["a", "x"]) == [second, first]
    assert tags() == [("b", "c"), ("b", "c")]
    with pytest.raises(NotFound):
        change(first, "NOSUCH", add=["d"])
    assert tags() == [("b", "c"), ("b", "c")]
