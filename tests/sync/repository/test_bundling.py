"""Closed segments as bundles: smaller, the same to every reader, and safe wherever the work ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.engine import Engine
from sync.store.bundles import forget_bundle
from sync.store.entries import documents, stored_changes
from sync.store.outgoing import Chain, OutgoingEntries
from tests.sync.engine_home import append, first_workspace, open_engine, replay, shown
from tests.sync.repository.support import bundle_all

NAMES = [f"{number:04d}" for number in range(22)]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("sync.engine.SEGMENT_EVENTS", 10)
    monkeypatch.setattr("sync.repository.bundling.CLEARED_AT_ONCE", 4)
    engine = open_engine(tmp_path)
    for name in NAMES:
        append(engine, first_workspace(engine), "s", name)
    return engine


def _all_changes(engine: Engine) -> list[tuple[int, list[bytes], list[bytes]]]:
    return [
        (changes.last, changes.hashes, changes.chunks)
        for document in documents(engine.connection)
        for changes in stored_changes(engine.connection, document.row)
    ]


def _counts(engine: Engine) -> tuple[int, int, int]:
    """(single changes, bundles, unfinished bundles)."""
    single = engine.connection.execute("SELECT count(changes) FROM entry").fetchone()[0]
    return single, *engine.connection.execute("SELECT count(data), sum(wanted) FROM bundle").fetchone()


def test_readers_see_no_difference(engine: Engine) -> None:
    before = _all_changes(engine)
    assert _counts(engine) == (22, 0, 2)
    bundle_all(engine)
    assert _counts(engine) == (2, 2, 0)
    assert _all_changes(engine) == before
    assert shown(engine.connection) == replay(engine.connection, 10) == {"s": set(NAMES)}
    assert engine.rebuild() == len(NAMES)
    append(engine, first_workspace(engine), "s", "last")
    assert shown(engine.connection) == replay(engine.connection, 10) == {"s": {*NAMES, "last"}}
    assert not engine.bundle_step()
    engine.close()


def test_the_work_may_end_anywhere(engine: Engine, tmp_path: Path) -> None:
    """Another process goes on from each point, while the first one appends."""
    before, steps = _all_changes(engine), 0
    while True:
        again = open_engine(tmp_path, f"again{steps}")
        more = again.bundle_step()
        assert _all_changes(again) == before and again.rebuild() == len(NAMES)
        again.close()
        steps += 1
        if not more or steps > 3:
            break
    assert _counts(engine) == (22, 0, 2), "a single piece makes no bundle"
    for pieces in range(2, 12):
        again = open_engine(tmp_path, f"more{pieces}")
        for _ in range(pieces):
            again.bundle_step()
        assert _all_changes(again) == before
        again.close()
    assert _counts(engine) == (2, 2, 0)
    assert _all_changes(engine) == before
    engine.close()


def test_two_processes_at_once(engine: Engine, tmp_path: Path) -> None:
    before, other = _all_changes(engine), open_engine(tmp_path, "other")
    more = [True, True]
    while any(more):
        more = [engine.bundle_step(), other.bundle_step()]
        assert _all_changes(other) == before
    assert _counts(engine) == (2, 2, 0)
    other.close()
    engine.close()


def test_a_purge_meanwhile_wins(engine: Engine) -> None:
    engine.bundle_step()
    first = next(iter(documents(engine.connection))).row
    engine.connection.execute("UPDATE entry SET changes=NULL WHERE document=?", (first,))
    forget_bundle(engine.connection, first)
    bundle_all(engine)
    assert engine.connection.execute("SELECT document FROM bundle WHERE data IS NOT NULL").fetchall() == [(first + 1,)]
    engine._forget()
    assert engine.rebuild() == 12
    engine.close()


def test_a_segment_that_does_not_survive_saving_stays_as_it_is(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.documents.core.CoreDocument.save", lambda core: b"not a document")
    before = _all_changes(engine)
    bundle_all(engine)
    assert _counts(engine) == (22, 0, 0) and _all_changes(engine) == before
    engine.close()


def test_closed_segments_of_an_older_database_are_found(engine: Engine, tmp_path: Path) -> None:
    for table in ("bundle", "quarantine"):
        engine.connection.execute(f"DROP TABLE {table}")
    engine.connection.execute("DROP INDEX entry_aside")
    engine.connection.execute("UPDATE meta SET value=1 WHERE name='schema/sync'")
    engine.close()
    again = open_engine(tmp_path)
    assert _counts(again) == (22, 0, 2)
    bundle_all(again)
    assert _counts(again) == (2, 2, 0) and again.rebuild() == len(NAMES)
    again.close()


def test_the_events_of_a_bundle_take_less_room(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    workspace = first_workspace(engine)
    for number in range(1001):
        append(engine, workspace, "s", f"{number:05d} " + "some words of an event " * 8)
    (single,) = engine.connection.execute("SELECT sum(length(changes)) FROM entry WHERE document=1").fetchone()
    bundle_all(engine)
    (bundled,) = engine.connection.execute("SELECT sum(length(data)) FROM bundle").fetchone()
    assert bundled < 0.6 * single
    engine.close()


def test_a_bundle_leaves_in_one_piece(engine: Engine) -> None:
    """Cut by the limit, each part would have to be sent as single changes."""
    bundle_all(engine)
    workspace = engine.workspace(first_workspace(engine))
    chain, after, forms = Chain(workspace.id, workspace.row, engine.device.device_id, engine.device_row), 0, []
    done = False
    while not done:
        batches, after, done = OutgoingEntries(engine.connection).after(chain, after, 1000)
        forms += [(batch.form, len(batch.parts)) for batch in batches]
    assert forms == [("bundle", 10), ("bundle", 10), ("changes", 2)]
    small, _, _ = OutgoingEntries(engine.connection).after(chain, 0, 100)
    assert [batch.form for batch in small] == ["changes"] and len(small[0].parts) < 10
    engine.close()
