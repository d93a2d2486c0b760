"""What a `SessionFilter` means in SQL, over a table `session s`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from app.sessions.bodies import MAX_TIME
from app.sessions.filters import SessionFilter

Value = int | str
LISTED = "IN (SELECT value FROM json_each(?))"
"""One of the rows of `listed`. Written into the statement they would make it new each time, and a connection remembers
all statements that it has seen."""

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
        demand(f"s.row IN (SELECT session FROM session_author WHERE author {LISTED})", listed(authors(wanted.author)))
    return where, values


def listed(rows: Iterable[int]) -> str:
    """Row ids as the value of `LISTED`."""
    return f"[{','.join(map(str, rows))}]"


def within_time(time_ms: int | None) -> int | None:
    """A time that the database can compare."""
    return None if time_ms is None else min(max(time_ms, -MAX_TIME), MAX_TIME)
