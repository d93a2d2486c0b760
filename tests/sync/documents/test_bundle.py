"""Saved documents from outside: those of segments pass, those that would exhaust the core are refused before it."""

from __future__ import annotations

import hashlib
import random
import zlib

import pytest

from sync.documents import bundle, columns
from sync.documents.bundle import check_bundle, open_bundle
from sync.documents.change import MAGIC
from sync.documents.leb import encode_uleb
from sync.documents.segment import Segment, SegmentHeader
from sync.errors import DocumentError, RejectedChange

HEADER = SegmentHeader("01HXSESSION000000000000000", 0, "Ada", "{}")


def saved(events: int, at_once: int = 7) -> bytes:
    segment = Segment(b"a" * 16)
    items = [(f"{n:026d}", f'{{"text": "number {n}"}}') for n in range(events)]
    for at in range(0, events, at_once):
        segment.append(items[at : at + at_once], HEADER if at == 0 else None)
    return segment.core.save()


@pytest.mark.parametrize(("events", "at_once"), [(1, 1), (50, 1), (1000, 1), (1000, 1000), (1000, 33)])
def test_bundles_of_segments_pass(events: int, at_once: int) -> None:
    check_bundle(saved(events, at_once))


def sleb(number: int) -> bytes:
    """A positive signed LEB128."""
    out = bytearray()
    while number > 0x3F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def document(changes: dict[int, bytes], operations: dict[int, bytes]) -> bytes:
    """A saved document without actors and heads, of these columns."""
    body = b"\0\0"
    for layout in (changes, operations):
        body += encode_uleb(len(layout))
        body += b"".join(encode_uleb(spec) + encode_uleb(len(data)) for spec, data in layout.items())
    body += b"".join((*changes.values(), *operations.values()))
    digest = hashlib.sha256(b"\0" + encode_uleb(len(body)) + body).digest()
    return MAGIC + digest[:4] + b"\0" + encode_uleb(len(body)) + body


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


RUN = sleb(1 << 40) + b"\1"
BOMBS = {
    "rows of changes": document({0x03: RUN}, {}),
    "rows of operations": document({}, {0x42: RUN}),
    "a run of booleans": document({}, {0x34: encode_uleb(1 << 40)}),
    "a group": document({}, {0x70: sleb(2) + encode_uleb(1 << 40)}),
    "a run of texts": document({}, {0x15: sleb(1 << 30) + b"\1k"}),
    "a run behind deflate": document({}, {0x4A: deflated(RUN)}),
    "deflate without end": document({}, {0x4A: deflated(bytes(columns.MAX_COLUMN_BYTES + 1))}),
    "not deflate": document({}, {0x4A: b"\xff\xff"}),
    "values that are not there": document({}, {0x56: sleb(1000) + encode_uleb(0x1006), 0x57: b""}),
    "columns out of order": document({}, {0x42: b"", 0x15: b""}),
    "a column that is cut off": document({}, {0x42: b"\1\1"})[:-1] + b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_exhaust_the_core_is_refused(name: str) -> None:
    with pytest.raises(RejectedChange):
        check_bundle(BOMBS[name])


def test_a_document_of_a_few_rows_passes() -> None:
    check_bundle(document({0x03: sleb(5) + b"\1"}, {0x15: sleb(5) + b"\1k", 0x42: sleb(5) + b"\1"}))


@pytest.mark.parametrize("data", [b"", MAGIC, b"\x85\x6f\x4a\x83aaaa\1\0", saved(3)[:-1], saved(3) + saved(3)])
def test_what_is_no_saved_document_is_refused(data: bytes) -> None:
    with pytest.raises(RejectedChange):
        check_bundle(data)


def test_flipped_bytes_are_refused_before_or_by_the_core() -> None:
    good, rng = saved(40), random.Random(3)
    for _ in range(300):
        data = bytearray(good)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with pytest.raises(DocumentError):
            check_bundle(bytes(data))
            open_bundle(bytes(data))
            raise AssertionError("it was opened")


def test_the_limit_is_that_of_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_SEGMENT_OPERATIONS", 10)
    monkeypatch.setattr(bundle, "SPARE_ROWS", 0)
    with pytest.raises(RejectedChange, match="too many"):
        check_bundle(saved(40))
