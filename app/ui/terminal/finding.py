"""Searching the output of a command: off the main thread, and again as it grows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from app.ui.terminal.cells import Line

MOST_MATCHES = 10_000


class Match(NamedTuple):
    """Found characters of a row."""

    row: int
    first: int
    last: int


def find(lines: Sequence[Line], words: str, start: int = 0, most: int = MOST_MATCHES) -> list[Match]:
    """Where the words stand, in any case, in the rows from `start` on; the first `most`. Lines cut into rows are whole.

    What reaches over such a cut is found in the row where it begins.
    """
    wanted = re.compile(re.escape(words), re.IGNORECASE)
    found: list[Match] = []
    overlap = len(words) - 1
    for row in range(start, len(lines)):
        line = lines[row]
        text = line.text
        if overlap and not line.ends and row + 1 < len(lines):
            text += lines[row + 1].text[:overlap]
        for match in wanted.finditer(text):
            if match.start() < len(line.text):
                found.append(Match(row, match.start(), min(match.end(), len(line.text))))
        if len(found) >= most:
            return found[:most]
    return found
