"""A file's change as lines to look at: stretches that are the same, changed or not known, and which old line stands
beside which new one. Pure and bounded in time; patches of parts of it are in `partial_patch.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from app.sessions.diff import decode_text, line_operations, text_lines

StretchKind = Literal["same", "changed", "unknown"]

CONTEXT = 3
"""Unchanged lines that belong to a change."""
TAB = 4
"""Columns from one tab stop to the next."""
LARGEST_TEXT = 32 * 1024 * 1024
"""Larger contents (bytes) are not compared line by line."""
_PAIRED_CELLS = 2_500
"""Product of line counts up to which lines of a change are put beside what they resemble, else by their order."""
_PAIRED_IN_ALL = 8_000
_COMPARED = 200
"""Characters of a line that are looked at to see whether two resemble each other."""
_LIKENESS = 0.4
_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")
_HEADING = re.compile(r"[A-Za-z_$]")
_HEADING_LENGTH = 80

Pair = tuple[int, int]
"""Indexes of an old and a new line that stand beside each other; -1 where there is none."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Successive lines. old_start, new_start: how many lines of each side come before it.

    old, new: the lines with their ends; equal where the kind is "same", empty where it is "unknown".
    pairs: of a change, every line of both sides once, in order. heading: the function or class that the line after
    this stretch belongs to, as far as its looks tell. count: lines of each side; None where not even that is known.
    """

    kind: StretchKind
    old_start: int
    new_start: int
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    heading: str = ""
    count: int | None = None


@dataclass(frozen=True)
class FileDiff:
    """One file's change. remark: a sentence for what lines do not say: binary, contents that are not known.

    old_path: where the file was before, if that is another place. created, deleted: it was not there on one side.
    """

    path: str
    stretches: tuple[Stretch, ...] = ()
    remark: str = ""
    old_path: str | None = None
    created: bool = False
    deleted: bool = False

    @cached_property
    def added(self) -> int:
        """Lines that are only in the new file."""
        return sum(len(stretch.new) for stretch in self.stretches if stretch.kind == "changed")

    @cached_property
    def removed(self) -> int:
        """Lines that are only in the old file."""
        return sum(len(stretch.old) for stretch in self.stretches if stretch.kind == "changed")

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """Changes with what stands between near ones, as in a unified diff with three lines of context."""
        return tuple(_hunks(self.stretches))

    @cached_property
    def old_text(self) -> str:
        """The old lines that are known, as one text."""
        return "".join(line for stretch in self.stretches for line in stretch.old)

    @cached_property
    def new_text(self) -> str:
        """The new lines that are known, as one text."""
        return "".join(line for stretch in self.stretches for line in stretch.new)

    @cached_property
    def widest(self) -> int:
        """The most columns that a line takes; more rather than fewer where characters are not all equally wide."""
        lines = (
            line for s in self.stretches for side in (s.old, s.new if s.kind == "changed" else ()) for line in side
        )
        return max(map(_columns, lines), default=0)

    @property
    def highest(self) -> int:
        """The greatest number of a line of either side."""
        last = self.stretches[-1] if self.stretches else Stretch("same", 0, 0)
        return max(last.old_start + len(last.old), last.new_start + len(last.new))

    def worked_out(self) -> FileDiff:
        """This change, with all that is worked out once worked out now: on a thread that has the time."""
        for name in ("added", "removed", "hunks", "old_text", "new_text", "widest", "has_mixed_ends"):
            getattr(self, name)
        return self

    @cached_property
    def has_mixed_ends(self) -> bool:
        """Whether some lines end with CR LF and others with LF only, so that it must be seen which do."""
        text = self.old_text + self.new_text
        return 0 < text.count("\r\n") < text.count("\n")


def _columns(line: str) -> int:
    return (len(line) if line.isascii() else 2 * len(line)) + (TAB - 1) * line.count("\t")


@dataclass(frozen=True, slots=True)
class Hunk:
    """first, last: numbers of its first and last changed stretch."""

    first: int
    last: int


def diff_of_contents(path: str, before: bytes | None, after: bytes | None, *, old_path: str | None = None) -> FileDiff:
    """The change from one content to another; None: there is no file."""
    created, deleted = before is None and after is not None, after is None and before is not None
    remark = _remark(before, after)
    if remark:
        return FileDiff(path, (), remark, old_path, created, deleted)
    old, new = (decode_text(data or b"") or "" for data in (before, after))
    stretches = tuple(_stretches(text_lines(old), text_lines(new)))
    return FileDiff(path, stretches, _sameness(before, after), old_path, created, deleted)


def _remark(before: bytes | None, after: bytes | None) -> str:
    """Why contents are not shown as lines."""
    sizes = [None if data is None else len(data) for data in (before, after)]
    if any(data is not None and decode_text(data) is None for data in (before, after)):
        return f"This is not text, so its lines are not shown: {_sizes(*sizes)}."
    if any(size is not None and size > LARGEST_TEXT for size in sizes):
        return f"This file is too large to be compared line by line: {_sizes(*sizes)}."
    return ""


def _sizes(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return f"{before or after or 0:,} bytes"
    return f"{before:,} bytes before, {after:,} bytes after"


def _sameness(before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return "There is no such file on either side." if before is None else "Nothing is different."
    if not before and not after:
        return "An empty file was made." if before is None else "The file was empty and is gone."
    return ""


def diff_of_patch(
    path: str,
    patch: str,
    remark: str = "",
    *,
    old_path: str | None = None,
    created: bool = False,
    deleted: bool = False,
) -> FileDiff:
    """What a unified diff shows of a change. What stands between its hunks is not known."""
    return FileDiff(path, tuple(_patch_stretches(patch)), remark, old_path, created, deleted)


def _stretches(old: Sequence[str], new: Sequence[str]) -> Iterator[Stretch]:
    budget = _PAIRED_IN_ALL
    heading, read = "", 0
    for tag, i, j, k, m in line_operations(old, new):
        lines, others = tuple(old[i:j]), tuple(new[k:m])
        if tag == "equal":
            shown_from = max(i, j - CONTEXT)
            heading, read = _last_heading(old, read, shown_from, heading), shown_from
            yield Stretch("same", i, k, lines, lines, heading=heading, count=j - i)
            continue
        cells = len(lines) * len(others)
        pairs = pair_lines(lines, others, by_likeness=cells <= min(budget, _PAIRED_CELLS))
        budget -= cells
        yield Stretch("changed", i, k, lines, others, pairs)


def _last_heading(lines: Sequence[str], first: int, last: int, before: str) -> str:
    """The last line that looks like the head of a function or class, as git finds it."""
    for at in range(last - 1, first - 1, -1):
        if _HEADING.match(lines[at]):
            return lines[at][:_HEADING_LENGTH].strip()
    return before


def pair_lines(old: Sequence[str], new: Sequence[str], *, by_likeness: bool = True) -> tuple[Pair, ...]:
    """What stands beside what in a change: every line of both sides once, in order.

    As many lines on both sides stand beside each other in order; else those that resemble each other most.
    """
    if not old or not new or len(old) == len(new) or not by_likeness:
        return _in_order(len(old), len(new))
    chosen = _most_alike([_bag(line) for line in old], [_bag(line) for line in new])
    return tuple(_around(chosen, len(old), len(new))) if chosen else _in_order(len(old), len(new))


def _in_order(old: int, new: int) -> tuple[Pair, ...]:
    return tuple((at if at < old else -1, at if at < new else -1) for at in range(max(old, new)))


def _bag(line: str) -> Counter[str]:
    return Counter(line[:_COMPARED].strip())


def _most_alike(old: Sequence[Counter[str]], new: Sequence[Counter[str]]) -> list[Pair]:
    """The pairs in order whose likenesses sum up to most (dynamic programming over all pairs)."""
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    alike = [[_likeness(one, other) for other in new] for one in old]
    for i in range(len(old) - 1, -1, -1):
        for k in range(len(new) - 1, -1, -1):
            best[i][k] = max(best[i + 1][k], best[i][k + 1], alike[i][k] + best[i + 1][k + 1])
    pairs, i, k = [], 0, 0
    while i < len(old) and k < len(new):
        if alike[i][k] and best[i][k] == alike[i][k] + best[i + 1][k + 1]:
            pairs.append((i, k))
            i, k = i + 1, k + 1
        elif best[i][k] == best[i + 1][k]:
            i += 1
        else:
            k += 1
    return pairs


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """0 for lines that have little in common, up to 1."""
    size = one.total() + other.total()
    ratio = 2 * (one & other).total() / size if size else 0.0
    return ratio if ratio >= _LIKENESS else 0.0


def _around(chosen: Sequence[Pair], old: int, new: int) -> Iterator[Pair]:
    """The chosen pairs and, between them, the other lines in order."""
    i = k = 0
    for at, new_at in (*chosen, (old, new)):
        for first, second in _in_order(at - i, new_at - k):
            yield (first + i if first >= 0 else -1), (second + k if second >= 0 else -1)
        if at < old:
            yield at, new_at
        i, k = at + 1, new_at + 1


def _hunks(stretches: Sequence[Stretch]) -> Iterator[Hunk]:
    first = last = -1
    for number, stretch in enumerate(stretches):
        if stretch.kind == "changed":
            first, last = (number if first < 0 else first), number
        elif first >= 0 and (stretch.kind == "unknown" or len(stretch.old) > 2 * CONTEXT):
            yield Hunk(first, last)
            first = -1
    if first >= 0:
        yield Hunk(first, last)


def _patch_stretches(patch: str) -> Iterator[Stretch]:
    lines = text_lines(patch)
    at = old_at = new_at = 0
    while at < len(lines):
        header = _HEADER.match(lines[at])
        at += 1
        if header is None:
            continue
        old_count, new_count = (1 if header[n] is None else int(header[n]) for n in (2, 4))
        old_start, new_start = (int(header[n]) - (count > 0) for n, count in ((1, old_count), (3, new_count)))
        if (old_start, new_start) != (old_at, new_at):
            hidden = old_start - old_at
            count = hidden if hidden == new_start - new_at and hidden > 0 else None
            yield Stretch("unknown", max(0, old_start), max(0, new_start), heading=header[5].strip(), count=count)
        body, at = _body(lines, at, old_count, new_count)
        yield from _body_stretches(body, old_start, new_start)
        old_at, new_at = old_start + old_count, new_start + new_count


def _body(lines: Sequence[str], at: int, old: int, new: int) -> tuple[list[tuple[str, str]], int]:
    """(mark, line) of a hunk that has so many lines, and where it ends."""
    body: list[tuple[str, str]] = []
    while at < len(lines) and (old > 0 or new > 0 or lines[at].startswith("\\")):
        mark, line = lines[at][:1], lines[at][1:]
        if mark == "\\":
            if body:
                body[-1] = (body[-1][0], body[-1][1].removesuffix("\n"))
        elif mark in " +-\n":
            body.append((" ", "\n") if mark == "\n" else (mark, line))
            old, new = old - (mark != "+"), new - (mark != "-")
        else:
            break
        at += 1
    return body, at


def _body_stretches(body: Sequence[tuple[str, str]], old_at: int, new_at: int) -> Iterator[Stretch]:
    at = 0
    while at < len(body):
        end = at
        while end < len(body) and (body[end][0] == " ") == (body[at][0] == " "):
            end += 1
        old = tuple(line for mark, line in body[at:end] if mark != "+")
        new = tuple(line for mark, line in body[at:end] if mark != "-")
        if body[at][0] == " ":
            yield Stretch("same", old_at, new_at, old, new, count=len(old))
        else:
            pairs = pair_lines(old, new, by_likeness=len(old) * len(new) <= _PAIRED_CELLS)
            yield Stretch("changed", old_at, new_at, old, new, pairs)
        old_at, new_at, at = old_at + len(old), new_at + len(new), end
