"""Drafts of processes that died: back as interrupted messages, once, and never taken from the living."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.sessions.events import AgentMessage, AgentThought, Draft
from app.workspace import Workspace
from sync.store import processes
from tests.helpers.homes import open_home
from tests.helpers.talks import said, talk


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


def draft(home: Workspace, session: str, text: str, turn: str = "t", kind: str = "agent_message") -> None:
    home.write(lambda operations: operations.save_draft(session, turn, kind, text, "scripted"))


def die(home: Workspace) -> None:
    """End as a process ends that is killed: locks go, nothing else happens."""
    presence = home._engine.presence  # type: ignore[union-attr]
    os.close(presence._lock)  # type: ignore[arg-type]
    presence._lock = None
    home.close()


def bodies(home: Workspace, session: str) -> list[object]:
    return [event.body for event in home.read(lambda queries: queries.events(session))][1:]


def rows(home: Workspace, session: str) -> list[str]:
    return [draft.text for draft in home.read(lambda queries: queries.drafts(session))]


def test_what_was_being_said_becomes_events(tmp_path: Path) -> None:
    dying = open_home(tmp_path)
    session, _ = talk(dying, "hello", title="T")
    draft(dying, session, "Let me see", kind="agent_thought")
    draft(dying, session, "Half an ans")
    draft(dying, session, " \n", turn="other")
    die(dying)
    assert list((tmp_path / processes.FOLDER).iterdir())
    home = open_home(tmp_path)
    try:
        assert bodies(home, session)[1:] == [
            AgentThought(text="Let me see"),
            AgentMessage(text="Half an ans", interrupted=True),
        ]
        *_, last = home.read(lambda queries: queries.events(session))
        assert (last.turn, last.author.agent, rows(home, session)) == ("t", "scripted", [])
        assert not list((tmp_path / processes.FOLDER).iterdir())
    finally:
        home.close()


def test_a_living_process_is_not_robbed(home: Workspace) -> None:
    session, _ = talk(home, "hello")
    draft(home, session, "Half")
    other = open_home(home.home)
    try:
        talk(other, "something else")
        assert rows(other, session) == ["Half"] and len(bodies(other, session)) == len(bodies(home, session)) == 2
    finally:
        other.close()
    assert rows(home, session) == ["Half"]


def test_what_is_said_is_no_longer_a_draft(home: Workspace) -> None:
    session, _ = talk(home, "hello", title="T")
    draft(home, session, "Hm", kind="agent_thought")
    draft(home, session, "Whole")
    draft(home, session, "Another turn", turn="u")
    home.write(lambda operations: operations.append(session, [said("Whole answer", agent="scripted", turn="t")]))
    assert sorted(rows(home, session)) == ["Another turn", "Hm"]
    thought = Draft(body=AgentThought(text="Hm."), time=0, turn="t", agent="scripted")
    home.write(lambda operations: operations.append(session, [thought]))
    assert rows(home, session) == ["Another turn"]


def test_many_who_come_at_once_bring_it_in_once(tmp_path: Path) -> None:
    dying = open_home(tmp_path)
    session, _ = talk(dying, "hello", title="T")
    for number in range(5):
        draft(dying, session, f"half {number}", turn=f"t{number}")
    die(dying)
    with ThreadPoolExecutor(4) as pool:
        homes = list(pool.map(lambda _: open_home(tmp_path), range(4)))
    try:
        texts = [body.text for body in bodies(homes[0], session) if isinstance(body, AgentMessage)]
        assert sorted(texts) == [f"half {number}" for number in range(5)]
        assert rows(homes[0], session) == []
    finally:
        for home in homes:
            home.close()


def test_a_window_that_stays_open_notices(tmp_path: Path) -> None:
    dying, window = open_home(tmp_path), open_home(tmp_path)
    session, _ = talk(dying, "hello")

    async def watch(streaming: asyncio.Event) -> None:
        changes = window.changes()
        async with asyncio.timeout(60):
            async for change in changes:
                if change.drafts:
                    streaming.set()
                if session in change.sessions:
                    break
        await changes.aclose()

    async def both() -> None:
        streaming = asyncio.Event()
        watching = asyncio.create_task(watch(streaming))
        while not streaming.is_set():
            await asyncio.to_thread(draft, dying, session, "Half")
            await asyncio.sleep(0.1)
        await asyncio.to_thread(die, dying)
        await watching

    try:
        asyncio.run(both())
        assert bodies(window, session)[-1] == AgentMessage(text="Half", interrupted=True)
    finally:
        window.close()


def test_drafts_of_a_session_that_is_gone_or_damaged_do_not_lock_the_home(tmp_path: Path) -> None:
    dying = open_home(tmp_path)
    session, _ = talk(dying, "hello")
    broken, _ = talk(dying, "broken")
    gone, _ = talk(dying, "gone")
    for one in (session, broken, gone):
        draft(dying, one, "half")

    def harm(operations) -> None:
        sql = "UPDATE entry SET changes=x'00' WHERE document IN (SELECT row FROM document WHERE name=?)"
        operations._engine.connection.execute(sql, (broken,))
        operations._engine.connection.execute("UPDATE draft SET session='never' WHERE session=?", (gone,))

    dying.write(harm)
    die(dying)
    home = open_home(tmp_path)
    try:
        for one in (session, broken):
            assert bodies(home, one)[-1] == AgentMessage(text="half", interrupted=True)
        assert rows(home, "never") == rows(home, broken) == []
        talk(home, "goes on")
    finally:
        home.close()
