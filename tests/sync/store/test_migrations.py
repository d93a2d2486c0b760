"""Schema changes: a backup first, all or nothing, once, whoever comes first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sync.errors import DamagedError, NewerDatabaseError, StoreError
from sync.store.database import Connection, Database
from sync.store.migrations import Component, migrate, pending, version_of

KEY, HOME_ID = b"k" * 32, b"i" * 16
FIRST = "CREATE TABLE a(x INTEGER); CREATE TABLE b(x)"
SECOND = "ALTER TABLE a ADD COLUMN y; CREATE INDEX a_by_y ON a(y)"
ONE = Component("part", (FIRST,), counted=("a",))
TWO = Component("part", (FIRST, SECOND), counted=("a",))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "lovelace.db", KEY, HOME_ID)
    database.create()
    return database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with contextlib.closing(database.writer()) as connection:
        yield connection


def _no_backup() -> None:
    raise AssertionError("nothing to copy")


def _filled(connection: Connection) -> None:
    migrate(connection, [ONE], _no_backup)
    connection.executemany("INSERT INTO a VALUES(?)", [(number,) for number in range(50)])


def test_a_fresh_database_needs_no_copy_and_is_migrated_once(connection: Connection) -> None:
    assert pending(connection, [TWO]) and version_of(connection, TWO) == 0
    migrate(connection, [TWO], _no_backup)
    assert not pending(connection, [TWO]) and version_of(connection, TWO) == 2
    migrate(connection, [TWO], _no_backup)


def test_only_the_missing_scripts_run_after_a_copy(database: Database, connection: Connection, tmp_path: Path) -> None:
    _filled(connection)
    backup = tmp_path / "before.db"
    migrate(
        connection,
        [TWO, Component("other", (FIRST.replace("a(", "c(").replace("b(", "d("),))],
        lambda: database.copy_to(backup),
    )
    assert connection.execute("SELECT count(*), count(y) FROM a").fetchone() == (50, 0)
    with contextlib.closing(Database(backup, KEY, HOME_ID).reader()) as older:
        assert version_of(older, TWO) == 1
        assert older.execute("SELECT count(*) FROM a").fetchone() == (50,)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("ALTER TABLE a ADD COLUMN y; DELETE FROM a WHERE x=7", DamagedError),
        ("ALTER TABLE a ADD COLUMN y; INSERT INTO a(x) VALUES(1)", DamagedError),
        ("ALTER TABLE a ADD COLUMN y; SELECT nonsense", Exception),
    ],
)
def test_a_migration_that_loses_or_adds_rows_or_fails_is_undone(
    database: Database, connection: Connection, tmp_path: Path, script: str, error: type[Exception]
) -> None:
    _filled(connection)
    wrong = Component("part", (FIRST, script), counted=("a",))
    with pytest.raises(error):
        migrate(connection, [wrong], lambda: database.copy_to(tmp_path / "before.db"))
    assert not connection.in_transaction
    assert version_of(connection, wrong) == 1
    assert [column[0] for column in connection.execute("SELECT * FROM a").description] == ["x"]
    assert connection.execute("SELECT count(*) FROM a").fetchone() == (50,)
    migrate(connection, [TWO], lambda: None)


def test_without_a_copy_nothing_is_migrated(connection: Connection) -> None:
    _filled(connection)

    def no_room() -> None:
        raise StoreError("The disk is full.")

    with pytest.raises(StoreError):
        migrate(connection, [TWO], no_room)
    assert version_of(connection, TWO) == 1 and not connection.in_transaction


def test_a_newer_database_is_refused_unchanged(database: Database) -> None:
    with contextlib.closing(database.writer()) as connection:
        migrate(connection, [TWO], _no_backup)
    before = database.path.read_bytes()
    with contextlib.closing(database.writer()) as connection:
        with pytest.raises(
            NewerDatabaseError, match=r"newer version.*\(part 2, this program knows 1\).*Update"
        ) as caught:
            migrate(connection, [ONE], _no_backup)
        assert "nothing was changed" in str(caught.value)
    assert database.path.read_bytes() == before


def test_several_at_once_migrate_once_and_copy_what_was_before(database: Database, tmp_path: Path) -> None:
    with contextlib.closing(database.writer()) as connection:
        _filled(connection)
    copies = []

    def run(number: int) -> None:
        def back_up() -> None:
            copies.append(tmp_path / f"before-{number}.db")
            database.copy_to(copies[-1])

        with contextlib.closing(database.writer()) as connection:
            migrate(connection, [TWO], back_up)
            assert version_of(connection, TWO) == 2

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))
    assert len(copies) == 1
    with contextlib.closing(Database(copies[0], KEY, HOME_ID).reader()) as older:
        assert version_of(older, TWO) == 1
