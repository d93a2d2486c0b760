"""Times on the command line: `2026-01-02T10:00:00.000Z`, a date, or an age such as `7d` or `12h`.

Inside the program times are milliseconds since 1970 (UTC). Without a zone a time or date is UTC, as in all
output.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from app.cli.errors import UsageError

if TYPE_CHECKING:
    from app.cli.output import Output

Bound = Literal["since", "until"]

_AGE = re.compile(r"([0-9]{1,6})([mhdw])")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(_DATE.pattern + r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def parse_bound(text: str | None, bound: Bound, now_ms: int) -> int | None:
    """Milliseconds of `--since` or `--until`; a date means its first or last millisecond. None stays None.

    Raises `UsageError` for anything else.
    """
    if text is None:
        return None
    if age := _AGE.fullmatch(text):
        return now_ms - int(age[1]) * _MINUTES[age[2]] * 60_000
    try:
        if _DATE.fullmatch(text):
            start = _milliseconds(datetime.fromisoformat(text))
            return start if bound == "since" else start + 86_400_000 - 1
        if _TIME.fullmatch(text):
            return _milliseconds(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        pass
    raise UsageError(
        f"--{bound} takes a time like 2026-01-02T10:00:00.000Z, a date like 2026-01-02,"
        f" or an age like 7d or 12h, not {text!r}."
    )


def parse_expiry(text: str | None, now_ms: int) -> int | None:
    """Milliseconds of an end to come: a time, a date (its last millisecond), or in so long. None stays None.

    Raises `UsageError` for anything else, and for what is past.
    """
    if text is None:
        return None
    if age := _AGE.fullmatch(text):
        return now_ms + int(age[1]) * _MINUTES[age[2]] * 60_000
    try:
        ends = parse_bound(text, "until", now_ms)
    except UsageError:
        raise UsageError(
            "--expires takes a time like 2026-01-02T10:00:00.000Z, a date like 2026-01-02,"
            f" or how long from now, like 7d or 12h, not {text!r}."
        ) from None
    if ends is None or ends <= now_ms:
        raise UsageError(f"--expires {text} is past already.")
    return ends


def time_format(out: Output) -> Callable[[int], str]:
    """How times are written: short and local on a terminal, exact and UTC in a pipe."""
    from app.sessions.views import iso_time

    return local_time if out.terminal else iso_time


def local_time(time_ms: int) -> str:
    """A time for a person at this machine, to the minute."""
    try:
        return datetime.fromtimestamp(time_ms / 1000).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return str(time_ms)


def _milliseconds(time: datetime) -> int:
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // _MILLISECOND
