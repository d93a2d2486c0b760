"""Pens: how a terminal draws text, and how Select Graphic Rendition changes that.

ECMA-48 and ITU T.416 (`38;5;n`, `38;2;r;g;b`, with `;` or `:`). What is not understood changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from app.sessions.terminal.colors import true_color

_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "struck"}
_UNSET = {21: "underline", 22: "bold dim", 23: "italic", 24: "underline", 27: "inverse", 28: "hidden", 29: "struck"}
MOST_PENS = 4096
"""So many different pens are kept apart; what comes after is drawn plain."""


@dataclass(frozen=True, slots=True)
class Pen:
    """front, back: numbers of colours (see `colors.py`); None: the default."""

    front: int | None = None
    back: int | None = None
    flags: frozenset[str] = frozenset()


class Pens:
    """The pens of one output, each once. Pen 0 is the default. Only ever grows: others may read it meanwhile."""

    def __init__(self) -> None:
        self._pens = [Pen()]
        self._numbers = {Pen(): 0}
        self._changes: dict[tuple[int, str], int] = {}
        self.hidden: set[int] = set()
        """Those that draw nothing."""

    def __getitem__(self, number: int) -> Pen:
        return self._pens[number]

    def changed(self, number: int, parameters: str) -> int:
        """The pen after a sequence with these parameters."""
        key = number, parameters
        known = self._changes.get(key)
        if known is None:
            known = self._number(changed(self._pens[number], parameters))
            if len(self._changes) < MOST_PENS:
                self._changes[key] = known
        return known

    def _number(self, pen: Pen) -> int:
        number = self._numbers.get(pen)
        if number is None:
            if len(self._pens) >= MOST_PENS:
                return 0
            number = self._numbers[pen] = len(self._pens)
            self._pens.append(pen)
            if "hidden" in pen.flags:
                self.hidden.add(number)
        return number


@lru_cache(maxsize=1024)
def changed(pen: Pen, parameters: str) -> Pen:
    """The pen after one sequence."""
    if not parameters.isascii() or parameters.strip("0123456789;:"):
        return pen  # private sequences
    groups = [[_number(part) for part in group.split(":")] for group in parameters.split(";")]
    while groups:
        group = groups.pop(0)
        if group[0] in (38, 48):
            color = _extended(group[1:]) if len(group) > 1 else _following(groups)
            if color is not None:
                pen = replace(pen, front=color) if group[0] == 38 else replace(pen, back=color)
        else:
            pen = _simple(pen, group)
    return pen


def _simple(pen: Pen, group: list[int]) -> Pen:
    code = group[0]
    if code == 0:
        return Pen()
    if code == 4 and group[1:] == [0]:
        code = 24
    if code in _FLAGS:
        return replace(pen, flags=pen.flags | {_FLAGS[code]})
    if code in _UNSET:
        return replace(pen, flags=pen.flags - set(_UNSET[code].split()))
    if 30 <= code <= 37 or 90 <= code <= 97:
        return replace(pen, front=code - 30 if code < 40 else code - 82)
    if 40 <= code <= 47 or 100 <= code <= 107:
        return replace(pen, back=code - 40 if code < 50 else code - 92)
    if code == 39:
        return replace(pen, front=None)
    return replace(pen, back=None) if code == 49 else pen


def _following(groups: list[list[int]]) -> int | None:
    """The colour that the next parameters give; they are taken away."""
    mode = groups.pop(0)[0] if groups else -1
    count = {5: 1, 2: 3}.get(mode, len(groups))
    values = [group[0] for group in groups[:count]]
    del groups[:count]
    return _extended([mode, *values])


def _extended(values: list[int]) -> int | None:
    """The colour that `5, n` or `2, r, g, b` (or `2, space, r, g, b`) names."""
    if values[0] == 5 and len(values) >= 2 and 0 <= values[1] <= 255:
        return values[1]
    if values[0] == 2 and len(values) >= 4:
        red, green, blue = values[2:5] if len(values) >= 5 else values[1:4]
        if all(0 <= part <= 255 for part in (red, green, blue)):
            return true_color(red, green, blue)
    return None


def _number(text: str) -> int:
    """A parameter; an empty one is 0, one that is too long means nothing."""
    return int(text or "0") if len(text) <= 4 else -1
