"""Terminal output as rows: any chunking gives the same, no text is lost, hostile programs stay bounded."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.terminal.colors import TRUE_COLOR
from app.sessions.terminal.parser import LONGEST_ROW, Row, TerminalParser
from app.sessions.terminal.pens import MOST_PENS, Pen

SEQUENCES = [
    "\x1b[31m", "\x1b[0m", "\x1b[1;4m", "\x1b[38;5;208m", "\x1b[38;2;1;2;3m", "\x1b[?25l", "\x1b[2J", "\x1b[10;5H",
    "\x1b]0;title\x07", "\x1b]8;;http://e\x1b\\", "\x1b(B", "\x1bPq\x1b\\", "\x1b7", "\x1b[48;5;1m", "\x1b[m",
]  # fmt: skip
FRAGMENTS = [
    "\x1b", "\x1b[", "\x1b]", "[", "]", ";", "1", "31", "m", "K", "2K", "G", " ", "!", "\\", "\x07", "\x9c", "\r",
    "\n", "\r\n", "\x08", "x", "yz", "é", "漢", "\u202e", "\x00", "8;;", "?", ":", "38;5;", "\x1b[8m", "\x1b[28m",
    "9" * 130, " " * 130,
]  # fmt: skip
plain = st.text(st.characters(exclude_characters="\x1b\r\x08", exclude_categories=["Cs"]), max_size=40)


def rows(*pieces: str) -> list[Row]:
    parser = TerminalParser()
    found = []
    for piece in pieces:
        parser.feed(piece)
        found += parser.take()
    return found + parser.finish()


def kept(parsed: list[Row]) -> str:
    return "".join(row.text + ("\n" if row.ends else "") for row in parsed)


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(SEQUENCES), max_size=40), st.lists(st.integers(0, 4000)))
def test_any_chunking_gives_the_same(pieces: list[str], places: list[int]) -> None:
    text = "".join(pieces)
    assert rows(*cut(text, places)) == rows(text) == rows(*text)


@given(st.lists(st.integers(1, 3000), max_size=12), st.lists(st.integers(0, 40_000), max_size=8))
def test_any_chunking_of_long_lines_gives_the_same(lengths: list[int], places: list[int]) -> None:
    text = "".join(
        f"\x1b[3{number % 8}m" + "x" * length + "\x08" * (number % 3) for number, length in enumerate(lengths)
    )
    parsed = rows(text)
    assert rows(*cut(text, places)) == parsed
    assert all(len(row.text) <= LONGEST_ROW for row in parsed)


@given(st.lists(plain | st.sampled_from(SEQUENCES), max_size=30))
def test_the_text_is_the_input_without_its_sequences(pieces: list[str]) -> None:
    assert kept(rows("".join(pieces))) == "".join(piece for piece in pieces if piece not in SEQUENCES)


@given(st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(SEQUENCES), max_size=40))
def test_runs_cover_the_text_in_order(pieces: list[str]) -> None:
    for row in rows("".join(pieces)):
        parts = list(row.pieces())
        assert "".join(row.text[start:end] for start, end, _ in parts) == row.text
        assert [start for start, _, _ in parts] == sorted(start for start, _, _ in parts)
        assert "\x1b" not in row.text and "\n" not in row.text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (" 10%\r 50%\r100%\ndone", "100%\ndone"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("long state\r\x1b[Kend", "end"),
        ("state\r\x1b[K", ""),
        ("state\x1b[2K\x1b[1Gend", "end"),
        ("⠋ a\x1b[1G\x1b[0K⠙ b\x1b[1G\x1b[0K✓ c\n", "✓ c\n"),
        ("x\x1b[Ky", "xy"),
        ("a\x1b[8msecret\x1b[28mb", "ab"),
        ("see \x1b]8;;http://e\x07docs\x1b]8;;\x07.", "see docs."),
        ("a\x1b]0;never ends\nb", "a\nb"),
        ("\x1b[31", ""),
    ],
)
def test_lines_are_what_is_left_on_them(sent: str, shown: str) -> None:
    assert kept(rows(sent)) == kept(rows(*sent)) == shown


def test_pens() -> None:
    parser = TerminalParser()
    parser.feed("a\x1b[1;31mb\x1b[38;2;1;2;3mc\x1b[7;48;5;20md\x1b[0me")
    [row] = parser.finish()
    assert [(row.text[start:end], parser.pens[pen]) for start, end, pen in row.pieces()] == [
        ("a", Pen()),
        ("b", Pen(1, None, frozenset({"bold"}))),
        ("c", Pen(TRUE_COLOR | 0x010203, None, frozenset({"bold"}))),
        ("d", Pen(TRUE_COLOR | 0x010203, 20, frozenset({"bold", "inverse"}))),
        ("e", Pen()),
    ]


def test_the_open_row_grows_until_its_line_ends() -> None:
    parser = TerminalParser()
    parser.feed("building")
    assert (parser.take(), parser.open) == ([], Row("building", (), False))
    parser.feed(" ok\nnext")
    assert (parser.take(), parser.open) == ([Row("building ok")], Row("next", (), False))


def test_a_line_of_ten_megabytes_is_cut_into_rows() -> None:
    begun = time.process_time()
    parsed = rows(*["x" * 65_536] * 160)
    assert kept(parsed) == "x" * 65_536 * 160
    assert max(len(row.text) for row in parsed) == LONGEST_ROW
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("endless", ["\x1b[" + "1;" * 500_000, "\x1b]0;" + "t" * 1_000_000, "\x1b" + " " * 1_000_000])
def test_an_endless_sequence_is_not_kept(endless: str) -> None:
    parser = TerminalParser()
    for at in range(0, len(endless), 1000):
        parser.feed(endless[at : at + 1000])
    assert len(parser._held) <= 128 and not parser.open
    parser.feed("\nnext")
    assert kept(parser.finish()) == "\nnext"


def test_progress_that_never_ends_keeps_one_state() -> None:
    parser = TerminalParser()
    for number in range(100_000):
        parser.feed(f"\r{number} of 100000")
    assert parser.finish() == [Row("99999 of 100000", (), False)]


def test_more_pens_than_anyone_draws_with_stay_bounded() -> None:
    parser = TerminalParser()
    for number in range(3 * MOST_PENS):
        parser.feed(f"\x1b[38;2;{number % 256};{number // 256};7mx")
    assert len(parser.pens._pens) <= MOST_PENS and len(parser.pens._changes) <= MOST_PENS
