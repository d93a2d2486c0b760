"""What follows for a session from all events of it: how far its counter reaches, and what its fields are.

Both depend on the set of events only, not on the order in which they came, so that a rebuild gives equal rows. An event
whose counter lies more than `MAX_STEP` beyond the greatest one before it is out of reach, and all after it: it is kept
and shown as damaged, but neither sets fields nor moves the counter, so that nobody can run it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.sessions.fields import COLUMNS, column_value
from app.sessions.ids import after_counter, counter_of
from sync.store.database import Connection

MAX_STEP = 1_000_000


@dataclass(frozen=True, slots=True)
class Reach:
    """Counters of a session's events: the smallest, the greatest within reach, the greatest there is.

    greatest: also counts the events that openings of segments name, which may not be here.
    """

    lowest: int | None = None
    counter: int = 0
    greatest: int | None = None

    @property
    def holds_back(self) -> bool:
        """Whether something lies out of reach."""
        return self.greatest is not None and self.greatest > self.counter


def extended_reach(
    connection: Connection, session: int, old: Reach, counters: Sequence[int], claims: Sequence[int] = ()
) -> Reach:
    """The reach of a session (row id) after events with these counters were stored.

    claims: counters of events that the opening of a segment names.
    """
    greatest = max([*counters, *claims, *([] if old.greatest is None else [old.greatest])], default=None)
    lowest = min([*counters, *([] if old.lowest is None else [old.lowest])], default=None)
    if lowest is None:
        return Reach(None, 0, greatest)
    if old.lowest is None or (lowest == old.lowest and not old.holds_back):
        counter = lowest if old.lowest is None else old.counter
        for next_counter in sorted(counters):
            if next_counter > counter + MAX_STEP:
                break
            counter = max(counter, next_counter)
    else:
        counter = _walk(connection, session, lowest)
    return Reach(lowest, counter, greatest)


def _walk(connection: Connection, session: int, counter: int) -> int:
    """The greatest counter that steps of at most `MAX_STEP` lead to: one index look-up for each such range."""
    while True:
        found = connection.execute(
            "SELECT max(id) FROM event WHERE session=? AND id<?", (session, after_counter(counter + MAX_STEP))
        ).fetchone()[0]
        reached = counter_of(found) or 0
        if reached <= counter:
            return counter
        counter = reached


def keep_field(connection: Connection, session: int, field: str, event: str, value: str, *, claimed: bool) -> None:
    """Note that an event set a field. value: JSON. What an event itself says counts before what an opening claims."""
    connection.execute(
        "INSERT INTO session_field VALUES(?,?,?,?,?) ON CONFLICT(session, field, event) DO UPDATE "
        "SET value=excluded.value, claimed=excluded.claimed "
        "WHERE excluded.claimed<claimed OR (excluded.claimed=claimed AND excluded.value<value)",
        (session, field, event, value, claimed),
    )


def current_fields(connection: Connection, session: int, counter: int) -> dict[str, tuple[str, str]]:
    """(event, JSON value) of every field now: that of the greatest event within reach."""
    rows = connection.execute(
        "SELECT field, max(event), value FROM session_field WHERE session=? AND event<? GROUP BY field ORDER BY field",
        (session, after_counter(counter)),
    )
    return {field: (event, value) for field, event, value in rows}


def show_fields(connection: Connection, session: int, counter: int, names: Iterable[str]) -> None:
    """Bring the columns of table `session` in line with these fields."""
    columns: dict[str, Any] = {}
    wanted = COLUMNS.intersection(names)
    current = current_fields(connection, session, counter) if wanted else {}
    for name in wanted:
        value = msgspec.json.decode(current[name][1]) if name in current else None
        columns |= column_value(name, value)
    if columns:
        assignments = ", ".join(f"{column}=?" for column in columns)
        connection.execute(f"UPDATE session SET {assignments} WHERE row=?", (*columns.values(), session))
