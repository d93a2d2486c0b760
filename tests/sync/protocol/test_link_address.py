"""The secret part of a link: read back as written, and nothing else is taken for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import domain_hash, encode
from sync.errors import ProtocolError
from sync.protocol.address import Address
from sync.protocol.link_address import MAX_SOCKETS, LinkAddress, fitting_sockets, format_address, parse_address

KEYS = st.binary(min_size=32, max_size=32)
SOCKETS = st.builds("{}:{}".format, st.sampled_from(["10.0.0.7", "example.org", "[fe80::1]"]), st.integers(0, 65535))
URLS = st.builds(
    "{}{}".format, st.sampled_from(["https://a.b/", "http://x:8/", "file:///"]), st.text("abc/%20", max_size=30)
)
ADDRESSES = st.builds(
    LinkAddress,
    KEYS,
    KEYS,
    st.lists(SOCKETS, max_size=MAX_SOCKETS).map(tuple),
    st.sampled_from(["", "https://relay.example/"]),
    st.lists(URLS, max_size=4).map(tuple),
)
PLAIN = LinkAddress(b"s" * 32, b"i" * 32, ("10.0.0.7:4433",), "", ("https://example.org/shared",))


@given(ADDRESSES)
def test_what_is_written_is_read_back(address: LinkAddress) -> None:
    text = format_address(address)
    assert parse_address(text) == address
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(ADDRESSES, st.data())
def test_a_changed_or_cut_text_is_refused(address: LinkAddress, data: st.DataObject) -> None:
    text = format_address(address)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_=+/ é"))
    for broken in (text[:at], text[:at] + text[at + 1 :], text[:at] + letter + text[at + 1 :], text + letter):
        if broken != text:
            with pytest.raises(ProtocolError):
                parse_address(broken)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_no_other_text_is_one(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_address(text)


def _forged(value: object) -> str:
    data = encode(value)  # type: ignore[arg-type]
    check = domain_hash("lovelace/link-checksum/1", data)[:4]
    return base64.urlsafe_b64encode(data + check).decode().rstrip("=")


GOOD = [1, b"s" * 32, b"i" * 32, [], "", []]


def test_the_forger_of_these_tests_knows_the_form() -> None:
    assert parse_address(_forged(GOOD)) == LinkAddress(b"s" * 32, b"i" * 32)


@pytest.mark.parametrize(
    "value",
    [
        [0, *GOOD[1:]],
        [True, *GOOD[1:]],
        GOOD[:-1],
        [*GOOD, 1],
        [1, b"s" * 31, *GOOD[2:]],
        [1, b"s" * 32, b"i" * 33, *GOOD[3:]],
        [*GOOD[:3], ["10.0.0.7:1"] * 9, "", []],
        [*GOOD[:3], ["10.0.0.7"], "", []],
        [*GOOD[:3], ["10.0.0.7:1\n"], "", []],
        [*GOOD[:4], "javascript:alert(1)", []],
        [*GOOD[:5], ["ftp://a/b"]],
        [*GOOD[:5], ["https://a/" + "b" * 1100]],
        [*GOOD[:5], ["https://a/\n"]],
        [*GOOD[:5], ["https://a/"] * 5],
        {"v": 1},
        7,
        None,
    ],
)
def test_what_no_link_says_is_refused(value: object) -> None:
    with pytest.raises(ProtocolError):
        parse_address(_forged(value))


def test_a_newer_version_is_told_apart() -> None:
    with pytest.raises(ProtocolError, match="newer version"):
        parse_address(_forged([2, "whatever"]))


def test_what_cannot_be_read_back_is_not_written() -> None:
    for broken in (("nowhere",), ("a:1",) * 9):
        with pytest.raises(ProtocolError):
            format_address(LinkAddress(b"s" * 32, b"i" * 32, broken))


def test_only_sockets_that_fit_are_named() -> None:
    found = fitting_sockets(Address(b"d" * 32, ("[fe80::1%eth0]:5", *(f"10.0.0.{n}:1" for n in range(20)))))
    assert found == tuple(f"10.0.0.{n}:1" for n in range(MAX_SOCKETS))
    assert "secret" not in repr(PLAIN)
