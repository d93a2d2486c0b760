"""How counts, errors and the words of others are put in the window."""

from __future__ import annotations

import unicodedata

from app.errors import UserError
from sync.errors import SyncError

LONGEST = 400
"""Characters; no line of the window has room for more."""
_KEPT = "\u200c\u200d"
"""Joiners: letters and emoji are made with them."""


def one_line(text: str) -> str:
    """The text without what breaks, reorders or hides: control, direction and zero-width characters."""
    text = " ".join(text[: LONGEST * 4].split())
    if not text.isprintable():
        text = "".join(one for one in text if one in _KEPT or unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co"))
        text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def cut(text: str, most: int) -> str:
    """As `one_line`, at most so many characters."""
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def counted(count: int, noun: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def in_words(error: BaseException) -> str:
    """What to show a person of an error: its sentence, or its kind where nobody foresaw it."""
    if is_foreseen(error):
        return str(error)
    return f"Something went wrong: {type(error).__name__}: {error}"


def is_foreseen(error: BaseException) -> bool:
    """Whether an error says by itself what is wrong and what to do."""
    return isinstance(error, UserError | SyncError)
