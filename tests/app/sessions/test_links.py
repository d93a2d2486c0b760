"""Links to sessions and events: read back as written, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.links import SessionLink, is_link, parse_link

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
    assert "/" not in link.session
