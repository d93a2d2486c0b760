"""Payloads that do not come by themselves: asked for, from devices and from mailboxes, with progress, and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.network.blob_fetching import BY_ITSELF_BYTES
from app.network.fetching import GONE, NOBODY
from app.network.syncing import add_mailbox
from app.sessions.events import BlobRef, Draft, UserMessage
from app.sessions.operations import SessionOperations
from app.sessions.payload_queries import Fetch
from app.workspace import Workspace
from sync.protocol.replica import BlobPart
from sync.transports.memory import MemoryNetwork
from tests.app.network.conftest import Place
from tests.app.network.test_live import _end, begun, service, together, until
from tests.app.network.test_members import sync

LARGE = bytes(range(256)) * (BY_ITSELF_BYTES // 256 + 4096)


@pytest.fixture
def homes(place: Place) -> tuple[Workspace, Workspace]:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    sync(old, new)
    return old, new


def attached(home: Workspace, session: str, data: bytes = LARGE) -> BlobRef:
    def attach(operations: SessionOperations) -> BlobRef:
        ref = operations.put_blob(data, name="film.mp4")
        operations.append(session, [Draft(body=UserMessage(text="See", attachments=(ref,)), time=1)])
        return ref

    return home.write(attach)


def ask(home: Workspace, ref: BlobRef) -> None:
    home.write(lambda operations: operations.fetch({ref.blob: ref.size}))


def fetches(home: Workspace) -> list[Fetch]:
    return home.read(lambda queries: queries.fetches())


def is_here(home: Workspace, ref: BlobRef) -> bool:
    return home.read(lambda queries: queries.has_blob(bytes.fromhex(ref.blob)))


def alone(home: Workspace, scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene while a home takes part in a network where nobody else is."""
    home.settings.set("network.lan", False)

    async def run() -> None:
        one = service(MemoryNetwork(), home)
        task = asyncio.ensure_future(one.run())
        await one.ready()
        try:
            await scene()
        finally:
            await _end([task])

    asyncio.run(run())


def test_what_is_large_comes_when_it_is_asked_for(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    ref = attached(old, session)
    sync(old, new)
    assert new.read(lambda queries: queries.missing_payloads(session)) == {ref.blob: ref.size}
    assert old.read(lambda queries: queries.missing_payloads(session)) == {}

    async def scene() -> None:
        await asyncio.sleep(0.8)
        assert not is_here(new, ref)
        ask(new, ref)
        await until(lambda: is_here(new, ref) and fetches(new) == [])

    together(homes, scene)
    assert new.read(lambda queries: queries.find_blob(ref)) == LARGE
    assert new.read(lambda queries: queries.missing_payloads(session)) == {}


def test_it_goes_on_where_it_was_cut_off_and_says_how_far_it_is(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    ref = attached(old, session)
    sync(old, new)
    blob, row = bytes.fromhex(ref.blob), new.write(lambda operations: operations.workspace)

    def piece(offset: int, length: int) -> BlobPart:
        found = old.with_engine(lambda engine: engine.replica.read_blob(row, blob, offset, length))
        assert found is not None
        return found

    new.with_engine(lambda engine: engine.replica.keep_blob(row, blob, piece(0, 3 << 20)))
    new.with_engine(lambda engine: engine.replica.keep_blob(row, blob, piece(2 << 20, 2 << 20)))
    ask(new, ref)
    assert [(one.blob, one.done, one.problem) for one in fetches(new)] == [(ref.blob, 4 << 20, "")]

    async def scene() -> None:
        await until(lambda: is_here(new, ref))

    together(homes, scene)
    assert new.read(lambda queries: queries.find_blob(ref)) == LARGE


def test_where_nobody_is_a_sentence_says_so_and_it_comes_later(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    ref = attached(old, session)
    sync(old, new)
    ask(new, ref)

    async def nobody() -> None:
        await until(lambda: [one.problem for one in fetches(new)] == [NOBODY])

    async def somebody() -> None:
        await until(lambda: is_here(new, ref) and fetches(new) == [])

    alone(new, nobody)
    together(homes, somebody)


def test_what_nothing_refers_to_is_not_looked_for(homes: tuple[Workspace, Workspace]) -> None:
    _old, new = homes
    ask(new, BlobRef(blob="ab" * 32, size=9))

    async def scene() -> None:
        await until(lambda: [one.problem for one in fetches(new)] == [GONE])

    together(homes, scene)


def test_what_is_not_wanted_any_more_stops_and_what_came_stays(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    ref = attached(old, session, LARGE * 6)
    sync(old, new)

    async def scene() -> None:
        ask(new, ref)
        await until(lambda: [one for one in fetches(new) if one.done] != [])
        await new.write_async(lambda operations: operations.end_fetch([ref.blob]))
        blobs = new.home / "blobs" / "arriving"
        await asyncio.sleep(0.5)
        came = (blobs / ref.blob).stat().st_size
        await asyncio.sleep(0.5)
        assert 0 < (blobs / ref.blob).stat().st_size == came < len(LARGE) * 6
        ask(new, ref)
        await until(lambda: is_here(new, ref))

    together(homes, scene)


def test_it_comes_from_a_folder_that_both_see(homes: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    old, new = homes
    session = begun(old, new)
    ref = attached(old, session)
    sync(old, new)
    box = tmp_path / "box"
    box.mkdir()
    for home in homes:
        add_mailbox(home, f"file://{box}", {})

    async def bring() -> None:
        await until(lambda: sum(p.stat().st_size for p in box.rglob("*") if "/blobs/" in str(p)) > len(LARGE))
        await until(lambda: old.read(lambda q: q.connection.execute("SELECT count(*) FROM holder").fetchone()) != (0,))

    async def take() -> None:
        ask(new, ref)
        await until(lambda: is_here(new, ref) and fetches(new) == [])

    alone(old, bring)
    alone(new, take)
    assert new.read(lambda queries: queries.find_blob(ref)) == LARGE
