"""Times as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.ui.ages import age, ago, day_span, day_start, duration, moment


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


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (NOW - 1_000, "just now"),
        (NOW - 61_000, "1 m ago"),
        (_ms(2026, 3, 12, 9, 0, 0), "6 h ago"),
        (_ms(2026, 3, 11, 12, 0, 0), "yesterday"),
        (_ms(2026, 2, 1, 12, 0, 0), "on 1 Feb"),
        (_ms(2024, 2, 1, 12, 0, 0), "in Feb 2024"),
    ],
)
def test_ago(then: int, said: str) -> None:
    assert ago(then, NOW) == said


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


@pytest.mark.parametrize(
    ("then", "label", "begin"),
    [
        (NOW + 90_000_000, "Today", _ms(2026, 3, 12)),
        (NOW, "Today", _ms(2026, 3, 12)),
        (_ms(2026, 3, 12), "Today", _ms(2026, 3, 12)),
        (_ms(2026, 3, 12) - 1, "Yesterday", _ms(2026, 3, 11)),
        (_ms(2026, 3, 10, 23), "This week", _ms(2026, 3, 9)),
        (_ms(2026, 3, 9), "This week", _ms(2026, 3, 9)),
        (_ms(2026, 3, 9) - 1, "March", _ms(2026, 3, 1)),
        (_ms(2026, 2, 28), "February", _ms(2026, 2, 1)),
        (_ms(2025, 3, 12), "March 2025", _ms(2025, 3, 1)),
    ],
)
def test_headings_of_days(then: int, label: str, begin: int) -> None:
    assert day_span(then, NOW) == (label, begin)


def test_the_oldest_time_has_a_heading() -> None:
    assert day_span(-(1 << 43), NOW)[1] <= -(1 << 43)


def test_days_begin_at_midnight() -> None:
    assert day_start(NOW) == _ms(2026, 3, 12)
    assert day_start(NOW, 12) == _ms(2026, 2, 28)
