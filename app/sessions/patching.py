"""Applying unified diffs to texts, forwards and backwards, only where they fit.

Diffs that come from other tools may be numbered wrongly (a snippet's lines instead of the file's), so a hunk is first
tried where it says, and else where its old lines occur exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.sessions.diff import text_lines

_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NO_NEWLINE = "\\"


@dataclass(frozen=True, slots=True)
class _Hunk:
    """start: first line of `old`, counted from 0. Lines keep their ends."""

    start: int
    old: Sequence[str]
    new: Sequence[str]


def apply_diff(text: str, diff: str, *, backwards: bool = False) -> str | None:
    """The text after the diff (`backwards`: before it); None where a hunk does not fit."""
    lines = text_lines(text)
    shift = at = 0
    for hunk in _hunks(diff, backwards):
        place = _place(lines, hunk, hunk.start + shift, at)
        if place is None:
            return None
        lines[place : place + len(hunk.old)] = hunk.new
        at = place + len(hunk.new)
        shift = at - hunk.start - len(hunk.old)
    return "".join(lines)


def _place(lines: Sequence[str], hunk: _Hunk, expected: int, floor: int) -> int | None:
    """Where the old lines are; never before `floor`, where the hunk before this one ended."""
    size = len(hunk.old)
    if expected >= floor and expected <= len(lines) and lines[expected : expected + size] == hunk.old:
        return expected
    if not size:
        return None
    places = (at for at in range(floor, len(lines) - size + 1) if lines[at] == hunk.old[0])
    found = [at for at in places if lines[at : at + size] == hunk.old]
    return found[0] if len(found) == 1 else None


def _hunks(diff: str, backwards: bool) -> Iterator[_Hunk]:
    for header, body in _pieces(diff):
        old, new = _side(body, " -"), _side(body, " +")
        first = int(header[3 if backwards else 1])
        if backwards:
            old, new = new, old
        yield _Hunk(first - 1 if old else first, old, new)


def _pieces(diff: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """(header, body lines) of each hunk; what precedes the first is the head of the file."""
    header: re.Match[str] | None = None
    body: list[str] = []
    for line in text_lines(diff):
        found = _HEADER.match(line)
        if found is None:
            body.append(line)
            continue
        if header is not None:
            yield header, body
        header, body = found, []
    if header is not None:
        yield header, body


def _side(body: Sequence[str], marks: str) -> list[str]:
    """The lines of one side of a hunk."""
    lines: list[str] = []
    taken = False
    for line in body:
        if line[:1] == _NO_NEWLINE:
            if taken and lines:
                lines[-1] = lines[-1].removesuffix("\n")
            continue
        taken = line[:1] in marks
        if taken:
            lines.append(line[1:])
    return lines
