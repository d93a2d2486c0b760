"""The columns of a change: how many operations it has and which keys it touches, read without building anything.

After its header a change body goes on: time, message, other actors, then a list of (specification, length) of columns
and the columns themselves. The low three bits of a specification say how a column is encoded; all but raw values are
runs, so that a few bytes may stand for billions of operations. The document core expands them without asking: whatever
is beyond our bounds must be refused before.
Format: https://automerge.org/automerge-binary-format-spec/ (operation columns, run length encoding).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sync.documents.leb import read_bytes, read_sleb, read_uleb
from sync.errors import RejectedChange

MAX_OPERATIONS = 1 << 20
MAX_COLUMN_BYTES = 16 << 20
MAX_KEY_BYTES = 256
_KEY_TEXT, _ACTION = 0x15, 0x42
_GROUP, _DELTA, _BOOLEAN, _TEXT, _VALUE_SIZES, _VALUES, _DEFLATED = 0, 3, 4, 5, 6, 7, 8
_NOT_THE_KIND = ~7
_SMALL_BYTES = 3


@dataclass(frozen=True, slots=True)
class OperationSummary:
    """count: operations of a change. keys: the map keys they name, each once, in order of first use."""

    count: int
    keys: tuple[str, ...]


def read_operations(body: bytes, at: int) -> OperationSummary:
    """Summarise what follows the operation number in a plain change body; raises RejectedChange if it is not sound."""
    _, at = read_sleb(body, at)  # time
    _, at = read_bytes(body, at)  # message
    others, at = read_uleb(body, at)
    for _ in range(others):
        _, at = read_bytes(body, at)
    columns = _split_columns(body, at)
    for spec, data in columns.items():
        # three bytes stand for some thousand rows at most
        if len(data) > _SMALL_BYTES and spec & 7 != _VALUES and _count_rows(spec, data) > MAX_OPERATIONS:
            raise RejectedChange("too many operations")
    _check_values(columns)
    return OperationSummary(_count_rows(_ACTION, columns.get(_ACTION, b"")), _keys(columns.get(_KEY_TEXT, b"")))


def check_saved(body: bytes, at: int, most: int) -> None:
    """Check the columns of a saved document, those of its changes and those of its operations; raises RejectedChange.

    at: where their two layouts begin. most: rows that a column may stand for.
    """
    changes, at = _read_layout(body, at)
    operations, at = _read_layout(body, at)
    for layout in (changes, operations):
        columns, at = _cut_columns(body, at, layout)
        plain = {spec & ~_DEFLATED: _inflate(data) if spec & _DEFLATED else data for spec, data in columns.items()}
        for spec, data in plain.items():
            if spec & 7 != _VALUES and _count_rows(spec, data) > most:
                raise RejectedChange("too many operations")
        _check_values(plain)


def _split_columns(body: bytes, at: int) -> dict[int, bytes]:
    """specification → content; none is deflated on its own."""
    layout, at = _read_layout(body, at)
    if any(spec & _DEFLATED for spec, _ in layout):
        raise RejectedChange("columns are not in order")
    return _cut_columns(body, at, layout)[0]


def _read_layout(body: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
    """(specification, length) of columns, which stand in ascending order, each once; and where their content begins."""
    count, at = read_uleb(body, at)
    layout: list[tuple[int, int]] = []
    last = -1
    for _ in range(count):
        spec, at = read_uleb(body, at)
        length, at = read_uleb(body, at)
        if spec & ~_DEFLATED <= last:
            raise RejectedChange("columns are not in order")
        last = spec & ~_DEFLATED
        layout.append((spec, length))
    return layout, at


def _cut_columns(body: bytes, at: int, layout: list[tuple[int, int]]) -> tuple[dict[int, bytes], int]:
    columns = {}
    for spec, length in layout:
        columns[spec] = body[at : at + length]
        at += length
    if at > len(body):
        raise RejectedChange("columns are cut off")
    return columns, at


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        plain = inflater.decompress(data, MAX_COLUMN_BYTES)
    except zlib.error as error:
        raise RejectedChange("broken compression") from error
    if not inflater.eof or inflater.unused_data:
        raise RejectedChange("broken compression")
    return plain


def _count_rows(spec: int, data: bytes) -> int:
    """Rows of a column, or some number over the limit; for groups, if that is more, the rows they stand for."""
    kind = spec & 7
    if kind == _BOOLEAN:
        return sum(_booleans(data))
    total = grouped = 0
    for run, value in _runs(kind, data):
        total += run
        if kind == _GROUP and isinstance(value, int):
            grouped += run * value
        if total > MAX_OPERATIONS:
            break
    return max(total, grouped)


def _booleans(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        count, at = read_uleb(data, at)
        yield count


def _runs(kind: int, data: bytes) -> Iterator[tuple[int, int | bytes | None]]:
    """(how often, value) of a run length encoded column; None stands for null."""
    at = 0
    while at < len(data):
        count, at = read_sleb(data, at)
        if count == 0:
            count, at = read_uleb(data, at)
            yield count, None
        elif count > 0:
            value, at = _read_value(kind, data, at)
            yield count, value
        else:
            for _ in range(-count):
                value, at = _read_value(kind, data, at)
                yield 1, value


def _read_value(kind: int, data: bytes, at: int) -> tuple[int | bytes, int]:
    if kind == _TEXT:
        return read_bytes(data, at)
    return read_sleb(data, at) if kind == _DELTA else read_uleb(data, at)


def _check_values(columns: dict[int, bytes]) -> None:
    """The sizes that value columns announce must fit what is there."""
    for spec, data in columns.items():
        if spec & 7 == _VALUE_SIZES:
            announced = sum(run * (value >> 4) for run, value in _runs(_VALUE_SIZES, data) if isinstance(value, int))
            if announced > len(columns.get(spec & _NOT_THE_KIND | _VALUES, b"")):
                raise RejectedChange("values are cut off")


def _keys(data: bytes) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for _, value in _runs(_TEXT, data):
        if not isinstance(value, bytes):
            continue
        if len(value) > MAX_KEY_BYTES:
            raise RejectedChange("a key is too long")
        try:
            found[value.decode()] = None
        except UnicodeDecodeError as error:
            raise RejectedChange("a key is not text") from error
    return tuple(found)
