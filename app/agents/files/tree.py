"""Which files of the workspace's folders changed between two looks, told by size, times and inode.

The first look lists everything that ignore files leave; later ones ask for the state of what is known and list again
only the folders whose own time changed. That costs some microseconds a file, so the number of files is bounded.
A file whose time is so close to the look that it could change again unnoticed is looked at again the next time.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.agents.tools.folders import Folders
from app.agents.tools.walk import IGNORE_FILES, NEVER, Specs, is_ignored, specs_of

MAX_FILES = 20_000
MAX_FOLDERS = 5_000
MAX_DEPTH = 200
FIRST_SECONDS = 2.0
"""The first look is broken off after this time; what it has not reached by then is not watched."""
_RACY_NS = 50_000_000

Signature = tuple[int, int, int, int]
"""(size, modified ns, changed ns, inode)."""


@dataclass(slots=True)
class _Folder:
    """A known folder. mtime: -1 to list it again at the next look. is_renewed: by other ignore rules than before."""

    mtime: int
    specs: Specs
    is_renewed: bool = False
    files: dict[str, Signature] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TreeChange:
    """A path (absolute) that changed. known: it was there at the look before. size: now, None when it is gone.

    doubtful: perhaps it did not change, but its times were too young to tell.
    """

    path: str
    known: bool
    size: int | None
    doubtful: bool = False


class Tree:
    """The files of the folders at the last look. Use it from one thread at a time.

    truncated: there are more than are watched. unnamed: names that are no UTF-8 and therefore left out.
    """

    def __init__(self, folders: Folders, *, max_files: int = MAX_FILES) -> None:
        self._folders = folders
        self._hidden = frozenset(map(str, folders.hidden))
        self._max_files = max_files
        self._last_look = 0
        self._known: dict[str, _Folder] = {}
        self._count = 0
        self._deadline = float("inf")
        self.truncated = False
        self.unnamed: set[bytes] = set()
        self.stopped = False

    def begin(self) -> None:
        """Take the first look."""
        self._deadline = time.monotonic() + FIRST_SECONDS
        self._last_look = time.time_ns()
        for root in self._folders.roots:
            if str(root) not in self._known:
                for _ in self._list(str(root), specs_of(root)):
                    pass
        self._deadline = float("inf")

    def files(self) -> Iterator[tuple[str, Signature]]:
        """(absolute path, signature) of all files as last looked at."""
        for place, folder in self._known.items():
            for name, signature in folder.files.items():
                yield os.path.join(place, name), signature

    def look(self) -> list[TreeChange]:
        """What changed since the last look."""
        changes: list[TreeChange] = []
        started = time.time_ns()
        for place in list(self._known):
            if self.stopped:
                break
            folder = self._known.get(place)
            if folder is not None:
                changes += self._look_at(place, folder)
        self._last_look = started
        return changes

    def _look_at(self, place: str, folder: _Folder) -> Iterator[TreeChange]:
        try:
            status = os.lstat(place)
        except OSError:
            yield from self._forget(place)
            return
        if not stat.S_ISDIR(status.st_mode):
            yield from self._forget(place)
            return
        now = time.time_ns()
        changed_rules = False
        for name, signature in list(folder.files.items()):
            found = _signature(os.path.join(place, name), now)
            if found == signature:
                continue
            changed_rules = changed_rules or name in IGNORE_FILES
            if found is None:
                del folder.files[name]
                self._count -= 1
            else:
                folder.files[name] = found
            yield _changed(os.path.join(place, name), signature, found)
        if changed_rules:
            self._renew_rules(place)
        if folder.mtime != status.st_mtime_ns or changed_rules:
            yield from self._list(place, folder.specs)

    def _renew_rules(self, place: str) -> None:
        """The ignore files of a folder changed: it and what is below it is listed by the new rules."""
        old = self._known[place].specs
        kept = tuple(spec for spec in old if str(spec[0]) != place)
        for below, folder in self._known.items():
            if below == place or below.startswith(place + os.sep):
                outer = tuple(spec for spec in folder.specs if spec not in old)
                folder.specs = kept + specs_of(Path(place)) + outer
                folder.mtime, folder.is_renewed = -1, True

    def _list(self, place: str, specs: Specs) -> Iterator[TreeChange]:
        """List a folder and the new ones in it; yields files that were not known."""
        folder = self._known.get(place)
        if folder is None:
            if self._is_full(place):
                self.truncated = True
                return
            folder = self._known[place] = _Folder(-1, specs)
        elif _has_new_rules(folder, place):
            self._renew_rules(place)
        now = time.time_ns()
        mtime, entries = _entries(place)
        folder.mtime = -1 if now - mtime < _RACY_NS else mtime
        is_renewed, folder.is_renewed = folder.is_renewed, False
        for entry in entries:
            if self._is_over():
                return
            if self._is_left_out(entry, folder.specs):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.path not in self._known:
                    yield from self._list(entry.path, folder.specs + specs_of(Path(entry.path)))
            elif entry.is_file(follow_symlinks=False) and entry.name not in folder.files:
                for change in self._take(entry, folder, now):
                    if not (is_renewed and entry.stat(follow_symlinks=False).st_ctime_ns < self._last_look):
                        yield change

    def _is_full(self, place: str) -> bool:
        if len(self._known) < MAX_FOLDERS and place.count(os.sep) < MAX_DEPTH:
            return False
        self.truncated = True
        return True

    def _is_over(self) -> bool:
        """Whether listing must end here."""
        if self._count < self._max_files and not self.stopped and time.monotonic() < self._deadline:
            return False
        self.truncated = True
        return True

    def _take(self, entry: os.DirEntry[str], folder: _Folder, now: int) -> Iterator[TreeChange]:
        found = _signature(entry.path, now)
        if found is not None:
            folder.files[entry.name] = found
            self._count += 1
            yield TreeChange(entry.path, False, found[0])

    def _is_left_out(self, entry: os.DirEntry[str], specs: Specs) -> bool:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            self.unnamed.add(os.fsencode(entry.name))
            return True
        if entry.name in NEVER or entry.path in self._hidden:
            return True
        return is_ignored(entry, specs)

    def _forget(self, place: str) -> Iterator[TreeChange]:
        """A folder is gone, and all that was in it."""
        for below in [known for known in self._known if known == place or known.startswith(place + os.sep)]:
            folder = self._known.pop(below)
            self._count -= len(folder.files)
            for name in folder.files:
                yield TreeChange(os.path.join(below, name), True, None)


def _has_new_rules(folder: _Folder, place: str) -> bool:
    return any(name not in folder.files and os.path.exists(os.path.join(place, name)) for name in IGNORE_FILES)


def _changed(path: str, before: Signature, now: Signature | None) -> TreeChange:
    doubtful = now is not None and before[1] == -1 and (before[0], before[3]) == (now[0], now[3])
    return TreeChange(path, True, None if now is None else now[0], doubtful)


def _entries(place: str) -> tuple[int, list[os.DirEntry[str]]]:
    """(modification time in ns before listing, entries by name); nothing where it cannot be read."""
    try:
        mtime = os.lstat(place).st_mtime_ns
        with os.scandir(place) as entries:
            return mtime, sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return 0, []


def _signature(path: str, now: int) -> Signature | None:
    """Of a plain file; None where there is none. One that has just changed gets a signature that never is equal."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    racy = now - status.st_mtime_ns < _RACY_NS or now - status.st_ctime_ns < _RACY_NS
    return (status.st_size, -1 if racy else status.st_mtime_ns, now if racy else status.st_ctime_ns, status.st_ino)
