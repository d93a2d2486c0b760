"""Where things stand across the view of a change: numbers, marks and text, once or twice. Pixels of the viewport."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.conversation.parts import Style

MARGIN, GAP = 8, 8
_MOST_DIGITS = 4
"""Room for so many digits of a line's number is always there."""


@dataclass(frozen=True, slots=True)
class Column:
    """A side, or both in one. side: 0 old, 1 new, None both. number: right edge of the numbers. mark: left edge."""

    side: int | None
    left: float
    right: float
    number: float
    mark: float
    text: float


def columns(width: int, style: Style, highest: int, *, split: bool) -> tuple[Column, ...]:
    """The columns for a view of this width. highest: the greatest number of a line."""
    digit = style.mono_metrics.horizontalAdvance("0")
    numbers = max(_MOST_DIGITS, len(str(highest))) * digit
    middle = width / 2
    edges = ((0, MARGIN, middle), (1, middle, width - MARGIN)) if split else ((None, MARGIN, width - MARGIN),)
    made = []
    for side, left, right in edges:
        number = left + GAP / 2 + numbers
        mark = number + GAP
        made.append(Column(side, left, right, number, mark, mark + 2 * digit))
    return tuple(made)
