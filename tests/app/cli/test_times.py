from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.errors import UsageError
from app.cli.times import local_time, parse_bound, parse_expiry

NOW = 1_767_348_000_000  # 2026-01-02T10:00:00.000Z
DAY = 86_400_000
moments = st.integers(-62_135_596_800_000, 253_402_300_799_999)  # years 1 to 9999


def iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z"


@given(moments, st.sampled_from(["since", "until"]))
def test_what_json_prints_is_read_back_exactly(time_ms, bound) -> None:
    assert parse_bound(iso(time_ms), bound, NOW) == time_ms


@given(moments)
def test_a_date_spans_the_whole_day(time_ms) -> None:
    date = iso(time_ms)[:10]
    first, last = parse_bound(date, "since", NOW), parse_bound(date, "until", NOW)
    assert first is not None and last is not None
    assert first <= time_ms <= last and last - first == DAY - 1 and first % DAY == 0


@given(st.integers(0, 999_999), st.sampled_from([("m", 60_000), ("h", 3_600_000), ("d", DAY), ("w", 7 * DAY)]))
def test_ages_count_back_from_now(count, unit) -> None:
    assert parse_bound(f"{count}{unit[0]}", "since", NOW) == NOW - count * unit[1]


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_usage_error(text) -> None:
    try:
        assert isinstance(parse_bound(text, "since", NOW), int)
    except UsageError as error:
        assert "--since" in str(error)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01", "2026-02-30", "7", "d", "-7d", "1.5h", "2026-W01-1", "20260102", "7d ",
     "2026-01-02T25:00:00Z", "2026-01-02T10", "9999999d", "٧d"],
)  # fmt: skip
def test_other_forms_are_refused(text) -> None:
    with pytest.raises(UsageError):
        parse_bound(text, "until", NOW)


def test_zones_seconds_and_fractions_may_be_left_out() -> None:
    for text in (
        "2026-01-02T10:00Z",
        "2026-01-02T10:00:00",
        "2026-01-02T11:00:00.0+01:00",
        "2026-01-02 10:00",
    ):
        assert parse_bound(text, "since", NOW) == NOW
    assert parse_bound(None, "since", NOW) is None


@given(st.integers())
def test_a_time_for_people_never_fails(time_ms) -> None:
    assert local_time(time_ms)


def test_ends_are_times_to_come() -> None:
    assert parse_expiry(None, NOW) is None
    assert parse_expiry("90m", NOW) == NOW + 90 * 60_000 and parse_expiry("2w", NOW) == NOW + 14 * 86_400_000
    assert parse_expiry(iso(NOW + 1), NOW) == NOW + 1
    for past in (iso(NOW), "2001-01-01"):
        with pytest.raises(UsageError, match="past already"):
            parse_expiry(past, NOW)
    for wrong in ("", "soon", "-7d", "7", "2026-13-01"):
        with pytest.raises(UsageError, match="--expires takes"):
            parse_expiry(wrong, NOW)
