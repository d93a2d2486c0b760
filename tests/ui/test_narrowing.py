"""What the list of sessions is narrowed to: chips take away one thing each, and it is kept as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.filters import SessionFilter
from app.ui.ages import day_start
from app.ui.browser.narrowing import Kept, Narrowing, Period
from tests.helpers.conversations import NOW

_texts = st.none() | st.text(min_size=1, max_size=20)
_times = st.none() | st.integers(0, 4_000_000_000_000)


@st.composite
def narrowings(draw: st.DrawFn) -> Narrowing:
    period = draw(st.sampled_from(Period))
    dates = {"since": draw(_times), "until": draw(_times)} if period is Period.CUSTOM else {}
    filter = SessionFilter(
        type=draw(_texts), status=draw(_texts), agent=draw(_texts), author=draw(_texts), tag=draw(_texts),
        everywhere=draw(st.booleans()), **dates,
    )  # fmt: skip
    return Narrowing(filter, period).keep(draw(st.sampled_from(Kept)))


@given(narrowings())
def test_taking_away_all_chips_leaves_nothing(narrowing: Narrowing) -> None:
    left, count = narrowing, len(narrowing.chips())
    for number in range(count):
        assert len(left.chips()) == count - number
        left = left.chips()[0][1]
    assert left == Narrowing()


@given(narrowings())
def test_kept_as_json(narrowing: Narrowing) -> None:
    back = Narrowing.from_json(json.loads(json.dumps(narrowing.to_json())))
    assert back == (narrowing.keep(Kept.LIST) if narrowing.kept is Kept.TRASH else narrowing)


@pytest.mark.parametrize("value", [None, [], "x", {"period": "Never"}, {"filter": {"trash": 3}}])
def test_what_is_not_understood_is_nothing(value: object) -> None:
    assert Narrowing.from_json(value) == Narrowing()


@given(narrowings())
def test_relative_dates_follow_the_clock(narrowing: Narrowing) -> None:
    wanted = narrowing.wanted(NOW)
    match narrowing.period:
        case Period.ANY:
            assert (wanted.since, wanted.until) == (None, None)
        case Period.CUSTOM:
            assert wanted == narrowing.filter
        case Period.TODAY | Period.WEEK | Period.MONTH:
            days = {Period.TODAY: 0, Period.WEEK: 6, Period.MONTH: 29}[narrowing.period]
            assert (wanted.since, wanted.until) == (day_start(NOW, days), None)


def test_a_search_looks_into_the_archive_unless_it_was_chosen() -> None:
    assert Narrowing().searched(NOW).archived is None
    assert Narrowing().keep(Kept.ARCHIVE).searched(NOW).archived is True
    assert Narrowing().keep(Kept.TRASH).searched(NOW).trash
