"""Following: keeps up with transcripts while other tools write them, and gives what is new as import streams.

A file is read on from where its last whole line ended. It is read from its beginning when it is new, was cut off,
rewritten or replaced, or when too much was remembered to keep its place; what was imported before is told again then,
and whoever writes the stream knows it by its source ids. A renamed file stays the file it was.

What an import says at the end of a file (see `Reader.settle`) is said when the file has been quiet for a moment. The
rows are thus those of imports of the file as it stood in its quiet moments and at its end.

With a `Memory`, a later run goes on where this one was, file by file, as long as the files still begin with what was
read of them; those that tell of the same sessions are remembered, and gone on with, only together.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.importers.detect import recognise_file
from app.importers.drafts import Item, NewEvent
from app.importers.following.memory import Memory
from app.importers.following.places import Change, Places, Signature, owner_of
from app.importers.following.tail import AnyTail, Tail
from app.importers.following.whole import DocumentTail, TableTail, tail_of
from app.importers.reading import AnyReader, Head, OpenFile
from app.importers.registry import FORMATS
from app.importers.tables import Mark

QUIET_S = 0.4
OPEN_QUIET_S = 10.0
"""After which a message counts as over that its tool has not declared to be so."""
HOT_S = 600.0
LAG_S = (0.05, 0.25, 1.0)
"""After which a file whose tail lags is read again, one time after the other, as long as nothing more comes."""
PIECE_EVENTS = 1_000
PIECE_BYTES = 8 * 1024 * 1024
MOST_FILES = 256
MOST_LINES = 2_000_000
"""The bounds of what is remembered: about 40 bytes for a line, some 100 kB for a file."""
_ALWAYS_EXAMINED = 4 * 1024 * 1024
KEEP_EVERY_S = 300.0
"""Between two times that what is remembered of a file is written down, as long as it grows; and at the end."""

Write = Callable[[str, Sequence[Item]], None]


@dataclass(slots=True)
class _Followed:
    """A file that is read on. stage: 0 something is left to settle soon, 1 perhaps later, 2 nothing is.

    is_kept: the memory has it as it is. kept_at: when that was written down.
    """

    key: tuple[int, int]
    format: str
    file: OpenFile
    tail: AnyTail
    order: tuple[bool, int, str]
    read_at: float = 0.0
    stage: int = 0
    reading: bool = False
    is_kept: bool = False
    kept_at: float = float("-inf")


def remembered_types() -> Iterator[type]:
    """The classes that a `Memory` of a follower needs."""
    yield from (_Followed, Tail, DocumentTail, TableTail, Mark)
    for format in FORMATS.values():
        yield from format.reader().remembered


class Follower:
    """Follows the transcripts in some places. Times are seconds of any clock that never goes back.

    write: gets pieces of each format's stream; what it raises leaves `look`, `settle` or `finish`. again: gets a
    format and names of sessions, of which the stream may repeat from now on what it told. tell: gets sentences for
    the person. format: only transcripts of this one; files that are named themselves are then taken for it without a
    look. memory: what earlier runs with it read is not read again.
    """

    def __init__(
        self,
        places: Iterable[Path],
        *,
        write: Write,
        again: Callable[[str, Sequence[str]], None],
        tell: Callable[[str], None],
        format: str | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._places = Places(places, tell)
        self._write = write
        self._again = again
        self._format = format
        self._memory = memory
        self._readers: dict[str, AnyReader] = {name: format.reader() for name, format in FORMATS.items()}
        self._followed: OrderedDict[Path, _Followed] = OrderedDict()
        self._paths: dict[tuple[int, int], Path] = {}
        self._early: dict[Path, tuple[str, float]] = {}
        self._others: dict[Path, Signature] = {}
        self._transcripts: set[Path] = set()
        self._told: set[Path] = set()
        self._busy: set[Path] = set()
        self._again_at: dict[Path, tuple[float, int]] = {}

    def take_sources(self) -> int:
        """How many files something came from since the last call."""
        count = len(self._told)
        self._told.clear()
        return count

    # looking

    def look(self, paths: Iterable[Path] | None = None, *, now: float) -> None:
        """Reads what is new in these files; without `paths`, wherever there may be something."""
        if paths is None:
            changes = self._places.changes()
        else:
            known = [path for path in map(owner_of, paths) if path in self._followed or self._places.covers(path)]
            changes = self._places.changes_at(known)
        self._notice_moves(changes, now)
        for change in changes:
            if change.now is None:
                self._lose(change.path, now)
        found = [self._judge(change.path, change.now, now) for change in changes if change.now is not None]
        for followed in sorted((one for one in found if one), key=lambda one: one.order):
            self._read_on(followed, now)
        self._shed(now)

    def look_at_hot(self, *, now: float) -> None:
        """Looks at what changed lately, and at the places themselves: in case nobody notifies of changes."""
        hot = [path for path, one in self._followed.items() if now - one.read_at < HOT_S]
        busy, self._busy = self._busy, set()
        self.look([*hot, *busy, *self._early, *(place for place in self._places.places if place not in hot)], now=now)

    def _notice_moves(self, changes: Sequence[Change], now: float) -> None:
        """Files that were renamed go on under their new names."""
        for change in changes:
            old = self._paths.get(change.now.key) if change.now else None
            if old is not None and old != change.path and not _is_file(old, self._followed[old].key):
                followed = self._rename(old, change.path)
                if os.path.exists(old) and _holds(followed.tail):
                    self._make_way(followed, now)

    def _rename(self, old: Path, new: Path) -> _Followed:
        if new in self._followed:
            self._end(new)  # the file that was there was overwritten
        followed = self._followed[new] = self._followed.pop(old)
        followed.tail.path = self._paths[followed.key] = new
        self._transcripts.discard(old)
        self._transcripts.add(new)
        return followed

    def _lose(self, path: Path, now: float) -> None:
        """A file has gone from where it was."""
        self._early.pop(path, None)
        self._others.pop(path, None)
        if path in self._transcripts:
            self._transcripts.discard(path)
            self._places.trouble(path, f"{path} has gone; it is followed again when it comes back.")
        if path in self._followed:
            self._part(path, now)

    def _part(self, path: Path, now: float) -> None:
        """Another file, or none, stands where a followed one stood: that one is read on if it lies beside it now."""
        followed = self._followed[path]
        moved = _find_beside(path, followed.key)
        if moved is not None:
            self._rename(path, moved)
            self._places.changes_at([moved])
            if _holds(followed.tail):
                self._make_way(followed, now)
                return
        self._end(moved or path)

    def _make_way(self, followed: _Followed, now: float) -> None:
        """Says all of a file that moved, before what came in its place, which is told from itself alone."""
        self._read_on(followed, now)
        self._close(followed, rest=True)
        self._forget(followed)

    def _judge(self, path: Path, signature: Signature, now: float) -> _Followed | None:
        """The followed file that has something new, if it has."""
        try:
            followed = self._followed.get(path)
            if followed is not None:
                if followed.key == signature.key and followed.tail.holds(signature.size):
                    return followed
                if followed.key == signature.key:
                    self._end(path)
                else:
                    self._part(path, now)
            if signature.key in self._paths:
                return None  # another name of a file that is followed already
            if self._memory is not None and self._memory.rests(signature):
                self._transcripts.add(path)
                return None
            if (recalled := self._recall(path, signature, now)) is not None:
                return recalled
            return self._begin(path, signature, now)
        except OSError as error:
            self._refused(path, error)
            return None

    def _recall(self, path: Path, signature: Signature, now: float) -> _Followed | None:
        """The file, with those that go with it, as an earlier run left them; None where they are not as they were."""
        memory = self._memory
        files = memory.recall(signature.key) if memory is not None else None
        if not files or memory is None:
            return None
        is_whole = all(self._is_as_kept(one) for one in files)
        if is_whole and self._readers[files[0].format].adopt([one.file for one in files]):
            for one in files:
                one.read_at, one.stage, one.is_kept, one.kept_at = now, 2, True, now
                self._followed[one.tail.path], self._paths[one.key] = one, one.tail.path
                self._transcripts.add(one.tail.path)
        else:
            memory.drop(signature.key)
        return self._followed.get(path)

    def _is_as_kept(self, one: _Followed) -> bool:
        """Whether a file is where it was, still begins with what was read of it, and is to be followed."""
        path = one.tail.path
        try:
            status = path.stat()
            return (
                (status.st_dev, status.st_ino) == one.key
                and one.key not in self._paths
                and path not in self._followed
                and self._places.covers(path)
                and self._format in (None, one.format)
                and one.tail.holds(status.st_size)
            )
        except OSError:
            return False

    def _begin(self, path: Path, signature: Signature, now: float) -> _Followed | None:
        format = self._recognise(path, signature)
        if format is None:
            return None
        self._others.pop(path, None)
        self._transcripts.add(path)
        self._places.fine(path)
        head: Head = self._readers[format].head(path)
        if not head.is_final:
            self._early[path] = format, now + QUIET_S
            return None
        self._early.pop(path, None)
        return self._open(path, signature.key, format, head)

    def _open(self, path: Path, key: tuple[int, int], format: str, head: Head) -> _Followed:
        tail, file = tail_of(path, format), self._readers[format].open(head)
        self._paths[key] = path
        followed = self._followed[path] = _Followed(key, format, file, tail, head.order)
        self._told.add(path)
        return followed

    def _recognise(self, path: Path, signature: Signature) -> str | None:
        """The format of a file; one that was none is looked at again while it is small, and now and then later."""
        if self._format and path in self._places.places:
            return self._format if os.path.getsize(path) else None
        before = self._others.get(path)
        little_more = before and before.key == signature.key and before.size <= signature.size < 2 * before.size
        if little_more and signature.size > _ALWAYS_EXAMINED:
            return None
        name = recognise_file(path)
        if name is None or (self._format and name != self._format):
            self._others[path] = signature
            return None
        return name

    def _refused(self, path: Path, error: OSError) -> None:
        """A file cannot be read; it is tried again whenever it, or its mode, changes, and soon if it is only in use."""
        if isinstance(error, BlockingIOError):
            self._busy.add(path)
            self._places.forget(path)
        if path in self._transcripts or path in self._places.places:
            self._places.trouble(path, f"{path} cannot be read: {error.strerror}. It is followed as soon as it can be.")

    # reading

    def _read_on(self, followed: _Followed, now: float, *, time: int = 0) -> None:
        """Reads what is new. time: how often that was tried since the file changed."""
        before, followed.reading = followed.tail.number, True
        reader = self._readers[followed.format]
        self._give(followed.format, reader.read(followed.file, followed.tail.lines()))
        followed.reading = False
        path = followed.tail.path
        if followed.tail.error is not None:
            self._refused(path, followed.tail.error)
            self._places.forget(path)
        if followed.tail.number != before:
            time = 0
        if followed.tail.lags and time < len(LAG_S):
            self._again_at[path] = now + LAG_S[time], time + 1
        if followed.tail.number != before:
            self._told.add(path)
            followed.read_at, followed.stage, followed.is_kept = now, 0, False
            self._followed.move_to_end(path)

    def _give(self, format: str, items: Iterable[Item]) -> bool:
        """Hands on a stream in pieces; gives whether there was any."""
        given = False
        for piece in _pieces(items):
            self._write(format, piece)
            given = True
        return given

    # settling

    def due_in(self, now: float) -> float | None:
        """After how many seconds `settle` has something to do; None: not before something changes."""
        times = [due for _, due in self._early.values()] + [due for due, _ in self._again_at.values()]
        times += [one.read_at + (QUIET_S, OPEN_QUIET_S)[one.stage] for one in self._followed.values() if one.stage < 2]
        return max(0.0, min(times) - now) if times else None

    def settle(self, *, now: float) -> None:
        """Says what is to say about files that have been quiet for a while."""
        for path, (format, due) in list(self._early.items()):
            if due <= now:
                del self._early[path]
                self._read_early(path, format, now)
        for path, (due, time) in list(self._again_at.items()):
            if due <= now:
                del self._again_at[path]
                if path in self._followed:
                    self._read_on(self._followed[path], now, time=time)
        # A session may be written in several files: all of them must be quiet.
        active: dict[tuple[str, str], float] = {}
        for one in self._followed.values():
            for name in one.file.sessions:
                active[one.format, name] = max(active.get((one.format, name), 0.0), one.read_at)
        for one in self._followed.values():
            if one.stage < 2:
                one.read_at = max((active[one.format, name] for name in one.file.sessions), default=one.read_at)
                self._settle_one(one, now - one.read_at)
        self._keep(now)

    def _settle_one(self, one: _Followed, quiet: float) -> None:
        over = quiet >= OPEN_QUIET_S
        if over or (quiet >= QUIET_S and one.stage == 0):
            if self._give(one.format, self._readers[one.format].settle(one.file, over=over)):
                self._told.add(one.tail.path)
            one.stage = 2 if over else 1
            one.is_kept = False

    # keeping

    def _keep(self, now: float, *, at_end: bool = False) -> None:
        """Write down what is remembered of files that are quiet; at the end, of all that were not cut short."""
        if self._memory is None:
            return
        if not at_end and not any(one.stage == 2 and _is_to_be_kept(one, now) for one in self._followed.values()):
            self._memory.save()
            return
        for group in _groups(self._followed.values()):
            if all(one.is_kept for one in group) or any(one.reading for one in group):
                continue
            is_due = all(one.stage == 2 and (one.is_kept or _is_to_be_kept(one, now)) for one in group)
            if (is_due or at_end) and all(self._readers[one.format].holds(one.file) for one in group):
                for one in group:
                    one.is_kept, one.kept_at = True, now
                self._memory.keep(group, [one.key for one in group])
        self._memory.save()

    def _read_early(self, path: Path, format: str, now: float, *, rest: bool = False) -> None:
        """Reads a file whose beginning does not say yet what it will be; it is read anew when it has grown."""
        try:
            key = Signature.of(path.stat()).key
            followed = self._open(path, key, format, self._readers[format].head(path))
        except OSError:
            return
        self._read_on(followed, now)
        self._end(path, rest=rest)

    def _end(self, path: Path, *, rest: bool = False) -> None:
        """Stops following a file, after what is to say at its end. rest: take a last line without a line break too."""
        followed = self._followed[path]
        self._close(followed, rest=rest)
        del self._followed[path], self._paths[followed.key]
        self._forget(followed)

    def _close(self, followed: _Followed, *, rest: bool) -> None:
        reader = self._readers[followed.format]
        last = followed.tail.rest() if rest else None
        given = last is not None and self._give(followed.format, reader.read(followed.file, [last]))
        if self._give(followed.format, reader.settle(followed.file)) or given:
            self._told.add(followed.tail.path)

    def _forget(self, followed: _Followed) -> None:
        self._readers[followed.format].forget(followed.file)
        if self._memory is not None:
            self._memory.drop(followed.key)
        self._again(followed.format, list(followed.file.sessions))

    def _shed(self, now: float) -> None:
        """Forgets the files that have been quiet longest, where more is remembered than should be."""
        lines = sum(one.tail.number for one in self._followed.values())
        while len(self._followed) > MOST_FILES or (lines > MOST_LINES and len(self._followed) > 1):
            path, oldest = next(iter(self._followed.items()))
            lines -= oldest.tail.number
            self._end(path, rest=True)
            self._let_rest(path, oldest)

    def _let_rest(self, path: Path, followed: _Followed) -> None:
        """A file that was read to its end need not be read again before it changes."""
        signature = self._places.known(path)
        if self._memory is not None and signature is not None and signature.size == followed.tail.offset:
            self._memory.rest(signature)

    def finish(self) -> None:
        """Says what is to say at the end of everything; what was cut short while it was read stays as it is."""
        self._keep(0.0, at_end=True)
        for path, (format, _) in list(self._early.items()):
            self._read_early(path, format, 0.0, rest=True)
        self._early.clear()
        for followed in self._followed.values():
            if not followed.reading:
                self._close(followed, rest=True)
        for name, reader in self._readers.items():
            self._give(name, reader.finish())


def _is_to_be_kept(one: _Followed, now: float) -> bool:
    return not one.is_kept and now - one.kept_at >= KEEP_EVERY_S


def _groups(files: Iterable[_Followed]) -> list[list[_Followed]]:
    """The files, those together that tell of the same sessions, directly or by way of others."""
    groups: list[tuple[set[tuple[str, str]], list[_Followed]]] = []
    for one in files:
        names, members = {(one.format, name) for name in one.file.sessions}, [one]
        for group in [group for group in groups if group[0] & names]:
            groups.remove(group)
            names, members = names | group[0], group[1] + members
        groups.append((names, members))
    return [members for _, members in groups]


def _pieces(items: Iterable[Item]) -> Iterator[list[Item]]:
    piece: list[Item] = []
    size = 0
    for item in items:
        piece.append(item)
        size += item.size if isinstance(item, NewEvent) else 0
        if len(piece) >= PIECE_EVENTS or size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _is_file(path: Path, key: tuple[int, int]) -> bool:
    try:
        return Signature.of(path.stat()).key == key
    except OSError:
        return False


def _holds(tail: AnyTail) -> bool:
    try:
        return tail.holds(tail.path.stat().st_size)
    except OSError:
        return False


def _find_beside(path: Path, key: tuple[int, int]) -> Path | None:
    """The file with this device and inode in the folder of `path`."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in entries if entry.inode() == key[1]]
    except OSError:
        return None
    return next((path.parent / name for name in names if _is_file(path.parent / name, key)), None)
