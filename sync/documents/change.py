"""Automerge change chunks: framing, checksum and header, read before anything reaches the document core.

A chunk is `85 6f 4a 83 | checksum 4 | type 1 | uleb length | body`; type 1 is plain, type 2 a raw-deflated body.
The hash is SHA-256(0x01 ‖ uleb(length) ‖ plain body) and the checksum its first four bytes. The plain body opens with
uleb #deps, 32 bytes each (sorted, unique), a uleb-prefixed actor, uleb seq and uleb start_op.
Format: the Automerge binary document format, https://automerge.org/automerge-binary-format-spec/.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from itertools import pairwise

from sync.documents.columns import read_operations
from sync.documents.leb import encode_uleb, read_bytes, read_uleb
from sync.errors import RejectedChange

MAGIC = b"\x85\x6f\x4a\x83"
PLAIN, DEFLATED = 1, 2
MAX_CHANGE_BYTES = 32 << 20
MIN_DEFLATE_BYTES = 1024
"""Smaller changes are those of single appends, where the time counts more; bundles of closed segments compress them."""
_PREFIX_BYTES = 9
_SMALL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ChangeHeader:
    """What a change says about itself. `chunk`: the bytes it came in. `keys`: the map keys that it touches."""

    hash: bytes
    deps: tuple[bytes, ...]
    actor: bytes
    seq: int
    start_op: int
    operations: int
    keys: tuple[str, ...]
    chunk: bytes

    @property
    def max_op(self) -> int:
        """The number of its last operation."""
        return self.start_op + self.operations - 1


def parse_change(chunk: bytes, max_bytes: int = MAX_CHANGE_BYTES) -> ChangeHeader:
    """Verify framing, checksum and bounds of exactly one change chunk and read its header; raises RejectedChange."""
    body = _open_chunk(chunk, max_bytes)
    digest = hashlib.sha256(b"\x01" + encode_uleb(len(body)) + body).digest()
    if digest[:4] != chunk[4:8]:
        raise RejectedChange("checksum does not match")
    deps, at = _read_deps(body)
    actor, at = read_bytes(body, at)
    seq, at = read_uleb(body, at)
    start_op, at = read_uleb(body, at)
    summary = read_operations(body, at)
    return ChangeHeader(digest, deps, actor, seq, start_op, summary.count, summary.keys, chunk)


def _open_chunk(chunk: bytes, max_bytes: int) -> bytes:
    """The plain body."""
    if len(chunk) < _PREFIX_BYTES + 1 or chunk[:4] != MAGIC:
        raise RejectedChange("not a change chunk")
    kind = chunk[8]
    length, at = read_uleb(chunk, _PREFIX_BYTES)
    body = chunk[at:]
    if len(body) != length or length > max_bytes:
        raise RejectedChange("length does not match")
    if kind == DEFLATED:
        body = _inflate(body, max_bytes)
    elif kind != PLAIN:
        raise RejectedChange("not a change chunk")
    return body


def _inflate(data: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        body = inflater.decompress(data, max_bytes)
    except zlib.error as error:
        raise RejectedChange("broken compression") from error
    if not inflater.eof or inflater.unused_data:
        raise RejectedChange("broken compression")
    return body


def _read_deps(body: bytes) -> tuple[tuple[bytes, ...], int]:
    count, at = read_uleb(body, 0)
    end = at + 32 * count
    if end > len(body):
        raise RejectedChange("dependencies are cut off")
    deps = tuple(body[i : i + 32] for i in range(at, end, 32))
    if any(a >= b for a, b in pairwise(deps)):
        raise RejectedChange("dependencies are not in order")
    return deps, end


def header_bytes(deps: tuple[bytes, ...], actor: bytes, seq: int, start_op: int) -> bytes:
    """How a plain change body begins."""
    numbers = encode_uleb(len(deps)), encode_uleb(len(actor)), encode_uleb(seq), encode_uleb(start_op)
    return b"".join((numbers[0], *deps, numbers[1], actor, *numbers[2:]))


def hash_plain(chunk: bytes, header: bytes) -> bytes | None:
    """The hash of a plain chunk as the core gives it, None unless its body begins with these bytes."""
    _, at = read_uleb(chunk, _PREFIX_BYTES)
    if chunk[8] != PLAIN or not chunk.startswith(header, at):
        return None
    return hashlib.sha256(memoryview(chunk)[8:]).digest()


def deflate_change(chunk: bytes) -> bytes:
    """The same change as a deflated chunk where that is smaller. (The core's own takes 16 times as long.)"""
    if len(chunk) < MIN_DEFLATE_BYTES or chunk[8] != PLAIN:
        return chunk
    _, at = read_uleb(chunk, _PREFIX_BYTES)
    small = len(chunk) <= _SMALL_BYTES  # a full window costs 60 µs to set up, this one 10 µs
    deflater = zlib.compressobj(1, zlib.DEFLATED, -12 if small else -15, 5 if small else 8)
    body = deflater.compress(chunk[at:]) + deflater.flush()
    shorter = chunk[:8] + bytes((DEFLATED,)) + encode_uleb(len(body)) + body
    return shorter if len(shorter) < len(chunk) else chunk


def split_chunks(data: bytes) -> list[bytes]:
    """The chunks of a concatenation; raises RejectedChange if it is not one."""
    chunks = []
    at = 0
    while at < len(data):
        if data[at : at + 4] != MAGIC:
            raise RejectedChange("not a change chunk")
        length, body_at = read_uleb(data, at + _PREFIX_BYTES)
        if body_at + length > len(data):
            raise RejectedChange("chunk is cut off")
        chunks.append(data[at : body_at + length])
        at = body_at + length
    return chunks
