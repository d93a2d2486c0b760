"""A transcript that grows: its whole lines, once each, and whether it is still the file that was read before."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Protocol

from app.importers.drafts import Skipped
from app.importers.lines import BOM, MAX_LINE, TOO_LONG, Record, parse_line, pass_over

_MARK_BYTES = 4096
_PIECE = 64 * 1024


class AnyTail(Protocol):
    """A transcript that is read on; see `Tail`, and `whole` for those that do not grow at their end.

    lags: what was written can be read only a moment after the system tells of it.
    """

    @property
    def lags(self) -> bool: ...

    path: Path
    offset: int
    number: int
    error: OSError | None

    def holds(self, size: int) -> bool: ...
    def lines(self) -> Iterator[Record | Skipped]: ...
    def rest(self) -> Record | None: ...


class Tail:
    """Where reading of a file stands.

    offset: bytes of the whole lines that were read. number: of them. error: why the last reading broke off.
    """

    lags = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.number = 0
        self.error: OSError | None = None
        self._marks = _marks_of(b"", b"")

    def holds(self, size: int) -> bool:
        """Whether a file of this size still begins with what was read: judged by size, beginning and end of that.

        Raises OSError where it cannot be read.
        """
        if size < self.offset:
            return False
        with self.path.open("rb") as file:
            return self._read_marks(file) == self._marks

    def lines(self) -> Iterator[Record | Skipped]:
        """The lines that are whole now and were not read yet. What follows the last line break stays for later."""
        self.error = None
        try:
            with self.path.open("rb") as file:
                end = _end_of_lines(file, self.offset)
                file.seek(self.offset)
                while self.offset < end:
                    line = file.readline(MAX_LINE + 1)
                    if len(line) <= MAX_LINE and not line.endswith(b"\n"):
                        break  # cut off under our hands; the next look finds that out
                    yield from self._take(file, line)
                    del line  # a long line must not be held while the next one is read
                self._marks = self._read_marks(file)
        except OSError as error:
            self.error = error

    def rest(self) -> Record | None:
        """The line after the last line break, where it is whole all the same."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                line = file.read(MAX_LINE + 1)
        except OSError:
            return None
        result = parse_line(line.removeprefix(BOM) if self.offset == 0 else line)
        if isinstance(result, str) or len(line) > MAX_LINE or b"\n" in line:
            return None
        return Record(self.number + 1, len(line), *result)

    def _take(self, file: BinaryIO, line: bytes) -> Iterator[Record | Skipped]:
        """What a line is, of which `MAX_LINE + 1` bytes were read at most."""
        self.number += 1
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            pass_over(file)
            self.offset = file.tell()
            yield Skipped(self.path, self.number, TOO_LONG)
            return
        result = parse_line(line.removeprefix(BOM) if self.offset == 0 else line)
        self.offset += len(line)
        if not isinstance(result, str):
            yield Record(self.number, len(line), *result)
        elif result:
            yield Skipped(self.path, self.number, result)

    def _read_marks(self, file: BinaryIO) -> bytes:
        span = min(_MARK_BYTES, self.offset)
        file.seek(0)
        first = file.read(span)
        file.seek(self.offset - span)
        return _marks_of(first, file.read(span))


def _marks_of(first: bytes, last: bytes) -> bytes:
    return blake2b(first + last, digest_size=16).digest()


def _end_of_lines(file: BinaryIO, start: int) -> int:
    """Where the last whole line ends: after the last line break from `start` on, else `start`."""
    end = file.seek(0, 2)
    while end > start:
        begin = max(start, end - _PIECE)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return start
