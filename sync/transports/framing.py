"""Frames in a stream of bytes: four bytes of length (big endian), then the frame.

The length 0xFFFFFFFF announces the last words of a connection instead: two bytes of length, then a reason in UTF-8.
"""

from __future__ import annotations

from sync.errors import TransportError
from sync.transports.connection import MAX_FRAME

_LENGTH_BYTES, _REASON_LENGTH_BYTES = 4, 2
_GOODBYE = (1 << 32) - 1
_MAX_REASON_BYTES = 400


def check_size(frame: bytes) -> None:
    """TransportError for a frame over the limit."""
    if len(frame) > MAX_FRAME:
        raise TransportError(f"A frame of {len(frame):,} bytes is over the limit of {MAX_FRAME:,}: nothing was sent.")


def pack_length(frame: bytes) -> bytes:
    """What precedes a frame."""
    return len(frame).to_bytes(_LENGTH_BYTES, "big")


def pack_goodbye(reason: str) -> bytes:
    """The last words of a connection; a long reason is cut."""
    text = reason.encode("utf-8", "replace")[:_MAX_REASON_BYTES]
    return _GOODBYE.to_bytes(_LENGTH_BYTES, "big") + len(text).to_bytes(_REASON_LENGTH_BYTES, "big") + text


def clean_reason(reason: bytes) -> str:
    """What a peer gives as its reason, as one short line that can be shown."""
    text = reason[:_MAX_REASON_BYTES].decode("utf-8", "ignore")
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


class Unpacker:
    """Takes bytes as they come, gives frames; `goodbye` is the peer's reason once it has left in order."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.goodbye: str | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are complete now. TransportError: a length is over the limit. Ignored after a goodbye."""
        frames: list[bytes] = []
        if self.goodbye is not None:
            return frames
        self._data += data
        start = 0
        while (taken := self._take(start)) is not None:
            frame, start = taken
            frames.append(frame)
        del self._data[:start]
        return frames

    @property
    def in_the_middle(self) -> bool:
        """Whether a frame has begun, but is not complete."""
        return bool(self._data) and self.goodbye is None

    def _take(self, start: int) -> tuple[bytes, int] | None:
        body = start + _LENGTH_BYTES
        if len(self._data) < body:
            return None
        size = int.from_bytes(self._data[start:body], "big")
        if size == _GOODBYE:
            self._take_goodbye(body)
            return None
        if size > MAX_FRAME:
            raise TransportError(f"The other device sent a frame of {size:,} bytes; the limit is {MAX_FRAME:,}.")
        if len(self._data) < body + size:
            return None
        return bytes(memoryview(self._data)[body : body + size]), body + size

    def _take_goodbye(self, start: int) -> None:
        body = start + _REASON_LENGTH_BYTES
        size = int.from_bytes(self._data[start:body], "big")
        if len(self._data) >= body + min(size, _MAX_REASON_BYTES):
            self.goodbye = clean_reason(bytes(self._data[body : body + size]))
