"""What SQLCipher does, as `database.py` was built upon it, and that the product keeps clear of each trap.

A new version of the engine that behaves differently fails here first.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2 as sqlcipher

from app.workspace import Workspace
from sync.errors import DamagedError
from sync.store.database import Connection, Database, DatabaseFault
from tests.helpers.homes import open_home
from tests.helpers.talks import go_on, talk
from tests.sync.engine_home import append, first_workspace, open_engine, shown

ROOT = Path(__file__).parents[3]
KEY, HOME_ID = b"k" * 32, b"i" * 16
PAGE = 4096


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Closed, with a table over many pages."""
    database = Database(tmp_path / "lovelace.db", KEY, HOME_ID)
    database.create()
    with contextlib.closing(database.writer()) as writer:
        writer.execute("CREATE TABLE t(x)")
        writer.executemany("INSERT INTO t VALUES(?)", [("x" * 100,)] * 800)
    return database


@contextlib.contextmanager
def raw(path: Path, key: str | None = KEY.hex()) -> Iterator[Connection]:
    """A connection without any of our care. key: hex digits."""
    with contextlib.closing(sqlcipher.connect(str(path), isolation_level=None, timeout=0.05)) as connection:
        connection.execute("PRAGMA cipher_log=off")
        if key is not None:
            connection.execute(f"PRAGMA key=\"x'{key}'\"")
        connection.execute("PRAGMA cipher_hmac_algorithm=HMAC_SHA256")
        yield connection


def name_of(error: BaseException) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


@pytest.mark.parametrize("key", [None, "00" * 32])
def test_no_key_and_a_wrong_key_show_on_the_first_page(database: Database, key: str | None) -> None:
    before = database.path.read_bytes()
    with raw(database.path, key) as connection, pytest.raises(DatabaseFault) as caught:
        connection.execute("SELECT * FROM t")
    assert name_of(caught.value) == "SQLITE_NOTADB"
    assert database.path.read_bytes() == before


def test_any_key_is_answered_with_ok_and_a_short_one_is_a_passphrase(tmp_path: Path) -> None:
    with contextlib.closing(sqlcipher.connect(str(tmp_path / "x.db"), isolation_level=None)) as connection:
        answer = connection.execute(f"PRAGMA key=\"x'{KEY.hex()[:-1]}'\"").fetchone()
        connection.execute("CREATE TABLE t(x)")
    assert answer == ("ok",)
    with raw(tmp_path / "x.db") as connection, pytest.raises(DatabaseFault):
        connection.execute("SELECT * FROM t")


def test_a_flipped_page_is_named_by_the_integrity_check_only(database: Database) -> None:
    data = bytearray(database.path.read_bytes())
    page = len(data) // PAGE - 1
    data[(page - 1) * PAGE + 700] ^= 1
    database.path.write_bytes(data)
    with raw(database.path) as connection:
        assert connection.execute("SELECT count(*) FROM meta").fetchone() == (1,)
        found = [row[0] for row in connection.execute("PRAGMA cipher_integrity_check")]
        assert len(found) == 1 and f"page {page}" in found[0]
        with pytest.raises(DatabaseFault) as caught:
            connection.execute("SELECT count(*) FROM t WHERE x LIKE '%y'").fetchone()
    assert name_of(caught.value).startswith("SQLITE_CORRUPT")


def test_a_file_cut_on_a_page_boundary_passes_the_cipher_check(database: Database) -> None:
    data = database.path.read_bytes()
    database.path.write_bytes(data[: len(data) // PAGE // 2 * PAGE])
    with raw(database.path) as connection:
        assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
        with pytest.raises(DatabaseFault) as caught:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise sqlcipher.DatabaseError("found")
    assert name_of(caught.value) in ("", "SQLITE_CORRUPT")
    with pytest.raises(DamagedError):
        database.reader()


def test_an_empty_file_opens_as_an_empty_database_and_is_refused_by_us(database: Database) -> None:
    database.path.write_bytes(b"")
    with raw(database.path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    with pytest.raises(DamagedError, match="is empty"):
        database.writer()
    assert database.path.read_bytes() == b""


_NOISY = """
import sys
from pathlib import Path
from sync.errors import StoreError
from sync.store.database import Database
for key in (b"x" * 32, b"k" * 32):
    try:
        Database(Path(sys.argv[1]), key, b"i" * 16).writer().execute("SELECT count(*) FROM t WHERE x LIKE '%y'")
    except Exception as error:
        print(type(error).__name__)
"""


def test_errors_are_not_printed(database: Database) -> None:
    data = bytearray(database.path.read_bytes())
    data[-700] ^= 1
    database.path.write_bytes(data)
    command = [sys.executable, "-c", _NOISY, str(database.path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["DamagedError", "DatabaseError"]


def test_a_new_key_breaks_whoever_has_the_file_open(database: Database) -> None:
    """Hence a new key always goes into a new file that is renamed into place."""
    with raw(database.path) as one, raw(database.path) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (800,)
        one.execute(f"PRAGMA rekey=\"x'{'11' * 32}'\"")
        with pytest.raises(DatabaseFault):
            other.execute("SELECT count(*) FROM t WHERE x LIKE '%y'").fetchone()
    assert not [path for path in (ROOT / "sync").rglob("*.py") if "PRAGMA rekey" in path.read_text()]


def test_a_trace_tells_the_key_unless_it_comes_after_keying(database: Database) -> None:
    told: list[str] = []
    with contextlib.closing(sqlcipher.connect(str(database.path))) as connection:
        connection.set_trace_callback(told.append)
        connection.execute(f"PRAGMA key=\"x'{KEY.hex()}'\"")
    assert KEY.hex() in "".join(told)
    told.clear()
    for opening in (database.reader, database.writer):
        with contextlib.closing(opening()) as connection:
            connection.set_trace_callback(told.append)
            connection.execute("SELECT count(*) FROM t").fetchone()
    assert told and KEY.hex() not in "".join(told).lower()


def test_a_deferred_transaction_that_turns_to_writing_fails_and_ours_do_not(tmp_path: Path) -> None:
    one, other = open_engine(tmp_path, "one"), open_engine(tmp_path, "other")
    try:
        workspace = first_workspace(one)
        one.connection.execute("BEGIN")
        one.connection.execute("SELECT * FROM kept").fetchall()
        append(other, workspace, "s", "a")
        with pytest.raises(DatabaseFault) as caught:
            one.connection.execute("INSERT INTO kept VALUES(1)")
        assert name_of(caught.value).startswith("SQLITE_BUSY")
        one.connection.execute("ROLLBACK")
        begun: list[str] = []
        one.connection.set_trace_callback(begun.append)
        append(one, workspace, "s", "b")
        assert [text for text in begun if text.startswith("BEGIN")] == ["BEGIN IMMEDIATE"]
        assert shown(other.connection) == {"s": {"a", "b"}}
    finally:
        one.close()
        other.close()


def _log_bytes(folder: Path) -> int:
    return (folder / "lovelace.db-wal").stat().st_size


def _grow(connection: Connection, times: int = 60) -> None:
    for _ in range(times):
        connection.execute("UPDATE t SET x=x||'y'")


def test_a_long_reader_makes_the_log_grow(database: Database) -> None:
    with contextlib.closing(database.writer()) as writer, contextlib.closing(database.reader()) as reader:
        _grow(writer)
        bounded = _log_bytes(database.path.parent)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        _grow(writer, 180)
        assert _log_bytes(database.path.parent) > 2 * bounded
        reader.execute("COMMIT")
        _grow(writer)
        writer.execute("PRAGMA wal_checkpoint(truncate)")
        assert _log_bytes(database.path.parent) == 0


def test_a_slow_consumer_of_a_session_does_not_hold_the_log(tmp_path: Path) -> None:
    """Sessions are read page by page: whoever prints one into a slow pipe leaves writers alone."""
    writing, reading = open_home(tmp_path), open_home(tmp_path)
    try:
        session, _ = talk(writing, *map(str, range(1500)), title="Long")
        assert _held_back(reading, writing, session) < 12 << 20
    finally:
        writing.close()
        reading.close()


def _held_back(reading: Workspace, writing: Workspace, session: str) -> int:
    def run(queries) -> int:
        events = queries.iterate(session)
        next(events)
        for number in range(160):
            go_on(writing, session, *(f"{number} {part}" * 40 for part in range(25)))
        return _log_bytes(writing.home)

    return reading.read(run)
