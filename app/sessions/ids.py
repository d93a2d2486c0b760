"""Ids of sessions, turns and events: 26 characters of Crockford base32, shaped like ULIDs.

A session or turn id is 48 bits of time and 80 random bits. An event id is 48 bits of a counter, 1 + the greatest seen
in the session, and 80 bits of H(origin ‖ body): sorting event ids gives causal order whatever the clocks say, and two
devices that import one transcript make equal ids.
"""

from __future__ import annotations

import hashlib
import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH = 26
COUNTER_CHARACTERS = 10
MAX_COUNTER = (1 << 48) - 1
_HASH_BYTES = 10
_EVENT_DOMAIN = b"lovelace/event/1"
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_TO_BASE32 = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_FORM = re.compile(f"[0-7][{ALPHABET}]{{{ID_LENGTH - 1}}}")


def _encode(number: int, characters: int) -> str:
    return "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(5 * (characters - 2), -1, -10)])


def _encode_40(number: int) -> str:
    """As `_encode` of 40 bits, in half the time: each event needs it."""
    pairs = _PAIRS
    return f"{pairs[number >> 30]}{pairs[number >> 20 & 0x3FF]}{pairs[number >> 10 & 0x3FF]}{pairs[number & 0x3FF]}"


def new_id(time_ms: int, random: bytes) -> str:
    """An id from the time and 10 random bytes; later ids sort after earlier ones."""
    return _encode(time_ms & MAX_COUNTER, COUNTER_CHARACTERS) + _encode(int.from_bytes(random[:10], "big"), 16)


def derived_id(*parts: str) -> str:
    """An id that is the same wherever it is made from the same parts."""
    digest = _digest("lovelace/derived-id/1", *(part.encode() for part in parts))
    return _encode(int.from_bytes(digest[:16], "big"), ID_LENGTH)


def event_id(counter: int, origin: bytes, body: bytes) -> str:
    """The id of an event. origin: the device id, or for imports `source.encode()`. body: its JSON as stored."""
    return _encode(counter, COUNTER_CHARACTERS) + event_digest(origin, body)


def event_digest(origin: bytes, body: bytes) -> str:
    """The last 16 characters of the id: what makes two events equal, wherever they stand."""
    sizes = len(origin).to_bytes(8, "big"), len(body).to_bytes(8, "big")
    framed = b"".join((_EVENT_DOMAIN, sizes[0], origin, sizes[1], body))  # as `_digest`, which each event needs
    digest = hashlib.blake2b(framed, digest_size=32).digest()
    half = _HASH_BYTES // 2
    return _encode_40(int.from_bytes(digest[:half], "big")) + _encode_40(int.from_bytes(digest[half : 2 * half], "big"))


def counter_of(identifier: str) -> int | None:
    """The counter of an event id; None if it is not one."""
    if _FORM.fullmatch(identifier) is None:
        return None
    return int(identifier[:COUNTER_CHARACTERS].translate(_TO_BASE32), 32)


def after_counter(counter: int) -> str:
    """A text that sorts after all event ids with this counter or a smaller one, and before all others."""
    return _encode(counter + 1, COUNTER_CHARACTERS)


def _digest(domain: str, *parts: bytes) -> bytes:
    framed = [domain.encode()]
    for part in parts:
        framed += (len(part).to_bytes(8, "big"), part)
    return hashlib.blake2b(b"".join(framed), digest_size=32).digest()
