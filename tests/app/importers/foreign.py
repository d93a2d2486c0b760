"""Sessions of the tools that keep them in databases, trees of files and chats, as large as a test asks for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from app.importers.drafts import Item
from app.importers.registry import FORMATS
from tests.app.importers.transcripts import FIXTURES, write

OPENCODE = FIXTURES / "opencode"
GOOSE_SCHEMA = """
CREATE TABLE schema_version (version INTEGER PRIMARY KEY);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '',
    session_type TEXT NOT NULL DEFAULT 'user', working_dir TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    extension_data TEXT DEFAULT '{}', total_tokens INTEGER
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT, session_id TEXT NOT NULL, role TEXT NOT NULL,
    content_json TEXT NOT NULL, created_timestamp INTEGER NOT NULL, tokens INTEGER, metadata_json TEXT
);
CREATE INDEX idx_messages_session ON messages(session_id);
"""


def items_in(format: str, *paths: Path) -> list[Item]:
    """What these files of a format give."""
    return list(FORMATS[format].read(paths))


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes with a log beside the database, as the tools do; each statement is committed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        yield connection


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """A row of these columns, in the place of one with the same key."""
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" * len(row))
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in row if name != "id")
    connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO UPDATE SET {updates}", list(row.values())
    )


# opencode


def opencode_rows() -> list[tuple[str, dict[str, Any]]]:
    """(table, columns) of the recorded databases."""
    rows = [json.loads(line) for line in (OPENCODE / "rows.ndjson").read_text().splitlines()]
    return [(row.pop("table"), row) for row in rows]


def opencode_schema(connection: sqlite3.Connection) -> None:
    """The tables of version 1.18."""
    connection.executescript((OPENCODE / "schema.sql").read_text())


def opencode_database(path: Path, rows: Iterable[tuple[str, Mapping[str, Any]]] | None = None) -> Path:
    """A database with these rows; by default with those that were recorded."""
    with writing(path) as connection:
        opencode_schema(connection)
        connection.execute("BEGIN")
        for table, row in opencode_rows() if rows is None else rows:
            insert(connection, table, row)
        connection.execute("COMMIT")
    return path


def opencode_tree(folder: Path, rows: Iterable[tuple[str, Mapping[str, Any]]] | None = None) -> Path:
    """The same as the older tree of files."""
    for table, row in opencode_rows() if rows is None else rows:
        if table == "project":
            continue
        if table == "session":
            fields = {
                "id": row["id"],
                "version": row["version"],
                "projectID": row["project_id"],
                "directory": row["directory"],
                "title": row["title"],
                "time": {"created": row["time_created"], "updated": row["time_updated"]},
            }
            if row.get("parent_id"):
                fields["parentID"] = row["parent_id"]
            path = folder / "session" / row["project_id"] / f"{row['id']}.json"
        else:
            fields = {"id": row["id"], "sessionID": row["session_id"], **json.loads(row["data"])}
            if table == "part":
                fields["messageID"] = row["message_id"]
            path = folder / table / row["message_id" if table == "part" else "session_id"] / f"{row['id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(fields, indent=2))
    return folder


class Opencode:
    """A database in the making: sessions, messages and parts as opencode writes them, one after the other."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.now = 1_795_000_000_000
        self._made = 0

    def _id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{((self.now & ((1 << 36) - 1)) << 12) + self._made:012x}{self._made:08d}"

    def session(self, name: str, title: str = "A title", parent: str | None = None) -> str:
        row = {"id": name, "project_id": "p", "parent_id": parent, "slug": "s", "directory": "/repo", "title": title}
        row |= {"version": "1.18.33", "time_created": self.now, "time_updated": self.now}
        project = {"id": "p", "worktree": "/repo", "time_created": 1, "time_updated": 1, "sandboxes": "[]"}
        insert(self.connection, "project", project)
        insert(self.connection, "session", row)
        return name

    def message(self, session: str, role: str, *, name: str = "", **fields: Any) -> str:
        self.now += 1_000
        name = name or self._id("msg")
        data = {"role": role, "time": {"created": self.now}, **fields}
        row = {"id": name, "session_id": session, "time_created": self.now, "time_updated": self.now}
        insert(self.connection, "message", {**row, "data": json.dumps(data)})
        return name

    def part(self, session: str, message: str, *, name: str = "", **fields: Any) -> str:
        self.now += 10
        name = name or self._id("prt")
        row = {"id": name, "message_id": message, "session_id": session, "time_created": self.now}
        insert(self.connection, "part", {**row, "time_updated": self.now, "data": json.dumps(fields)})
        return name

    def prompt(self, session: str, text: str) -> str:
        message = self.message(session, "user")
        self.part(session, message, type="text", text=text)
        return message

    def answer(self, session: str, prompt: str, text: str) -> str:
        message = self.message(session, "assistant", parentID=prompt, modelID="m")
        self.part(session, message, type="text", text=text, time={"start": self.now, "end": self.now + 5})
        return message


# goose


def goose_database(path: Path, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Path:
    """A database of Goose with these rows."""
    with writing(path) as connection:
        connection.executescript(GOOSE_SCHEMA)
        for table, row in rows:
            insert(connection, table, row)
    return path


def goose_session(session: str = "20260301_1", **columns: Any) -> tuple[str, dict[str, Any]]:
    row = {"id": session, "name": "Fix the test", "working_dir": "/repo", "created_at": "2026-03-01 09:00:00"}
    return "sessions", row | columns


def goose_message(role: str, *content: Any, created: int = 1_772_355_600, **columns: Any) -> tuple[str, dict[str, Any]]:
    row = {"session_id": "20260301_1", "role": role, "created_timestamp": created}
    return "messages", row | {"content_json": json.dumps(list(content))} | columns


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def goose_call(call_id: str, name: str, **given: Any) -> dict[str, Any]:
    value = {"name": name, "arguments": given}
    return {"type": "toolRequest", "id": call_id, "toolCall": {"status": "success", "value": value}}


def goose_result(call_id: str, said: str, **fields: Any) -> dict[str, Any]:
    value = {"content": [text(said)], **fields}
    return {"type": "toolResponse", "id": call_id, "toolResult": {"status": "success", "value": value}}


# gemini and cursor


def gemini_head(name: str = "g1", **fields: Any) -> dict[str, Any]:
    return {"sessionId": name, "projectHash": "h", "startTime": "2026-01-01T00:00:00Z", **fields}


def gemini_message(name: str, kind: str, content: Any, second: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": name, "timestamp": f"2026-01-01T00:00:{second:02}Z", "type": kind, "content": content, **fields}


def gemini_items(tmp_path: Path, *records: Any) -> list[Item]:
    return items_in("gemini", write(tmp_path / "chat.jsonl", records))


def cursor_line(role: str, *content: Any) -> dict[str, Any]:
    return {"role": role, "message": {"content": list(content)}}
