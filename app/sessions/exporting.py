"""Exports onto a disk: one file, or a folder with one file for each session."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from app.errors import UserError
from app.sessions.formats.format import Format
from app.sessions.views import SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import Event

Advance = Callable[[int], object]
"""Is told how far an export is, and ends it by raising."""


def export_file(queries: Queries, format: Format, rows: Sequence[SessionRow], path: Path, written: Advance) -> int:
    """Write sessions to one file; gives the number of events. written: takes the characters or bytes so far.

    UserError: it cannot be written.
    """
    with new_file(path, binary=format.binary) as file:
        return format.write(queries, rows, cast(IO[Any], Printed(_telling(file.write, written))))


def export_folder(queries: Queries, format: Format, rows: Sequence[SessionRow], folder: Path, done: Advance) -> int:
    """Write each session to a file in a folder that may be new; gives the number of events. done: takes the number of
    sessions that are written. UserError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    events = 0
    for number, row in enumerate(rows):
        done(number)
        with new_file(folder / file_name(row, format), binary=format.binary) as file:
            write = _telling(file.write, partial(_ignoring, done, number))
            events += format.write(queries, [row], cast(IO[Any], Printed(write)))
    return events


def file_name(row: SessionRow, format: Format) -> str:
    """A name that says what is inside and is unique: from the title and the id."""
    words = re.sub(r"[^\w-]+", "-", row.title).strip("-")[:60]
    return f"{words or 'session'}-{row.id}{format.suffix}"


def _ignoring(done: Advance, number: int, _characters: int) -> None:
    done(number)


class Revealing:
    """Queries whose events tell their secrets, as far as this device has them, for exports that are to have them.

    Payloads keep their placeholders: their ids say what they hold.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def iterate(self, session: str, **wanted: Any) -> Iterator[Event]:
        """As of `Queries`."""
        return map(self._queries.revealed, self._queries.iterate(session, **wanted))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queries, name)


def revealing(queries: Queries) -> Queries:
    """What an export with secrets reads from."""
    return cast("Queries", Revealing(queries))


class Printed:
    """The part of a stream that writers of exports use. write: takes each piece."""

    def __init__(self, write: Callable[[Any], object]) -> None:
        self.write = write


def _telling(write: Callable[[Any], object], advance: Advance) -> Callable[[Any], None]:
    """The same `write`, which says how many characters or bytes it has written so far."""
    written = 0

    def tell(piece: str | bytes) -> None:
        nonlocal written
        write(piece)
        written += len(piece)
        advance(written)

    return tell


@contextmanager
def new_file(path: Path, *, binary: bool) -> Iterator[IO[Any]]:
    """A file that appears under its name, readable by its owner only, when all of it has been written."""
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with open(descriptor, "wb") if binary else open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        Path(partial).unlink(missing_ok=True)
