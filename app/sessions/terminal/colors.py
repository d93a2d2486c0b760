"""The colours of terminals, and how they are made readable on a given ground.

Colours are `#rrggbb`, or the numbers that terminals use: 0 to 255, and `TRUE_COLOR` with the 24 bits of any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

READABLE = 4.5
"""The contrast of text with what is behind it (WCAG 2.2 AA)."""
TRUE_COLOR = 1 << 24
"""Added to `red << 16 | green << 8 | blue`."""

NAMED = (
    "#000000", "#cd3131", "#0f9d58", "#b58900", "#2472c8", "#bc3fbc", "#1197b5", "#a0a4a8",
    "#767c83", "#f14c4c", "#23d18b", "#e5c07b", "#3b8eea", "#d670d6", "#29b8db", "#e8eaed",
)  # fmt: skip
"""The sixteen colours with names, in the order of their numbers."""


def hex_color(number: int) -> str:
    """A terminal's colour as `#rrggbb`."""
    if number >= TRUE_COLOR:
        return f"#{number - TRUE_COLOR:06x}"
    return NAMED[number] if number < len(NAMED) else _hex(color_of(number))


def color_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue of a colour from 16 to 255, as xterm has them."""
    if number >= 232:
        level = 8 + 10 * (number - 232)
        return level, level, level
    red, rest = divmod(number - 16, 36)
    green, blue = divmod(rest, 6)
    return _level(red), _level(green), _level(blue)


def true_color(red: int, green: int, blue: int) -> int:
    """The number of a 24-bit colour."""
    return TRUE_COLOR | red << 16 | green << 8 | blue


def indexed(number: int) -> int:
    """One of the 256 colours: a 24-bit one becomes the nearest of the 240 that have no name."""
    if number < TRUE_COLOR:
        return number
    return nearest(number >> 16 & 255, number >> 8 & 255, number & 255)


@lru_cache(maxsize=1024)
def nearest(red: int, green: int, blue: int) -> int:
    """The nearest colour of the cube and the greys among the 256."""
    steps = [0 if part < 48 else 1 if part < 115 else (part - 35) // 40 for part in (red, green, blue)]
    cube = 16 + 36 * steps[0] + 6 * steps[1] + steps[2]
    grey = 232 + min(23, max(0, (round((red + green + blue) / 3) - 3) // 10))
    return min((cube, grey), key=lambda number: _distance(color_of(number), (red, green, blue)))


def readable(color: str, grounds: Iterable[str], toward: str) -> str:
    """A colour, moved towards another until it can be read on all the grounds."""
    behind = tuple(grounds)
    for share in range(11):
        moved = mixed(color, toward, share / 10)
        if all(contrast(moved, ground) >= READABLE for ground in behind):
            return moved
    return toward


def text_on(ground: str) -> str:
    """Black or white, whichever reads better."""
    return max("#000000", "#ffffff", key=lambda text: contrast(text, ground))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two; share: of the other, 0 to 1."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return _hex([round(a + (b - a) * share) for a, b in pairs])


def _luminance(color: str) -> float:
    parts = [part / 255 for part in _parts(color)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def _hex(parts: tuple[int, int, int] | list[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in parts)


def _level(step: int) -> int:
    return 55 + 40 * step if step else 0


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
