"""Links to what cannot be given as its authors signed it: forks, with what they inherit, and what was partly erased."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.network.sharing import refresh_links
from app.sessions.comparison import differences
from app.sessions.events import Draft, UserMessage
from app.sessions.link_copies import CopyContents
from app.workspace import Workspace
from sync.protocol.envelope import decode_batch
from sync.protocol.published import EntriesRecord, author_of, keys_of, open_unit
from sync.store.links import IssuedLink
from tests.helpers.links import SENTINEL, open_text, say, session_of, share_at, texts_of


def plain_of(home: Workspace, link: IssuedLink) -> bytes:
    """Everything that a link gives, opened."""
    assert link.secret is not None
    keys, found = keys_of(link.secret), list[bytes]()

    def keep(unit: object, objects: object) -> None:
        for record in open_unit(unit, objects, keys):  # type: ignore[arg-type]
            if isinstance(record, EntriesRecord):
                found.append(decode_batch(link.workspace, record.document, record.batch).payload)
            else:
                found.append(record.data)

    assert isinstance(home.read(lambda queries: queries.make_copy(link, keep)), CopyContents)
    return b"".join(found)


def test_a_fork_is_shared_with_what_it_inherits_and_nothing_after(
    ada: Workspace, bob: Workspace, tmp_path: Path
) -> None:
    origin = session_of(ada, "first", "long " * 2000, title="Plain")
    point = ada.read(lambda queries: queries.events(origin))[-1].id
    fork = ada.write(lambda operations: operations.fork(origin, point))
    say(ada, origin, f"{SENTINEL} said later")
    say(ada, fork, "in the fork")
    link = share_at(ada, fork, tmp_path / "public")
    opened = open_text(bob, link.text)
    assert opened.session == fork and texts_of(bob, fork) == ["first", "long " * 2000, "in the fork"]
    assert SENTINEL.encode() not in plain_of(ada, link)
    ours, theirs = (home.read(lambda queries: queries.events(fork, kinds=["user_message"])) for home in (ada, bob))
    assert [(event.id, event.time) for event in ours] == [(event.id, event.time) for event in theirs]
    names = {event.author.name for event in theirs}
    assert names == {"Ada"}
    assert bob.read(lambda queries: queries.connection.execute("SELECT count(*) FROM session").fetchone()) == (1,)
    assert bob.read(lambda queries: queries.session(fork)).title == ada.read(lambda q: q.session(fork)).title
    assert bob.with_engine(lambda engine: differences(engine, engine.blobs)) == []


def test_a_fork_of_a_fork_and_very_many_events(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    origin = session_of(ada, *(f"{number}" for number in range(1200)))
    middle = ada.write(lambda operations: operations.fork(origin))
    say(ada, middle, "middle")
    last = ada.write(lambda operations: operations.fork(middle))
    say(ada, last, "last")
    link = share_at(ada, last, tmp_path / "public")
    open_text(bob, link.text)
    assert texts_of(bob, last) == [*(f"{number}" for number in range(1200)), "middle", "last"]


def test_what_was_erased_does_not_leave(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "kept", title="Plain")
    [erased] = say(ada, session, f"{SENTINEL} secret")
    say(ada, session, "after")
    ada.write(lambda operations: operations.erase(session, [erased]))
    link = share_at(ada, session, tmp_path / "public")
    assert SENTINEL.encode() not in plain_of(ada, link)
    open_text(bob, link.text)
    assert texts_of(bob, session) == ["kept", "after"]
    assert bob.read(lambda queries: queries.session(session)).title == "Plain"


def test_what_is_erased_later_goes_from_copies_that_are_refreshed(
    ada: Workspace, bob: Workspace, tmp_path: Path
) -> None:
    session = session_of(ada, "kept", title="Plain")
    ref = ada.write(lambda operations: operations.put_blob(b"a payload"))
    body = UserMessage(text=f"{SENTINEL} secret", attachments=(ref,))
    [erased] = ada.write(lambda operations: operations.append(session, [Draft(body=body, time=9)]))
    link = share_at(ada, session, tmp_path / "public")
    open_text(bob, link.text)
    assert len(texts_of(bob, session)) == 2 and bob.read(lambda queries: queries.find_blob(ref)) == b"a payload"
    ada.write(lambda operations: operations.erase(session, [erased]))
    say(ada, session, "after")
    asyncio.run(refresh_links(ada))
    open_text(bob, link.text)
    assert texts_of(bob, session) == ["kept", "after"] and bob.read(lambda queries: queries.find_blob(ref)) is None
    say(ada, session, "and on")
    asyncio.run(refresh_links(ada))
    open_text(bob, link.text)
    assert texts_of(bob, session) == ["kept", "after", "and on"]
    assert bob.with_engine(lambda engine: differences(engine, engine.blobs)) == []


def test_what_was_erased_in_the_origin_is_not_inherited(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    origin = session_of(ada, "first", title="Plain")
    [erased] = say(ada, origin, f"{SENTINEL} secret")
    fork = ada.write(lambda operations: operations.fork(origin))
    link = share_at(ada, fork, tmp_path / "public")
    ada.write(lambda operations: operations.erase(origin, [erased]))
    asyncio.run(refresh_links(ada))
    assert SENTINEL.encode() not in plain_of(ada, link)
    open_text(bob, link.text)
    assert texts_of(bob, fork) == ["first"]


def test_the_key_of_a_copy_follows_from_its_secret() -> None:
    one, other = author_of(b"\1" * 32), author_of(b"\2" * 32)
    assert one.device_id == author_of(b"\1" * 32).device_id != other.device_id
