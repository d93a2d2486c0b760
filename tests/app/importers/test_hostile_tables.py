"""Databases, objects and lines of the tools that came later: wrong types everywhere, floods, what only looks alike."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.importers.detect import find_sources, recognise_file
from app.importers.drafts import Item, NewEvent, Skipped
from app.importers.registry import FORMATS
from tests.app.importers.foreign import (
    Opencode,
    gemini_head,
    gemini_message,
    goose_database,
    goose_message,
    goose_session,
    insert,
    items_in,
    opencode_database,
    opencode_schema,
    text,
    writing,
)
from tests.app.importers.test_hostile import _check

_KEYS = [
    *("id", "sessionID", "messageID", "parentID", "type", "role", "time", "created", "start", "end", "state", "status"),
    *("input", "output", "metadata", "tool", "callID", "tokens", "cache", "read", "cost", "files", "error", "data"),
    *("sessionId", "projectHash", "messages", "$set", "$rewindTo", "content", "toolCalls", "args", "result", "name"),
    *("functionResponse", "functionCall", "response", "thoughts", "resultDisplay", "fileDiff", "timestamp", "text"),
    *("toolCall", "toolResult", "value", "arguments", "message", "path", "command", "todos", "edits", "old_string"),
    *("filediff", "patch", "before", "after", "directory", "title", "version", "working_dir", "description", "kind"),
]
_WORDS = [
    *("user", "assistant", "gemini", "info", "text", "reasoning", "tool", "patch", "step-finish", "compaction", "file"),
    *("completed", "running", "pending", "error", "bash", "edit", "write", "read", "todowrite", "task", "apply_patch"),
    *("run_shell_command", "replace", "write_file", "success", "toolRequest", "toolResponse", "thinking", "tool_use"),
    *("developer__shell", "developer__text_editor", "Shell", "StrReplace", "Write", "turn_ended", "ses_1", "m1", "p1"),
    *("/repo/a.py", "2026-01-01T00:00:00Z", "*** Begin Patch\n*** Add File: x\n+1\n", "subagent", "view", ""),
]
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(_WORDS)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6),
    max_leaves=14,
)
_some = st.dictionaries(st.sampled_from(_KEYS), _values, max_size=8)
_blocks = st.lists(st.builds(lambda rest, kind: {**rest, "type": kind}, _some, st.sampled_from(_WORDS)), max_size=3)
_names = st.sampled_from(["a", "b", "c"])
_opencode = st.builds(
    lambda rest, kind, name, message, state: {
        **rest,
        "id": name,
        "sessionID": "ses_1",
        **({"messageID": message, "type": kind, "state": state} if message else {"role": "assistant", "time": rest}),
    },
    _some,
    st.sampled_from(_WORDS),
    _names,
    st.sampled_from(["", "a", "b"]),
    st.builds(lambda rest, status: {**rest, "status": status}, _some, st.sampled_from(_WORDS)),
)
_gemini = st.one_of(
    st.builds(
        lambda rest, name, kind, content, calls: {
            **rest,
            "id": name,
            "type": kind,
            "content": content,
            "toolCalls": calls,
        },
        _some,
        _names,
        st.sampled_from(_WORDS),
        _blocks | st.text() | _values,
        st.lists(_some, max_size=2),
    ),
    st.builds(lambda rest: {"$set": rest}, _some),
    st.builds(lambda name: {"$rewindTo": name}, _names),
)
_goose = st.builds(
    lambda rest, role, content: {**rest, "role": role, "created": rest.get("created", 7), "content": content},
    _some,
    st.sampled_from(["user", "assistant", "tool"]),
    _blocks,
)
_cursor = st.builds(
    lambda role, content: {"role": role, "message": {"content": content}},
    st.sampled_from(["user", "assistant", "system"]),
    _blocks | st.text(),
)
_RECORDS = {"opencode": _opencode, "gemini": _gemini, "goose": _goose, "cursor": _cursor}


@pytest.mark.parametrize("format", _RECORDS)
def test_wrong_types_everywhere(format: str) -> None:
    @settings(max_examples=50, deadline=None)
    @given(st.lists(_RECORDS[format] | _some, max_size=8))
    def run(records: list[dict[str, Any]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.jsonl"
            path.write_text("".join(json.dumps(record) + "\n" for record in [gemini_head(), *records]))
            _check(list(FORMATS[format].read([path])))

    run()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["session", "message", "part"]), st.lists(_values, min_size=6, max_size=6)),
        max_size=12,
    )
)
def test_columns_of_other_types(rows: list[tuple[str, list[Any]]]) -> None:
    """A database of another tool may have the same tables and columns, with anything in them."""
    names = {
        "session": ("id", "title", "directory", "version", "project_id", "time_created"),
        "message": ("id", "session_id", "data", "time_created", "time_updated"),
        "part": ("id", "session_id", "message_id", "data", "time_updated", "time_created"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        connection = sqlite3.connect(path)
        for table, columns in names.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(dict.fromkeys((*columns, 'time_updated')))})")
        for table, values in rows:
            kept = [
                value if isinstance(value, str | float | None) or _fits(value) else json.dumps(value)
                for value in values
            ]
            marks = ", ".join("?" * len(names[table]))
            connection.execute(
                f"INSERT INTO {table} ({', '.join(names[table])}) VALUES ({marks})",
                [_storable(v) for v in kept][: len(names[table])],
            )
        connection.commit()
        connection.close()
        assert recognise_file(path) == "opencode"
        _check(list(FORMATS["opencode"].read([path])))


def _fits(value: object) -> bool:
    return isinstance(value, int) and abs(value) < 2**63


def _storable(value: Any) -> Any:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def test_a_value_that_is_no_json_is_skipped_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with writing(path) as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        tool.session("ses_1")
        message = tool.prompt("ses_1", "one")
        for name, data in (
            ("prt_a", "{half"),
            ("prt_b", "[1]"),
            ("prt_c", '{"a":' * 200 + "1" + "}" * 200),
            ("prt_d", ""),
        ):
            row = {"id": name, "message_id": message, "session_id": "ses_1", "time_created": 1, "time_updated": 1}
            insert(connection, "part", {**row, "data": data})
        connection.execute("PRAGMA ignore_check_constraints = ON")
    skipped = [(item.line, item.reason) for item in items_in("opencode", path) if isinstance(item, Skipped)]
    assert [line for line, _ in skipped] == [2, 3, 4, 5]
    assert {reason for _, reason in skipped} == {
        "The value is not valid JSON.",
        "The value is not a JSON object.",
        "The value is nested too deeply.",
    }


def test_a_value_that_is_too_long_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.importers.tables.MAX_LINE", 10_000)
    rows = [goose_session(), goose_message("user", text("x" * 20_000)), goose_message("user", text("short"), created=9)]
    path = goose_database(tmp_path / "g.db", rows)
    items = items_in("goose", path)
    assert [(item.line, item.reason) for item in items if isinstance(item, Skipped)] == [
        (1, "The value is longer than 64 MiB.")
    ]
    assert [item.body.text for item in items if isinstance(item, NewEvent)] == ["short"]  # type: ignore[union-attr]


def test_an_object_that_is_too_large_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.importers.documents.MAX_DOCUMENT", 10_000)
    path = tmp_path / "s.json"
    path.write_text(json.dumps(gemini_head(messages=[gemini_message("m", "user", "x" * 20_000)]), indent=1))
    (item,) = items_in("gemini", path)
    assert isinstance(item, Skipped) and "larger than 64 MiB" in item.reason


def test_floods_need_little_memory(tmp_path: Path) -> None:
    """Sixty megabytes of parts: what is held at once is a small part of them."""
    path = tmp_path / "flood.db"
    with writing(path) as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        connection.execute("BEGIN")
        for number in range(30):
            tool.session(f"ses_{number}")
            prompt = tool.prompt(f"ses_{number}", "go")
            for _ in range(20):
                tool.answer(f"ses_{number}", prompt, "y" * 100_000)
        connection.execute("COMMIT")
    tracemalloc.start()
    try:
        count = sum(isinstance(item, NewEvent) for item in FORMATS["opencode"].read([path]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 30 * 21 and peak < 12e6


def _links(folder: Path) -> list[Path]:
    loop = folder / "loop.db"
    loop.symlink_to(loop)
    (folder / "dir").mkdir()
    (folder / "dir" / "up").symlink_to(folder)
    (folder / "fifo").unlink(missing_ok=True)
    os.mkfifo(folder / "fifo")
    return [loop]


def test_links_pipes_and_strange_databases_are_passed_over(tmp_path: Path) -> None:
    opencode_database(tmp_path / "opencode.db")
    _links(tmp_path)
    (tmp_path / "only-magic.db").write_bytes(b"SQLite format 3\x00")
    (tmp_path / "noise.db").write_bytes(b"SQLite format 3\x00" + os.urandom(100_000))
    with writing(tmp_path / "other.db") as connection:
        connection.executescript("CREATE TABLE session (id, data); CREATE TABLE message (id); CREATE TABLE part (id)")
    assert [source.path.name for source in find_sources([tmp_path])] == ["opencode.db"]


def test_tables_that_are_views_or_call_functions_are_not_run(tmp_path: Path) -> None:
    """The schema of a foreign database is not to be trusted."""
    path = tmp_path / "x.db"
    with writing(path) as connection:
        opencode_schema(connection)
        connection.execute("DROP TABLE part")
        connection.execute("CREATE VIEW part AS SELECT 1 AS id, 2 AS message_id, load_extension('x') AS session_id")
    assert recognise_file(path) is None


def _told(items: list[Item]) -> list[str]:
    return [getattr(item.body, "text", "") for item in items if isinstance(item, NewEvent)]


def test_unknown_parts_and_blocks_are_notices(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with writing(path) as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        tool.session("ses_1")
        message = tool.prompt("ses_1", "one")
        tool.part("ses_1", message, type="hologram", beam=7)
    assert _told(items_in("opencode", path)) == ["one", "Part: hologram"]
    rows = [goose_session(), goose_message("user", text("one"), {"type": "hologram"})]
    assert _told(items_in("goose", goose_database(tmp_path / "g.db", rows))) == ["one", "Content: hologram"]
