"""What kind of file records lie in: lines of JSON, one JSON object over many lines, or the tables of a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from app.importers.documents import begins_document, read_document
from app.importers.drafts import Skipped
from app.importers.lines import UNREADABLE, Record, read_lines
from app.importers.tables import MAGIC, Rows, read_rows

Container = Literal["lines", "document", "tables"]

_LOOK = 1024


def container_of(path: Path) -> Container:
    """The kind of a file, by its beginning. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_LOOK)
    if head.startswith(MAGIC):
        return "tables"
    return "document" if begins_document(head) else "lines"


def read_records(path: Path, rows: Rows | None = None) -> Iterator[Record | Skipped]:
    """The records of a file in order. rows: how the format keeps them in tables, if it does."""
    try:
        container = container_of(path)
    except OSError:
        yield Skipped(path, 0, UNREADABLE)
        return
    if container == "tables" and rows is not None:
        yield from read_rows(path, rows)
    elif container == "document":
        yield from read_document(path)
    else:
        yield from read_lines(path)
