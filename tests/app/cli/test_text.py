from hypothesis import given
from hypothesis import strategies as st

from app.cli.text import fit, printable, width


@given(st.text())
def test_printable_text_cannot_drive_a_terminal(text) -> None:
    shown = printable(text)
    assert not [c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c < "\xa0" or c in "\u202e\u2066"]
    shown.encode()
    assert printable(shown) == shown


def test_escape_stays_visible_and_lines_stay() -> None:
    assert printable("a\x1b[31mb\r\nc\td\udc80") == "a␛[31mb\nc\td?"


@given(st.text(), st.integers(1, 40))
def test_fitted_text_has_exactly_the_width(text, columns) -> None:
    assert width(fit(text, columns)) == columns


def test_wide_characters_count_twice() -> None:
    assert width("日本") == 4
    assert fit("日本語", 4) == "日… "
    assert fit("ab", 4) == "ab  "
