"""Which lines of a text changed, and unified diffs; bounded in time also for large and repetitive files.

Where a matrix of all lines would be too large, lines that occur once on each side are taken as fixed points first
(Bram Cohen's patience diff), and only what lies between them is compared line by line.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CONTEXT = 3
_MAX_WORK = 4_000_000
"""Product of line counts up to which all lines are compared with all. A piece above it without fixed points is shown as
replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Diff:
    """`text`: unified, with `---`/`+++` lines; empty when nothing changed. Counts are lines."""

    text: str
    added: int
    removed: int


def unified_diff(path: str, before: str | None, after: str | None) -> Diff:
    """The change of a file; None means that it does not exist."""
    old, new = text_lines(before or ""), text_lines(after or "")
    if old == new and before is not None and after is not None:
        return Diff("", 0, 0)
    body: list[str] = []
    added = removed = 0
    for group in _groups(line_operations(old, new)):
        first, last = group[0], group[-1]
        body.append(f"@@ -{line_range(first[1], last[2])} +{line_range(first[3], last[4])} @@\n")
        for tag, i, j, k, m in group:
            if tag == "equal":
                body.extend(marked_lines(" ", old[i:j]))
                continue
            body.extend(marked_lines("-", old[i:j]))
            body.extend(marked_lines("+", new[k:m]))
            removed, added = removed + j - i, added + m - k
    head = [
        f"--- {'/dev/null' if before is None else 'a/' + path}\n",
        f"+++ {'/dev/null' if after is None else 'b/' + path}\n",
    ]
    return Diff("".join(head + body), added, removed)


Operation = tuple[str, int, int, int, int]
"""As of `SequenceMatcher.get_opcodes`: tag, first and last (exclusive) old line, the same of the new lines."""


def line_operations(old: Sequence[str], new: Sequence[str]) -> list[Operation]:
    """How the old lines become the new ones, in order and without gaps; equal pieces are as long as they can be."""
    joined: list[Operation] = []
    for tag, i, j, k, m in _operations(old, new, (0, len(old), 0, len(new))):
        if joined and joined[-1][0] == tag:
            joined[-1] = (tag, joined[-1][1], j, joined[-1][3], m)
        else:
            joined.append((tag, i, j, k, m))
    return joined


_Region = tuple[int, int, int, int]
"""First and last (exclusive) old line, the same of the new lines."""


def _operations(old: Sequence[str], new: Sequence[str], region: _Region) -> Iterator[Operation]:
    first, last, new_first, new_last = region
    start = 0
    while start < min(last - first, new_last - new_first) and old[first + start] == new[new_first + start]:
        start += 1
    i, k = first + start, new_first + start
    end = 0
    while end < min(last - i, new_last - k) and old[last - 1 - end] == new[new_last - 1 - end]:
        end += 1
    j, m = last - end, new_last - end
    if start:
        yield "equal", first, i, new_first, k
    yield from _changed(old, new, (i, j, k, m))
    if end:
        yield "equal", j, last, m, new_last


def _changed(old: Sequence[str], new: Sequence[str], region: _Region) -> Iterator[Operation]:
    """The operations of a region whose first lines differ, as its last ones do."""
    i, j, k, m = region
    if i == j and k == m:
        return
    if i == j or k == m:
        yield "insert" if i == j else "delete", i, j, k, m
    elif (j - i) * (m - k) <= _MAX_WORK:
        matcher = difflib.SequenceMatcher(None, old[i:j], new[k:m], autojunk=False)
        yield from ((t, a + i, b + i, c + k, d + k) for t, a, b, c, d in matcher.get_opcodes())
    else:
        points = _fixed_points(old, new, region)
        if not points:
            yield "replace", i, j, k, m
            return
        for at, new_at in points:
            yield from _operations(old, new, (i, at, k, new_at))
            yield "equal", at, at + 1, new_at, new_at + 1
            i, k = at + 1, new_at + 1
        yield from _operations(old, new, (i, j, k, m))


def _fixed_points(old: Sequence[str], new: Sequence[str], region: _Region) -> list[tuple[int, int]]:
    """The longest rising run of lines that occur once on each side."""
    i, j, k, m = region
    counts, new_counts = Counter(old[i:j]), Counter(new[k:m])
    places = {new[at]: at for at in range(k, m) if new_counts[new[at]] == 1}
    pairs = [(at, places[old[at]]) for at in range(i, j) if counts[old[at]] == 1 and old[at] in places]
    return _longest_rising(pairs)


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part in which the second numbers rise too; the first ones do already."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, value) in enumerate(pairs):
        at = bisect_left(tails, value)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [value]
        ends[at : at + 1] = [number]
    chain: list[tuple[int, int]] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _groups(operations: list[Operation]) -> list[list[Operation]]:
    """Hunks: changes with up to three lines of context around them."""
    groups: list[list[Operation]] = [[]]
    for index, (tag, i, j, k, m) in enumerate(operations):
        if tag != "equal":
            groups[-1].append((tag, i, j, k, m))
            continue
        is_first, is_last = index == 0, index == len(operations) - 1
        lead = 0 if is_first else min(_CONTEXT, j - i)
        trail = 0 if is_last else min(_CONTEXT, j - i)
        if lead + trail >= j - i:
            groups[-1].append((tag, i, j, k, m))
            continue
        if lead:
            groups[-1].append((tag, i, i + lead, k, k + lead))
        if trail:
            groups.append([(tag, j - trail, j, m - trail, m)])
    return [group for group in groups if any(tag != "equal" for tag, *_ in group)]


def line_range(first: int, last: int) -> str:
    """Lines as the head of a hunk names them; counted from 0, `last` exclusive."""
    count = last - first
    if count == 1:
        return str(first + 1)
    return f"{first + 1 if count else first},{count}"


def marked_lines(mark: str, lines: Sequence[str]) -> list[str]:
    """Lines as they stand in a hunk."""
    return [mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n" for line in lines]


def text_lines(text: str) -> list[str]:
    """Lines end at a line feed only, as for diff and git."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def decode_text(data: bytes) -> str | None:
    """The text of a file, or None when it is not text."""
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
