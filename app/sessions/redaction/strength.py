"""Whether a value that stands where secrets stand looks like one: random enough, and not a word, a name or an id."""

from __future__ import annotations

import re
from math import log2

LONG = 16
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ULID = re.compile(rb"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_NAME = re.compile(rb"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+")
_WORDS = re.compile(rb"(?:[0-9]{1,4}+|[A-Za-z]*+)(?:[^A-Za-z0-9](?:[0-9]{1,4}+|[A-Za-z]*+))*+")
"""Words and short numbers between marks: a path, a name, a date, a version."""
_STAND_IN = re.compile(rb"(?i)[$%<{]|your|my[_-]|\*|\.{3}|xxx")
_SAYS_SO = (b"example", b"changeme", b"change-me", b"placeholder", b"redacted", b"dummy", b"xxxxxx", b"****")
"""What people write where a secret would stand."""
_TRIVIAL = frozenset(b"password passwd passwort pass pw pwd secret token user username none null true false".split())


def entropy(value: bytes) -> float:
    """Bits in a byte of the value, by how often each of its bytes occurs (Shannon)."""
    size = len(value)
    return -sum(n / size * log2(n / size) for n in (value.count(byte) for byte in set(value)))


def is_stand_in(value: bytes) -> bool:
    """Whether this only says that a secret would stand here."""
    if _STAND_IN.match(value) or len(set(value)) < 3:
        return True
    lowered = value.lower()
    return lowered in _TRIVIAL or any(word in lowered for word in _SAYS_SO)


def is_password(value: bytes) -> bool:
    """Whether a value that is called a password can be one that people choose: letters with digits or marks."""
    if len(value) < 6 or is_stand_in(value) or _NAME.fullmatch(value) or _WORDS.fullmatch(value):
        return False
    has_letter = any(65 <= byte <= 90 or 97 <= byte <= 122 for byte in value)
    return has_letter and any(48 <= byte <= 57 for byte in value)


def is_random(value: bytes, least: int = LONG) -> bool:
    """Whether a value that is called a token or a key looks drawn by chance, and is no UUID or ULID."""
    if len(value) < least or not is_password(value):
        return False
    return entropy(value) >= 3.0 and not _UUID.fullmatch(value) and not _ULID.fullmatch(value)
