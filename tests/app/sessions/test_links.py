"""Links to sessions and events: read back as written, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.links import SHARED_PAGE, InviteLink, SessionLink, SharedLink, is_link, parse_link
from sync.protocol.link_address import LinkAddress

IDS = st.text("ABCDEFGHJKMNPQRSTVWXYZ0123456789", min_size=1, max_size=40)


@given(IDS, st.none() | IDS)
def test_what_is_written_is_read_back(session: str, event: str | None) -> None:
    link = SessionLink(session, event)
    assert parse_link(str(link)) == link


@pytest.mark.parametrize("text", ["LOVELACE://session/ABC", " lovelace:session/ABC\n", "lovelace://session/ABC/"])
def test_ways_that_browsers_and_mail_programs_change_links(text: str) -> None:
    assert is_link(text)
    assert parse_link(text) == SessionLink("ABC")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/session/ABC",
        "lovelace://",
        "lovelace://session/",
        "lovelace://session/../../etc",
        "lovelace://session/A/B/C",
        "lovelace://session/A?x=1",
        "lovelace://session/A\n/B",
        "lovelace://run/rm",
        "lovelace://session/" + "A" * 5000,
    ],
)
def test_everything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="link"):
        parse_link(text)


@given(st.text(max_size=80))
def test_any_text_is_a_link_or_refused(text: str) -> None:
    try:
        link = parse_link(text)
    except UserError:
        return
    assert isinstance(link, SessionLink) and "/" not in link.session


ADDRESS = LinkAddress(b"s" * 32, b"i" * 32, ("10.0.0.7:4433",), "", ("https://example.org/shared",))
PAGES = st.sampled_from([SHARED_PAGE, "https://example.org/read", "http://example.org:8080/a/b?c=d"])


@given(PAGES, st.binary(min_size=32, max_size=32))
def test_a_shared_link_is_read_back(page: str, secret: bytes) -> None:
    link = SharedLink(replace(ADDRESS, secret=secret), page)
    assert parse_link(str(link)) == parse_link(f" {link}\n") == link


def test_ways_that_programs_change_shared_links() -> None:
    link = SharedLink(ADDRESS)
    for changed in (str(link).replace("lovelace://session/", "LOVELACE:session/"), str(link).replace("/#", "#")):
        assert parse_link(changed) == link
    assert "s" * 32 not in repr(link)


def test_other_fragments_are_told_to_be_damaged() -> None:
    text = str(SharedLink(ADDRESS))
    for broken in (text[:-1], text + "A", text.replace("#", "#A"), "https://example.org/page#section"):
        with pytest.raises(UserError, match="damaged"):
            parse_link(broken)


def test_an_invite_is_handed_on_as_it_is() -> None:
    link = parse_link("LOVELACE://invite/#" + "A" * 20_000)
    assert isinstance(link, InviteLink) and str(link) == "lovelace://invite/#" + "A" * 20_000
    with pytest.raises(UserError, match="too long"):
        parse_link("lovelace://invite/#" + "A" * 40_000)
    with pytest.raises(UserError, match="too long"):
        parse_link("https://example.org/#" + "A" * 20_000)
