"""The files in some places, and which of them have changed since the last look. A place may come, go and come back."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.importers.detect import files_below
from app.importers.tables import COMPANIONS, LOGS


@dataclass(frozen=True, slots=True)
class Signature:
    """What tells a changed file from one that is as it was. key: device and inode, which a renamed file keeps."""

    key: tuple[int, int]
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result, beside: Iterable[os.stat_result] = ()) -> Signature:
        """beside: files that belong to it, as the log of a database does: their content counts, not their mode."""
        every = [status, *beside]
        size, modified = sum(one.st_size for one in every), max(one.st_mtime_ns for one in every)
        return cls((status.st_dev, status.st_ino), size, modified, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is new or other than before; `now` is None for one that has gone."""

    path: Path
    now: Signature | None


class Places:
    """Files and folders (searched recursively) to look into. tell: gets a sentence about each trouble, once."""

    def __init__(self, places: Iterable[Path], tell: Callable[[str], None]) -> None:
        self.places = list(dict.fromkeys(places))
        self._tell = tell
        self._files: dict[Path, Signature] = {}
        self._troubles: dict[Path, str] = {}
        self._met: set[Path] = set()

    def changes(self) -> list[Change]:
        """What has changed anywhere."""
        found: dict[Path, Signature] = {}
        for place in self.places:
            for path in self._files_of(place):
                if path not in found and (signature := _signature(path)):
                    found[path] = signature
        for path in self._files.keys() - found.keys():
            if signature := _signature(path):
                found[path] = signature  # moved out of the places, and still watched
        changed = [Change(path, now) for path, now in found.items() if self._files.get(path) != now]
        gone = [Change(path, None) for path in self._files.keys() - found.keys()]
        self._files = found
        return changed + gone

    def changes_at(self, paths: Iterable[Path]) -> list[Change]:
        """What has changed among these files."""
        changes = []
        for path in dict.fromkeys(map(owner_of, paths)):
            now = _signature(path)
            if now != self._files.get(path):
                changes.append(Change(path, now))
                self._remember(path, now)
        return changes

    def forget(self, path: Path) -> None:
        """Count a file as new at the next look, so that it is tried again."""
        self._files.pop(path, None)

    def known(self, path: Path) -> Signature | None:
        """What a file was like at the last look."""
        return self._files.get(path)

    def covers(self, path: Path) -> bool:
        """Whether a file is one of the places, or inside one."""
        return any(path == place or path.is_relative_to(place) for place in self.places)

    def trouble(self, path: Path, sentence: str) -> None:
        """Tell a trouble with a file or place, unless it was told already."""
        if self._troubles.get(path) != sentence:
            self._troubles[path] = sentence
            self._tell(sentence)

    def fine(self, path: Path) -> None:
        """A file or place has no trouble any more."""
        self._troubles.pop(path, None)

    def _remember(self, path: Path, now: Signature | None) -> None:
        if now is None:
            self._files.pop(path, None)
        else:
            self._files[path] = now

    def _files_of(self, place: Path) -> Iterator[Path]:
        try:
            status = place.stat()
            if stat.S_ISDIR(status.st_mode):
                os.scandir(place).close()
        except FileNotFoundError:
            told = (
                "has gone; it is followed again when it comes back"
                if place in self._met
                else ("does not exist yet; it is followed as soon as it is there")
            )
            self.trouble(place, f"{place} {told}.")
            return
        except OSError as error:
            self.trouble(place, f"{place} cannot be read: {error.strerror}. It is followed as soon as it can be.")
            return
        self._met.add(place)
        if stat.S_ISDIR(status.st_mode):
            self.fine(place)
            yield from (path for path in files_below(place) if owner_of(path) is path)
        else:
            yield place


def owner_of(path: Path) -> Path:
    """The database that a log beside it belongs to; any other file itself."""
    for companion in COMPANIONS:
        if path.name.endswith(companion):
            owner = path.with_name(path.name.removesuffix(companion))
            if owner.is_file():
                return owner
    return path


def _signature(path: Path) -> Signature | None:
    """The signature of a regular file; None for what is none, or is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Signature.of(status, logs_beside(path))


def logs_beside(path: Path) -> Iterator[os.stat_result]:
    """The logs of a database, in which changes wait; none for any other file."""
    for companion in LOGS:
        with contextlib.suppress(OSError):
            yield path.with_name(path.name + companion).stat()
