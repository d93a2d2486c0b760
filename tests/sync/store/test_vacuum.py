"""Deletions make the file smaller, a little at a time."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from sync.errors import StoreError
from sync.store import vacuum
from sync.store.database import Database
from tests.sync.engine_home import append, database, first_workspace, open_engine, shown


def filled(folder: Path) -> Database:
    made = database(folder)
    with contextlib.closing(made.writer()) as writer:
        writer.execute("CREATE TABLE t(x)")
        writer.execute("BEGIN IMMEDIATE")
        writer.executemany("INSERT INTO t VALUES(?)", [(bytes(4000),)] * 2000)
        writer.execute("COMMIT")
    return made


def test_space_comes_back(tmp_path: Path) -> None:
    made = filled(tmp_path)
    size = made.path.stat().st_size
    with contextlib.closing(made.writer()) as writer:
        writer.execute("DELETE FROM t")
        assert vacuum.unused_pages(writer) >= 2000
        assert vacuum.reclaim(made.path, writer, 0) == vacuum.STEP_PAGES
        vacuum.reclaim(made.path, writer, 60)
        assert vacuum.unused_pages(writer) == vacuum.KEPT_PAGES
        assert vacuum.reclaim(made.path, writer) == 0
        assert writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert made.path.stat().st_size < size / 10


def test_an_engine_gives_space_back_when_it_is_closed(tmp_path: Path) -> None:
    filled(tmp_path)
    engine = open_engine(tmp_path)
    append(engine, first_workspace(engine), "s", "a")
    engine.connection.execute("DELETE FROM t")
    size = (tmp_path / "lovelace.db").stat().st_size
    engine.close()
    assert (tmp_path / "lovelace.db").stat().st_size < size / 4
    with contextlib.closing(open_engine(tmp_path)) as engine:
        assert shown(engine.connection) == {"s": {"a"}}


def test_a_database_of_an_early_version(tmp_path: Path) -> None:
    made = filled(tmp_path)
    with contextlib.closing(made.writer()) as writer:
        writer.execute("PRAGMA auto_vacuum=none")
        writer.execute("VACUUM")
        writer.execute("DELETE FROM t")
        assert not vacuum.is_incremental(writer) and vacuum.reclaim(made.path, writer) == 0
        vacuum.compact(made.path, writer)
        assert vacuum.is_incremental(writer) and vacuum.unused_pages(writer) == 0


def test_a_busy_database_is_left_for_later(tmp_path: Path) -> None:
    made = filled(tmp_path)
    with contextlib.closing(made.writer()) as writer, contextlib.closing(made.writer()) as other:
        writer.execute("DELETE FROM t")
        writer.execute("PRAGMA busy_timeout=10")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another program"):
            vacuum.reclaim(made.path, writer)
        other.execute("ROLLBACK")
        assert vacuum.reclaim(made.path, writer) > 0
