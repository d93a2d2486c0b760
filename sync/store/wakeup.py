"""Waking up when another process has committed: notifications of the WAL file, and a poll in case none comes.

The store is the bus between processes. Polling alone often enough would cost a permanent 2–3 % of a core.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

POLL_S = 1.0


class CommitWatch:
    """Lets one task wait until the WAL file beside a database may have grown. Use it with `async with`."""

    def __init__(self, database: Path) -> None:
        self._wal = database.with_name(database.name + "-wal")

    async def __aenter__(self) -> CommitWatch:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        # watchdog calls it an error when it is stopped while something happens.
        logging.getLogger("watchdog.observers").setLevel(logging.CRITICAL)
        loop = asyncio.get_running_loop()
        changed = self._changed = asyncio.Event()
        wal = str(self._wal)

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.src_path == wal and event.event_type in ("modified", "created") and not changed.is_set():
                    with contextlib.suppress(RuntimeError):  # the loop has just closed
                        loop.call_soon_threadsafe(changed.set)

        self._observer = Observer()
        self._observer.name = "commit-watch"
        with contextlib.suppress(OSError):  # no notifications to be had: the poll serves
            self._observer.schedule(Handler(), str(self._wal.parent))
            self._observer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._observer.is_alive():
            self._observer.stop()
            await asyncio.to_thread(self._observer.join)

    async def wait(self) -> None:
        """Until something was written, a second at most."""
        # Not wait_for: on Python 3.11 it loses a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._changed.wait()
        self._changed.clear()
