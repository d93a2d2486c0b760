"""Being told that files in some places have changed, as far as the system tells; otherwise the caller must look."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

MOST_PATHS = 10_000


@dataclass(slots=True)
class Noticed:
    """What may have changed: these files, or (everywhere) anything."""

    paths: set[Path] = field(default_factory=set)
    everywhere: bool = False

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.paths)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A folder that is watched. key: its device and inode, then. watch: None where the system has none to give."""

    key: tuple[int, int]
    watch: Any


class PlaceWatch:
    """Notifications about files and folders (recursively). Use it with `with`; `refresh` again and again."""

    def __init__(self, places: list[Path]) -> None:
        self._places = places
        self._watched: dict[Path, _Watched] = {}
        self._noticed = Noticed()
        self._lock = threading.Lock()
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._observer: BaseObserver | None = None

    def __enter__(self) -> PlaceWatch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    @property
    def is_complete(self) -> bool:
        """Whether nothing can happen unnoticed in the places that are there."""
        return all(one.watch is not None for one in self._watched.values())

    def refresh(self) -> bool:
        """Watches what came into being or was replaced; gives whether any place came, went or was replaced."""
        folders: dict[Path, bool] = {}
        for place in self._places:
            folders[_folder_of(place)] = os.path.isdir(place) or folders.get(_folder_of(place), False)
        keys = {folder: key for folder in folders if (key := _key(folder)) is not None}
        lost = [folder for folder, known in self._watched.items() if keys.get(folder) != known.key]
        for folder in lost:
            self._drop(folder)
        new = keys.keys() - self._watched.keys()
        for folder in new:
            self._watched[folder] = _Watched(keys[folder], self._schedule(folder, recursive=folders[folder]))
        return bool(lost or new)

    def wake(self) -> None:
        """Ends a wait; may be called by a signal handler."""
        self._wakes.put(None)

    def wait(self, seconds: float) -> None:
        """Until something was noticed or somebody called `wake`, so many seconds at most."""
        with contextlib.suppress(queue.Empty):
            self._wakes.get(timeout=max(0.001, seconds))

    def take(self) -> Noticed:
        """What was noticed since the last call."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._wakes.get_nowait()
        with self._lock:
            noticed, self._noticed = self._noticed, Noticed()
        return noticed

    def _schedule(self, folder: Path, *, recursive: bool) -> Any:
        """A watch of the system; None where it has none to give (there is a limit to them)."""
        from watchdog import events
        from watchdog.observers import Observer

        root, notice = os.path.realpath(folder), self._notice

        class Handler(events.FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                notice(folder, root, event)

        wanted: list[type[FileSystemEvent]] = [
            *(events.FileCreatedEvent, events.FileModifiedEvent, events.FileMovedEvent, events.FileDeletedEvent),
            *(events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent),
            *(events.FileAttribEvent, events.DirAttribEvent),
        ]
        if self._observer is None:
            self._observer = Observer()
            self._observer.name = "place-watch"
            self._observer.start()
        try:
            return self._observer.schedule(Handler(), root, recursive=recursive, event_filter=wanted)
        except OSError:
            return None

    def _drop(self, folder: Path) -> None:
        known = self._watched.pop(folder)
        if known.watch is not None and self._observer is not None:
            with contextlib.suppress(KeyError, OSError):  # it may have ended with its folder
                self._observer.unschedule(known.watch)

    def _notice(self, folder: Path, root: str, event: FileSystemEvent) -> None:
        with self._lock:
            self._noticed.everywhere |= event.is_directory or len(self._noticed.paths) > MOST_PATHS
            for name in (event.src_path, event.dest_path):
                if name and not event.is_directory:
                    self._noticed.paths.add(folder / os.path.relpath(os.fsdecode(name), root))
        self._wakes.put(None)


def _folder_of(place: Path) -> Path:
    """What is watched for a place: a folder itself, of a file (which may be replaced) the folder it lies in."""
    return place if os.path.isdir(place) else place.parent


def _key(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
