"""Finding a text in the lines of a change, also in those that are folded. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.sessions.line_diff import FileDiff, Stretch
from app.ui.diff.lines import shown_text

MOST_MATCHES = 10_000


class Match(NamedTuple):
    """side: 0 old, 1 new. line: counted from 1. first, last (exclusive): characters."""

    side: int
    line: int
    first: int
    last: int


def find_matches(diff: FileDiff, wanted: str) -> list[Match]:
    """Where a text occurs, in the order of the lines; capitals matter only where the wanted text has some."""
    if not wanted:
        return []
    found: list[Match] = []
    for stretch in diff.stretches:
        for match in _in_stretch(stretch, wanted):
            found.append(match)
            if len(found) == MOST_MATCHES:
                return found
    return found


def _in_stretch(stretch: Stretch, wanted: str) -> Iterator[Match]:
    sides = [(1, stretch.new_start, stretch.new)]
    if stretch.kind == "changed":
        sides.insert(0, (0, stretch.old_start, stretch.old))
    for side, start, lines in sides:
        for number, line in enumerate(lines, start + 1):
            for first in _places(line, wanted):
                yield Match(side, number, first, first + len(wanted))


def _places(line: str, wanted: str) -> Iterator[int]:
    text = shown_text(line)
    if wanted == wanted.lower() and len(text.lower()) == len(text):
        text = text.lower()
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + len(wanted))
