"""Times as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.ui.ages import age, duration, moment


def _ms(*parts: int) -> int:
    return int(datetime(*parts).timestamp() * 1000)  # type: ignore[arg-type]


NOW = _ms(2026, 3, 12, 15, 0, 0)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (NOW + 5_000, "now"),
        (NOW - 59_000, "now"),
        (NOW - 61_000, "1 m"),
        (_ms(2026, 3, 12, 9, 0, 0), "6 h"),
        (_ms(2026, 3, 11, 23, 0, 0), "yesterday"),
        (_ms(2026, 3, 9, 12, 0, 0), "Mon"),
        (_ms(2026, 2, 1, 12, 0, 0), "1 Feb"),
        (_ms(2024, 2, 1, 12, 0, 0), "Feb 2024"),
    ],
)
def test_age(then: int, said: str) -> None:
    assert age(then, NOW) == said


def test_an_evening_is_not_yesterday_two_hours_later() -> None:
    assert age(_ms(2026, 3, 11, 23, 30, 0), _ms(2026, 3, 12, 1, 30, 0)) == "2 h"


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (_ms(2026, 3, 12, 9, 41, 0), "09:41"),
        (_ms(2026, 3, 11, 9, 41, 0), "11 Mar 09:41"),
        (_ms(2025, 3, 11, 9, 41, 0), "11 Mar 2025 09:41"),
    ],
)
def test_moment(then: int, said: str) -> None:
    assert moment(then, NOW) == said


@pytest.mark.parametrize(
    ("span", "said"), [(40, "40 ms"), (3_240, "3.2 s"), (252_000, "4 m 12 s"), (7_500_000, "2 h 5 m")]
)
def test_duration(span: int, said: str) -> None:
    assert duration(span) == said
