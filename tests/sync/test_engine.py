"""The engine: one road for every change, whoever else writes, whatever fails on the way."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.engine import Engine
from sync.errors import NewerDatabaseError, StoreError
from sync.events import Committed
from sync.store.database import Database
from sync.store.migrations import Component
from tests.sync.engine_home import (
    HOME_ID,
    KEY,
    LOCAL,
    PlainProjector,
    append,
    first_workspace,
    notes,
    open_engine,
    replay,
    shown,
)
from tests.sync.store.small_disk import on_small_disk

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(tmp_path)
    yield engine
    engine.close()


def _edit(engine: Engine, workspace: int, text: str) -> None:
    with engine.transaction() as tx:
        engine.edit_note(tx, workspace, "notes", text)


def test_a_new_home_has_an_identity_that_stays(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    device, identity = engine.device.device_id, engine.identity
    engine.close()
    engine = open_engine(tmp_path)
    assert (engine.device.device_id, engine.identity) == (device, identity)
    engine.close()


def test_events_and_entries(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "s1", "a", "b")
    append(engine, workspace, "s2", "c")
    append(engine, workspace, "s1", "d")
    assert shown(engine.connection) == replay(engine.connection) == {"s1": {"a", "b", "d"}, "s2": {"c"}}
    assert engine.connection.execute("SELECT count(*) FROM entry").fetchone() == (3,)


def test_segments_close_when_they_are_full(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.engine.SEGMENT_EVENTS", 5)
    workspace = first_workspace(engine)
    append(engine, workspace, "s", *(f"a{number}" for number in range(13)))
    append(engine, workspace, "s", "b")
    append(engine, workspace, "s", *(f"c{number}" for number in range(6)))
    assert shown(engine.connection) == replay(engine.connection, 5)
    sizes = engine.connection.execute("SELECT k, count(*) FROM shown GROUP BY k ORDER BY k").fetchall()
    assert sizes == [(0, 5), (1, 5), (2, 5), (3, 5)]


def test_a_thousand_events_in_a_segment(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "s", *(f"{number:05d}" for number in range(2500)))
    replay(engine.connection)
    sizes = engine.connection.execute("SELECT k, count(*) FROM shown GROUP BY k ORDER BY k").fetchall()
    assert sizes == [(0, 1000), (1, 1000), (2, 500)]


def test_ids_that_stand_twice_count_once(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "s", "a", "b", "a")
    append(engine, workspace, "s", "b", "b")
    append(engine, workspace, "s", "b", "c")
    with engine.transaction() as tx:
        engine.append(tx, workspace, "s", [("d", '"d"'), ("d", "other"), ("a", "other")], lambda: "{}")
    for _ in range(2):
        assert shown(engine.connection) == replay(engine.connection) == {"s": {"a", "b", "c", "d"}}
        assert engine.rebuild() == 4


def test_an_exception_keeps_nothing_and_writing_goes_on(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "s", "a")
    with pytest.raises(ArithmeticError), engine.transaction() as tx:
        engine.append(tx, workspace, "s", [("lost", '"lost"')], lambda: "{}")
        engine.edit_note(tx, workspace, "notes", "lost")
        raise ArithmeticError
    append(engine, workspace, "s", "b")
    _edit(engine, workspace, "kept")
    assert shown(engine.connection) == replay(engine.connection) == {"s": {"a", "b"}}
    assert notes(engine.connection) == {"notes": "kept"}


def test_a_part_that_failed_takes_the_whole_with_it_even_if_somebody_catches(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "s", "a")
    with pytest.raises(StoreError, match="nothing of it was kept"), engine.transaction() as tx:
        engine.append(tx, workspace, "s", [("b", '"b"')], lambda: "{}")
        with contextlib.suppress(ArithmeticError), engine.transaction() as inner:
            engine.append(inner, workspace, "s", [("c", '"c"')], lambda: "{}")
            raise ArithmeticError
    append(engine, workspace, "s", "d")
    assert shown(engine.connection) == replay(engine.connection) == {"s": {"a", "d"}}


def test_commits_are_told_once_with_what_they_touched(engine: Engine) -> None:
    workspace = first_workspace(engine)
    told: list[Committed] = []
    engine.subscribe(told.append)
    with engine.transaction() as tx:
        engine.append(tx, workspace, "s", [("a", '"a"')], lambda: "{}")
        with engine.transaction():
            engine.edit_note(tx, workspace, "notes", "x")
    with contextlib.suppress(ArithmeticError), engine.transaction() as tx:
        tx.touch("session/never")
        raise ArithmeticError
    with engine.transaction():
        pass
    assert [(one.process, one.subjects) for one in told] == [("one", {"session/s", "note/notes"})]
    log = engine.connection.execute("SELECT seq, subjects FROM commit_log ORDER BY seq DESC LIMIT 1").fetchone()
    assert log == (told[0].seq, "note/notes\nsession/s")


def test_a_durable_transaction_is_synced_and_only_then(engine: Engine) -> None:
    def level() -> int:
        return int(engine.connection.execute("PRAGMA synchronous").fetchone()[0])

    assert level() == 1
    with engine.transaction(durable=True):
        assert level() == 2
        with engine.transaction(durable=True), engine.transaction():
            pass
    assert level() == 1
    with pytest.raises(ValueError, match="durable"), engine.transaction(), engine.transaction(durable=True):
        pass
    assert level() == 1


def test_notes_of_two_engines_merge_in_order(tmp_path: Path) -> None:
    one, other = open_engine(tmp_path, "one"), open_engine(tmp_path, "other")
    workspace = first_workspace(one)
    _edit(one, workspace, "Hello")
    _edit(other, workspace, "Hello world")
    _edit(one, workspace, "Oh, hello world")
    assert notes(one.connection) == notes(other.connection) == {"notes": "Oh, hello world"}
    replay(one.connection)
    one.close()
    other.close()


def test_a_note_that_says_nothing_does_not_begin(engine: Engine) -> None:
    workspace = first_workspace(engine)
    _edit(engine, workspace, "")
    assert engine.connection.execute("SELECT count(*) FROM document").fetchone() == (0,)
    _edit(engine, workspace, "x")
    _edit(engine, workspace, "")
    engine.rebuild()
    assert notes(engine.connection) == {"notes": ""}


_step = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["append", "append", "append", "note", "fail", "fail inside", "batch", "rebuild", "reopen"]),
    st.sampled_from(["s", "t"]),
)


@settings(max_examples=40)
@given(st.lists(_step, max_size=25))
def test_interleavings_of_two_engines(steps: list[tuple[int, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.engine.SEGMENT_EVENTS", 4)
        patch.setattr("sync.engine.OPEN_DOCUMENTS", 2)
        engines = [open_engine(Path(name), process) for process in ("one", "other")]
        try:
            _run_steps(Path(name), engines, steps)
        finally:
            for engine in engines:
                engine.close()


def _run_steps(folder: Path, engines: list[Engine], steps: list[tuple[int, str, str]]) -> None:
    workspace = first_workspace(engines[0])
    events: dict[str, set[str]] = {}
    text: dict[str, str] = {}
    for number, (which, kind, session) in enumerate(steps):
        engine, name = engines[which], f"{number:03d}"
        match kind:
            case "append" | "batch":
                names = [f"{name}{part}" for part in range(1 if kind == "append" else 7)]
                append(engine, workspace, session, *names)
                events.setdefault(session, set()).update(names)
            case "note":
                _edit(engine, workspace, text.get("notes", "") + name)
                text["notes"] = text.get("notes", "") + name
            case "fail" | "fail inside":
                with pytest.raises((ArithmeticError, StoreError)):
                    _fail(engine, workspace, session, name, inside=kind == "fail inside")
            case "rebuild":
                assert engine.rebuild() == sum(map(len, events.values()))
            case "reopen":
                engine.close()
                engines[which] = open_engine(folder, f"again{number}")
    assert shown(engines[0].connection) == replay(engines[1].connection, 4) == events
    assert notes(engines[0].connection) == text
    engines[1].rebuild()
    assert shown(engines[0].connection) == events and notes(engines[0].connection) == text


def _fail(engine: Engine, workspace: int, session: str, name: str, *, inside: bool) -> None:
    with engine.transaction() as tx:
        engine.append(tx, workspace, session, [(f"{name}lost", "x")], lambda: "{}")
        engine.edit_note(tx, workspace, "notes", name)
        with contextlib.suppress(ArithmeticError) if inside else contextlib.nullcontext(), engine.transaction():
            raise ArithmeticError


def test_threads_with_engines_of_their_own(tmp_path: Path) -> None:
    open_engine(tmp_path).close()

    def run(name: str) -> None:
        engine = open_engine(tmp_path, name)
        workspace = first_workspace(engine)
        for number in range(40):
            append(engine, workspace, "s", f"{name}{number}")
        engine.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, "abc"))
    engine = open_engine(tmp_path)
    assert shown(engine.connection) == replay(engine.connection)
    assert shown(engine.connection) == {"s": {f"{name}{number}" for name in "abc" for number in range(40)}}
    engine.close()


def test_processes_that_share_a_new_home(tmp_path: Path) -> None:
    """Also the founding of identity and workspace, and the migrations, are raced for."""
    Database(tmp_path / "lovelace.db", KEY, HOME_ID).create()
    command = [sys.executable, "-m", "tests.sync.engine_worker", str(tmp_path)]
    workers = [subprocess.Popen([*command, name, "25"], cwd=ROOT, stderr=subprocess.PIPE, text=True) for name in "abc"]
    for worker in workers:
        _, errors = worker.communicate(timeout=100)
        assert worker.returncode == 0, errors
    engine = open_engine(tmp_path)
    expected = {f"{name}-{number}{more}" for name in "abc" for number in range(25) for more in ("", "-too")}
    assert shown(engine.connection) == replay(engine.connection) == {"shared": expected}
    lines = notes(engine.connection)["notes"].splitlines()
    assert sorted(lines) == sorted(f"{name}{number}" for name in "abc" for number in range(25))
    for table, rows in (("identity", 1), ("workspace", 1), ("epoch", 1), ("device", 1)):
        assert engine.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    engine.close()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    engine.connection.execute("UPDATE meta SET value=99 WHERE name='schema/sync'")
    engine.close()
    before = (tmp_path / "lovelace.db").read_bytes()
    with pytest.raises(NewerDatabaseError, match="newer version of Lovelace"):
        open_engine(tmp_path)
    assert (tmp_path / "lovelace.db").read_bytes() == before
    assert not list(tmp_path.glob("*.before-update.db"))


def test_an_update_keeps_a_copy_of_what_was_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(tmp_path)
    append(engine, first_workspace(engine), "s", "a")
    engine.close()
    monkeypatch.setattr(
        "tests.sync.engine_home.LOCAL", Component("local", (*LOCAL.scripts, "ALTER TABLE kept ADD COLUMN y"))
    )
    engine = open_engine(tmp_path)
    assert shown(engine.connection) == {"s": {"a"}}
    engine.close()
    copy = Database(tmp_path / "lovelace.before-update.db", KEY, HOME_ID)
    with contextlib.closing(copy.reader()) as reader:
        assert reader.execute("SELECT value FROM meta WHERE name='schema/local'").fetchone() == (1,)


def test_another_projection_is_rebuilt_on_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(tmp_path)
    append(engine, first_workspace(engine), "s", "a")
    engine.connection.execute("DELETE FROM shown")
    engine.close()
    monkeypatch.setattr(PlainProjector, "version", 2)
    engine = open_engine(tmp_path)
    assert shown(engine.connection) == {"s": {"a"}}
    engine.close()


_FULL = """
    import contextlib, os, resource, signal, sys
    from pathlib import Path
    from sync.errors import DamagedError, StoreError
    from tests.sync.engine_home import append, first_workspace, open_engine, replay, shown
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    folder, limited = Path({folder!r}), {limited}
    engine = open_engine(folder)
    workspace = first_workspace(engine)
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    written, failed = set(), 0
    filler = os.urandom(3000).hex()
    for number in range(4000):
        name = f"{{number:05d}}"
        try:
            with engine.transaction() as tx:
                tx.connection.execute("INSERT INTO kept VALUES(?)", (filler,))
                engine.append(tx, workspace, "s", [(name, f'"{{name}}"')], lambda: "{{}}")
            written.add(name)
        except StoreError as error:
            assert not isinstance(error, DamagedError), error
            failed += 1
            if failed == 3:
                print(error)
                break
    assert failed == 3 and len(written) > 10, (failed, len(written))
    assert shown(engine.connection) == {{"s": written}}
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        (folder / "ballast").unlink()
    append(engine, workspace, "s", "after")
    assert shown(engine.connection) == replay(engine.connection) == {{"s": written | {{"after"}}}}
    engine.close()
    engine = open_engine(folder)
    assert shown(engine.connection) == {{"s": written | {{"after"}}}}
    assert engine.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
"""


def test_a_full_disk_loses_nothing_and_writing_resumes(tmp_path: Path) -> None:
    program = f"open({str(tmp_path / 'ballast')!r}, 'wb').write(bytes(1 << 21))\n"
    program += textwrap.dedent(_FULL).format(folder=str(tmp_path), limited=False)
    assert "is full. Nothing was lost; make room" in on_small_disk(tmp_path, program, kilobytes=6000)


def test_files_that_may_not_grow_lose_nothing(tmp_path: Path) -> None:
    """The same through a limit of the process, where the system says something else than 'full'."""
    program = textwrap.dedent(_FULL).format(folder=str(tmp_path), limited=True)
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    assert "The disk failed to read or write" in run.stdout or "is full" in run.stdout
