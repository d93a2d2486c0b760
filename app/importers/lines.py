"""Lines of a JSON Lines file as records, whatever the bytes are: bounded memory, and no input raises.

A line of up to `MAX_LINE` bytes is parsed; a longer one is passed over without being held. Bytes that are not UTF-8
and lone surrogates are replaced by U+FFFD and the record says so. Everything else that is not a JSON object is
reported as `Skipped` with its line number. Blank lines are nothing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from app.importers.drafts import Skipped

MAX_LINE = 64 * 1024 * 1024
MAX_DEPTH = 100
"""Deeper than any tool writes, and shallow enough for every later reader of the event (encoder, schema, window)."""

TOO_LONG = "The line is longer than 64 MiB."
TOO_DEEP = "The line is nested too deeply."
NOT_JSON = "The line is not valid JSON."
NOT_AN_OBJECT = "The line is not a JSON object."
HALF_WRITTEN = "The last line is only half written."
NUL_BYTES = "The line holds only NUL bytes."
UNREADABLE = "The file cannot be read."

_PIECE = 1024 * 1024
BOM = b"\xef\xbb\xbf"
_PADDING = b"\x00 \t\r\n"
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)

_decode = msgspec.json.Decoder().decode


class Record(msgspec.Struct, frozen=True):
    """One parsed line. number: counted from 1. replaced: some of its characters were not valid text."""

    number: int
    size: int
    fields: dict[str, Any]
    replaced: bool = False


def read_lines(path: Path) -> Iterator[Record | Skipped]:
    """The records of a file in order; a file that cannot be opened or read on is one `Skipped` with line 0."""
    try:
        with path.open("rb") as file:
            yield from _read(path, file)
    except OSError:
        yield Skipped(path, 0, UNREADABLE)


def _read(path: Path, file: BinaryIO) -> Iterator[Record | Skipped]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        complete = line.endswith(b"\n")
        if not complete and len(line) > MAX_LINE:
            del line
            pass_over(file)
            yield Skipped(path, number, TOO_LONG)
            continue
        if number == 1:
            line = line.removeprefix(BOM)
        result = parse_line(line)
        size = len(line)
        del line  # a long line must not be held while its record is used
        if isinstance(result, str):
            if result:
                cut = not complete and result == NOT_JSON
                yield Skipped(path, number, HALF_WRITTEN if cut else result)
            continue
        fields, replaced = result
        del result
        yield Record(number, size, fields, replaced)
        del fields


def pass_over(file: BinaryIO) -> None:
    """Moves to the end of the line without holding it."""
    while (piece := file.readline(_PIECE)) and not piece.endswith(b"\n"):
        pass


def parse_line(line: bytes) -> tuple[dict[str, Any], bool] | str:
    """(fields, whether text was replaced), or the reason why there is no record; "" for a blank line."""
    replaced = False
    try:
        value = _decode(line)
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        stripped = line.strip(_PADDING)
        if not stripped:
            return NUL_BYTES if b"\x00" in line else ""
        mended = _mend(stripped)
        replaced = mended != stripped
        try:
            value = _decode(mended)
        except RecursionError:
            return TOO_DEEP
        except ValueError:
            return NOT_JSON
    if type(value) is not dict:
        return NOT_AN_OBJECT
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and nested_deeply(value):
        return TOO_DEEP
    return value, replaced


def _mend(line: bytes) -> bytes:
    """Replaces what is not text: invalid UTF-8, and escapes of half a surrogate pair (cut emoji are common).

    Works piece by piece, and gives up where there is little text at all, so that it needs no more than the line does.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    mended = bytearray()
    for start in range(0, len(line), _PIECE):
        piece = line[start : start + _PIECE]
        mended += decoder.decode(piece, start + _PIECE >= len(line)).encode()
        if len(mended) > len(line) + _PIECE:
            return b""
    if b"\\ud" in mended or b"\\uD" in mended:
        return _SURROGATES.sub(lambda match: b"\\ufffd" if match[1] else match[0], mended)
    return bytes(mended)


def nested_deeply(value: Any) -> bool:
    """Whether lists and objects lie in each other more than `MAX_DEPTH` deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    inner = node.values() if isinstance(node, dict) else node
    return [child for child in inner if isinstance(child, dict | list)]
