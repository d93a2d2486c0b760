"""Moments as people type them: `14:30`, `yesterday`, `monday 9:00`, `24 Nov`, `2026-01-02 10:00`, `3h`.

Days and times are local. What is not a date is the past: a time that is still to come means that of yesterday.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from app.errors import UserError

_AGE = re.compile(r"(\d{1,6})\s*([mhdw])(?: ago)?")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_CLOCK = re.compile(r"(?:^|[\sT])(\d{1,2}):(\d{2})(?::(\d{2}))?$", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_MONTH = re.compile(r"(\d{1,2})\.?\s+([a-z]{3,9})(?:\s+(\d{4}))?")
_MONTH_DAY = re.compile(r"([a-z]{3,9})\s+(\d{1,2})(?:,?\s+(\d{4}))?")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


def parse_moment(text: str, now_ms: int) -> int:
    """Milliseconds since 1970 of what was typed; of a day its beginning. UserError for anything else."""
    words = " ".join(text.lower().split())
    now = datetime.fromtimestamp(now_ms / 1000)
    try:
        if age := _AGE.fullmatch(words):
            return now_ms - int(age[1]) * _MINUTES[age[2]] * 60_000
        moment = _moment(words, now)
        if moment is not None:
            return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        pass
    raise UserError(
        f"“{text.strip()[:40]}” is not a time. Type one like 14:30, yesterday 9:00, monday, 24 Nov, 2026-01-02 or 3h."
    )


def _moment(words: str, now: datetime) -> datetime | None:
    clock = _CLOCK.search(words)
    at = time(int(clock[1]), int(clock[2]), int(clock[3] or 0)) if clock else time()
    left = words[: clock.start()].strip() if clock else words
    if not left:
        today = datetime.combine(now.date(), at)
        return None if clock is None else today if today <= now else today - timedelta(days=1)
    day = _day(left, now.date())
    return None if day is None else datetime.combine(day, at)


def _day(words: str, today: date) -> date | None:
    if words in ("today", "yesterday"):
        return today - timedelta(days=words == "yesterday")
    if (weekday := _number(words, _WEEKDAYS)) is not None:
        return today - timedelta(days=(today.weekday() - weekday) % 7)
    if iso := _ISO.fullmatch(words):
        return date(int(iso[1]), int(iso[2]), int(iso[3]))
    if found := _DAY_MONTH.fullmatch(words):
        return _in_year(found[2], found[1], found[3], today)
    if found := _MONTH_DAY.fullmatch(words):
        return _in_year(found[1], found[2], found[3], today)
    return None


def _in_year(month: str, day: str, year: str | None, today: date) -> date | None:
    number = _number(month, _MONTHS)
    if number is None:
        return None
    if year is not None:
        return date(int(year), number + 1, int(day))
    this = date(today.year, number + 1, int(day))
    return this if this <= today else date(today.year - 1, number + 1, int(day))


def _number(word: str, names: tuple[str, ...]) -> int | None:
    """The place of the name that begins with a word of three letters or more."""
    matches = [number for number, name in enumerate(names) if len(word) >= 3 and name.startswith(word)]
    return matches[0] if matches else None
