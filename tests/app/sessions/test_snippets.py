"""Snippets: the piece around a match, with marks that always pair."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.filters import SearchFilter
from app.sessions.snippets import LENGTH, cut_snippet
from app.workspace import Workspace
from tests.helpers.talks import talk


def mark(text: str) -> str:
    return text.replace("<", "\x02").replace(">", "\x03")


@pytest.mark.parametrize(
    ("marked", "snippet"),
    [
        ("", ""),
        ("<a> b", "‹a› b"),
        ("no match", "no match"),
        ("x " * 100 + "<needle>" + " y" * 100, "…" + "x " * 19 + "‹needle›" + " y" * 57 + "…"),
        ("<one> " + "x " * 200 + "<two> <three>", "…" + "x " * 19 + "‹two› ‹three›"),
        ("z" * 500 + "<needle>" + "z" * 500, "…" + "z" * 40 + "‹needle›" + "z" * 112 + "…"),
        ("<" + "n" * 70_000 + ">", "‹" + "n" * 159 + "›…"),
        ("<" + "n" * 250 + ">-<a> <b> <c> <d>", "…‹" + "n" * 38 + "›-‹a› ‹b› ‹c› ‹d›"),
    ],
)
def test_snippets(marked: str, snippet: str) -> None:
    assert cut_snippet(mark(marked)) == snippet


@given(
    st.lists(st.sampled_from(["<a>", "<a b>", " ", "xyz", "\n", "é" * 70, "<" + "m" * 300 + ">"]), max_size=60).map(
        "".join
    )
)
def test_marks_pair_and_pieces_are_short(text: str) -> None:
    snippet = cut_snippet(mark(text))
    depth = 0
    for character in snippet:
        depth += (character == "‹") - (character == "›")
        assert depth in (0, 1)
    assert depth == 0
    assert len(snippet) <= LENGTH + 20
    assert ("‹" in snippet) == ("<" in text)


def test_a_log_with_very_many_matches(home: Workspace) -> None:
    talk(home, "needle " * 9000, title="T")
    (hit,) = home.read(lambda queries: queries.search("needle", SearchFilter()))
    assert hit.snippet.startswith("‹needle› ‹needle›")
