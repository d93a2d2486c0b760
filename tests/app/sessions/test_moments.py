"""Moments as people type them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.sessions.moments import parse_moment

NOW = datetime(2026, 1, 8, 12, 0)  # a Thursday
NOW_MS = round(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9:41", (2026, 1, 8, 9, 41)),
        ("14:30", (2026, 1, 7, 14, 30)),
        ("14:30:05", (2026, 1, 7, 14, 30, 5)),
        ("today", (2026, 1, 8)),
        ("Yesterday", (2026, 1, 7)),
        (" yesterday  9:05 ", (2026, 1, 7, 9, 5)),
        ("monday", (2026, 1, 5)),
        ("thu", (2026, 1, 8)),
        ("fri 8:00", (2026, 1, 2, 8, 0)),
        ("24 Nov", (2025, 11, 24)),
        ("24. november 2023 10:00", (2023, 11, 24, 10, 0)),
        ("jan 3", (2026, 1, 3)),
        ("Nov 24, 2020", (2020, 11, 24)),
        ("2025-12-31", (2025, 12, 31)),
        ("2025-12-31 23:59", (2025, 12, 31, 23, 59)),
        ("2025-12-31T23:59", (2025, 12, 31, 23, 59)),
        ("3h", (2026, 1, 8, 9, 0)),
        ("2d ago", (2026, 1, 6, 12, 0)),
    ],
)
def test_what_people_type(text: str, expected: tuple[int, ...]) -> None:
    assert parse_moment(text, NOW_MS) == round(datetime(*expected).timestamp() * 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "soon", "25:00", "30 Feb", "2026-13-01", "12", "99999999h", "9:41 yesterday"])
def test_everything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UserError, match="yesterday 9:00"):
        parse_moment(text, NOW_MS)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_moment(text, NOW_MS), int)
    except UserError:
        pass
