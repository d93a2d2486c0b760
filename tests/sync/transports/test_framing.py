"""Frames in a stream, however it is cut, and what a hostile peer may write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import TransportError
from sync.transports.connection import MAX_FRAME
from sync.transports.framing import Unpacker, check_size, clean_reason, pack_goodbye, pack_length


def packed(frames: list[bytes]) -> bytes:
    return b"".join(pack_length(frame) + frame for frame in frames)


@given(st.lists(st.binary(max_size=40), max_size=8), st.text(max_size=600), st.data())
def test_frames_and_goodbye_come_out_however_the_stream_is_cut(
    frames: list[bytes], reason: str, data: st.DataObject
) -> None:
    stream, unpacker, got = packed(frames) + pack_goodbye(reason) + b"more", Unpacker(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += unpacker.feed(stream[:size])
        stream = stream[size:]
    assert got == frames
    assert unpacker.goodbye == clean_reason(reason.encode("utf-8", "replace"))


@given(st.binary(max_size=400))
def test_any_bytes_give_frames_or_an_error_and_nothing_else(stream: bytes) -> None:
    unpacker = Unpacker()
    try:
        frames = unpacker.feed(stream)
    except TransportError:
        return
    assert stream.startswith(packed(frames))


@pytest.mark.parametrize("size", [MAX_FRAME + 1, (1 << 32) - 2])
def test_a_length_over_the_limit_is_refused_before_anything_is_kept(size: int) -> None:
    with pytest.raises(TransportError, match="limit is 16,777,216"):
        Unpacker().feed(size.to_bytes(4, "big"))


def test_the_largest_frame_is_allowed() -> None:
    check_size(bytes(MAX_FRAME))
    with pytest.raises(TransportError):
        check_size(bytes(MAX_FRAME + 1))


def test_a_reason_is_one_short_line() -> None:
    assert clean_reason("a\nb\x1b[31m\u202e".encode()) == "a b [31m"
    assert len(clean_reason(b"x" * 5_000)) <= 400
    assert clean_reason(b"\xff\xfe") == ""
