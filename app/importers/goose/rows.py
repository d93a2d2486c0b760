"""The tables sessions and messages: all rows, or those that are new since the last look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.importers.drafts import Skipped
from app.importers.lines import Record
from app.importers.tables import Columns, Database, Mark, as_string, bounded, record_of

_NEEDED: dict[str, frozenset[str]] = {
    "sessions": frozenset({"id", "working_dir", "description", "created_at"}),
    "messages": frozenset({"id", "session_id", "role", "content_json", "created_timestamp"}),
}
_WANTED = ("id", "name", "description", "working_dir", "session_type", "created_at")
_PAGE = 100


class SessionRows:
    """See `tables.Rows`. Rows of messages are numbered upwards and never used again."""

    def fits(self, columns: Columns) -> bool:
        return all(needed <= set(columns.get(table, ())) for table, needed in _NEEDED.items())

    def new(self, database: Database, mark: Mark) -> Iterator[Record | Skipped]:
        columns = database.columns()
        top = database.rows("SELECT max(id) FROM messages")[0][0] or 0
        if top < mark.row("messages"):
            mark.last = {}  # another database stands here now
        wanted = [name for name in _WANTED if name in columns["sessions"]]
        for row in _sessions(database, wanted, mark):
            values = dict(zip(wanted, map(as_string, row[1:]), strict=True))
            yield Record(row[0], 0, {"table": "sessions", **values})
            yield from _messages(database, values["id"], columns["messages"], mark.row("messages"), top)
        mark.last = {"messages": (top, "")}


def _sessions(database: Database, wanted: list[str], mark: Mark) -> list[tuple[Any, ...]]:
    """Rows of sessions that have new messages; all of them at first."""
    where, values = "", ()
    if mark.last:
        where = " WHERE id IN (SELECT DISTINCT session_id FROM messages WHERE id > ?)"
        values = (mark.row("messages"),)  # type: ignore[assignment]
    return database.rows(f"SELECT rowid, {', '.join(wanted)} FROM sessions{where} ORDER BY created_at, rowid", values)


def _messages(
    database: Database, session: str, columns: frozenset[str], after: int, top: int
) -> Iterator[Record | Skipped]:
    metadata = bounded("metadata_json") if "metadata_json" in columns else "NULL, 0"
    statement = (
        f"SELECT id, role, created_timestamp, {bounded('content_json')}, {metadata} FROM messages"
        f" WHERE session_id = ? AND id > ? AND id <= ? ORDER BY id LIMIT {_PAGE}"
    )
    while rows := database.rows(statement, (session, after, top)):
        for row, role, created, content, size, more, more_size in rows:
            yield _message(database, session, row, as_string(role), created, (content, size), (more, more_size))
        after = rows[-1][0]


def _message(
    database: Database,
    session: str,
    row: int,
    role: str,
    created: object,
    content: tuple[Any, Any],
    metadata: tuple[Any, Any],
) -> Record | Skipped:
    data = content[0]
    wrapped = (
        None if data is None else b'{"content":' + (data if isinstance(data, bytes) else str(data).encode()) + b"}"
    )
    record = record_of(database.path, row, wrapped, content[1])
    if isinstance(record, Record):
        record.fields.update(table="messages", session=session, role=role, created=created)
        described = record_of(database.path, row, *metadata)
        if isinstance(described, Record):
            record.fields["metadata"] = described.fields
    return record
