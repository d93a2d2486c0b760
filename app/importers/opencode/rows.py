"""The tables session, message and part: all rows, or those that are new since the last look.

New rows are found by their rowids, and those that were not finished are looked at again; no other row is read twice.
Sessions come one after the other, their messages by time, the parts of each behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from app.importers.drafts import Skipped
from app.importers.lines import Record
from app.importers.opencode.records import Kind, is_finished
from app.importers.tables import Columns, Database, Mark, as_string, bounded, record_of
from app.importers.values import as_int

_NEEDED: dict[str, frozenset[str]] = {
    "session": frozenset({"id", "project_id", "directory", "title", "version", "time_created"}),
    "message": frozenset({"id", "session_id", "time_created", "time_updated", "data"}),
    "part": frozenset({"id", "message_id", "session_id", "time_updated", "data"}),
}
_MOST_NEW = 50_000
"""Of more new rows than this, all sessions are looked through for them."""
_PAGE = 200


class SessionRows:
    """See `tables.Rows`."""

    def fits(self, columns: Columns) -> bool:
        return all(needed <= set(columns.get(table, ())) for table, needed in _NEEDED.items())

    def new(self, database: Database, mark: Mark) -> Iterator[Record | Skipped]:
        _check(database, mark)
        top = {table: _top(database, table) for table in _NEEDED}
        since = _latest(database)
        for row, name in _sessions(database, mark, top):
            yield from _session(database, row)
            yield from _messages(database, name, mark, top)
        mark.last, mark.since = top, since


def _check(database: Database, mark: Mark) -> None:
    """Begins anew where the rows are not those that were read: rowids change when a database is compacted."""
    for table, (row, name) in mark.last.items():
        found = database.rows(f"SELECT id FROM {table} WHERE rowid = ?", (row,)) if row else [(name,)]
        if row and (not found or as_string(found[0][0]) != name):
            mark.last, mark.open, mark.since = {}, {}, 0
            return


def _top(database: Database, table: str) -> tuple[int, str]:
    found = database.rows(f"SELECT rowid, id FROM {table} ORDER BY rowid DESC LIMIT 1")
    return (found[0][0], as_string(found[0][1])) if found else (0, "")


def _latest(database: Database) -> int:
    return as_int(database.rows("SELECT max(time_updated) FROM session")[0][0]) or 0


def _sessions(database: Database, mark: Mark, top: dict[str, tuple[int, str]]) -> list[tuple[int, str]]:
    """(row, id) of the sessions that may have something new, by time."""
    ordered = "ORDER BY time_created, id"
    if not mark.last or sum(top[table][0] - mark.row(table) for table in ("message", "part")) > _MOST_NEW:
        found = database.rows(f"SELECT rowid, id FROM session {ordered}")
        return [(row, as_string(name)) for row, name in found]
    names: set[str] = set()
    for table in ("message", "part"):
        names.update(as_string(name) for (name,) in _new(database, table, "DISTINCT session_id", mark, top))
    found = database.rows(
        f"SELECT rowid, id, time_updated FROM session WHERE rowid > ? OR time_updated >= ? OR id IN"
        f" (SELECT value FROM json_each(?)) {ordered}",
        (mark.row("session"), mark.since, _json(names)),
    )
    return [(row, as_string(name)) for row, name, _ in found]


def _json(values: Iterable[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _new(
    database: Database, table: str, what: str, mark: Mark, top: dict[str, tuple[int, str]], session: str | None = None
) -> list[tuple[Any, ...]]:
    """Rows that came since the mark, and those that were open then; of one session where it is named."""
    own = "" if session is None else " AND session_id = ?"
    values: list[Any] = [] if session is None else [session]
    found = database.rows(
        f"SELECT {what} FROM {table} WHERE rowid > ? AND rowid <= ?{own}", (mark.row(table), top[table][0], *values)
    )
    if waiting := mark.open.get(table):
        found += database.rows(
            f"SELECT {what} FROM {table} WHERE rowid IN (SELECT value FROM json_each(?)){own}",
            (_json(waiting), *values),
        )
    return found


def _session(database: Database, row: int) -> Iterator[Record]:
    there = _session_columns(database)
    wanted = [name for name in ("id", "parent_id", "directory", "title", "version", "time_created") if name in there]
    for found in database.rows(f"SELECT {', '.join(wanted)} FROM session WHERE rowid = ?", (row,)):
        values = dict(zip(wanted, found, strict=True))
        fields: dict[str, Any] = {
            "id": as_string(values["id"]),
            "directory": as_string(values["directory"]),
            "title": as_string(values["title"]),
            "version": as_string(values["version"]),
            "time": {"created": as_int(values["time_created"]) or 0},
        }
        if parent := as_string(values.get("parent_id")):
            fields["parentID"] = parent
        yield Record(row, 0, fields)


def _session_columns(database: Database) -> Collection[str]:
    return {as_string(name) for (name,) in database.rows("SELECT name FROM pragma_table_info('session')")}


def _messages(
    database: Database, session: str, mark: Mark, top: dict[str, tuple[int, str]]
) -> Iterator[Record | Skipped]:
    """The messages of a session that are new or have something new, each followed by that."""
    if mark.last:
        found = _new(database, "message", "id", mark, top, session)
        found += _new(database, "part", "DISTINCT message_id", mark, top, session)
        names = sorted({as_string(name) for (name,) in found})
        ordered = [row for page in _pages(names) for row in _by_time(database, session, page)]
        ordered.sort(key=lambda row: (as_int(row[2]) or 0, as_string(row[1])))
    else:
        ordered = database.rows(
            "SELECT rowid, id, time_created FROM message WHERE session_id = ? ORDER BY time_created, id", (session,)
        )
    for row, name, _ in ordered:
        yield from _row(database, "message", row, mark, {"id": as_string(name), "sessionID": session}, repeat=True)
        yield from _parts(database, session, as_string(name), mark, top)


def _pages(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _PAGE):
        yield names[start : start + _PAGE]


def _by_time(database: Database, session: str, names: list[str]) -> list[tuple[Any, ...]]:
    return database.rows(
        "SELECT rowid, id, time_created FROM message WHERE id IN (SELECT value FROM json_each(?)) AND session_id = ?",
        (_json(names), session),
    )


def _parts(
    database: Database, session: str, message: str, mark: Mark, top: dict[str, tuple[int, str]]
) -> Iterator[Record | Skipped]:
    waiting = mark.open.get("part", {})
    for row, name in database.rows("SELECT rowid, id FROM part WHERE message_id = ? ORDER BY id", (message,)):
        if mark.row("part") < row <= top["part"][0] or row in waiting:
            names = {"id": as_string(name), "sessionID": session, "messageID": message}
            yield from _row(database, "part", row, mark, names)


def _row(
    database: Database, kind: Kind, row: int, mark: Mark, names: dict[str, str], *, repeat: bool = False
) -> Iterator[Record | Skipped]:
    """The object of a row. repeat: give it even if it was given before and is as it was."""
    found = database.rows(f"SELECT {bounded('data')}, time_updated FROM {kind} WHERE rowid = ?", (row,))
    for data, size, changed in found:
        changed = as_int(changed) or 0
        if not repeat and mark.open.get(kind, {}).get(row) == changed:
            return
        record = record_of(database.path, row, data, size)
        if isinstance(record, Record):
            record.fields.update(names)
            mark.note(kind, row, changed, is_open=not is_finished(kind, record.fields))
        yield record
