"""Frames: what one message is on a connection, before it is known which.

A frame is one map in deterministic CBOR (`sync.crypto.encode`) with a text `kind`, at most `MAX_FRAME` bytes. Hashes
and other long lists travel as one byte string, so an honest frame has few CBOR items whatever its size; a frame with
more than `MAX_ITEMS` is refused before anything is built from it.
"""

from __future__ import annotations

from typing import Any

from sync.crypto import decode, encode
from sync.errors import ProtocolError

MAX_FRAME = 16 << 20
"""Bytes, as of `sync.transports.connection`."""
MAX_ITEMS = 1 << 16
_LENGTH_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_BYTES, _TEXT = 2, 3


def encode_frame(kind: str, fields: dict[str, Any]) -> bytes:
    """A frame; ValueError if it would be over the limit, which is a fault of ours."""
    frame = encode({"kind": kind, **fields})
    if len(frame) > MAX_FRAME:
        raise ValueError(f"A frame of kind {kind} has {len(frame)} bytes, over the limit of {MAX_FRAME}.")
    return frame


def decode_frame(frame: bytes) -> tuple[str, dict[str, Any]]:
    """The kind and all fields of a frame; raises ProtocolError for anything else."""
    if len(frame) > MAX_FRAME:
        raise ProtocolError(f"A frame of {len(frame)} bytes is over the limit of {MAX_FRAME}.")
    if _has_too_many_items(frame):
        raise ProtocolError(f"A frame has more than {MAX_ITEMS} parts.")
    value = decode(frame, MAX_FRAME)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ProtocolError("A frame is not a message.")
    kind = value.pop("kind", None)
    if not isinstance(kind, str):
        raise ProtocolError("A frame does not say what kind of message it is.")
    return kind, value


def _has_too_many_items(frame: bytes) -> bool:
    """Count CBOR heads without building anything; a malformed frame is left to `decode`."""
    at = count = 0
    size = len(frame)
    while at < size:
        count += 1
        if count > MAX_ITEMS:
            return True
        major, short = frame[at] >> 5, frame[at] & 31
        extra = _LENGTH_BYTES.get(short, 0)
        at += 1
        if major in (_BYTES, _TEXT):
            at += int.from_bytes(frame[at : at + extra], "big") if extra else short
        at += extra
    return False
