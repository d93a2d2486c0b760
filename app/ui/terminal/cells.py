"""Where characters stand: every one takes no, one or two cells of a grid, as in a terminal.

So a row is as wide as it is, whatever fonts step in, and characters that turn the direction of others turn nothing.
Widths follow Unicode's East Asian Width (UAX #11); tabs reach to the next column that is a multiple of eight.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

from app.sessions.terminal.parser import Row

TAB_COLUMNS = 8
_TURNING = (*range(0x200E, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0x061C, 0xFEFF)
_SHOWN = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code != 0x09},
    0x7F: "␡",
    **dict.fromkeys((*range(0x80, 0xA0), *_TURNING, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "�"),
}
"""What stands for characters that cannot be seen, one for one."""


class Line(NamedTuple):
    """A row as it is shown. width: in cells. runs, ends: see `Row`."""

    text: str
    runs: tuple[int, ...]
    ends: bool
    width: int


def line_of(row: Row) -> Line:
    """A row of the parser, with everything in it made visible and measured."""
    text = row.text
    if text.isascii() and text.isprintable():
        return Line(text, row.runs, row.ends, len(text))
    if not text.isprintable():
        text = text.translate(_SHOWN)
    return Line(text, row.runs, row.ends, starts(text)[-1])


def is_plain(line: Line) -> bool:
    """Whether each character of a line takes one cell, so that columns are characters."""
    return line.width == len(line.text) and line.text.isascii() and "\t" not in line.text


@lru_cache(maxsize=512)
def starts(text: str) -> array[int]:
    """The column of each character, and the width of the whole."""
    columns = array("H", bytes(2 * len(text) + 2))
    column = 0
    for number, character in enumerate(text):
        columns[number] = column
        column += TAB_COLUMNS - column % TAB_COLUMNS if character == "\t" else cells(character)
    columns[len(text)] = column
    return columns


@lru_cache(maxsize=8192)
def cells(character: str) -> int:
    """How many cells a character takes."""
    if " " <= character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@lru_cache(maxsize=8192)
def reads_from_right(character: str) -> bool:
    """Whether it is a letter of Hebrew, Arabic and the like."""
    return unicodedata.bidirectional(character) in ("R", "AL")


def column_of(line: Line, character: int) -> int:
    """The column where a character begins."""
    return character if is_plain(line) else starts(line.text)[min(character, len(line.text))]


def character_at(line: Line, column: float) -> int:
    """The gap between characters that is nearest to a column."""
    if is_plain(line):
        return max(0, min(len(line.text), round(column)))
    columns = starts(line.text)
    number = max(0, bisect_right(columns, column) - 1)
    if number >= len(line.text):
        return len(line.text)
    return number if column - columns[number] <= columns[number + 1] - column else number + 1


def characters_between(line: Line, first: int, last: int) -> tuple[int, int]:
    """The characters that begin in the columns `first` to before `last`."""
    if is_plain(line):
        return min(first, len(line.text)), min(last, len(line.text))
    columns = starts(line.text)
    begin, end = _first_at(columns, first), _first_at(columns, last)
    return min(begin, len(line.text)), min(end, len(line.text))


def _first_at(columns: array[int], column: int) -> int:
    return bisect_right(columns, column - 1)
