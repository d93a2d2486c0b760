"""A session that was shared by a link, opened where nobody knows its workspace: whole, readable, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.errors import NotFound, UserError
from app.network.opening import Opened
from app.network.sharing import refresh_links, revoke, shelf_of
from app.sessions.archive import write_archive
from app.sessions.events import AgentMessage, Draft, UserMessage
from app.sessions.filters import SearchFilter
from app.workspace import Workspace
from sync.errors import LinkGone, MembershipError, TransportError
from sync.testing import ManualClock
from tests.helpers.homes import open_home, read_in
from tests.helpers.links import SENTINEL, open_text, say, session_of, share_at, texts_of

LONG = "long " * 2_000
PICTURE = bytes(range(256)) * 2_000


def exported(home: Workspace, workspace: str, session: str, path: Path) -> dict[str, object]:
    """The session as an export, without what may differ between homes."""
    with path.open("w", encoding="utf-8") as file:
        read_in(home, workspace, lambda queries: write_archive(queries, [queries.session(session)], file))
    found = msgspec.json.decode(path.read_bytes())
    [only] = found["sessions"]
    for event in only["events"]:
        event["author"].pop("identity")
    return {"session": {k: v for k, v in only.items() if k not in ("workspace_name", "bytes")}, "blobs": found["blobs"]}


def test_all_of_a_session_arrives(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "hello", LONG)
    ref = ada.write(lambda operations: operations.put_blob(PICTURE, name="picture.png"))
    drafts = [Draft(body=UserMessage(text="look", attachments=[ref]), time=5)]
    ada.write(lambda operations: operations.append(session, drafts))
    ada.write(lambda operations: operations.append(session, [Draft(body=AgentMessage(text="ok"), time=6, agent="a")]))
    ada.write(lambda operations: operations.set_note(session, "a note\n"))
    ada.write(lambda operations: operations.set_fields(session, {"tags": ["red"]}))
    link = share_at(ada, session, tmp_path / "public")
    opened = open_text(bob, link.text)
    assert opened == Opened(session, f"{SENTINEL} title", ada.id, "copy", opened.events)
    mine = exported(ada, ada.id, session, tmp_path / "a.json")
    assert exported(bob, opened.workspace, session, tmp_path / "b.json") == mine
    assert len(mine["blobs"]) >= 1  # type: ignore[arg-type]
    assert read_in(bob, opened.workspace, lambda queries: queries.note(session)) == "a note\n"
    hits = read_in(bob, opened.workspace, lambda queries: queries.search("hello", SearchFilter()))
    assert [hit.session for hit in hits] == [session]
    before = texts_of(bob, session)
    bob.write(lambda operations: operations.rebuild())
    assert texts_of(bob, session) == before == ["hello", LONG, "look"]


def test_many_segments_arrive_as_bundles(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada)
    for start in range(0, 2500, 500):
        say(ada, session, *(f"number {n}" for n in range(start, start + 500)))
    while ada.write(lambda operations: operations.bundle_step()):
        pass
    link = share_at(ada, session, tmp_path / "public")
    open_text(bob, link.text)
    assert texts_of(bob, session) == [f"number {n}" for n in range(2500)]


def test_a_home_that_was_never_used_can_open(ada: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "hello")
    link = share_at(ada, session, tmp_path / "public")
    with_nothing = open_home(tmp_path / "empty")
    try:
        assert open_text(with_nothing, link.text).session == session
        assert texts_of(with_nothing, session) == ["hello"]
    finally:
        with_nothing.close()


def test_opening_again_brings_what_is_new(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "one")
    link = share_at(ada, session, tmp_path / "public")
    open_text(bob, link.text)
    say(ada, session, "two", LONG)
    ada.write(lambda operations: operations.set_fields(session, {"title": "Renamed"}))
    assert asyncio.run(refresh_links(ada)) == 1
    assert open_text(bob, link.text).title == "Renamed"
    assert texts_of(bob, session) == ["one", "two", LONG]
    assert open_text(bob, link.text).title == "Renamed", "again is free"


def test_nothing_that_was_opened_can_be_written(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "one")
    [event] = say(ada, session, "two")
    workspace = open_text(bob, share_at(ada, session, tmp_path / "public").text).workspace
    inside = bob.write(lambda operations: operations.inside(workspace))
    draft = Draft(body=UserMessage(text="mine"), time=7)
    attempts: list[Callable[..., object]] = [
        lambda operations: operations.append(session, [draft]),
        lambda operations: operations.set_fields(session, {"title": "mine"}),
        lambda operations: operations.change_tags([session], add=["mine"]),
        lambda operations: operations.set_note(session, "mine"),
        lambda operations: operations.pause([session]),
        lambda operations: operations.fork(session),
        lambda operations: operations.erase(session, [event]),
        lambda operations: operations.rename_workspace(workspace, "mine"),
        lambda operations: inside.create(title="mine"),
        lambda operations: inside.put_blob(b"mine"),
        lambda operations: inside.import_events(inside.open_import("x", "y").session, [draft]),
    ]
    for attempt in attempts:
        with pytest.raises((MembershipError, UserError), match=r"read here|Only the person"):
            bob.write(attempt)
    assert texts_of(bob, session) == ["one", "two"]
    assert read_in(bob, workspace, lambda queries: queries.sessions())[0].title == f"{SENTINEL} title"
    with pytest.raises(UserError, match="Pass that link on"):
        share_at(bob, session, tmp_path / "mine")


def test_what_was_opened_is_removed_and_may_be_opened_again(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    ref = ada.write(lambda operations: operations.put_blob(PICTURE))
    session, other = session_of(ada, "one"), session_of(ada, "other")
    drafts = [Draft(body=UserMessage(text="look", attachments=[ref]), time=5)]
    ada.write(lambda operations: operations.append(session, drafts))
    links = [share_at(ada, one, tmp_path / "public") for one in (session, other)]
    for take_away in ("trash", "purge"):
        for link in links:
            open_text(bob, link.text)
        bob.write(lambda operations, how=take_away: getattr(operations, how)([session]))  # type: ignore[misc]
        with pytest.raises(NotFound):
            bob.read(lambda queries: queries.session(session))
        assert not list((bob.home / "blobs").rglob("*" + ref.blob[:8] + "*"))
        assert texts_of(bob, other) == ["other"], "the rest of the workspace stays"
        bob.write(lambda operations, how=take_away: getattr(operations, how)([other]))  # type: ignore[misc]
        assert [row.name for row in bob.read(lambda queries: queries.workspaces())] == ["Personal"]
    own = session_of(bob, "own")
    assert texts_of(bob, own) == ["own"]
    open_text(bob, links[0].text)
    assert texts_of(bob, session) == ["one", "look"]


def test_an_emptied_workspace_is_not_the_current_one(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "one")
    opened = open_text(bob, share_at(ada, session, tmp_path / "public").text)
    bob.write(lambda operations: operations.switch(opened.workspace))
    bob.use(opened.workspace)
    bob.write(lambda operations: operations.trash([session]))
    assert bob.read(lambda queries: queries.sessions()) == [], "whoever looks at it sees that it is empty"
    [row] = bob.read(lambda queries: queries.workspaces())
    assert row.current and row.name == "Personal"
    bob.use("Personal")
    assert texts_of(bob, session_of(bob, "own")) == ["own"]


def test_a_link_to_what_is_here_opens_that(ada: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "one")
    link = share_at(ada, session, tmp_path / "public")
    assert open_text(ada, link.text).kind == "own"
    assert open_text(ada, f"lovelace://session/{session}").kind == "own"
    with pytest.raises(NotFound):
        open_text(ada, "lovelace://session/01HXNONE")
    with pytest.raises(UserError, match="invite"):
        open_text(ada, "lovelace://invite/#abc")


def test_a_link_that_ended_opens_nothing(ada: Workspace, bob: Workspace, clock: ManualClock, tmp_path: Path) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    revoked = share_at(ada, session, public)
    asyncio.run(revoke(ada, revoked))
    expired = share_at(ada, session, public, expires=clock.now_ms() + 1000)
    deleted = share_at(ada, session_of(ada, "two"), public)
    ada.write(lambda operations: operations.trash([deleted.name]))
    clock.advance(2000)
    with pytest.raises(LinkGone, match="has expired"):
        open_text(bob, expired.text)
    assert asyncio.run(refresh_links(ada)) == 2
    for link in (revoked, expired, deleted):
        with pytest.raises(LinkGone, match="not there any more"):
            open_text(bob, link.text)
    assert not list(public.iterdir()) and not list(shelf_of(ada.home).folder.rglob("*"))
    assert [row.name for row in bob.read(lambda queries: queries.workspaces())] == ["Personal"]


def test_places_that_cannot_be_reached_are_told_apart(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    link = share_at(ada, session, public)
    public.rename(tmp_path / "elsewhere")
    with pytest.raises(TransportError, match="is not there"):
        open_text(bob, link.text)
    live_only = asyncio.run(share_live(ada, session))
    with pytest.raises(TransportError, match="its device alone"):
        open_text(bob, live_only)


async def share_live(home: Workspace, session: str) -> str:
    from app.network.sharing import share
    from app.sessions.link_operations import LinkWish

    link = await share(home, session, LinkWish())
    assert link.text is not None
    return link.text


def test_whoever_joins_the_workspace_has_it_whole(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    """What was opened before makes room for the workspace itself."""
    session = session_of(ada, "one")
    open_text(bob, share_at(ada, session, tmp_path / "public").text)
    workspace = bytes.fromhex(ada.id)

    def log_of(engine):  # type: ignore[no-untyped-def]
        state = engine.memberships.state(workspace)
        identities = {one: engine.memberships.operations(one) for one in state.members}
        return engine.memberships.operations(workspace), identities

    operations, identities = ada.with_engine(log_of)

    def adopt(engine):  # type: ignore[no-untyped-def]
        with engine.transaction(durable=True) as tx:
            for identity, encoded in identities.items():
                engine.members.add_identity(tx, identity, encoded)
            engine.members.adopt(tx, workspace, operations, {})

    bob.with_engine(adopt)
    with pytest.raises(NotFound):
        bob.read(lambda queries: queries.session(session))
    assert [row.id for row in bob.read(lambda queries: queries.workspaces())][1:] == [ada.id]
    link = share_at(ada, session, tmp_path / "public")
    with pytest.raises(UserError, match="has not arrived here yet"):
        open_text(bob, link.text)
