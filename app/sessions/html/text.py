"""Text inside a page: escaped, with characters that do not show or that turn the direction made visible."""

from __future__ import annotations

import re
from html import escape

_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def escaped(text: str) -> str:
    """Text as HTML, for contents and quoted attributes alike."""
    return escape(_ODD.sub(_shown, text) if not text.isprintable() else text)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return f"‹U+{code:04X}›"


def one_line(text: str, limit: int = 240) -> str:
    """The first line that says something, cut to `limit` characters; not yet escaped."""
    head = text[: 8 * limit].split("\n")
    line = next((" ".join(line.split()) for line in head if line.strip()), "")
    return line if len(line) <= limit else line[:limit] + "…"
