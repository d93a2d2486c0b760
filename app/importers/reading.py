"""How a format is read: files are opened, their lines become items, and reading can go on when a file has grown.

`read_files` is the whole of an import. Following (`following`) keeps a reader and its open files, and gives them
further lines as they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from app.importers.drafts import Item, Skipped
from app.importers.lines import Record


class Head(Protocol):
    """The beginning of a file. order: sorts files as they are to be read. is_final: appending cannot change it."""

    @property
    def path(self) -> Path: ...
    @property
    def order(self) -> tuple[bool, int, str]: ...
    @property
    def is_final(self) -> bool: ...


class OpenFile(Protocol):
    """What a reader remembers of a file. sessions: names of those that its lines were about."""

    @property
    def sessions(self) -> Iterable[str]: ...


HeadT = TypeVar("HeadT", bound=Head)
FileT = TypeVar("FileT", bound=OpenFile)


class Reader(Protocol[HeadT, FileT]):
    """Reads the files of one format and remembers what is common to them. Never raises on content.

    settle: what is said at the end of a file, which may grow all the same; with `over` false, only what further lines
    are not about to change. finish: what is said at the end of all files. forget: a file is not read any further, and
    its sessions, met again, begin as if they were new. holds: whether its sessions are still remembered. adopt: goes on
    with files that another reader opened, together with all they remember; False where one of their sessions was met
    already. remembered: the classes that an open file consists of.
    """

    @property
    def remembered(self) -> tuple[type, ...]: ...
    def head(self, path: Path) -> HeadT: ...
    def open(self, head: HeadT) -> FileT: ...
    def read(self, file: FileT, lines: Iterable[Record | Skipped]) -> Iterator[Item]: ...
    def settle(self, file: FileT, *, over: bool = True) -> Iterator[Item]: ...
    def finish(self) -> Iterator[Item]: ...
    def holds(self, file: FileT) -> bool: ...
    def adopt(self, files: Sequence[FileT]) -> bool: ...
    def forget(self, file: FileT) -> None: ...


AnyReader = Reader[Any, Any]


def read_files(
    reader: AnyReader, paths: Iterable[Path], records: Callable[[Path], Iterator[Record | Skipped]]
) -> Iterator[Item]:
    """The items of these files, each to its end. records: reads a file."""
    for head in sorted((reader.head(path) for path in paths), key=lambda head: head.order):
        file = reader.open(head)
        yield from reader.read(file, records(head.path))
        yield from reader.settle(file)
    yield from reader.finish()
