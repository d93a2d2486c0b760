"""Codes on paper: forgiving about form, strict about content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import IdentityError
from sync.identity.recovery import read_code, show_code

secrets = st.binary(min_size=16, max_size=16)
alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@given(secrets)
def test_round_trip(secret: bytes) -> None:
    code = show_code(secret, "test/1")
    assert len(code) == 39 and code.count("-") == 7
    assert read_code(code, "test/1") == secret


@given(secrets)
def test_form_is_forgiven(secret: bytes) -> None:
    code = show_code(secret, "test/1")
    typed = f"  {code.lower().replace('-', ' ')}\r\n"
    assert read_code(typed.replace("o", "0").replace("i", "1").replace("b", "8"), "test/1") == secret


@given(secrets, st.integers(0, 31), st.sampled_from(alphabet))
def test_every_wrong_character_is_noticed(secret: bytes, position: int, letter: str) -> None:
    code = show_code(secret, "test/1").replace("-", "")
    if code[position] == letter:
        return
    with pytest.raises(IdentityError, match="wrong character"):
        read_code(code[:position] + letter + code[position + 1 :], "test/1")


@given(secrets)
def test_codes_for_another_purpose_are_refused(secret: bytes) -> None:
    with pytest.raises(IdentityError):
        read_code(show_code(secret, "test/1"), "test/2")


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 31, "A" * 33, "9" * 32, "é" * 32, "=" * 32, "AAAA" * 7 + "===="])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(IdentityError):
        read_code(text, "test/1")


@given(st.text(max_size=50))
def test_any_text_is_refused_without_another_error(text: str) -> None:
    with pytest.raises(IdentityError):
        read_code(text, "test/1")


def test_only_secrets_of_128_bits_are_shown() -> None:
    with pytest.raises(ValueError):
        show_code(bytes(15), "test/1")
