"""Addresses as bytes and text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import encode
from sync.errors import IdentityError, ProtocolError
from sync.protocol.address import Address
from sync.protocol.addresses import decode_address, encode_address, read_address, show_address
from sync.protocol.pairing_code import MAX_ADDRESS

ids = st.binary(min_size=32, max_size=32)
found = st.builds(Address, ids, st.lists(st.text(max_size=100), max_size=16).map(tuple), st.text(max_size=300))
ADDRESS = Address(b"d" * 32, ("10.0.0.7:4433", "[fe80::1]:4433"), "https://relay.example")


@given(found)
def test_an_address_is_read_as_it_was_written(address: Address) -> None:
    if len(encode_address(address)) <= MAX_ADDRESS:
        assert decode_address(encode_address(address)) == address
        assert read_address(f" {show_address(address)}\n") == address


@pytest.mark.parametrize(
    "value",
    [[], {"v": 2}, {"v": 1, "device": bytes(31), "sockets": [], "relay": ""}, {"v": 1, "device": bytes(32)}],
)
def test_other_bytes_are_refused(value: object) -> None:
    with pytest.raises(ProtocolError):
        decode_address(encode(value))


@given(st.text(), st.binary(max_size=100))
def test_other_texts_are_refused(text: str, data: bytes) -> None:
    for candidate in (text, "lovelace://device/#" + text, show_address(ADDRESS)[:-1]):
        with pytest.raises(IdentityError):
            read_address(candidate)
    with pytest.raises(ProtocolError):
        decode_address(data)
