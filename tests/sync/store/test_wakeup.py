"""Waiting for commits of other processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sync.store.wakeup import CommitWatch


async def _wait_for_ever(watch: CommitWatch) -> None:
    while True:
        await watch.wait()


async def _cancel_while_woken(database: Path) -> bool:
    async with CommitWatch(database) as watch:
        waiting = asyncio.create_task(_wait_for_ever(watch))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        watch._changed.set()
        await asyncio.sleep(0)
        waiting.cancel()
        done, _ = await asyncio.wait({waiting}, timeout=5)
        waiting.cancel()
        await asyncio.wait({waiting})
        return bool(done)


def test_a_cancellation_that_comes_with_a_commit_is_not_lost(tmp_path: Path) -> None:
    assert asyncio.run(_cancel_while_woken(tmp_path / "lovelace.db"))


def test_wakes_up_when_the_log_grows(tmp_path: Path) -> None:
    async def grown() -> None:
        async with CommitWatch(tmp_path / "lovelace.db") as watch, asyncio.timeout(20):
            (tmp_path / "lovelace.db-wal").write_bytes(b"x")
            await watch.wait()

    asyncio.run(grown())
