"""Codes and tickets: what people type, paste and mistype."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import IdentityError, ProtocolError
from sync.protocol.pairing_code import CODE_CHARACTERS, MAX_ADDRESS, Code, Ticket, read_ticket
from sync.testing import seeded_random

codes = st.integers(0, 10_000).map(lambda seed: Code.create(seeded_random(seed)))


@given(codes, st.randoms())
def test_a_code_is_read_however_it_was_typed(code: Code, random) -> None:
    digits = str.maketrans("OIB", "018")
    typed = "".join(random.choice([c, c.lower(), c.translate(digits), c + " ", "-" + c]) for c in str(code))
    assert Code.read(typed) == code
    assert len(code.text) == CODE_CHARACTERS


def test_every_bit_of_a_code_counts() -> None:
    low, high = Code.create(lambda count: bytes(count)), Code.create(lambda count: b"\xff" * count)
    assert (low.text, high.text) == ("A" * 26, "7" * 26)
    assert int.from_bytes(high.secret, "big") == 2**130 - 1
    seen = {Code("A" * at + "B" + "A" * (25 - at)).secret for at in range(26)}
    assert len(seen) == 26


@pytest.mark.parametrize(
    "text", ["", "A" * 25, "A" * 27, "A" * 25 + "9", "A" * 25 + "ß", "Ⅷ" * 26, "lovelace://invite/#x", "A" * 100_000]
)
def test_what_is_no_code_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(IdentityError, match=r"\.$|#$"):
        read_ticket(text)


@given(codes, st.binary(max_size=MAX_ADDRESS))
def test_a_ticket_carries_code_and_address(code: Code, address: bytes) -> None:
    assert read_ticket(f"  {Ticket(code, address)}\n") == Ticket(code, address)


@given(st.text())
def test_any_text_is_a_ticket_or_refused(text: str) -> None:
    for candidate in (text, "lovelace://pair/#" + text, "lovelace://pair/#" + "A" * 26 + "." + text):
        try:
            read_ticket(candidate)
        except IdentityError:
            pass


def test_a_ticket_has_one_form_only() -> None:
    ticket = str(Ticket(Code("A" * 26), b"a"))
    with pytest.raises(IdentityError, match="damaged"):
        read_ticket(ticket[:-1] + chr(ord(ticket[-1]) + 1))  # bits that nothing reads
    with pytest.raises(IdentityError):
        read_ticket(ticket + "=")


def test_the_meeting_place_tells_nothing_and_its_address_opens_with_the_code_alone() -> None:
    code, other = Code.create(seeded_random(1)), Code.create(seeded_random(2))
    assert code.meeting_name != other.meeting_name
    assert code.text not in code.meeting_path and code.secret.hex() not in code.meeting_path
    sealed = code.seal_address(b"10.0.0.7:4433", seeded_random(3))
    assert code.open_address(sealed) == b"10.0.0.7:4433"
    assert b"10.0.0.7" not in sealed
    for wrong, data in ((other, sealed), (code, sealed[:-1] + b"\0"), (code, b""), (code, sealed + bytes(10_000))):
        with pytest.raises(ProtocolError):
            wrong.open_address(data)


def test_a_code_is_not_shown_by_accident() -> None:
    code = Code.create(seeded_random(1))
    assert code.text not in repr(code) and code.text not in repr(Ticket(code))
