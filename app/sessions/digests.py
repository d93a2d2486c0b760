"""The digests of a session's events, packed, so that an import of millions of lines can ask what is there already."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from app.sessions.ids import ALPHABET, COUNTER_CHARACTERS

DIGEST_BYTES = 10
_TO_BASE32 = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")


class DigestSet:
    """Event digests (see `ids.event_digest`), 10 bytes each, sorted."""

    def __init__(self, event_ids: Iterable[str]) -> None:
        self._packed = b"".join(sorted(_pack(identifier[COUNTER_CHARACTERS:]) for identifier in event_ids))

    def __len__(self) -> int:
        return len(self._packed) // DIGEST_BYTES

    def __contains__(self, digest: object) -> bool:
        if not isinstance(digest, str):
            return False
        wanted = _pack(digest)
        at = bisect_left(range(len(self)), wanted, key=self._at)
        return at < len(self) and self._at(at) == wanted

    def _at(self, index: int) -> bytes:
        return self._packed[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]


def _pack(digest: str) -> bytes:
    return int(digest.translate(_TO_BASE32), 32).to_bytes(DIGEST_BYTES, "big")
