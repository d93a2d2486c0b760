"""Change chunks: whatever comes, a header or RejectedChange; nothing reaches the core unchecked."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.documents.change import MAGIC, deflate_change, parse_change, split_chunks
from sync.documents.columns import MAX_KEY_BYTES, MAX_OPERATIONS
from sync.documents.leb import encode_uleb, read_sleb, read_uleb
from sync.documents.note import Note
from sync.documents.segment import Segment, SegmentHeader
from sync.errors import RejectedChange
from tests.sync.documents.forging import body_of, chunk_of, deflated, hash_of, parts_of

ACTOR = b"a" * 16


def _change(body: str = "x" * 300) -> bytes:
    built = Segment(ACTOR).append([("e1", body), ("e2", "y")], SegmentHeader("s", 0, "Ada", "{}"))
    assert built is not None
    return built.chunk


def test_header_of_an_honest_change() -> None:
    segment = Segment(ACTOR)
    first = segment.append([("e1", "x" * 300)], SegmentHeader("s", 0, "Ada", "{}"))
    second = segment.append([("e2", "y"), ("e3", "z")])
    assert first is not None and second is not None
    one, two = parse_change(first.chunk), parse_change(second.chunk)
    assert (one.hash, two.hash) == (first.hash, second.hash)
    assert (one.actor, one.seq, two.seq, two.deps) == (ACTOR, 1, 2, (one.hash,))
    assert (one.start_op, one.operations, one.max_op, two.start_op, two.max_op) == (3, 5, 7, 8, 9)
    assert one.keys == ("session", "k", "author", "opening", "e1")
    assert two.keys == ("e2", "e3")
    assert {change.hash: change.max_op for change in segment.core.history()}[two.hash] == two.max_op


def test_operations_of_a_note_are_counted_without_their_keys() -> None:
    note = Note(ACTOR)
    change = note.edit("profile", "héllo 😀 " * 100, {"name": "x"})
    assert change is not None
    header = parse_change(change.chunk)
    assert header.keys == ("name",) and header.operations == 2 + 800
    assert note.core.history()[-1].max_op == header.max_op


def test_deflating_keeps_the_hash_and_is_undone() -> None:
    plain = chunk_of(body_of(_change("x" * 3000)))
    for chunk in (deflate_change(plain), deflated(body_of(plain))):
        assert chunk[8] == 2 and len(chunk) < len(plain)
        assert parse_change(chunk).hash == parse_change(plain).hash
    assert deflate_change(chunk_of(b"\0" * 20)) == chunk_of(b"\0" * 20)


@pytest.mark.parametrize("kind", [0, 3, 4, 0x7F, 0xFF])
def test_other_chunk_types_are_refused(kind: int) -> None:
    """Type 0 is a whole document, which the core would load without any of our checks."""
    with pytest.raises(RejectedChange, match="not a change chunk"):
        parse_change(chunk_of(body_of(_change()), kind))


def test_a_saved_document_is_refused() -> None:
    segment = Segment(ACTOR)
    segment.append([("e1", "x")], SegmentHeader("s", 0, "Ada", "{}"))
    with pytest.raises(RejectedChange, match="not a change chunk"):
        parse_change(segment.core.save())


def test_every_truncation_is_refused() -> None:
    for chunk in (_change("short"), _change("x" * 1400)):
        for end in range(len(chunk)):
            with pytest.raises(RejectedChange):
                parse_change(chunk[:end])
        for more in (b"\0", chunk):
            with pytest.raises(RejectedChange, match="length"):
                parse_change(chunk + more)


def test_every_flipped_bit_is_refused() -> None:
    """Also those of the compression: a deflated body has one form only, or none."""
    chunk = _change("short")
    for at in range(len(chunk)):
        for bit in range(8):
            with pytest.raises(RejectedChange):
                parse_change(chunk[:at] + bytes((chunk[at] ^ 1 << bit,)) + chunk[at + 1 :])


def test_flipped_compression_never_changes_what_is_read() -> None:
    chunk = _change("x" * 1400)
    good = parse_change(chunk)
    assert chunk[8] == 2
    for at in range(len(chunk)):
        for bit in range(8):
            try:
                header = parse_change(chunk[:at] + bytes((chunk[at] ^ 1 << bit,)) + chunk[at + 1 :])
            except RejectedChange:
                continue
            assert replace(header, chunk=b"") == replace(good, chunk=b"")


def test_numbers_have_one_form() -> None:
    body = body_of(_change("short"))
    length = encode_uleb(len(body))
    padded = length[:-1] + bytes((length[-1] | 0x80, 0))
    chunk = chunk_of(body)
    with pytest.raises(RejectedChange, match="shortest form"):
        parse_change(chunk[:9] + padded + body)
    count, rest = body[:1], body[1:]
    with pytest.raises(RejectedChange, match="shortest form"):
        parse_change(chunk_of(bytes((count[0] | 0x80, 0)) + rest))
    with pytest.raises(RejectedChange, match="bad number"):
        parse_change(chunk_of(b"\xff" * 12 + rest))


def test_dependencies_are_sorted_unique_and_there() -> None:
    parts = parts_of(_change())
    low, high = bytes(32), b"\xff" * 32
    for deps in ((high, low), (low, low)):
        with pytest.raises(RejectedChange, match="not in order"):
            parse_change(replace(parts, deps=deps).chunk())
    with pytest.raises(RejectedChange, match="cut off"):
        parse_change(chunk_of(encode_uleb(1 << 40) + low))


def test_deflate_bombs_are_bounded() -> None:
    bomb = deflated(bytes(1 << 26), bytes(4))
    assert len(bomb) < 1 << 17
    with pytest.raises(RejectedChange, match="broken compression"):
        parse_change(bomb)
    with pytest.raises(RejectedChange, match="broken compression"):
        parse_change(_change("x" * 5000), max_bytes=1000)
    body = body_of(_change())
    trailing = deflated(body)
    trailing = trailing[:9] + encode_uleb(len(trailing) - 9 - 1 + 4) + trailing[len(trailing) :]
    with pytest.raises(RejectedChange):
        parse_change(trailing)
    packed = zlib.compress(body)  # with the zlib header, which is not raw
    with pytest.raises(RejectedChange, match="broken compression"):
        parse_change(MAGIC + hash_of(body)[:4] + b"\x02" + encode_uleb(len(packed)) + packed)


def _with_columns(*columns: tuple[int, bytes]) -> bytes:
    """An otherwise good change with other columns."""
    layout = b"".join(encode_uleb(spec) + encode_uleb(len(data)) for spec, data in columns)
    tail = b"\0\0\0" + encode_uleb(len(columns)) + layout + b"".join(data for _, data in columns)
    return replace(parts_of(_change()), rest=tail).chunk()


def _sleb(number: int) -> bytes:
    out = bytearray()
    while not -64 <= number < 64:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number & 0x7F)
    return bytes(out)


def test_run_length_bombs_are_refused() -> None:
    """A dozen bytes that stand for a million million operations: the core would fill the memory with them."""
    many = 1 << 40
    bombs = [
        (0x42, _sleb(many) + b"\1"),
        (0x42, _sleb(MAX_OPERATIONS) + b"\1" + _sleb(1) + b"\2"),
        (0x42, b"\0" + encode_uleb(many)),
        (0x15, _sleb(many) + b"\1k"),
        (0x13, _sleb(many) + b"\1"),
        (0x34, encode_uleb(many) + b"\1"),
        (0x70, b"\x01" + encode_uleb(many)),
        (0x70, _sleb(1 << 15) + encode_uleb(1 << 15)),
    ]
    for spec, data in bombs:
        with pytest.raises(RejectedChange, match="too many operations"):
            parse_change(_with_columns((spec, data)))
    assert parse_change(_with_columns((0x42, _sleb(MAX_OPERATIONS) + b"\1"))).operations == MAX_OPERATIONS


def test_columns_stand_in_order_and_hold_what_they_announce() -> None:
    good = (0x42, b"\x02\x01")
    assert parse_change(_with_columns(good)).operations == 2
    for columns, reason in (
        ((good, good), "not in order"),
        ((good, (0x15, b"\x02\x01k")), "not in order"),
        (((0x4A, b"\x02\x01"),), "not in order"),  # the bit for compression
        ((good, (0x56, b"\x02\xff\x0f"), (0x57, b"x")), "values are cut off"),
        ((good, (0x56, b"\x02\xff\x0f")), "values are cut off"),
        (((0x15, b"\x7f\xff\x03" + b"k" * 10), good), "cut off"),
        (((0x15, b"\x7f\x02\xff\xfe"), good), "not text"),
        (((0x15, b"\x7f" + encode_uleb(MAX_KEY_BYTES + 1) + b"k" * (MAX_KEY_BYTES + 1)), good), "too long"),
    ):
        with pytest.raises(RejectedChange, match=reason):
            parse_change(_with_columns(*columns))


def test_splitting_undoes_joining() -> None:
    chunks = [_change("a"), _change("b" * 500), chunk_of(b"")]
    assert split_chunks(b"".join(chunks)) == chunks
    assert split_chunks(b"") == []
    joined = b"".join(chunks)
    for end in range(1, len(joined)):
        try:
            assert b"".join(split_chunks(joined[:end])) == joined[:end]
        except RejectedChange:
            pass
    with pytest.raises(RejectedChange):
        split_chunks(b"x" + joined)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for candidate in (data, MAGIC + data, chunk_of(data), deflated(data)):
        try:
            header = parse_change(candidate)
        except RejectedChange:
            continue
        assert header.hash == hash_of(body_of(candidate)) and split_chunks(candidate) == [candidate]


@given(st.integers(0, (1 << 63) - 1))
def test_unsigned_numbers(number: int) -> None:
    assert read_uleb(encode_uleb(number), 0) == (number, len(encode_uleb(number)))


@given(st.integers(-(1 << 62), (1 << 62) - 1))
def test_signed_numbers(number: int) -> None:
    assert read_sleb(_sleb(number), 0) == (number, len(_sleb(number)))
