"""Records of purges, and what stands in the place of purged changes: read back, or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.documents.purges import (
    MAX_NAME,
    MAX_SEEN,
    PURGES,
    GoneName,
    decode_gone,
    decode_record,
    encode_gone,
    encode_record,
)

devices = st.binary(min_size=32, max_size=32)


@given(st.dictionaries(devices, st.integers(0, 2**53), max_size=8))
def test_a_record_says_what_was_seen(seen: dict[bytes, int]) -> None:
    assert decode_record("session", encode_record(seen)) == seen


@given(st.text(max_size=MAX_NAME), st.integers(0, 2**53))
def test_a_name_stands_in_the_place_of_changes(name: str, k: int) -> None:
    assert decode_gone(encode_gone(GoneName(name, k))) == GoneName(name, k)


@given(st.text())
def test_other_texts_are_no_record(text: str) -> None:
    found = decode_record("session", text)
    assert found is None or isinstance(json.loads(text), dict)


@pytest.mark.parametrize("name", ["", PURGES, "x" * (MAX_NAME + 1)])
def test_names_that_nothing_can_purge(name: str) -> None:
    assert decode_record(name, encode_record({})) is None


@pytest.mark.parametrize(
    "value",
    [
        {"v": 1},
        {"v": 0, "seen": {}},
        {"v": 1, "seen": {"ab": 1}},
        {"v": 1, "seen": {"AB" * 32: 1}},
        {"v": 1, "seen": {"ab" * 32: -1}},
        {"v": 1, "seen": {"ab" * 32: 1.5}},
        {"v": 1, "seen": {f"{number:064x}": 1 for number in range(MAX_SEEN + 1)}},
        [],
        "x",
    ],
)
def test_what_does_not_fit_is_no_record(value: object) -> None:
    assert decode_record("session", json.dumps(value)) is None


@given(st.binary(max_size=64))
def test_other_bytes_name_nothing(data: bytes) -> None:
    found = decode_gone(data)
    assert found is None or len(found.name) <= MAX_NAME


def test_of_very_many_devices_a_record_names_some() -> None:
    seen = {number.to_bytes(32, "big"): 1 for number in range(MAX_SEEN + 10)}
    found = decode_record("session", encode_record(seen))
    assert found is not None and len(found) == MAX_SEEN
