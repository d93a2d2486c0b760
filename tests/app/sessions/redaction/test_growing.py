from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.redaction.growing import Growing, shown_so_far
from app.sessions.redaction.replacing import unnumbered
from tests.helpers.secrets_to_plant import NAMED, TOKENS, private_key

SECRETS = [
    *((token, token) for token in TOKENS.values()),
    *NAMED.values(),
    (private_key(), private_key().split("\n")[2]),
]
LEAKED = 7
"""So many characters of a secret's beginning may be seen before it is known to be one."""


@pytest.mark.parametrize("text", [f"before {text} after\nmore\n" for text, _ in SECRETS])
def test_a_secret_is_never_shown_while_it_comes(text: str) -> None:
    secret = next(secret for said, secret in SECRETS if said in text)
    growing, shown = Growing(), ""
    for end, character in enumerate(text, 1):
        shown += growing.feed(character)
        assert secret[:LEAKED] not in shown[-len(secret) :] or len(secret) <= LEAKED
        assert secret[:LEAKED] not in shown_so_far(text[:end])
    shown += growing.end()
    assert secret not in shown and "‹secret›" in shown
    assert shown.startswith("before") and shown.endswith("more\n")


@given(st.lists(st.sampled_from([text for text, _ in SECRETS]) | st.text(max_size=30), max_size=5), st.data())
def test_the_pieces_do_not_matter(said: list[str], data: st.DataObject) -> None:
    text = "\n\n".join([*said, ""])
    growing, shown, at = Growing(), "", 0
    while at < len(text):
        step = data.draw(st.integers(1, 40))
        shown += growing.feed(text[at : at + step])
        at += step
    shown += growing.end()
    for whole, secret in SECRETS:
        if whole in said:
            assert secret not in shown or len(secret) < LEAKED


@given(st.lists(st.text(alphabet="abc xyz\n.,"), max_size=10))
def test_a_text_without_secrets_comes_whole(pieces: list[str]) -> None:
    growing = Growing()
    assert "".join([*map(growing.feed, pieces), growing.end()]) == "".join(pieces)


def test_plain_words_come_at_once() -> None:
    assert shown_so_far("Hello, this is an ordinary sentence") == "Hello, this is an ordinary sentence"
    assert shown_so_far("the tokens of this text are many") == "the tokens of this text are many"
    assert shown_so_far("your password is") == "your "


def test_it_comes_to_the_same_as_the_whole() -> None:
    text = "".join(f"{text}\n" for text, _ in SECRETS)
    growing = Growing()
    shown = "".join(growing.feed(line) for line in text.splitlines(keepends=True)) + growing.end()
    assert shown == unnumbered(text)
