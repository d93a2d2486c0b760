"""The grid of terminal output: cells, what is made visible, colours that read well, and where rows stand."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.terminal.colors import READABLE, contrast
from app.sessions.terminal.parser import Row
from app.sessions.terminal.pens import Pen
from app.ui.terminal.cells import Line, character_at, characters_between, column_of, line_of, starts
from app.ui.terminal.finding import Match, find
from app.ui.terminal.geometry import Steps
from app.ui.terminal.inks import front_and_back
from app.ui.terminal.painting import Mark, _split, clusters
from app.ui.theme import DARK, LIGHT, Theme

texts = st.text(st.sampled_from("ab \té漢字✅\u0301\u200d\u202e\u2067שע\x00\x07\x85\x7f|"), max_size=30)
colors = st.none() | st.integers(0, 255) | st.integers(1 << 24, (1 << 25) - 1)
flags = st.frozensets(st.sampled_from(["bold", "dim", "italic", "underline", "inverse", "struck"]))


def plain(text: str, *, ends: bool = True) -> Line:
    return line_of(Row(text, (), ends))


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("漢字", 4), ("e\u0301x", 2), ("a\tb", 9), ("\t", 8), ("12345678\t|", 17)]
)
def test_widths(text: str, width: int) -> None:
    assert plain(text).width == width


@given(texts)
def test_what_cannot_be_seen_is_shown_one_for_one(text: str) -> None:
    line = plain(text)
    assert len(line.text) == len(text)
    for character in line.text:
        turning = unicodedata.bidirectional(character) in (
            "RLO",
            "LRO",
            "RLE",
            "LRE",
            "PDF",
            "RLI",
            "LRI",
            "FSI",
            "PDI",
        )
        assert character == "\t" or (unicodedata.category(character) != "Cc" and not turning)


@given(texts)
def test_columns_and_characters_agree(text: str) -> None:
    line = plain(text)
    for character in range(len(line.text)):
        column = column_of(line, character)
        if starts(line.text)[character + 1] > column:
            assert character_at(line, column) == character or column_of(line, character_at(line, column)) == column
    assert character_at(line, 10_000) == len(line.text)
    assert character_at(line, -5) == 0 or column_of(line, character_at(line, -5)) == 0


@given(texts, st.integers(1, 12))
def test_wrapping_loses_and_repeats_no_character(text: str, columns: int) -> None:
    line = plain(text)
    parts = [characters_between(line, at, at + columns) for at in range(0, max(1, line.width) + columns, columns)]
    assert "".join(line.text[first:last] for first, last in parts).startswith(line.text.rstrip("\u0301\u200d"))
    assert all(one[1] == other[0] for one, other in pairwise(parts))


@given(texts)
def test_clusters_draw_everything_but_tabs(text: str) -> None:
    drawn = "".join(piece for _, piece in clusters(text, 0, len(text)))
    assert drawn.replace("\t", "") == text.replace("\t", "")


def test_words_that_read_from_the_right_are_drawn_as_one() -> None:
    assert list(clusters("a: שלום עולם 1", 0, 14)) == [(0, "a: "), (3, "שלום עולם"), (12, " 1")]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@given(front=colors, back=colors, flags=flags)
def test_all_text_reads_well(theme: Theme, front: int | None, back: int | None, flags: frozenset[str]) -> None:
    ink, ground = front_and_back(Pen(front, back, flags), theme)
    assert contrast(ink, ground or theme.base) >= READABLE


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_marks_read_well(theme: Theme) -> None:
    for ink, ground in ((theme.text, theme.highlight), (theme.text, theme.selected), (theme.on_accent, theme.accent)):
        assert contrast(ink, ground) >= READABLE


def test_of_several_marks_the_last_counts() -> None:
    marks = [Mark(2, 6, "found"), Mark(2, 6, "current"), Mark(5, 9, "selected")]
    assert list(_split(0, 10, marks)) == [
        (0, 2, ""), (2, 5, "current"), (5, 6, "selected"), (6, 9, "selected"), (9, 10, "")
    ]  # fmt: skip


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40), st.sampled_from([0, 1, 7]))
def test_steps_know_every_row(widths: list[int], columns: int) -> None:
    lines = [plain("x" * width) for width in widths]
    steps = Steps()
    steps.build(lines[:3], columns)
    steps.extend(lines[3:])
    expected = [
        (row, part) for row, w in enumerate(widths) for part in range(max(1, -(-w // columns)) if columns else 1)
    ]
    assert steps.total == len(expected)
    assert [steps.find(step) for step in range(steps.total)] == expected
    assert [expected.index((row, 0)) for row in range(len(lines))] == [steps.top(row) for row in range(len(lines))]


@pytest.mark.parametrize("columns", [1, 7, 80])
def test_steps_of_many_rows_are_those_of_each(columns: int) -> None:
    lines = [plain("x" * (number % 200)) for number in range(2000)]
    steps = Steps()
    steps.build(lines, columns)
    assert [steps.height(row) for row in range(2000)] == [max(1, -(-line.width // columns)) for line in lines]


def test_finding_ignores_case_and_cuts_and_stops_somewhere() -> None:
    lines = [plain("An Error"), plain("no"), plain("err", ends=False), plain("or error")]
    assert find(lines, "error") == [Match(0, 3, 8), Match(2, 0, 3), Match(3, 3, 8)]
    assert find(lines, "(.*") == []
    assert len(find([plain("aaaa")] * 100, "a", most=50)) == 50
