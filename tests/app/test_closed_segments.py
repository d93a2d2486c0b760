"""What a home does about closed and damaged segments by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from app.sessions.events import AgentMessage, Draft
from app.workspace import Workspace
from tests.helpers.homes import open_home


def _append(home: Workspace, session: str, count: int) -> None:
    for number in range(count):
        draft = Draft(body=AgentMessage(text=f"Number {number}"), time=1_760_000_000_000 + number)
        home.write(lambda operations, draft=draft: operations.append(session, [draft]))


def _shown(home: Workspace, session: str) -> int:
    return home.read(lambda queries: len(queries.tail(session, 100)))


def _bundles(home: Workspace) -> tuple[int, int]:
    """(made, still wanted)."""
    made, wanted = home.read(
        lambda queries: queries._connection.execute("SELECT count(data), sum(wanted) FROM bundle").fetchone()
    )
    return made, wanted


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.engine.SEGMENT_EVENTS", 5)


def test_closing_a_home_bundles_a_segment(tmp_path: Path) -> None:
    with closing(open_home(tmp_path)) as home:
        session = home.write(lambda operations: operations.create(title="Long"))
        _append(home, session, 8)
        assert _bundles(home) == (0, 1)
    with closing(open_home(tmp_path)) as home:
        assert _bundles(home) == (1, 0)
        before = _shown(home, session)
        home.write(lambda operations: operations.rebuild())
        _append(home, session, 1)
        assert _shown(home, session) == before + 1


def test_a_home_that_is_watched_bundles_when_it_is_quiet(tmp_path: Path) -> None:
    async def watch(home: Workspace) -> None:
        async for _ in home.changes():
            pass

    async def run(home: Workspace) -> None:
        watching = asyncio.create_task(watch(home))
        async for _ in _moments():
            if await home.read_async(lambda queries: _wanted(queries._connection)) == 0:
                break
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    with closing(open_home(tmp_path)) as home:
        session = home.write(lambda operations: operations.create(title="Long"))
        _append(home, session, 17)
        assert _bundles(home) == (0, 3)
        asyncio.run(run(home))
        assert _bundles(home) == (3, 0)


async def _moments() -> AsyncIterator[None]:
    """A thousand moments, a twentieth of a second apart."""
    for _ in range(1000):
        yield
        await asyncio.sleep(0.05)


def _wanted(connection) -> int:
    return int(connection.execute("SELECT sum(wanted) FROM bundle").fetchone()[0])


def test_damage_is_told_and_the_session_goes_on(tmp_path: Path) -> None:
    with closing(open_home(tmp_path)) as home:
        session = home.write(lambda operations: operations.create(title="Damaged"))
        _append(home, session, 2)
        before = _shown(home, session)
        home.write(lambda operations: _damage(operations._engine))
    with closing(open_home(tmp_path)) as home:
        _append(home, session, 1)
        assert [str(damage).split(" are ")[0] for damage in home.damages] == [f"2 stored entries of session {session}"]
        assert _shown(home, session) == before + 1, "what was shown is still shown"


def _damage(engine) -> None:
    with engine.transaction() as tx:
        (row,) = tx.connection.execute(
            "SELECT max(e.id) - 1 FROM entry e JOIN document d ON d.row=e.document WHERE d.kind='segment'"
        ).fetchone()
        tx.connection.execute("UPDATE entry SET changes=substr(changes, 1, 50) WHERE id=?", (row,))
