"""Private keys in text: PEM, OpenSSH and PGP blocks, also inside of quoted text and diffs, and blocks cut short."""

from __future__ import annotations

import re
from collections.abc import Iterator

KIND = "private key"
LITERAL = b"PRIVATE KEY"
LONGEST = 64 * 1024
"""A block is not longer."""
_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_END = b"-----END "
_INSIDE = re.compile(rb"(?:[A-Za-z0-9+/=]|\\[nrt]|[\s\\\"'>|+-](?!-----))*")
"""What the inside of a block without an end is made of, with what quoting and diffs put before its lines."""
_EDGE = b" \t\r\n+\\>|\"'"
_LEAST = 16


def find_private_keys(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the inside of each block is, without the lines that begin and end it."""
    at, end = data.find(LITERAL), -2
    while at >= 0:
        begin = _BEGIN.match(data, max(0, data.rfind(b"-----BEGIN", max(0, at - 40), at)))
        after = at + len(LITERAL)
        if begin is not None and begin.end() > at:
            if end != -1 and end < begin.end():
                end = data.find(_END, begin.end())
            after = end if begin.end() <= end <= begin.end() + LONGEST else _end_of_inside(data, begin.end())
            start, stop = _trimmed(data, begin.end(), after)
            if stop - start >= _LEAST:
                yield start, stop
        at = data.find(LITERAL, after)


def _end_of_inside(data: bytes, start: int) -> int:
    found = _INSIDE.match(data, start, start + LONGEST)
    return start if found is None else found.end()


def _trimmed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Without line ends, escaped or not, and quoting at both edges."""
    while data[start : start + 2] in (b"\\n", b"\\r", b"\\t"):
        start += 2
    while start < end and data[start] in _EDGE:
        start += 1
        while data[start - 1 : start + 1] in (b"\\n", b"\\r"):
            start += 1
    while end > start:
        if data[end - 2 : end] in (b"\\n", b"\\r"):
            end -= 2
        elif data[end - 1] in _EDGE:
            end -= 1
        else:
            break
    return start, end
