"""What a conversation consists of: the events of a session, and before them those of the sessions it was forked from.

A fork copies nothing; it names the event of its origin that it continues. Origins are followed only inside the
workspace of the session: what a member writes into a session can never draw in events of another workspace. What was
opened from a link has all that it inherits as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import NotFound
from sync.store.database import Connection

AFTER_ALL = "\x7f"
"""Sorts after every id."""
MAX_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Part:
    """The events of one session that belong to a conversation. row: of the session. last: id of the last that does."""

    row: int
    session: str
    last: str


def conversation(connection: Connection, row: int) -> list[Part]:
    """The parts of a session's conversation, oldest first; its own last."""
    parts: list[Part] = []
    seen: set[int] = set()
    last = AFTER_ALL
    current: int | None = row
    while current is not None and current not in seen:
        seen.add(current)
        session, point, origin = connection.execute(
            "SELECT s.id, s.origin_event, o.row FROM session s "
            "LEFT JOIN session o ON o.id=s.origin_session AND o.workspace=s.workspace "
            "AND s.workspace NOT IN (SELECT workspace FROM copied_workspace) WHERE s.row=?",
            (current,),
        ).fetchone()
        parts.append(Part(current, session, last))
        current, last = origin, min(last, point or last)
    return parts[::-1]


def find_event(connection: Connection, parts: Sequence[Part], identifier: str) -> tuple[int, str]:
    """(number of the part, event id) of an id or unique prefix; raises NotFound."""
    prefix = identifier.strip().upper()
    found: list[tuple[int, str]] = []
    for number, part in enumerate(parts):
        rows = connection.execute(
            f"SELECT id FROM event WHERE session=? AND id>=? AND id<? AND id<=? ORDER BY id LIMIT {MAX_CANDIDATES + 1}",
            (part.row, prefix, prefix + AFTER_ALL, part.last),
        )
        found += [(number, event) for (event,) in rows]
    exact = [position for position in found if position[1] == prefix]
    if exact or len(found) == 1:
        return (exact or found)[-1]
    session = parts[-1].session
    if not found or not prefix:
        raise NotFound(f"Session {session} has no event {identifier}.")
    candidates = list(dict.fromkeys(event for _, event in found))[:MAX_CANDIDATES]
    raise NotFound(f"{identifier} could mean several events; give more characters.", candidates=candidates)
