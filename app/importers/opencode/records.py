"""The three kinds of objects, in one form wherever they lie, and what tells them from those of other tools."""

from __future__ import annotations

import re
from typing import Any, Literal

from app.importers.values import as_dict, as_int, as_name, as_text

Kind = Literal["session", "message", "part"]

_ROLES = ("user", "assistant")
_ID = re.compile(r"[0-9a-f]{12}")
_LOWER = (1 << 36) - 1
_DAY = 86_400_000


def recognise(fields: dict[str, Any]) -> bool:
    """Whether an object is one of opencode's."""
    return kind_of(fields) is not None


def kind_of(fields: dict[str, Any]) -> Kind | None:
    """Which of the three an object is."""
    if as_name(fields.get("id")) is None:
        return None
    if as_name(fields.get("messageID")) and as_name(fields.get("sessionID")):
        return "part" if as_name(fields.get("type")) else None
    if as_name(fields.get("sessionID")):
        return "message" if fields.get("role") in _ROLES and isinstance(fields.get("time"), dict) else None
    if as_name(fields.get("title")) is not None and isinstance(fields.get("time"), dict):
        return "session" if "version" in fields and ("directory" in fields or "projectID" in fields) else None
    return None


def time_of(fields: dict[str, Any], *names: str) -> int | None:
    """The first of these moments of an object, in milliseconds."""
    times = as_dict(fields.get("time"))
    for name in names:
        moment = as_int(times.get(name))
        if moment is not None and moment > 0:
            return moment
    return None


def started_at(part: dict[str, Any], message: int) -> int:
    """When a part began. message: the moment of its message."""
    return time_of(part, "start") or time_of(as_dict(part.get("state")), "start") or _moment_of_id(part, message)


def ended_at(part: dict[str, Any], message: int) -> int:
    """When a part was finished, else when it began."""
    return time_of(part, "end") or time_of(as_dict(part.get("state")), "end") or started_at(part, message)


def _moment_of_id(part: dict[str, Any], message: int) -> int:
    """Ids begin with the lower 36 bits of their milliseconds in hexadecimal, and 12 bits of a counter."""
    digits = as_text(part.get("id")).partition("_")[2][:12]
    if _ID.fullmatch(digits) is None:
        return message
    moment = (message & ~_LOWER) | (int(digits, 16) >> 12)
    return moment if 0 <= moment - message < _DAY else message


def is_finished(kind: Kind, fields: dict[str, Any]) -> bool:
    """Whether an object will not change any more, as far as it says."""
    if kind == "message":
        return fields.get("role") != "assistant" or "error" in fields or time_of(fields, "completed") is not None
    if kind == "part":
        if fields.get("type") == "tool":
            return as_dict(fields.get("state")).get("status") in ("completed", "error")
        return not isinstance(fields.get("time"), dict) or time_of(fields, "end") is not None
    return True
