"""SQLite databases of other tools, which may be writing them: looked at without a lock that lasts, never changed.

A statement is read to its end before anything is made of its rows, so that no lock is held meanwhile. A database with
a write-ahead log that is empty is opened as immutable, because SQLite would leave files beside it otherwise.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from app.importers.drafts import Skipped
from app.importers.lines import MAX_LINE, Record, parse_line

MAGIC = b"SQLite format 3\x00"
LOCKED = "The database is in use by another program."
DAMAGED = "The database is damaged from here on."
OTHERS = "The database has no sessions of this tool."
TOO_LONG = "The value is longer than 64 MiB."
LOGS = ("-wal", "-journal")
COMPANIONS = (*LOGS, "-shm")
"""What the names of files beside a database end with: changes that wait, and how they are shared."""

_WAL_VERSION = 18
"""The byte of a database that says how it is written."""
_USES_WAL = 2
_WAIT_S = 2.0
_PASSING = ("locked", "busy", "readonly", "unable to open")
"""What SQLite says while another program begins to write, or does so alone."""
_MOST_TABLES = 1_000
_MOST_OPEN = 10_000

Columns = Mapping[str, Collection[str]]
"""The columns of each table."""


class Rows(Protocol):
    """How a format keeps its records in tables. fits: whether a database with these columns is one of the format's.

    new: the rows that came or changed since the mark, as the reader wants them; moves the mark when all are given.
    """

    def fits(self, columns: Columns) -> bool: ...
    def new(self, database: Database, mark: Mark) -> Iterator[Record | Skipped]: ...


@dataclass(slots=True)
class Mark:
    """How far the tables were read. last: the greatest row of each table, with what was in it; a database that does not
    hold it any more is read anew. open: rows that will change, and when they last did. since: of the last look."""

    last: dict[str, tuple[int, str]] = field(default_factory=dict)
    open: dict[str, dict[int, int]] = field(default_factory=dict)
    since: int = 0

    def row(self, table: str) -> int:
        """The greatest row that was read of a table."""
        return self.last.get(table, (0, ""))[0]

    def note(self, table: str, row: int, changed: int, *, is_open: bool) -> None:
        """Remember whether a row will change."""
        rows = self.open.setdefault(table, {})
        rows.pop(row, None)
        if is_open:
            rows[row] = changed
            if len(rows) > _MOST_OPEN:
                del rows[next(iter(rows))]


class Database:
    """A database while it is looked at. Raises `sqlite3.Error`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._is_immutable = False

    def close(self) -> None:
        """Leave it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement; texts are bytes."""
        return self._open().execute(statement, values).fetchall()

    def columns(self) -> dict[str, frozenset[str]]:
        """The columns of its tables."""
        names = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT ?", (_MOST_TABLES,))
        return {as_string(name): frozenset(self._columns_of(as_string(name))) for (name,) in names}

    def _columns_of(self, table: str) -> Iterator[str]:
        for (name,) in self.rows("SELECT name FROM pragma_table_info(?)", (table,)):
            yield as_string(name)

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_immutable and _log_size(self.path):
            self.close()  # somebody began to write
        if self._connection is None:
            is_immutable = _is_at_rest(self.path)
            mode = "immutable=1" if is_immutable else "mode=ro"
            name = quote(str(self.path.absolute()).replace("\\", "/"))
            self._connection = sqlite3.connect(f"file:{name}?{mode}", uri=True, timeout=_WAIT_S, isolation_level=None)
            self._is_immutable = is_immutable
            self._connection.text_factory = bytes
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("PRAGMA trusted_schema = OFF")
        return self._connection


def _is_at_rest(path: Path) -> bool:
    """Whether a database keeps its changes in a log beside it, and none are there."""
    try:
        with path.open("rb") as file:
            head = file.read(_WAL_VERSION + 1)
        if len(head) <= _WAL_VERSION or head[_WAL_VERSION] != _USES_WAL:
            return False
    except OSError:
        return False
    return not _log_size(path)


def _log_size(path: Path) -> int:
    try:
        return os.stat(f"{path}{LOGS[0]}").st_size
    except OSError:
        return 0


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database, by its beginning. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """A database to look at."""
    database = Database(path)
    try:
        yield database
    finally:
        database.close()


def read_rows(path: Path, rows: Rows) -> Iterator[Record | Skipped]:
    """All records of a database; one that cannot be read on is one `Skipped` with line 0."""
    with opened(path) as database:
        try:
            yield from rows.new(database, Mark())
        except sqlite3.Error as error:
            yield Skipped(path, 0, reason_of(error))


def reason_of(error: sqlite3.Error) -> str:
    """Why a database cannot be read."""
    text = str(error)
    if text.startswith("no such"):
        return OTHERS
    return LOCKED if any(word in text for word in _PASSING) else DAMAGED


def is_locked(error: sqlite3.Error) -> bool:
    """Whether it can be read later."""
    return reason_of(error) == LOCKED


def record_of(path: Path, row: int, data: object, size: object) -> Record | Skipped:
    """The JSON object in a column, of which `size` bytes are there."""
    if isinstance(size, int) and size > MAX_LINE:
        return Skipped(path, row, TOO_LONG)
    raw = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else b""
    result = parse_line(raw)
    if isinstance(result, str):
        return Skipped(path, row, (result or "The line is not valid JSON.").replace("The line", "The value"))
    return Record(row, len(raw), *result)


def bounded(column: str) -> str:
    """SQL for a column that may be too large to be read, and its size."""
    return (
        f"CASE WHEN length(CAST({column} AS BLOB)) > {MAX_LINE} THEN NULL ELSE {column} END,"
        f" length(CAST({column} AS BLOB))"
    )


def as_string(value: object) -> str:
    """A text of a database."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
