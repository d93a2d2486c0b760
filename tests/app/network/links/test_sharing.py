"""Issuing links: where copies lie, who gets them live, what is in them, and how they end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.errors import NotFound, UserError
from app.network.opening import open_link
from app.network.sharing import find_issued, open_place, refresh_links, revoke, serve_opener, share, shelf_of
from app.sessions.events import Draft, UserMessage
from app.sessions.link_operations import LinkWish
from app.sessions.links import parse_link
from app.workspace import Workspace
from sync.engine import Engine
from sync.errors import LinkGone, ProtocolError, TransportError
from sync.network.link_folder import LinkFolder
from sync.protocol import published
from sync.protocol.address import Address
from sync.protocol.envelope import decode_batch
from sync.protocol.link_address import LinkAddress
from sync.protocol.published import EntriesRecord, Record, keys_of, open_head, open_unit
from sync.store import network_rows
from sync.store.links import IssuedLink
from sync.testing import ManualClock
from sync.transports.connection import Connection
from sync.transports.memory import MemoryConnection, MemoryNetwork
from tests.helpers.links import SENTINEL, everything_in, open_text, say, session_of, share_at, texts_of


def device_of(home: Workspace) -> bytes:
    return bytes.fromhex(home.read(lambda queries: queries.own_device())[1])


def live(issuer: Workspace, opener: Workspace, work: Callable[..., Awaitable[None]]) -> None:
    """Run something with a way to connect, while the issuer serves on a network in memory."""

    async def run() -> None:
        network = MemoryNetwork()
        ours, theirs = network.transport(device_of(issuer)), network.transport(device_of(opener))

        async def accept(connection: Connection) -> None:
            assert connection.purpose == "link"
            await serve_opener(issuer, connection)

        async def connect(address: LinkAddress) -> Connection:
            return await theirs.connect(Address(address.issuer), "link")

        await ours.start(accept, lambda _device, _purpose: True)
        await theirs.start(accept, lambda _device, _purpose: True)
        try:
            await work(connect)
        finally:
            await theirs.stop()
            await ours.stop()

    asyncio.run(run())


async def issue(home: Workspace, session: str, **wish: object) -> IssuedLink:
    return await share(home, session, LinkWish(**wish))  # type: ignore[arg-type]


def test_a_link_is_given_live(ada: Workspace, bob: Workspace) -> None:
    session = session_of(ada, "one", "x" * 300_000)

    async def work(connect: object) -> None:
        link = await issue(ada, session)
        wanted = parse_link(link.text or "")
        assert (await open_link(bob, wanted, connect)).session == session  # type: ignore[arg-type]
        await ada.write_async(lambda operations: operations.append(session, [_draft("two")]))
        await refresh_links(ada)
        await open_link(bob, wanted, connect)  # type: ignore[arg-type]
        await revoke(ada, link)
        with pytest.raises(LinkGone, match="was revoked"):
            await open_link(bob, wanted, connect)  # type: ignore[arg-type]

    live(ada, bob, work)
    assert texts_of(bob, session) == ["one", "x" * 300_000, "two"]
    [row] = ada.read(lambda queries: queries.links(0))
    assert (row.state, row.link) == ("revoked", None) and row.used is not None


def _draft(text: str) -> Draft:
    return Draft(body=UserMessage(text=text), time=9)


def test_frames_on_the_wire_hold_no_words(ada: Workspace, bob: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without the encryption of the transport."""
    session, frames = session_of(ada, f"{SENTINEL} words"), list[bytes]()
    send = MemoryConnection.send

    async def listen(self: MemoryConnection, frame: bytes) -> None:
        frames.append(frame)
        await send(self, frame)

    monkeypatch.setattr(MemoryConnection, "send", listen)

    async def work(connect: object) -> None:
        link = await issue(ada, session)
        assert link.secret is not None
        await open_link(bob, parse_link(link.text or ""), connect)  # type: ignore[arg-type]
        for needle in (SENTINEL.encode(), session.encode(), b"Ada", bytes.fromhex(ada.id), link.secret, link.proof):
            assert not any(needle in frame for frame in frames)

    live(ada, bob, work)
    assert len(frames) >= 6 and texts_of(bob, session) == [f"{SENTINEL} words"]


def test_a_one_time_link_is_for_the_first_device(
    ada: Workspace, bob: Workspace, new_home: Callable[[], Workspace], clock: ManualClock
) -> None:
    session, carol = session_of(ada, "one"), new_home()
    texts: list[str] = []

    async def first(connect: object) -> None:
        texts.append((await issue(ada, session, once=True)).text or "")
        for _ in range(2):  # the same device may go on where it was cut off
            await open_link(bob, parse_link(texts[0]), connect)  # type: ignore[arg-type]

    async def second(connect: object) -> None:
        with pytest.raises(LinkGone, match="could be opened once"):
            await open_link(carol, parse_link(texts[0]), connect)  # type: ignore[arg-type]

    live(ada, bob, first)
    live(ada, carol, second)
    assert ada.read(lambda queries: queries.links(0))[0].state == "used"
    clock.advance(25 * 3600 * 1000)
    assert asyncio.run(refresh_links(ada)) == 1
    assert not list(shelf_of(ada.home).folder.rglob("*"))


def test_an_expired_link_is_not_given(ada: Workspace, bob: Workspace, clock: ManualClock) -> None:
    async def work(connect: object) -> None:
        link = await issue(ada, session_of(ada, "one"), expires=clock.now_ms() + 1000)
        clock.advance(1000)
        with pytest.raises(LinkGone, match="has expired"):
            await open_link(bob, parse_link(link.text or ""), connect)  # type: ignore[arg-type]

    live(ada, bob, work)


def test_who_lacks_the_secret_gets_nothing_live(ada: Workspace, bob: Workspace) -> None:
    async def work(connect: object) -> None:
        link = parse_link((await issue(ada, session_of(ada, "one"))).text or "")
        guessed = LinkAddress(b"g" * 32, link.address.issuer)  # type: ignore[union-attr]
        with pytest.raises(LinkGone, match="no such link"):
            await open_link(bob, type(link)(guessed), connect)  # type: ignore[arg-type, call-arg]

    live(ada, bob, work)


def test_a_transfer_that_was_cut_off_goes_on(
    ada: Workspace, bob: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(ada, *("x" * 300_000 + str(n) for n in range(4)))
    link = share_at(ada, session, tmp_path / "public")
    read, reads = LinkFolder.read, list[str]()

    async def breaking(self: LinkFolder, path: str, limit: int) -> bytes | None:
        reads.append(path)
        if len(reads) == 4:
            raise TransportError("The cable was pulled.")
        return await read(self, path, limit)

    monkeypatch.setattr(LinkFolder, "read", breaking)
    with pytest.raises(TransportError, match="cable"):
        open_text(bob, link.text)
    with pytest.raises(NotFound):
        bob.read(lambda queries: queries.session(session))
    assert open_text(bob, link.text).session == session
    assert len(set(reads)) == len(reads) - 2, "only the head and the part that did not come are read twice"


def test_what_nobody_came_back_for_does_not_stay(
    ada: Workspace, bob: Workspace, clock: ManualClock, tmp_path: Path
) -> None:
    arriving, now = bob.home / "links" / "arriving", clock.now_ms() / 1000
    for name, age in (("old", 8), ("new", 6)):
        (arriving / name).mkdir(parents=True)
        (arriving / name / "part").write_bytes(b"x")
        os.utime(arriving / name, (now - age * 86_400,) * 2)
    open_text(bob, share_at(ada, session_of(ada, "one"), tmp_path / "public").text)
    assert [path.name for path in arriving.iterdir()] == ["new"]


def test_only_what_changed_is_published_again(ada: Workspace, tmp_path: Path) -> None:
    session, public = session_of(ada, *("y" * 5_000 + str(n) for n in range(300))), tmp_path / "public"
    for _ in range(3):
        say(ada, session, *(f"number {n}" for n in range(300)))
    share_at(ada, session, public)
    before = {path: path.stat().st_ino for path in public.rglob("*") if path.is_file()}
    assert asyncio.run(refresh_links(ada)) == 0
    say(ada, session, "one more")
    assert asyncio.run(refresh_links(ada)) == 1
    after = {path: path.stat().st_ino for path in public.rglob("*") if path.is_file()}
    written = [path for path, inode in after.items() if before.get(path) != inode]
    assert len(written) == 2 and len(after) == len(before) == 4, "the head and the end of a segment"
    head = next(path for path in written if path.name == "head")
    assert head.stat().st_mtime_ns >= max(path.stat().st_mtime_ns for path in written), "the head comes last"


def records_of(link: IssuedLink, issuer: bytes, folder: Path) -> list[Record]:
    """Everything that a holder of the link reads."""
    assert link.secret is not None
    keys = keys_of(link.secret)
    place = LinkFolder(folder / link.id.hex())
    head = open_head(place.read_now("head", 1 << 21) or b"", keys, issuer)
    found = []
    for unit in head.units:
        objects = [place.read_now(name.hex(), 1 << 20) or b"" for name in unit.objects]
        found += open_unit(unit, objects, keys)
    return found


def test_the_copy_holds_this_session_and_nothing_else(ada: Workspace, tmp_path: Path) -> None:
    ref = ada.write(lambda operations: operations.put_blob(b"other picture" * 30_000))
    other = session_of(ada, "other words", title="other title")
    drafts = [Draft(body=UserMessage(text="look", attachments=[ref]), time=5)]
    ada.write(lambda operations: operations.append(other, drafts))
    ada.write(lambda operations: operations.set_note(other, "other note"))
    ada.write(lambda operations: operations.rename_workspace(ada.id, "workspace name"))
    session, public = session_of(ada, "shared words"), tmp_path / "public"
    ada.write(lambda operations: operations.set_note(session, "shared note"))
    link = share_at(ada, session, public)
    identity, device = (bytes.fromhex(one) for one in ada.read(lambda queries: queries.own_device()))
    records = records_of(link, device, public)
    entries = [record for record in records if isinstance(record, EntriesRecord)]
    assert len(entries) == 2 and len(records) == 2, "its segment and its note"
    batches = [decode_batch(bytes.fromhex(ada.id), one.document, one.batch) for one in entries]
    inside = b"".join(batch.payload for batch in batches)
    assert b"shared words" in inside
    for needle in (b"other", b"workspace name", identity):
        assert needle not in inside and not any(needle in record.batch for record in entries)


def test_places_learn_neither_words_nor_names(ada: Workspace, tmp_path: Path) -> None:
    session, public = session_of(ada, f"{SENTINEL} words", SENTINEL * 10_000), tmp_path / "public"
    link = share_at(ada, session, public)
    assert link.secret is not None and link.text is not None
    secrets = [
        SENTINEL.encode(),
        session.encode(),
        b"Ada",
        bytes.fromhex(ada.id),
        device_of(ada),
        link.secret,
        link.proof,
        keys_of(link.secret).key,
    ]
    for folder in (public, ada.home / "links"):
        for path, content in everything_in(folder):
            for needle in secrets:
                assert needle not in content and needle.hex() not in path, path
    without_fragment, _, fragment = link.text.partition("#")
    assert without_fragment == "lovelace://session/" and SENTINEL not in fragment


def test_a_copy_stays_listed_until_its_place_is_back(ada: Workspace, tmp_path: Path) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    link = share_at(ada, session, public)

    def unreachable(_place: str) -> LinkFolder:
        raise TransportError("The storage is away.")

    assert asyncio.run(revoke(ada, link, unreachable)) == ["The storage is away."]
    [row] = ada.read(lambda queries: queries.links(0))
    assert (row.state, row.troubles) == ("revoked", ("The storage is away.",)) and list(public.iterdir())
    assert asyncio.run(refresh_links(ada)) == 1
    [row] = ada.read(lambda queries: queries.links(0))
    assert row.places == () and not list(public.iterdir())
    assert asyncio.run(refresh_links(ada)) == 0


def test_a_refresh_that_failed_is_made_up_for(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    link = share_at(ada, session, public)
    say(ada, session, "two")

    def unreachable(_place: str) -> LinkFolder:
        raise TransportError("The storage is away.")

    asyncio.run(refresh_links(ada, unreachable))
    open_text(bob, link.text)
    assert texts_of(bob, session) == ["one"]
    asyncio.run(refresh_links(ada))
    open_text(bob, link.text)
    assert texts_of(bob, session) == ["one", "two"]
    assert len(list((public / link.id.hex()).iterdir())) == 2, "what was replaced is gone"


def test_a_place_that_cannot_be_written_shares_nothing(ada: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "one")
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(TransportError, match="Nothing was shared"):
        asyncio.run(share(ada, session, LinkWish(places=(str(file),), urls=(file.as_uri(),))))
    assert [row.state for row in ada.read(lambda queries: queries.links(0))] == ["revoked"]
    assert file.read_text() == "mine"


def test_a_session_that_is_too_large_is_not_shared(
    ada: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    monkeypatch.setattr(published, "MAX_COPY_BYTES", 100)
    with pytest.raises(ProtocolError, match="too large to be shared"):
        share_at(ada, session, public)
    assert [row.state for row in ada.read(lambda queries: queries.links(0))] == ["revoked"]
    assert not list(public.iterdir()) and not list(shelf_of(ada.home).folder.rglob("*"))


def test_a_home_that_became_another_device_leaves_the_links_to_the_old_one(ada: Workspace, tmp_path: Path) -> None:
    public = tmp_path / "public"
    link = share_at(ada, session_of(ada, "one"), public)

    def become_new(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            engine.become_new_device(tx)

    ada.with_engine(become_new)
    assert ada.read(lambda queries: queries.links(0)) == []
    assert asyncio.run(refresh_links(ada)) == 0 and (public / link.id.hex() / "head").exists()


def test_a_fork_and_its_origin_are_two_copies(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session = session_of(ada, "of the origin")
    fork = ada.write(lambda operations: operations.fork(session))
    say(ada, fork, "of the fork")
    for shared in (fork, session):
        open_text(bob, share_at(ada, shared, tmp_path / "public").text)
        assert texts_of(bob, fork) == ["of the origin", "of the fork"]
    assert texts_of(bob, session) == ["of the origin"]


def test_an_open_mailbox_is_where_links_are_published(ada: Workspace, bob: Workspace, tmp_path: Path) -> None:
    session, mailbox = session_of(ada, "one"), tmp_path / "mailbox"
    mailbox.mkdir()
    assert open_place(ada, session) is None

    def add(uri: str, credentials: dict[str, str]) -> None:
        ada.with_engine(lambda engine: network_rows.add_mailbox(engine.connection, 1, uri, credentials, 0))

    for uri, credentials in (
        ("/media/stick", {}),
        ("s3://bucket/folder", {}),
        ("webdavs://name:password@example.org/a", {}),
        ("webdavs://example.org/b", {"password": "secret"}),
    ):
        add(uri, credentials)
        assert open_place(ada, session) is None
    add("webdavs://example.org/c/", {})
    assert open_place(ada, session) == ("webdavs://example.org/c/links", "https://example.org/c/links")
    ada.with_engine(lambda engine: engine.connection.execute("DELETE FROM mailbox"))
    add(mailbox.as_uri(), {})
    place, url = open_place(ada, session) or ("", "")
    link = asyncio.run(issue(ada, session, places=(place,), urls=(url,)))
    assert [path.name for path in mailbox.iterdir()] == ["links"]
    assert open_text(bob, link.text).session == session


def test_a_place_that_is_away_does_not_keep_from_sharing(ada: Workspace, tmp_path: Path) -> None:
    session, away = session_of(ada, "one"), tmp_path / "away"
    away.write_text("in the way")
    wish = LinkWish(places=(str(away),), urls=(away.as_uri(),))
    asyncio.run(share(ada, session, wish, at_once=False))
    [row] = ada.read(lambda queries: queries.links(0))
    assert row.state == "active" and len(row.troubles) == 1
    away.unlink()
    assert asyncio.run(refresh_links(ada)) == 1
    assert ada.read(lambda queries: queries.links(0))[0].troubles == () and list(away.iterdir())


def test_the_list_remembers_links_when_the_session_is_gone(ada: Workspace, tmp_path: Path) -> None:
    session, public = session_of(ada, "one"), tmp_path / "public"
    link = share_at(ada, session, public)
    ada.write(lambda operations: operations.purge([session]))
    assert asyncio.run(refresh_links(ada)) == 1
    [row] = ada.read(lambda queries: queries.links(0))
    assert (row.state, row.title, row.session) == ("deleted", f"{SENTINEL} title", session)
    assert not list(public.iterdir())
    assert find_issued(ada, link.text or "").id == find_issued(ada, row.id[:8]).id == link.id


def test_a_session_that_comes_back_from_the_trash_is_given_again(
    ada: Workspace, bob: Workspace, tmp_path: Path
) -> None:
    session = session_of(ada, "one")
    link = share_at(ada, session, tmp_path / "public")
    ada.write(lambda operations: operations.trash([session]))
    asyncio.run(refresh_links(ada))
    with pytest.raises(LinkGone):
        open_text(bob, link.text)
    ada.write(lambda operations: operations.set_fields(session, {"trashed": False}))
    asyncio.run(refresh_links(ada))
    assert open_text(bob, link.text).session == session


def test_links_are_found_by_what_people_have(ada: Workspace) -> None:
    with pytest.raises(NotFound):
        find_issued(ada, "abcdef12")
    with pytest.raises(NotFound, match="not a link that shares"):
        find_issued(ada, "lovelace://session/01HX")
    with pytest.raises(UserError):
        find_issued(ada, "lovelace://session/#abc")


def test_sessions_in_the_trash_are_not_shared(ada: Workspace) -> None:
    session = session_of(ada, "one")
    ada.write(lambda operations: operations.trash([session]))
    with pytest.raises(UserError, match="in the trash"):
        asyncio.run(issue(ada, session))
