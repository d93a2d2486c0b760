"""Ids: form, order, known answers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.ids import MAX_COUNTER, after_counter, counter_of, derived_id, event_digest, event_id, new_id

FORM = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
counters = st.integers(0, MAX_COUNTER)


def test_known_answers() -> None:
    assert new_id(0, bytes(10)) == "0" * 26
    assert new_id(1_700_000_000_000, b"\xff" * 10) == "01HF7YAT00" + "Z" * 16
    assert event_id(1, b"device", b"{}") == "0000000001" + event_digest(b"device", b"{}")
    assert event_digest(b"device", b"{}") == "YQAHM4Z60W3N68WV"
    assert derived_id("a", "b") == "4GYP4DYFTYY4CDH5H5BC3XM0P4"


@given(counters, st.binary(max_size=20), st.binary(max_size=20))
def test_counter_is_read_back(counter: int, origin: bytes, body: bytes) -> None:
    identifier = event_id(counter, origin, body)
    assert FORM.fullmatch(identifier)
    assert counter_of(identifier) == counter


@given(counters, counters, st.binary(max_size=5), st.binary(max_size=5))
def test_ids_sort_by_counter(first: int, second: int, body: bytes, other: bytes) -> None:
    if first < second:
        assert event_id(first, b"", body) < event_id(second, b"", other)
        assert event_id(first, b"", body) < after_counter(first) < event_id(second, b"", other)


def test_after_the_last_counter() -> None:
    assert after_counter(MAX_COUNTER) > "7" + "Z" * 25


@given(st.text(max_size=30) | st.from_regex("[0-9A-Z]{26}", fullmatch=True))
def test_other_texts_are_no_ids(text: str) -> None:
    assert (counter_of(text) is not None) == bool(FORM.fullmatch(text))


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "I" * 26, "0" * 26 + "\n", "٠" * 26])
def test_hostile_ids(text: str) -> None:
    assert counter_of(text) is None


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_derived_ids_know_their_parts(first: list[str], second: list[str]) -> None:
    assert FORM.fullmatch(derived_id(*first))
    assert (derived_id(*first) == derived_id(*second)) == (first == second)


def test_parts_of_the_digest_do_not_run_together() -> None:
    assert event_digest(b"ab", b"c") != event_digest(b"a", b"bc")


@given(st.integers(-(1 << 60), 1 << 60), st.binary(min_size=10, max_size=10))
def test_any_time_gives_an_id(time_ms: int, random: bytes) -> None:
    assert FORM.fullmatch(new_id(time_ms, random))
