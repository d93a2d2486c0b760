"""What a terminal was sent, as HTML: colours and emphasis as classes, other control sequences dropped.

Select Graphic Rendition as in ECMA-48 and ITU T.416 (`38;5;n`, `38;2;r;g;b`, with `;` or `:`). 24-bit colours become
the nearest of the 240 that have no name. A carriage return begins its line anew, as progress bars use it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from app.sessions.html.text import escaped

_PIECE = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])?"  # control sequences; without a last byte they are broken
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # titles, links and other strings
    r"|\x1b[ -/]*[0-~]?"
    r"|[\r\n\x08]"
    r"|[^\x1b\r\n\x08]+"
)
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "struck"}
_UNSET = {21: "underline", 22: "bold dim", 23: "italic", 24: "underline", 27: "inverse", 28: "hidden", 29: "struck"}
_CLASSES = {"bold": "tb", "dim": "td", "italic": "ti", "underline": "tu", "struck": "ts"}
_LONGEST_SEQUENCE = 128
_LONGEST_STEP = 4096
"""Characters of a run up to which a backspace is honoured: each one copies the run."""
_BLACK = 0


@dataclass(frozen=True, slots=True)
class Pen:
    """How text is drawn. front, back: numbers of the 256 colours; None: the default."""

    front: int | None = None
    back: int | None = None
    flags: frozenset[str] = frozenset()


def terminal_html(text: str) -> str:
    """The output of a program, to go into a `pre`."""
    if "\x1b" not in text and "\r" not in text and "\x08" not in text:
        return escaped(text)
    screen = _Screen()
    for match in _PIECE.finditer(text):
        screen.take(match)
    return screen.html()


class _Screen:
    """Finished lines as HTML, and the runs of the line that is being written."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[tuple[str, str]] = []
        self._returned = False
        self._pen = Pen()
        self._classes = ""

    def take(self, match: re.Match[str]) -> None:
        piece = match[0]
        if piece[0] == "\x1b":
            if match[2] == "m" and len(piece) <= _LONGEST_SEQUENCE:
                self._pen = _changed(self._pen, match[1])
                self._classes = _classes(self._pen)
        elif piece == "\n":
            self._end_line()
            self._done.append("\n")
        elif piece == "\r":
            self._returned = True
        elif piece == "\x08":
            self._step_back()
        elif "hidden" not in self._pen.flags:
            self._write(piece)

    def html(self) -> str:
        self._end_line()
        return "".join(self._done)

    def _write(self, text: str) -> None:
        if self._returned:
            self._line.clear()
            self._returned = False
        self._line.append((self._classes, text))

    def _step_back(self) -> None:
        if self._line and len(self._line[-1][1]) <= _LONGEST_STEP:
            classes, text = self._line.pop()
            if len(text) > 1:
                self._line.append((classes, text[:-1]))

    def _end_line(self) -> None:
        self._returned = False
        for classes, runs in groupby(self._line, itemgetter(0)):
            text = "".join(run[1] for run in runs)
            self._done.append(f'<span class="{classes}">{escaped(text)}</span>' if classes else escaped(text))
        self._line.clear()


@lru_cache(maxsize=1024)
def _classes(pen: Pen) -> str:
    """Class names, in a fixed order. A background chooses its own readable text colour (see `style.py`)."""
    front, back = (pen.back, pen.front) if "inverse" in pen.flags else (pen.front, pen.back)
    names = [name for flag, name in _CLASSES.items() if flag in pen.flags]
    if back is not None and back != _BLACK:
        names.append(f"b{back}")
    elif "inverse" in pen.flags:
        names.append("tv")
    elif front is not None:
        names.append(f"f{front}")
    return " ".join(names)


@lru_cache(maxsize=1024)
def _changed(pen: Pen, parameters: str) -> Pen:
    """The pen after one sequence; what is not understood changes nothing."""
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
    """`5, n` or `2, r, g, b` (or `2, space, r, g, b`) as one of the 256 colours."""
    if values[0] == 5 and len(values) >= 2 and 0 <= values[1] <= 255:
        return values[1]
    if values[0] == 2 and len(values) >= 4:
        parts = values[2:5] if len(values) >= 5 else values[1:4]
        if all(0 <= part <= 255 for part in parts):
            return nearest(*parts)
    return None


def nearest(red: int, green: int, blue: int) -> int:
    """The nearest colour of the cube and the greys among the 256."""
    steps = [0 if part < 48 else 1 if part < 115 else (part - 35) // 40 for part in (red, green, blue)]
    cube = 16 + 36 * steps[0] + 6 * steps[1] + steps[2]
    grey = 232 + min(23, max(0, (round((red + green + blue) / 3) - 3) // 10))
    return min((cube, grey), key=lambda number: _distance(color_of(number), (red, green, blue)))


def color_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue of a colour from 16 to 255, as xterm has them."""
    if number >= 232:
        level = 8 + 10 * (number - 232)
        return level, level, level
    red, rest = divmod(number - 16, 36)
    green, blue = divmod(rest, 6)
    return _level(red), _level(green), _level(blue)


def _level(step: int) -> int:
    return 55 + 40 * step if step else 0


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _number(text: str) -> int:
    """A parameter; an empty one is 0, one that is too long means nothing."""
    return int(text or "0") if len(text) <= 4 else -1
