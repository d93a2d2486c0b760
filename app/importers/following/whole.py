"""Transcripts that do not grow at their end: an object that is written anew, and the tables of a database.

Both stand in for `tail.Tail`. An object is given whole whenever it has changed; its reader knows what it told already.
Of a database only what is new is given; one that is locked is an error that passes.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from app.importers.containers import container_of
from app.importers.documents import MAX_DOCUMENT, parse_document
from app.importers.drafts import Skipped
from app.importers.following.places import Signature, logs_beside
from app.importers.following.tail import AnyTail, Tail
from app.importers.lines import Record
from app.importers.registry import FORMATS
from app.importers.tables import Mark, is_database, is_locked, opened, reason_of

_HALF_WRITTEN = "The file is not valid JSON."


def tail_of(path: Path, format: str) -> AnyTail:
    """How a file of this format is read on. Raises OSError."""
    container = container_of(path)
    if container == "tables":
        return TableTail(path, format)
    return DocumentTail(path) if container == "document" else Tail(path)


class DocumentTail:
    """A file that is one object. number: how often it was read. offset: its size then."""

    lags = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.number = 0
        self.error: OSError | None = None
        self._told = ""

    def holds(self, size: int) -> bool:
        """An object that was written anew is still the same transcript."""
        return container_of(self.path) == "document" if size else True

    def lines(self) -> Iterator[Record | Skipped]:
        """The object as it is now; nothing while it is only half written."""
        self.error = None
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_DOCUMENT + 1)
        except OSError as error:
            self.error = error
            return
        result = parse_document(self.path, data)
        self.offset = len(data)
        if isinstance(result, Record):
            self.number += 1
            self._told = ""
            yield result
        elif result.reason not in (self._told, _HALF_WRITTEN) and data:
            self._told = result.reason
            yield result

    def rest(self) -> Record | None:
        """Nothing is left."""
        return None


class TableTail:
    """A database. number: rows that were read. offset: its size then.

    A change stands in the log before others may see it, as long as the disk takes.
    """

    lags = True

    def __init__(self, path: Path, format: str) -> None:
        self.path = path
        self.offset = 0
        self.number = 0
        self.error: OSError | None = None
        self._format = format
        self._mark = Mark()
        self._told = ""

    def holds(self, size: int) -> bool:
        """Whether it still is a database; what is in it is compared when it is read."""
        return is_database(self.path)

    def lines(self) -> Iterator[Record | Skipped]:
        """The rows that are new."""
        self.error = None
        rows = FORMATS[self._format].rows
        if rows is None:
            return
        try:
            size = Signature.of(self.path.stat(), logs_beside(self.path)).size
            with opened(self.path) as database:
                for record in rows.new(database, self._mark):
                    self.number += isinstance(record, Record)
                    yield record
            self.offset, self._told = size, ""
        except OSError as error:
            self.error = error
        except sqlite3.Error as error:
            if is_locked(error):
                self.error = BlockingIOError(errno.EBUSY, "it is in use by another program")
            elif self._told != reason_of(error):
                self._told = reason_of(error)
                yield Skipped(self.path, 0, self._told)

    def rest(self) -> Record | None:
        """Nothing is left."""
        return None
