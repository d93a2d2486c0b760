"""How times are written in the window: short, relative where that reads better. All are milliseconds since 1970."""

from __future__ import annotations

from datetime import date, datetime, timedelta

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def age(time: int, now: int) -> str:
    """How long ago, for a list: `now`, `5 m`, `3 h`, `yesterday`, `Mon`, `12 Mar`, `Mar 2024`. Days are local days."""
    elapsed = now - time
    if elapsed < MINUTE:
        return "now"
    if elapsed < HOUR:
        return f"{elapsed // MINUTE} m"
    then, today = _local(time), _local(now)
    days = (today.date() - then.date()).days
    if days == 0 or elapsed < 6 * HOUR:
        return f"{elapsed // HOUR} h"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{then:%a}"
    if then.year == today.year:
        return f"{then.day} {then:%b}"
    return f"{then:%b %Y}"


def ago(time: int, now: int) -> str:
    """How long ago, within a sentence: `just now`, `5 m ago`, `yesterday`, `on 12 Mar`, `in Mar 2024`."""
    words = age(time, now)
    if words == "now":
        return "just now"
    if words.endswith((" m", " h")):
        return f"{words} ago"
    if words == "yesterday":
        return words
    return f"in {words}" if words[-4:].isdigit() else f"on {words}"


def day_span(time: int, now: int) -> tuple[str, int]:
    """The heading of a list under which a time stands, and when what it names began.

    Today (and what claims to be later), Yesterday, This week (from its Monday), months with their year if not this one.
    """
    today, then = _local(now).date(), _local(min(time, now)).date()
    if then == today:
        return "Today", _begin(today)
    if then == today - timedelta(days=1):
        return "Yesterday", _begin(then)
    monday = today - timedelta(days=today.weekday())
    if then >= monday:
        return "This week", _begin(monday)
    return f"{then:%B}" if then.year == today.year else f"{then:%B %Y}", _begin(then.replace(day=1))


def day_start(now: int, days: int = 0) -> int:
    """When the local day of `now` began, or so many days before."""
    return _begin(_local(now).date() - timedelta(days=days))


def week_start(now: int, weeks: int = 0) -> int:
    """When the week of `now` began, on its local Monday, or so many weeks before."""
    today = _local(now).date()
    return _begin(today - timedelta(days=today.weekday() + 7 * weeks))


def week_words(start: int, now: int) -> str:
    """A week by when it began: `This week`, `Last week`, `9 – 15 Nov`."""
    if start >= week_start(now):
        return "This week"
    if start == week_start(now, 1):
        return "Last week"
    first = _local(start).date()
    last = first + timedelta(days=6)
    begin = f"{first.day}" if first.month == last.month else f"{first.day} {first:%b}"
    year = "" if last.year == _local(now).year else f" {last.year}"
    return f"{begin} – {last.day} {last:%b}{year}"


def _begin(day: date) -> int:
    return int(datetime(day.year, day.month, day.day).timestamp() * 1000)


def moment(time: int, now: int) -> str:
    """The time of an event: `09:41` today, else with its day."""
    then, today = _local(time), _local(now)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    if then.year == today.year:
        return f"{then.day} {then:%b %H:%M}"
    return f"{then.day} {then:%b %Y %H:%M}"


def same_day(one: int, other: int) -> bool:
    """Whether two times are of one local day."""
    return _local(one).date() == _local(other).date()


def day(time: int, now: int) -> str:
    """A local day, for a line across: `Today`, `Yesterday`, `Monday, 24 November`, with its year if that is another."""
    then, today = _local(time), _local(now)
    days = (today.date() - then.date()).days
    if days in (0, 1):
        return ("Today", "Yesterday")[days]
    year = "" if then.year == today.year else f" {then.year}"
    return f"{then:%A}, {then.day} {then:%B}{year}"


def duration(milliseconds: int) -> str:
    """A span: `40 ms`, `3.2 s`, `4 m 12 s`, `2 h 5 m`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest} s"
    return f"{minutes // 60} h {minutes % 60} m"


def _local(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000).astimezone()
