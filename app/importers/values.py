"""Reading values of foreign JSON, where every field may be missing or of another type."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

MAX_TIME = 253_402_300_799_000
"""The end of the year 9999, in milliseconds."""


def as_text(value: object) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def as_name(value: object) -> str | None:
    """A string that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def as_int(value: object) -> int | None:
    """A whole number that fits 53 bits (what every JSON reader keeps), or None."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return value
    return None


def as_count(value: object) -> int:
    """A whole number from 0, or 0."""
    number = as_int(value)
    return number if number is not None and number > 0 else 0


def as_dict(value: object) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def as_milliseconds(value: object) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time (without a zone: UTC), or None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return milliseconds if 0 <= milliseconds <= MAX_TIME else None


def turn_id(prompt: str) -> str:
    """A short id of the turn that a prompt of this name begins; every event of the turn repeats it."""
    return blake2b(prompt.encode(), digest_size=6).hexdigest()


def first_line(text: str, limit: int = 80) -> str:
    """The first line that is not blank, cut to `limit` characters."""
    for line in text[: 20 * limit].splitlines():
        line = line.strip()
        if line:
            return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return ""


@lru_cache(maxsize=4096)
def relative_path(path: str, folder: str | None) -> str:
    """`path` as a POSIX path relative to `folder` where it is inside it, else as it is."""
    if not folder:
        return path
    if "\\" in folder:
        inside, root = PureWindowsPath(path), PureWindowsPath(folder)
        if inside.is_relative_to(root):
            return inside.relative_to(root).as_posix()
        return path
    if ".." in path:
        return path
    try:
        return PurePosixPath(path).relative_to(folder).as_posix()
    except ValueError:
        return path
