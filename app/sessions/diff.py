"""Unified diffs of text files, bounded in time also for large and repetitive files."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

_CONTEXT = 3
_MAX_WORK = 4_000_000
"""Product of line counts above which the changed middle is shown as replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Diff:
    """`text`: unified, with `---`/`+++` lines; empty when nothing changed. Counts are lines."""

    text: str
    added: int
    removed: int


def unified_diff(path: str, before: str | None, after: str | None) -> Diff:
    """The change of a file; None means that it does not exist."""
    old, new = _lines(before or ""), _lines(after or "")
    if old == new and before is not None and after is not None:
        return Diff("", 0, 0)
    body: list[str] = []
    added = removed = 0
    for group in _groups(_operations(old, new)):
        first, last = group[0], group[-1]
        body.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n")
        for tag, i, j, k, m in group:
            if tag == "equal":
                body.extend(_marked(" ", old[i:j]))
                continue
            body.extend(_marked("-", old[i:j]))
            body.extend(_marked("+", new[k:m]))
            removed, added = removed + j - i, added + m - k
    head = [
        f"--- {'/dev/null' if before is None else 'a/' + path}\n",
        f"+++ {'/dev/null' if after is None else 'b/' + path}\n",
    ]
    return Diff("".join(head + body), added, removed)


_Operation = tuple[str, int, int, int, int]


def _operations(old: Sequence[str], new: Sequence[str]) -> list[_Operation]:
    """As `SequenceMatcher.get_opcodes`, with equal ends taken off first."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    i, k = len(old) - end, len(new) - end
    operations: list[_Operation] = [("equal", 0, start, 0, start)] if start else []
    if (i - start) * (k - start) > _MAX_WORK:
        operations.append(("replace", start, i, start, k))
    else:
        matcher = difflib.SequenceMatcher(None, old[start:i], new[start:k], autojunk=False)
        operations += [(t, a + start, b + start, c + start, d + start) for t, a, b, c, d in matcher.get_opcodes()]
    if end:
        operations.append(("equal", i, len(old), k, len(new)))
    return operations


def _groups(operations: list[_Operation]) -> list[list[_Operation]]:
    """Hunks: changes with up to three lines of context around them."""
    groups: list[list[_Operation]] = [[]]
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


def _range(first: int, last: int) -> str:
    count = last - first
    if count == 1:
        return str(first + 1)
    return f"{first + 1 if count else first},{count}"


def _marked(mark: str, lines: Sequence[str]) -> list[str]:
    return [mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n" for line in lines]


def _lines(text: str) -> list[str]:
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
