"""Two devices of a person while both are connected: streamed text, presence, prompts for the other one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.network.blob_fetching import BY_ITSELF_BYTES, missing_blobs
from app.network.service import NetworkService
from app.sessions.comparison import differences
from app.sessions.events import BlobRef, Draft, Suggestion, UserMessage
from app.sessions.far_operations import MAX_DRAFT, MAX_ROWS, FarDraft
from app.sessions.operations import SessionOperations
from app.sessions.people_queries import presence_words
from app.workspace import Workspace
from sync.engine import Engine
from sync.network.node import Hooks
from sync.transports.memory import MemoryNetwork
from tests.app.network.conftest import Place, device
from tests.app.network.test_members import sync, team

SECONDS = 20.0


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not look():  # noqa: ASYNC110  rows of a database are looked at
            await asyncio.sleep(0.02)


def together(homes: tuple[Workspace, Workspace], scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene while both take part in a network in memory."""
    first, second = homes

    async def run() -> None:
        network = MemoryNetwork()
        async with AsyncExitStack() as stack:
            services = [service(network, home) for home in homes]
            tasks = [asyncio.ensure_future(each.run()) for each in services]
            stack.push_async_callback(_end, tasks)
            nodes = [await each.ready() for each in services]
            address = nodes[1].address()
            assert address is not None
            nodes[0]._learn_address(address)
            await until(lambda: all(each.status().peers for each in services))
            await scene()

    def forget(engine: Engine) -> None:
        with engine.transaction() as tx:
            tx.connection.execute("DELETE FROM address")

    for home in (first, second):
        home.with_engine(forget)
    asyncio.run(run())


async def _end(tasks: list[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def service(network: MemoryNetwork, home: Workspace) -> NetworkService:
    return NetworkService(home, Hooks(), lambda engine, _settings: network.transport(engine.device.device_id))


@pytest.fixture
def homes(place: Place) -> tuple[Workspace, Workspace]:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    sync(old, new)
    return old, new


def begun(home: Workspace, other: Workspace) -> str:
    session = home.write(lambda operations: operations.create(title="Shared"))
    sync(home, other)
    return session


def drafts(home: Workspace, session: str) -> list[str]:
    return [draft.text for draft in home.read(lambda queries: queries.drafts(session))]


def test_text_streams_to_the_other_device_and_ends(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)

    def say(text: str) -> None:
        old.write(lambda operations: operations.save_draft(session, "t", "agent_message", text, "agent"))

    async def scene() -> None:
        say("Once")
        await until(lambda: drafts(new, session) == ["Once"])
        say("Once upon a time")
        await until(lambda: drafts(new, session) == ["Once upon a time"])
        say("Never")
        await until(lambda: drafts(new, session) == ["Never"])
        old.write(lambda operations: operations.clear_draft(session, "t"))
        await until(lambda: drafts(new, session) == [])

    together(homes, scene)


def test_what_was_streaming_goes_with_the_connection(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)

    async def scene() -> None:
        old.write(lambda operations: operations.save_draft(session, "t", "agent_message", "Once", "agent"))
        await until(lambda: drafts(new, session) == ["Once"])

    together(homes, scene)
    asyncio.run(asyncio.sleep(0))
    new.write(lambda operations: operations.end_all_far())
    assert drafts(new, session) == [] and drafts(old, session) == ["Once"]


def test_output_of_commands_streams_too(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)

    def outputs() -> list[Any]:
        return new.read(lambda queries: queries.connection.execute("SELECT call, number, text FROM output").fetchall())

    async def scene() -> None:
        old.write(lambda operations: operations.save_output(session, "t", "c", [(0, "a\n")]))
        await until(lambda: outputs() == [("c", 0, "a\n")])
        old.write(lambda operations: operations.save_output(session, "t", "c", [(0, "a\nb\n"), (1, "c")]))
        await until(lambda: outputs() == [("c", 0, "a\nb\n"), ("c", 1, "c")])

    together(homes, scene)


def test_who_is_there_shows_and_goes(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)

    def words() -> str:
        now = new.clock.now_ms()
        return new.read(lambda queries: presence_words(queries.presence(session, now)))

    async def scene() -> None:
        old.write(lambda operations: operations.show_presence(session, typing=False))
        await until(lambda: words().endswith("is here"))
        old.write(lambda operations: operations.show_presence(session, typing=True))
        await until(lambda: words().endswith("is writing…"))
        old.write(lambda operations: operations.show_presence("", typing=False))
        await until(lambda: words() == "")

    together(homes, scene)


def test_nobody_streams_into_a_session_of_another_workspace(place: Place) -> None:
    ada, bob, workspace = team(place)
    known = begun(ada, bob)
    other = ada.write(lambda operations: operations.create_workspace("Other"))
    secret = ada.write(lambda operations: operations.inside(other).create(title="Private"))
    for session in (known, secret):
        forged = FarDraft(session, "t", "agent_message", "agent", 0, "forged")
        ada.write(lambda operations, forged=forged: operations.save_far_draft("00", bytes.fromhex(workspace), forged))
    assert drafts(ada, known) == ["forged"] and drafts(ada, secret) == []


def test_a_stream_says_no_more_than_it_may(homes: tuple[Workspace, Workspace]) -> None:
    home, _other = homes
    session = home.write(lambda operations: operations.create(title="Own"))
    workspace = bytes.fromhex(home.id)
    home.write(lambda operations: operations.save_draft(session, "t", "agent_message", "mine", "agent"))
    for at, text in ((0, "forged"), (9, "after a gap"), (0, "x" * (MAX_DRAFT + 1))):
        for turn in ("t", "u"):
            forged = FarDraft(session, turn, "agent_message", "agent", at, text)
            home.write(lambda operations, forged=forged: operations.save_far_draft("00", workspace, forged))
    assert drafts(home, session) == ["mine", "forged"]
    for number in range(3 * MAX_ROWS):
        many = FarDraft(session, f"turn{number}", "agent_message", "agent", 0, "x")
        home.write(lambda operations, many=many: operations.save_far_draft("00", workspace, many))
    assert len(drafts(home, session)) == 1 + MAX_ROWS


def test_events_of_others_say_whose_they_are(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    prompt = Draft(body=UserMessage(text="Run this", runner=device(new).hex()), time=1, turn="t")
    old.write(lambda operations: operations.append(session, [prompt, Draft(body=Suggestion(text="x"), time=2)]))
    sync(old, new)
    events = new.read(lambda queries: queries.events(session, kinds=["user_message"]))
    assert events[0].author.device == device(old).hex()


def test_payloads_follow_their_events(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    small, large = b"picture" * 100, bytes(range(256)) * 3000

    def attach(operations: SessionOperations) -> list[BlobRef]:
        refs = [operations.put_blob(data, name="a") for data in (small, large)]
        operations.append(session, [Draft(body=UserMessage(text="See", attachments=tuple(refs)), time=1)])
        return refs

    refs = old.write(attach)

    async def scene() -> None:
        for ref, data in zip(refs, (small, large), strict=True):
            await until(lambda ref=ref, data=data: new.read(lambda queries: queries.find_blob(ref)) == data)

    together(homes, scene)


def test_a_long_message_comes_whole_and_is_found(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    text = "A wombat. " + "Long words follow here. " * 1000
    old.write(lambda operations: operations.append(session, [Draft(body=UserMessage(text=text), time=1)]))

    def said() -> list[str]:
        found = new.read(lambda queries: queries.events(session, kinds=["user_message"]))
        return [event.body.text for event in found if isinstance(event.body, UserMessage)]

    async def scene() -> None:
        await until(lambda: said() == [text])

    together(homes, scene)
    assert [hit.session for hit in new.read(lambda queries: queries.search("wombat"))] == [session]
    sizes = [home.read(lambda queries: queries.session(session)).bytes for home in homes]
    assert sizes[0] == sizes[1]
    assert new.read(lambda queries: queries.connection.execute("SELECT count(*) FROM awaited").fetchone()) == (0,)
    assert new.with_engine(lambda engine: differences(engine, engine.blobs)) == []


def test_what_is_missing_is_found_by_need_and_size(homes: tuple[Workspace, Workspace]) -> None:
    old, new = homes
    session = begun(old, new)
    ref = old.write(lambda operations: operations.put_blob(b"x" * 10, name="a"))
    huge = BlobRef(blob="ab" * 32, size=BY_ITSELF_BYTES + 1, name="b")
    body = UserMessage(text="See", attachments=(ref, huge))
    old.write(lambda operations: operations.append(session, [Draft(body=body, time=1)]))
    sync(old, new)
    known: set[str] = set()
    assert old.read(lambda queries: missing_blobs(queries, known, 9)) == [] and known == {ref.blob}
    assert [one.blob.hex() for one in new.read(lambda queries: missing_blobs(queries, set(), 9))] == [ref.blob]
