"""Session fields: what `session_set` events set, and the columns that show them.

A value of a wrong form (from another program, or a hostile one) counts as unset rather than breaking the list.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from app.sessions.events import SessionStatus, SessionType

COLUMNS = frozenset(
    {"title", "type", "status", "archived", "trashed", "tags", "agent", "cwd", "source", "origin", "parent"}
)
TYPES: tuple[str, ...] = get_args(SessionType)
STATUSES: tuple[str, ...] = get_args(SessionStatus)
PROFILE_NOTE = "profile"
"""The note whose fields hold a workspace's name."""
CURRENT_WORKSPACE = "current_workspace"
"""The local setting with the id of the current workspace."""
MAX_TITLE = 300
MAX_PATH = 4096
MAX_TAGS = 100
AUTO_TITLE = 80


def column_value(field: str, value: Any) -> dict[str, Any]:
    """The columns of table `session` that a field sets."""
    match field:
        case "title" | "agent" | "source":
            return {field: value[:MAX_TITLE] if isinstance(value, str) else None}
        case "cwd":
            return {field: value[:MAX_PATH] if isinstance(value, str) else None}
        case "type":
            return {field: value if value in TYPES else "interactive"}
        case "status":
            return {field: value if value in STATUSES else "active"}
        case "archived" | "trashed":
            return {field: value is True}
        case "tags":
            tags = {tag[:MAX_TITLE] for tag in value if isinstance(tag, str)} if isinstance(value, list) else ()
            return {field: msgspec.json.encode(sorted(tags)[:MAX_TAGS]).decode()}
        case "origin":
            origin = value if isinstance(value, dict) else {}
            session, event = origin.get("session"), origin.get("event")
            valid = isinstance(session, str) and isinstance(event, str)
            return {"origin_session": session if valid else None, "origin_event": event if valid else None}
        case "parent":
            return {field: msgspec.json.encode(value).decode() if isinstance(value, dict) else None}
    return {}


def title_from(text: str) -> str | None:
    """A title from the first prompt: its first line that says something, cut at a word, without secrets."""
    from app.sessions.redaction.replacing import unnumbered  # most programs make no titles

    text = unnumbered(text)
    line = next((line.strip() for line in text.splitlines() if line.strip(" #>*-`\t")), "")
    line = " ".join(line.split())
    if len(line) <= AUTO_TITLE:
        return line or None
    return line[:AUTO_TITLE].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
