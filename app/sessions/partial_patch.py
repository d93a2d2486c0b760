"""A unified diff of chosen lines or hunks of a change, which applies where the whole change would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from app.sessions.diff import line_range, marked_lines
from app.sessions.line_diff import CONTEXT, FileDiff, Hunk, Stretch

Taken = Callable[[int, Literal["old", "new"], int], bool]
"""Whether a changed line is wanted: (number of its stretch, side, index in the stretch)."""


class _Line(NamedTuple):
    """old, new: how many lines of each side of the patch come before it."""

    mark: str
    text: str
    old: int
    new: int


def hunks_taken(hunks: Sequence[Hunk]) -> Taken:
    """All lines of some hunks."""
    return lambda stretch, _side, _index: any(hunk.first <= stretch <= hunk.last for hunk in hunks)


def partial_patch(diff: FileDiff, taken: Taken, *, backwards: bool = False) -> str:
    """The patch; '' when nothing is taken.

    It fits the old file. backwards: it leads to the new file, so that taken backwards it undoes only these lines.
    """
    hunks = [hunk for run in _runs(diff, taken, backwards) for hunk in _hunks(run)]
    if not hunks:
        return ""
    old = "/dev/null" if diff.created else f"a/{diff.old_path or diff.path}"
    new = "/dev/null" if diff.deleted else f"b/{diff.path}"
    return "".join([f"--- {old}\n+++ {new}\n", *(_text(hunk) for hunk in hunks)])


def _runs(diff: FileDiff, taken: Taken, backwards: bool) -> Iterator[list[_Line]]:
    """Lines that follow each other without a gap; what is not taken stays as it is."""
    run: list[_Line] = []
    grown = 0
    for number, stretch in enumerate(diff.stretches):
        if stretch.kind == "unknown":
            yield run
            run = []
            continue
        old, new = stretch.old_start, stretch.old_start + grown
        if backwards:
            old, new = stretch.new_start - grown, stretch.new_start
        for mark, text in _marked(stretch, number, taken, backwards):
            run.append(_Line(mark, text, old, new))
            old, new = old + (mark != "+"), new + (mark != "-")
            grown += (mark == "+") - (mark == "-")
    yield run


def _marked(stretch: Stretch, number: int, taken: Taken, backwards: bool) -> Iterator[tuple[str, str]]:
    if stretch.kind == "same":
        yield from ((" ", text) for text in stretch.old)
        return
    for index, text in enumerate(stretch.old):
        if taken(number, "old", index):
            yield "-", text
        elif not backwards:
            yield " ", text
    for index, text in enumerate(stretch.new):
        if taken(number, "new", index):
            yield "+", text
        elif backwards:
            yield " ", text


def _hunks(run: Sequence[_Line]) -> Iterator[Sequence[_Line]]:
    """Changed lines with up to three lines of context around them."""
    changed = [at for at, line in enumerate(run) if line.mark != " "]
    first = 0
    for number, at in enumerate(changed):
        if number + 1 == len(changed) or changed[number + 1] - at > 2 * CONTEXT + 1:
            yield run[max(0, changed[first] - CONTEXT) : at + CONTEXT + 1]
            first = number + 1


def _text(hunk: Sequence[_Line]) -> str:
    old, new = sum(line.mark != "+" for line in hunk), sum(line.mark != "-" for line in hunk)
    first = hunk[0]
    head = f"@@ -{line_range(first.old, first.old + old)} +{line_range(first.new, first.new + new)} @@\n"
    return head + "".join(marked for line in hunk for marked in marked_lines(line.mark, [line.text]))
