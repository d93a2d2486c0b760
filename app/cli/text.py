"""Text for a terminal: without control characters, and measured in columns."""

from __future__ import annotations

import unicodedata

SHORT_ID = 14
"""How much of an id a terminal shows: the time or count it begins with, and enough to be unique."""

_DIRECTION = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROL = [*range(0x20), *range(0x7F, 0xA0), *map(ord, _DIRECTION)]
_REMOVED = {code: None for code in _CONTROL if chr(code) not in "\n\t"} | {0x1B: "␛"}


def printable(text: str) -> str:
    """The text without characters that move the cursor, colour or reorder; ESC stays visible as `␛`."""
    if text.isprintable():
        return text
    return text.translate(_REMOVED).encode("utf-8", "replace").decode()


def width(text: str) -> int:
    """How many columns a terminal uses for the text."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def fit(text: str, columns: int) -> str:
    """The text padded to exactly so many columns, or cut with an ellipsis."""
    missing = columns - width(text)
    if missing >= 0:
        return text + " " * missing
    used, kept = 1, []
    for character in text:
        used += _columns(character)
        if used > columns:
            break
        kept.append(character)
    cut = "".join(kept) + "…"
    return cut + " " * (columns - width(cut))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
