"""Entries: only what the device signed, in one encoding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import encode, signing_key
from sync.documents.entry import MAX_CHANGES, Entry, decode_entry, sign_entry, verify_entry
from sync.errors import ProtocolError

KEY = signing_key(b"k" * 32)
ENTRY = Entry(b"w" * 32, b"d" * 32, b"g" * 32, KEY[32:], 7, b"p" * 32, (b"c" * 32, b"e" * 32))


def test_round_trip() -> None:
    signed = sign_entry(ENTRY, KEY)
    assert decode_entry(ENTRY.encode()) == ENTRY
    assert verify_entry(ENTRY, signed.signature) == signed


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, workspace=b"x" * 32),
        replace(ENTRY, document=b"x" * 32),
        replace(ENTRY, grant=b"x" * 32),
        replace(ENTRY, device=signing_key(b"x" * 32)[32:]),
        replace(ENTRY, n=8),
        replace(ENTRY, prev=b"x" * 32),
        replace(ENTRY, changes=ENTRY.changes[::-1]),
        replace(ENTRY, changes=ENTRY.changes[:1]),
    ],
)
def test_every_field_is_signed(other: Entry) -> None:
    signed = sign_entry(ENTRY, KEY)
    with pytest.raises(ProtocolError, match="not signed by its device"):
        verify_entry(other, signed.signature)
    assert sign_entry(other, KEY).hash != signed.hash


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), bytes(65)])
def test_other_signatures(signature: bytes) -> None:
    with pytest.raises(ProtocolError):
        verify_entry(ENTRY, signature)


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 2},
        {"v": True},
        {"n": 0},
        {"n": True},
        {"n": "1"},
        {"n": -1},
        {"workspace": b"w" * 31},
        {"device": "d" * 32},
        {"prev": None},
        {"changes": []},
        {"changes": [b"c" * 33]},
        {"changes": {}},
        {"changes": [b"c" * 32] * (MAX_CHANGES + 1)},
        {"extra": 1},
    ],
)
def test_other_forms_are_refused(fields: dict[str, object]) -> None:
    good = {"v": 1, "workspace": b"w" * 32, "document": b"d" * 32, "grant": b"g" * 32}
    good |= {"device": KEY[32:], "n": 7, "prev": b"p" * 32, "changes": list(ENTRY.changes)}
    assert encode(good) == ENTRY.encode()  # type: ignore[arg-type]
    with pytest.raises(ProtocolError):
        decode_entry(encode(good | fields))  # type: ignore[arg-type, operator]


@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 255))
def test_any_bytes(data: bytes, at: int, value: int) -> None:
    encoded = ENTRY.encode()
    for candidate in (data, encoded[:at] + bytes((value,)) + encoded[at + 1 :], encoded[:at]):
        try:
            assert decode_entry(candidate).encode() == candidate
        except ProtocolError:
            pass


@given(st.integers(1, 1 << 53), st.integers(1, 300))
def test_an_entry_is_encoded_as_any_map(n: int, changes: int) -> None:
    one = replace(ENTRY, n=n, changes=tuple(number.to_bytes(32, "big") for number in range(changes)))
    fields = {name: getattr(one, name) for name in ("workspace", "document", "grant", "device", "n", "prev")}
    assert one.encode() == encode({"v": 1, **fields, "changes": list(one.changes)})
