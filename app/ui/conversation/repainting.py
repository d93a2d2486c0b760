"""What must be drawn anew when the rows in sight have moved, grown or changed. Pure; pixels of the viewport.

Most pictures differ little from the one before: everything has moved by the same distance, and a strip is new. What has
only moved is copied on the screen, which is ten times as fast as drawing text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Strip = tuple[int, int]
"""From an upper edge (included) to a lower one (not)."""


class Shown(NamedTuple):
    """A row in sight. layout: what draws it, compared by identity. same: so many pixels of it, from its upper edge, are
    drawn as they were by the same layout before."""

    identifier: int
    top: int
    height: int
    layout: object
    same: int


class Repaint(NamedTuple):
    """Move everything by `shift` pixels, then draw the strips."""

    shift: int
    strips: tuple[Strip, ...]


def repaint(before: Sequence[Shown], now: Sequence[Shown], height: int) -> Repaint:
    """From one picture to the next, in a viewport of this height. Rows lie one below the other."""
    earlier = {row.identifier: row for row in before}
    kept: list[tuple[int, int, int]] = []  # the way it moved, top, height
    for row in now:
        old = earlier.get(row.identifier)
        if old is not None and old.layout is row.layout:
            kept.append((row.top - old.top, row.top, min(row.same, row.height, old.height)))
    weights: Counter[int] = Counter()
    for way, top, size in kept:
        weights[way] += max(0, min(top + size, height) - max(top, 0))
    shift, weight = weights.most_common(1)[0] if weights else (0, 0)
    if not weight or abs(shift) >= height:
        return Repaint(0, ((0, height),))
    return Repaint(shift, tuple(_others([(top, top + size) for way, top, size in kept if way == shift], height)))


def _others(kept: Iterable[Strip], height: int) -> Iterable[Strip]:
    """What lies between strips in order, within the viewport."""
    end = 0
    for top, bottom in kept:
        if min(top, height) > end:
            yield end, min(top, height)
        end = max(end, min(bottom, height))
    if end < height:
        yield end, height
