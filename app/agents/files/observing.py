"""Being told by the system that something changed in the folders, with `watchdog`.

What it says is only taken as a reason to look; where it is not to be had, the looks around commands and at the end of
the turn find everything a little later. Folders that are ignored at the top (build outputs, packages) are not
watched, as each folder below them would cost a watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path, PurePath
from typing import Any

from app.agents.tools.folders import Folders
from app.agents.tools.walk import NEVER, walk

MAX_WATCHES = 40
_TYPES = frozenset({"created", "modified", "deleted", "moved", "closed"})


class Observing:
    """Sets `changed` (in `loop`) when something below the folders changes. deep: also in the folders in them."""

    def __init__(
        self, folders: Folders, loop: asyncio.AbstractEventLoop, changed: asyncio.Event, *, deep: bool
    ) -> None:
        self._folders = folders
        self._loop = loop
        self._changed = changed
        self._deep = deep
        self._observer: Any = None
        self._lock = threading.Lock()
        self._is_stopped = False

    def start(self) -> None:
        """Begin; blocks while the watches are made."""
        with self._lock:
            if not self._is_stopped:
                self._start()

    def stop(self) -> None:
        """End; blocks until the threads have ended."""
        with self._lock:
            self._is_stopped = True
            if self._observer is not None:
                self._observer.stop()
                self._observer.join()

    def _start(self) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        tell = self._tell

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in _TYPES:
                    tell(str(event.src_path))

        self._observer = Observer()
        self._observer.name = "file-watch"
        self._observer.start()
        for place, recursive in self._places():
            with contextlib.suppress(OSError):  # no more watches to be had
                self._observer.schedule(Handler(), str(place), recursive=recursive)

    def _places(self) -> list[tuple[Path, bool]]:
        places = [(root, False) for root in self._folders.roots if root.is_dir()]
        if self._deep:
            for root in self._folders.roots:
                tops = (entry for entry in walk(self._folders, root, 1) if entry.is_dir(follow_symlinks=False))
                places += [(Path(entry.path), True) for entry in tops]
        return places[:MAX_WATCHES]

    def _tell(self, path: str) -> None:
        if NEVER.isdisjoint(PurePath(path).parts) and not self._changed.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(self._changed.set)
