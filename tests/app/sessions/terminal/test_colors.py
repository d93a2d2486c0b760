"""Terminal colours: their numbers, the nearest of them, and how they become readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.terminal.colors import (
    READABLE,
    color_of,
    contrast,
    hex_color,
    indexed,
    nearest,
    readable,
    text_on,
    true_color,
)


def test_colours_of_the_cube_are_their_own_nearest() -> None:
    for number in range(16, 256):
        assert color_of(nearest(*color_of(number))) == color_of(number)


def test_numbers_become_colours() -> None:
    assert [hex_color(number) for number in (1, 196, 255, true_color(1, 2, 255))] == [
        "#cd3131", "#ff0000", "#eeeeee", "#0102ff",
    ]  # fmt: skip
    assert (indexed(7), indexed(true_color(255, 0, 0))) == (7, 196)


@pytest.mark.parametrize(
    ("grounds", "text"), [(("#ffffff", "#f3f4f6"), "#1f2328"), (("#1b1e23", "#22262c"), "#e6e8eb")]
)
@given(color=st.integers(0, 0xFFFFFF))
def test_any_colour_becomes_readable(grounds: tuple[str, ...], text: str, color: int) -> None:
    shown = readable(f"#{color:06x}", grounds, text)
    assert min(contrast(shown, ground) for ground in grounds) >= READABLE


@given(st.integers(0, 0xFFFFFF))
def test_black_or_white_reads_on_everything(color: int) -> None:
    assert contrast(text_on(f"#{color:06x}"), f"#{color:06x}") >= READABLE
