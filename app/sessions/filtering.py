"""What a `SessionFilter` means in SQL, over a table `session s`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from app.sessions.bodies import MAX_TIME
from app.sessions.filters import SessionFilter

Value = int | str

ROW_SLACK = 3_600_000
"""How far behind its moment the row of an event may lie, where many share one."""


def session_conditions(
    wanted: SessionFilter, workspace: int, authors: Callable[[str], Sequence[int]]
) -> tuple[list[str], list[Value]]:
    """Conditions that must all hold, and their values. authors: gives rows of authors by what a filter names."""
    where: list[str] = ["s.trashed=?"]
    values: list[Value] = [wanted.trash]

    def demand(condition: str, value: Value | None) -> None:
        if value is not None:
            where.append(condition)
            values.append(value)

    demand("s.workspace=?", None if wanted.everywhere else workspace)
    demand("s.type=?", wanted.type)
    demand("s.status=?", wanted.status)
    demand("s.archived=?", None if wanted.trash else wanted.archived)
    demand("s.updated>=?", within_time(wanted.since))
    demand("s.updated<=?", within_time(wanted.until))
    demand("s.agent=? COLLATE NOCASE", wanted.agent)
    demand("EXISTS(SELECT 1 FROM json_each(s.tags) t WHERE t.value=?)", wanted.tag)
    if wanted.only is not None:
        demand("s.id IN (SELECT value FROM json_each(?))", msgspec.json.encode(sorted(wanted.only)).decode())
    if wanted.author is not None:
        rows = ",".join(map(str, authors(wanted.author)))
        where.append(f"s.row IN (SELECT session FROM session_author WHERE author IN ({rows}))")
    return where, values


def within_time(time_ms: int | None) -> int | None:
    """A time that the database can compare."""
    return None if time_ms is None else min(max(time_ms, -MAX_TIME), MAX_TIME)
