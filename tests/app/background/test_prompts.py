"""Prompts left by a person's other devices: run once, whoever is there; permission comes from anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.background.claiming import BusyError, claimed
from app.background.headless import Headless
from app.background.prompts import WaitingPrompts
from app.background.rooms import Rooms
from app.sessions.events import Draft, UserMessage
from app.sessions.queries import Queries
from app.workspace import Workspace
from sync.clock import SystemClock
from tests.helpers.homes import open_home

DESK = "d" * 64
SCRIPT = [[{"tool": "write", "input": {"path": "a.txt", "content": "a\n"}}, {"say": "Written."}]]


@pytest.fixture
def at_the_desk(monkeypatch) -> None:
    """What this device wrote counts as that of the person's phone; this one is the desk."""
    real = Queries.own_device
    monkeypatch.setattr(Queries, "own_device", lambda self: (real(self)[0], DESK))


def home(path: Path) -> Workspace:
    """A home with a folder and a scripted agent."""
    workspace = open_home(path / "home", clock=SystemClock())
    folder, script = path / "project", path / "script.json"
    folder.mkdir()
    script.write_text(json.dumps(SCRIPT))
    workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
    agents = [{"name": "writer", "kind": "scripted", "script": str(script)}]
    workspace.write(lambda operations: operations.set_setting("agents", agents))
    return workspace


def leave(workspace: Workspace, text: str, session: str | None = None, turn: str = "t1") -> str:
    """A prompt from the phone."""

    def write(operations):
        made = session or operations.create(title="From afar", agent="writer")
        said = UserMessage(text=text, runner=DESK)
        operations.append(made, [Draft(body=said, time=workspace.clock.now_ms(), turn=turn)])
        return made

    return workspace.write(write)


@contextlib.asynccontextmanager
async def watching(workspace: Workspace) -> AsyncIterator[None]:
    """A program that is open."""
    with contextlib.closing(Rooms(workspace)) as rooms:
        task = asyncio.ensure_future(WaitingPrompts(workspace, Headless(workspace, rooms)).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110  another program's commits
            await asyncio.sleep(0.02)


def kinds(workspace: Workspace, session: str) -> list[str]:
    return [event.kind for event in workspace.read(lambda queries: queries.events(session))]


def request_of(workspace: Workspace, session: str) -> str | None:
    found = workspace.read(lambda queries: queries.events(session, kinds=["permission_request"]))
    return found[-1].body.request_id if found else None


def test_exactly_one_program_runs_it_and_the_person_answers_from_elsewhere(tmp_path, at_the_desk) -> None:
    first = home(tmp_path)
    second = Workspace.start(first.database, workspace=first.id, clock=SystemClock())

    async def play() -> str:
        session = leave(first, "Write it")
        async with watching(first), watching(second):
            await until(lambda: request_of(first, session))
            request = request_of(first, session)
            second.write(lambda operations: operations.answer(session, request, "once"))
            await until(lambda: "agent_message" in kinds(first, session))
            leave(first, "And again", session, "t2")
            await until(lambda: request_of(first, session) != request)
            second.write(lambda operations: operations.answer(session, request_of(second, session), "reject"))
            await until(lambda: kinds(first, session).count("agent_message") == 2)
        return session

    try:
        session = asyncio.run(play())
        seen = kinds(first, session)
        assert [seen.count(kind) for kind in ("user_message", "tool_call", "permission_request")] == [2, 2, 2]
        assert (tmp_path / "project" / "a.txt").read_text() == "a\n"
    finally:
        second.close()
        first.close()


def test_it_waits_until_the_session_is_free(tmp_path, at_the_desk) -> None:
    workspace = home(tmp_path)
    other = Workspace.start(workspace.database, workspace=workspace.id, clock=SystemClock())

    async def play() -> None:
        async with watching(other):
            session = workspace.write(lambda operations: operations.create(title="From afar", agent="writer"))
            async with claimed(workspace, session):
                with pytest.raises(BusyError):
                    async with claimed(other, session):
                        pass
                leave(workspace, "Write it", session)
                later = leave(workspace, "Write that")
                await until(lambda: request_of(workspace, later))
                assert request_of(workspace, session) is None
            await until(lambda: request_of(workspace, session))

    try:
        asyncio.run(play())
    finally:
        other.close()
        workspace.close()


def test_a_prompt_whose_agent_is_gone_stays(tmp_path, at_the_desk) -> None:
    workspace = home(tmp_path)
    agents = [{"name": "writer", "kind": "scripted", "script": "/nowhere.json"}]
    agents += [{"name": "good", "kind": "scripted", "script": str(tmp_path / "script.json")}]
    workspace.write(lambda operations: operations.set_setting("agents", agents))

    async def play() -> str:
        session = leave(workspace, "Write it")
        async with watching(workspace):
            later = workspace.write(lambda operations: operations.create(title="Good", agent="good"))
            leave(workspace, "Hello", later)
            await until(lambda: request_of(workspace, later))
        return session

    try:
        assert kinds(workspace, asyncio.run(play())).count("agent_message") == 0
    finally:
        workspace.close()
