"""Waking up when files come into a mailbox that is a folder of this computer.

A folder on a network share changes without notice, and one that nobody wrote into yet is not there: whoever waits also
polls, seldom.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

_COMING = ("created", "modified", "moved", "deleted")


class FolderWatch:
    """Lets one task wait until something below a folder may have changed. Use it with `async with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watching = False

    async def __aenter__(self) -> FolderWatch:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        # watchdog calls it an error when it is stopped while something happens.
        logging.getLogger("watchdog.observers").setLevel(logging.CRITICAL)
        loop = asyncio.get_running_loop()
        changed = self._changed = asyncio.Event()

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in _COMING and not changed.is_set():  # not for what is only read
                    with contextlib.suppress(RuntimeError):  # the loop has just closed
                        loop.call_soon_threadsafe(changed.set)

        self._handler = Handler()
        self._observer = Observer()
        self._observer.name = "folder-watch"
        with contextlib.suppress(OSError):  # no notifications to be had: polling serves
            self._observer.start()
        self._watch()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._observer.is_alive():
            self._observer.stop()
            await asyncio.to_thread(self._observer.join)

    async def wait(self, seconds: float) -> bool:
        """Until something changed, or for so long; whether it did."""
        self._watch()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def _watch(self) -> None:
        """Begin to watch once the folder is there."""
        if self._watching or not self._observer.is_alive() or not self._folder.is_dir():
            return
        with contextlib.suppress(OSError):
            self._observer.schedule(self._handler, str(self._folder), recursive=True)
            self._watching = True
