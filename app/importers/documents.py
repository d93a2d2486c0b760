"""Files that are one JSON object, written over many lines: read as a whole, so bounded in size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from app.importers.drafts import Skipped
from app.importers.lines import BOM, MAX_LINE, UNREADABLE, Record, parse_line

MAX_DOCUMENT = MAX_LINE
TOO_LARGE = "The file is one JSON object larger than 64 MiB."

_BEGINNING = re.compile(rb"\s*\{\s*\n")
_LOOK = 256


def begins_document(head: bytes) -> bool:
    """Whether a file that begins so may be an object over many lines."""
    return _BEGINNING.match(head.removeprefix(BOM)[:_LOOK]) is not None


def read_document(path: Path) -> Iterator[Record | Skipped]:
    """The object of a file as one record; or why there is none, with line 0."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT + 1)
    except OSError:
        yield Skipped(path, 0, UNREADABLE)
        return
    yield parse_document(path, data)


def parse_document(path: Path, data: bytes) -> Record | Skipped:
    """The record of these bytes, of which one more than `MAX_DOCUMENT` are enough."""
    if len(data) > MAX_DOCUMENT:
        return Skipped(path, 0, TOO_LARGE)
    result = parse_line(data.removeprefix(BOM))
    if isinstance(result, str):
        return Skipped(path, 0, result.replace("The line", "The file") or "The file is empty.")
    return Record(1, len(data), *result)
