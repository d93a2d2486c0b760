"""Following what does not grow at its end: databases, objects that are written anew, trees of files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.importers.following.watch import PlaceWatch
from tests.app.importers.following.support import Followed, SharedMemory, import_into
from tests.app.importers.foreign import (
    Opencode,
    gemini_head,
    gemini_message,
    goose_database,
    goose_message,
    goose_session,
    insert,
    opencode_database,
    opencode_rows,
    opencode_schema,
    opencode_tree,
    text,
    writing,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[Path, Opencode]]:
    path = tmp_path / "opencode.db"
    with writing(path) as connection:
        opencode_schema(connection)
        yield path, Opencode(connection)


def imported(path: Path, format: str) -> SharedMemory:
    store = SharedMemory()
    import_into(store, path, format)
    return store


def test_rows_come_once_and_in_order(database: tuple[Path, Opencode]) -> None:
    path, tool = database
    followed = Followed(path)
    followed.look()
    tool.session("ses_1")
    first = tool.prompt("ses_1", "one")
    assert followed.look(path.with_name("opencode.db-wal")).created == 1
    tool.answer("ses_1", first, "two")
    report = followed.look(path.with_name("opencode.db-wal"))
    assert (report.sources, report.events, report.updated) == (1, 1, 1)
    assert followed.look().sources == 0
    assert followed.store.texts() == ["one", "two"]
    followed.finish()
    assert sorted(followed.store.rows()) == sorted(imported(path, "opencode").rows())


def test_a_part_is_told_when_it_is_finished(database: tuple[Path, Opencode]) -> None:
    path, tool = database
    followed = Followed(path)
    tool.session("ses_1")
    prompt = tool.prompt("ses_1", "run it")
    answer = tool.message("ses_1", "assistant", parentID=prompt)
    said = tool.part("ses_1", answer, type="text", text="", time={"start": tool.now})
    given = {"command": "ls"}
    call = tool.part("ses_1", answer, type="tool", tool="bash", callID="c", state={"status": "pending", "input": {}})
    followed.look()
    assert followed.store.texts() == ["run it"]
    tool.part("ses_1", answer, name=said, type="text", text="I run it.", time={"start": tool.now, "end": tool.now + 1})
    running = {"status": "running", "input": given, "time": {"start": tool.now}}
    tool.part("ses_1", answer, name=call, type="tool", tool="bash", callID="c", state=running)
    assert followed.look().events == 3
    done = {**running, "status": "completed", "output": "x\n", "metadata": {"exit": 0}}
    done["time"] = {"start": running["time"]["start"], "end": tool.now + 5}  # type: ignore[index]
    tool.part("ses_1", answer, name=call, type="tool", tool="bash", callID="c", state=done)
    assert followed.look().events == 2
    (events,) = followed.store.sessions.values()
    kinds = [draft.body.kind if hasattr(draft.body, "kind") else "" for _, draft in events]
    assert kinds.count("tool_call") == kinds.count("tool_result") == kinds.count("command_result") == 1
    digests = {row[10:] for rows in followed.store.rows().values() for row in rows}
    assert digests == {row[10:] for rows in imported(path, "opencode").rows().values() for row in rows}


def test_a_later_run_goes_on(database: tuple[Path, Opencode]) -> None:
    path, tool = database
    tool.session("ses_1")
    prompt = tool.prompt("ses_1", "one")
    followed = Followed(path)
    followed.look()
    followed.settle()
    followed.finish()
    tool.answer("ses_1", prompt, "two")
    later = Followed(path, earlier=followed)
    assert later.look().events == 1
    assert later.store.texts() == ["one", "two"]


def test_a_compacted_database_is_read_anew_and_nothing_comes_twice(database: tuple[Path, Opencode]) -> None:
    path, tool = database
    for name in ("ses_1", "ses_2"):
        tool.session(name)
        tool.answer(name, tool.prompt(name, f"prompt of {name}"), "answer")
    followed = Followed(path)
    followed.look()
    tool.connection.execute("DELETE FROM part WHERE session_id = 'ses_1'")
    tool.connection.execute("DELETE FROM message WHERE session_id = 'ses_1'")
    tool.connection.execute("VACUUM")
    tool.prompt("ses_2", "new")
    followed.look()
    assert followed.store.texts() == ["prompt of ses_1", "answer", "prompt of ses_2", "answer", "new"]


def test_a_locked_database_is_read_later(
    database: tuple[Path, Opencode], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.importers.tables._WAIT_S", 0.05)
    path = goose_database(tmp_path / "goose.db", [goose_session(), goose_message("user", text("one"))])
    followed = Followed(path)
    followed.look()
    with writing(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        insert(connection, *goose_message("user", text("two"), created=1_772_355_700))
        connection.execute("BEGIN EXCLUSIVE")
        followed.look(path)
        assert any("in use by another program" in sentence for sentence in followed.told)
        assert followed.store.texts() == ["one"]
        connection.execute("COMMIT")
    followed.look()
    assert followed.store.texts() == ["one", "two"]


def test_a_database_that_goes_comes_back(tmp_path: Path) -> None:
    path = goose_database(tmp_path / "goose.db", [goose_session(), goose_message("user", text("one"))])
    followed = Followed(tmp_path)
    followed.look()
    path.unlink()
    for log in tmp_path.glob("goose.db-*"):
        log.unlink()
    followed.look()
    assert any("has gone" in sentence for sentence in followed.told)
    rows = [
        goose_session(),
        goose_message("user", text("one")),
        goose_message("user", text("two"), created=1_772_400_000),
    ]
    goose_database(path, rows)
    followed.look()
    assert followed.store.texts() == ["one", "two"]


def test_a_database_that_becomes_damaged_is_told_once(database: tuple[Path, Opencode], tmp_path: Path) -> None:
    path = goose_database(
        tmp_path / "goose.db",
        [goose_session(), *(goose_message("user", text("x" * 3_000), created=n) for n in range(1, 60))],
    )
    followed = Followed(path)
    followed.look()
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert [line.reason for line in followed.look().skipped] == ["The database is damaged from here on."]
    path.write_bytes(data + b"\xff")
    assert followed.look().skipped == []


def test_following_leaves_the_database_and_its_folder_alone(tmp_path: Path) -> None:
    path = opencode_database(tmp_path / "opencode.db")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert list(before) == ["opencode.db"]
    followed = Followed(path)
    followed.look()
    followed.finish()
    assert followed.store.texts()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_reader_does_not_keep_the_tool_from_writing(database: tuple[Path, Opencode]) -> None:
    path, tool = database
    tool.session("ses_1")
    for number in range(50):
        tool.prompt("ses_1", f"prompt {number}")
    from app.importers.opencode import ROWS
    from app.importers.tables import read_rows

    seen = 0
    for _ in read_rows(path, ROWS):
        seen += 1
        tool.connection.execute("UPDATE session SET title = ?", (f"t{seen}",))
    assert seen == 101
    assert tool.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def _chat(*messages: dict[str, Any]) -> str:
    return json.dumps(gemini_head(messages=list(messages)), indent=2)


def test_an_object_that_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "session-1.json"
    one, two = gemini_message("m1", "user", "one"), gemini_message("m2", "gemini", "two", 2)
    path.write_text(_chat(one))
    followed = Followed(tmp_path)
    followed.look()
    whole = _chat(one, two)
    path.write_text(whole[:-40])
    assert followed.look(path).skipped == []
    path.write_text(whole)
    assert followed.look(path).events == 1
    assert followed.store.texts() == ["one", "two"]
    followed.finish()
    assert followed.store.rows() == imported(path, "gemini").rows()


def test_a_tree_of_files(tmp_path: Path) -> None:
    rows = sorted(opencode_rows(), key=lambda row: row[1]["time_created"])
    followed = Followed(tmp_path / "storage")
    for start in range(0, len(rows), 25):
        opencode_tree(tmp_path / "storage", rows[start : start + 25])
        followed.look()
    followed.settle()
    followed.finish()
    again = Followed(tmp_path / "storage", earlier=followed)
    again.look()
    again.finish()
    database = opencode_database(tmp_path / "opencode.db")
    wanted = imported(database, "opencode").rows()
    assert {name: sorted(row[10:] for row in rows) for name, rows in followed.store.rows().items()} == {
        name: sorted(row[10:] for row in rows) for name, rows in wanted.items()
    }


def test_the_log_beside_a_database_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with writing(path) as connection, PlaceWatch([path]) as watch:
        opencode_schema(connection)
        watch.refresh()
        Opencode(connection).session("ses_1")
        watch.wait(5)
        assert {name.name for name in watch.take().paths} & {"opencode.db-wal", "opencode.db"}


def test_rows_of_other_columns_are_no_sessions(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with writing(path) as connection:
        connection.executescript("CREATE TABLE session (id, title); CREATE TABLE message (id); CREATE TABLE part (id)")
    followed = Followed(path)
    followed.look()
    assert not followed.store.sessions and sqlite3.connect(path).execute("SELECT 1").fetchone() == (1,)
