"""Invite links: what is carried, and what is no link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import encode
from sync.errors import IdentityError
from sync.protocol.invite_link import PREFIX, InviteLink, is_invite, read_invite
from sync.protocol.pairing_code import show_bytes

ids = st.binary(min_size=32, max_size=32)
links = st.builds(
    InviteLink, ids, ids, ids, ids, st.lists(st.binary(max_size=200), max_size=8).map(tuple), st.text(max_size=200)
)
LINK = InviteLink(b"w" * 32, b"i" * 32, b"s" * 32, b"k" * 32, (b"address",), "https://example.org/box")


@given(links)
def test_a_link_is_read_as_it_was_made(link: InviteLink) -> None:
    assert read_invite(f"\n {link} ") == link
    assert is_invite(str(link))


def test_everything_stands_in_the_fragment_and_nothing_in_its_repr() -> None:
    before, _, fragment = str(LINK).partition("#")
    assert before == "lovelace://invite/" and len(fragment) > 200
    assert "ssss" not in repr(LINK) and "kkkk" not in repr(LINK)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lovelace://session/abc",
        PREFIX,
        PREFIX + "!!!",
        str(LINK)[:-1],
        str(LINK)[:-8],
        str(LINK) + "AAAA",
        PREFIX + show_bytes(encode({"v": 2})),
        PREFIX + show_bytes(encode({"v": 1, "workspace": bytes(31)})),
        PREFIX + "A" * 100_000,
    ],
)
def test_what_is_no_link_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(IdentityError):
        read_invite(text)


@given(st.text(), st.binary(max_size=300))
def test_any_text_is_a_link_or_refused(text: str, data: bytes) -> None:
    for candidate in (text, PREFIX + text, PREFIX + show_bytes(data)):
        with pytest.raises(IdentityError):
            read_invite(candidate)
