"""The copy that an update of the database makes: complete, kept for a while, and nothing unfinished beside it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from sync.store.database import Database
from sync.store.migrations import Component
from sync.store.update_copy import KEPT_MS
from sync.testing import ManualClock
from tests.sync.engine_home import HOME_ID, KEY, LOCAL, append, first_workspace, open_engine

COPY = "lovelace.before-update.db"


def _updated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(folder)
    append(engine, first_workspace(engine), "s", "a")
    engine.close()
    newer = Component("local", (*LOCAL.scripts, "ALTER TABLE kept ADD COLUMN y"))
    monkeypatch.setattr("tests.sync.engine_home.LOCAL", newer)
    open_engine(folder).close()


def test_what_killed_updates_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in ("", "-journal", "-wal"):
        (tmp_path / f"lovelace.before-update.99999.new{suffix}").write_bytes(b"unfinished")
    _updated(tmp_path, monkeypatch)
    assert sorted(path.name for path in tmp_path.glob("*before-update*")) == [COPY]
    with contextlib.closing(Database(tmp_path / COPY, KEY, HOME_ID).reader()) as reader:
        assert reader.execute("SELECT count(*) FROM shown").fetchone() == (1,)


@pytest.mark.parametrize(("age_ms", "there"), [(KEPT_MS - 60_000, True), (KEPT_MS + 60_000, False)])
def test_it_stays_for_a_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_ms: int, there: bool) -> None:
    _updated(tmp_path, monkeypatch)
    made = (ManualClock().now_ms() - age_ms) / 1000
    os.utime(tmp_path / COPY, (made, made))
    open_engine(tmp_path).close()
    assert (tmp_path / COPY).exists() == there


def test_it_can_be_removed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _updated(tmp_path, monkeypatch)
    engine = open_engine(tmp_path)
    engine.update_copy.remove()
    engine.update_copy.remove()
    engine.close()
    assert not (tmp_path / COPY).exists()
