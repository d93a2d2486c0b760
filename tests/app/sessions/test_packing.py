"""Bodies in rows."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions import packing
from app.sessions.packing import MAX_BODY_BYTES, blob_key, pack_body, unpack_body
from sync.errors import DamagedError


@given(st.text(max_size=2000).map(lambda text: text.encode(errors="replace")), st.integers(1, 50))
def test_round_trip(data: bytes, times: int) -> None:
    assert unpack_body(pack_body(data * times)) == data * times


def test_long_bodies_are_deflated() -> None:
    assert isinstance(pack_body(b"{}"), str)
    assert len(pack_body(b"all work and no play " * 100)) < 100


def _deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -12, 5, zlib.Z_DEFAULT_STRATEGY, packing._DICTIONARY)
    return deflater.compress(data) + deflater.flush()


def test_what_inflates_beyond_all_bounds_is_refused() -> None:
    bomb = _deflate(bytes(MAX_BODY_BYTES * 8))
    tracemalloc.start()
    with pytest.raises(DamagedError):
        unpack_body(bomb)
    assert tracemalloc.get_traced_memory()[1] < 3 * MAX_BODY_BYTES
    tracemalloc.stop()


@given(st.binary(max_size=200))
def test_hostile_rows(data: bytes) -> None:
    try:
        body = unpack_body(data)
    except DamagedError:
        return
    assert len(body) <= MAX_BODY_BYTES


def test_a_cut_row_is_damaged() -> None:
    packed = pack_body(b"all work and no play " * 100)
    assert isinstance(packed, bytes)
    for length in range(len(packed)):
        with pytest.raises(DamagedError):
            unpack_body(packed[:length])


@pytest.mark.parametrize("text", ["", "AAAA", "ä", "A" * 43 + "!", "A" * 44 * 2])
def test_keys_have_32_bytes(text: str) -> None:
    with pytest.raises(ValueError):
        blob_key(text)
    assert blob_key("A" * 43 + "=") == bytes(32)
