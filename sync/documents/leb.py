"""Numbers and byte strings as Automerge writes them: LEB128, and bytes preceded by their length.

Whatever is cut off or too large is a RejectedChange, since these bytes come from outside.
"""

from __future__ import annotations

from sync.errors import RejectedChange

_MAX_SHIFT = 56


def encode_uleb(number: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_uleb(data: bytes, at: int) -> tuple[int, int]:
    """(number, position after it); only the shortest form of at most 63 bits counts."""
    if at < len(data) and (first := data[at]) < 0x80:  # most numbers are small
        return first, at + 1
    number = shift = 0
    while True:
        if at >= len(data) or shift > _MAX_SHIFT:
            raise RejectedChange("bad number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if byte == 0 and shift > 7:
                raise RejectedChange("number is not in its shortest form")
            return number, at


def read_sleb(data: bytes, at: int) -> tuple[int, int]:
    """(signed number, position after it), of at most 70 bits."""
    if at < len(data) and (first := data[at]) < 0x80:
        return first - ((first & 0x40) << 1), at + 1
    number = shift = 0
    while True:
        if at >= len(data) or shift > _MAX_SHIFT + 7:
            raise RejectedChange("bad number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return number - (1 << shift) if byte & 0x40 else number, at


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """(bytes preceded by their length, position after them)."""
    length, at = read_uleb(data, at)
    if at + length > len(data):
        raise RejectedChange("bytes are cut off")
    return data[at : at + length], at + length
