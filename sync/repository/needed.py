"""Entries of a note that do not count, but on which others have written on.

Whoever edits a note builds on all of it that is there. If an author loses the right to write, and somebody had seen
more of their work than the one who took it, the edits of that somebody would wait for ever where the rest is held. So
what an entry that counts builds on is taken in with it. The author of that entry answers for it: they could have
written the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync.documents.change import ChangeHeader


@dataclass(frozen=True, slots=True)
class Waiting:
    """A held entry. row: of the entry; counts: whether membership lets it count."""

    row: int
    counts: bool
    headers: tuple[ChangeHeader, ...]


def needed_entries(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Those that count and do not come by themselves, with all on which they build, directly or not."""
    held = list(waiting)
    holders = {header.hash: each for each in held for header in each.headers}
    found: dict[int, Waiting] = {}
    rest = [each for each in held if each.counts]
    while rest:
        each = rest.pop()
        if each.row not in found:
            found[each.row] = each
            deps = [dep for header in each.headers for dep in header.deps]
            rest.extend(holders[dep] for dep in deps if dep in holders)
    return list(found.values())
