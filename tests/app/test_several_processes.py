"""Several processes on one home and one session: nothing lost, nothing twice, everything seen in order."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from app.sessions.events import UserMessage
from app.workspace import Workspace
from tests.helpers.append_worker import MOST, start
from tests.helpers.checking import check_acknowledged, check_home
from tests.helpers.homes import open_home
from tests.helpers.talks import talk

WRITERS = "abcd"
COMMITS = 60


async def _follow(home: Workspace, session: str, wanted: int) -> list[tuple[str, str]]:
    """(id, text) of prompts in the order in which this process came to see them."""
    seen: dict[str, str] = {}
    changes = home.changes()
    async with asyncio.timeout(100):
        async for change in changes:
            if session in change.sessions:
                assert not change.own
                events = await home.read_async(lambda queries: queries.events(session, limit=10_000))
                for event in events:
                    if isinstance(event.body, UserMessage):
                        seen.setdefault(event.id, event.body.text)
            if len(seen) >= wanted:
                break
    await changes.aclose()
    return list(seen.items())


def test_four_writers_and_a_watcher(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    session, first = talk(home, "begin", title="Shared")
    expected = {f"{name} {n} {part}" for name in WRITERS for n in range(COMMITS) for part in range(1 + n % MOST)}

    async def watch() -> tuple[list[tuple[str, str]], list[str]]:
        watching = asyncio.create_task(_follow(home, session, len(expected) + 1))
        await asyncio.sleep(0.2)  # most of it is written while somebody watches; what came before is seen as well
        workers = [start(tmp_path, session, name, COMMITS) for name in WRITERS]
        told = [await asyncio.to_thread(worker.communicate, timeout=100) for worker in workers]
        assert [worker.returncode for worker in workers] == [0] * len(WRITERS)
        return await watching, [event for out, _ in told for event in out.split()]

    try:
        seen, told = asyncio.run(watch())
        assert {text for _, text in seen} == expected | {"begin"} and len(seen) == len(expected) + 1
        for name in WRITERS:
            own = [tuple(map(int, text.split()[1:])) for _, text in seen if text.startswith(f"{name} ")]
            assert own == sorted(own), "a writer's events were seen out of order"
        shown = check_home(home)
        check_acknowledged(shown, session, [*first, *told], unanswered=1)  # the title of the session
    finally:
        home.close()


def test_writers_that_are_killed_at_random_lose_nothing_they_acknowledged(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    session, told = talk(home, "begin", title="Shared")
    home.close()
    moments, killed = random.Random(3), 0
    for number in range(4):
        workers = [start(tmp_path, session, f"{name}{number}") for name in "ab"]
        told += [event for worker in workers for event in worker.stdout.readline().split()]  # type: ignore[union-attr]
        time.sleep(moments.random() * 0.5)
        for worker in workers:
            worker.kill()
            killed += 1
        for worker in workers:
            out, _ = worker.communicate()
            told += [event for line in out.splitlines(keepends=True) if line.endswith("\n") for event in line.split()]
    home = open_home(tmp_path)
    try:
        check_acknowledged(check_home(home), session, told, unanswered=1 + killed * MOST)
        assert len(told) > 50
    finally:
        home.close()
