"""Plain text of terminal output: what the parser gives, without its pens."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from app.sessions.terminal.parser import TerminalParser
from app.sessions.terminal.printed import printed_text

PIECES = [
    "\x1b[31m", "\x1b[0m", "\x1b[", "\x1b]0;title\x07", "\x1b]8;;http://e\x1b\\", "\x1b", "\x1b(B", "[", "m", ";", "3",
    "\r", "\n", "\r\n", "x", "words here", "é", "\x07", "\\", "\x1b[?25l", "\x1b[2J",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_it_is_the_text_of_the_parser(pieces: list[str]) -> None:
    text = "".join(pieces)
    parser = TerminalParser()
    parser.feed(text)
    assert printed_text(text) == "".join(row.text + "\n" * row.ends for row in parser.finish())


def test_progress_keeps_its_last_state() -> None:
    assert printed_text("a\r\n 10%\r 50%\r100%\r\ndone\r") == "a\n100%\ndone"


def test_hostile_text_is_no_trouble() -> None:
    begun = time.process_time()
    for text in (
        "\x1b[" * 500_000,
        "\r" * 1_000_000,
        "x\r" * 500_000,
        "\x1b]" + "t" * 1_000_000,
        "x" * 1_000_000 + "\r",
    ):
        assert "\x1b" not in printed_text(text)
    assert time.process_time() - begun < 10
