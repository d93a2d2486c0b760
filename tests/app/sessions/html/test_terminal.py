"""Terminal output: colours and emphasis as classes, everything else of a terminal gone, text never lost or markup."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.html.terminal import terminal_html


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("plain <b>", "plain &lt;b&gt;"),
        ("\x1b[31mred\x1b[0m no", '<span class="f1">red</span> no'),
        ("\x1b[1;4;92mx\x1b[22my", '<span class="tb tu f10">x</span><span class="tu f10">y</span>'),
        ("\x1b[mx", "x"),
        ("\x1b[38;5;208mx\x1b[39my", '<span class="f208">x</span>y'),
        ("\x1b[38;2;255;0;0mx", '<span class="f196">x</span>'),
        ("\x1b[38:2::255:0:0mx", '<span class="f196">x</span>'),
        ("\x1b[48;5;1;97mx", '<span class="b1">x</span>'),
        ("\x1b[31;40mx", '<span class="f1">x</span>'),
        ("\x1b[7mx\x1b[27my", '<span class="tv">x</span>y'),
        ("\x1b[7;32mx", '<span class="b2">x</span>'),
        ("\x1b[8msecret\x1b[28mx", "x"),
        ("\x1b[31ma\nb", '<span class="f1">a</span>\n<span class="f1">b</span>'),
        (" 10%\r 99%\r\ndone", " 99%\ndone"),
        ("\x1b[32m 10%\x1b[0m\r 99%", " 99%"),
        ("ab\x08c", "ac"),
        ("\x1b]0;title\x07x\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "xlink"),
        ("\x1b[2J\x1b[1;1Hx\x1b[Ky\x1b[?25l", "xy"),
        ("\x1bPq\x1b\\x\x1b(By", "xy"),
        ("a\x07b", "a␇b"),
    ],
)
def test_sequences(sent: str, shown: str) -> None:
    assert terminal_html(sent) == shown


@pytest.mark.parametrize(
    "broken",
    [
        "\x1b[", "\x1b[38;5", "\x1b[38;5m", "\x1b[38;2;1m", "\x1b[38;9;1m", "\x1b[999999999999999999999m", "\x1b[;;;m",
        "\x1b[>4;2m", "\x1b[38;5;256m", "\x1b[38:m", "\x1b]8;;x", "\x1b", "\x1b[" + "1;" * 100_000 + "m",
        "\x1b[4:3m\x1b[24m", "\x1b[38;2;256;0;0m",
    ],
)  # fmt: skip
def test_broken_sequences_change_nothing(broken: str) -> None:
    assert terminal_html(f"a{broken}\nb") == "a\nb"


@given(st.lists(st.sampled_from(["\x1b[", "\x1b]", "31", ";", "m", "<b>", "\r", "\n", "\x08", "x", ":", "0", "K"])))
def test_anything_is_balanced_and_escaped(pieces: list[str]) -> None:
    html = terminal_html("".join(pieces))
    bare = re.sub(r'<span class="[a-z0-9 ]+">([^<]*)</span>', r"\1", html)
    assert "<" not in bare and "\x1b" not in bare


@given(st.text(st.characters(exclude_categories=["C"]), max_size=50))
def test_text_without_sequences_stays(text: str) -> None:
    assert unescape(terminal_html(text)) == text


def test_text_after_a_broken_sequence_stays() -> None:
    assert terminal_html("a\x1b[38;2;-1mb") == "a1mb"
    assert terminal_html("a\x1b[١mb") == "a١mb"


def test_a_giant_line_is_no_trouble() -> None:
    assert len(terminal_html("\x1b[31m" + "x" * 5_000_000)) > 5_000_000
    assert terminal_html("\x1b[31mx\x1b[32my" * 100_000).count("<span") == 200_000
    assert terminal_html("\x08" * 100_000 + "x") == "x"
