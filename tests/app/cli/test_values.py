from pathlib import Path
from typing import Literal

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from app.cli.values import PlainValue


def coerce(annotation, value, minimum=None):
    return PlainValue(annotation, minimum).coerce(value, None, None)


@given(st.integers())
def test_numbers_are_read_exactly_and_bounded(number) -> None:
    assert coerce(int, str(number)) == number
    if number < 0:
        with pytest.raises(typer.BadParameter):
            coerce(int, str(number), 0)


@given(st.text())
def test_text_stays_what_it_is(text) -> None:
    assert coerce(str, text) == text
    assert coerce(list[str], (text, text)) == [text, text]


def test_choices_paths_lists_and_nothing() -> None:
    assert coerce(Literal["a", "b"], "b") == "b"
    assert coerce(Path, "x/y") == Path("x/y")
    assert coerce(list[Path], ["x"]) == [Path("x")]
    assert coerce(str, None) is None and coerce(list[str], None) == ()
    assert coerce(bool, True) is True


@pytest.mark.parametrize(
    ("annotation", "word", "said"),
    [(Literal["a", "b"], "c", "not one of a, b"), (int, "1.5", "whole number"), (int, "", "whole number")],
)
def test_wrong_words_are_named(annotation, word, said) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        coerce(annotation, word)
