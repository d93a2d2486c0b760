"""Which files are transcripts, and of which tool: by their content, never by path or name."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from app.errors import UserError
from app.importers.documents import begins_document, read_document
from app.importers.lines import BOM, Record, parse_line, read_lines
from app.importers.registry import FORMATS
from app.importers.tables import MAGIC, is_locked, opened

HEAD_BYTES = 256 * 1024
MAX_DEPTH = 24
_SHOWN_LINES = 64
_LONG_LINES = 4
_LOOK = 4096
_FIRST_KEYS = re.compile(
    rb'\s*\{\s*(?s:.*)"(?:type|uuid|sessionId|parentUuid|isSidechain|timestamp|message|payload)"\s*:'
)
"""How a first line that is longer than what was read must begin, to be worth reading whole."""
_DOCUMENT_KEYS = re.compile(rb'"(?:sessionId|sessionID|projectID|directory|messages)"\s*:')
"""What a file that is one object must have near its beginning, to be worth reading whole."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is a transcript of this format."""

    path: Path
    format: str
    size: int


def find_sources(places: Iterable[Path], *, format: str | None = None) -> list[Source]:
    """The transcripts among these files and, recursively, in these folders; each file once.

    format: only this one; a file that is named itself is then taken for it without a look.
    Raises `UserError` for a place that does not exist.
    """
    found: dict[tuple[int, int], Source] = {}
    for place in places:
        try:
            status = place.stat()
        except OSError as error:
            raise UserError(f"{place} cannot be read: {error.strerror}.") from error
        named = not stat.S_ISDIR(status.st_mode)
        for path in [place] if named else files_below(place):
            source = _source(path, format, trusted=named)
            if source is not None:
                found.setdefault(source[0], source[1])
    return list(found.values())


def _source(path: Path, format: str | None, *, trusted: bool) -> tuple[tuple[int, int], Source] | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        name = format if trusted and format else recognise_file(path)
    except OSError:
        return None  # unreadable files in a folder are none of its transcripts
    if name is None or (format and name != format):
        return None
    return (status.st_dev, status.st_ino), Source(path, name, status.st_size)


def files_below(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Files below a folder in the order of their names; links to folders are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth < MAX_DEPTH:
                yield from files_below(Path(entry.path), depth + 1)
        elif _is_file(entry):
            yield Path(entry.path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a link that leads to itself


def recognise_file(path: Path) -> str | None:
    """The name of the format of a file, from its first lines, its one object or its tables; None for anything else.

    Raises OSError where it cannot be read now.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(MAGIC):
        return _recognise_tables(path)
    if begins_document(head) and _DOCUMENT_KEYS.search(head[:_LOOK]):
        record = next(read_document(path))
        return recognise(record.fields) if isinstance(record, Record) else None
    whole = len(head) < HEAD_BYTES
    lines = head.split(b"\n", _SHOWN_LINES)
    complete = lines[:_SHOWN_LINES] if whole else lines[:-1]
    for line in complete:
        parsed = parse_line(line.removeprefix(BOM))
        if not isinstance(parsed, str) and (name := recognise(parsed[0])):
            return name
    if not complete and _FIRST_KEYS.match(head[:_LOOK]):
        return _recognise_long_lines(path)
    return None


def _recognise_tables(path: Path) -> str | None:
    try:
        with opened(path) as database:
            columns = database.columns()
    except sqlite3.Error as error:
        if is_locked(error):
            raise BlockingIOError(errno.EBUSY, "it is in use by another program") from error
        return None
    return next((name for name, format in FORMATS.items() if format.rows and format.rows.fits(columns)), None)


def _recognise_long_lines(path: Path) -> str | None:
    for line in islice(read_lines(path), _LONG_LINES):
        if isinstance(line, Record) and (name := recognise(line.fields)):
            return name
    return None


def recognise(fields: dict[str, Any]) -> str | None:
    """The name of the format that a line with these fields belongs to."""
    return next((name for name, format in FORMATS.items() if format.recognise(fields)), None)
