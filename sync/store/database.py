"""Opening the one SQLCipher database, for writing or reading, and saying clearly why it cannot be opened.

Facts behind the order of things (SQLCipher 4.19): `PRAGMA key` always answers ok and takes a malformed raw key for a
passphrase, so the key's form is asserted; a wrong key shows only when a page is read; an empty file opens as a valid
empty database, so our application id and the database id inside are required; a deferred transaction that turns to
writing fails with SQLITE_BUSY, so writers begin IMMEDIATE. Pages are authenticated with HMAC-SHA256 rather than the
default SHA-512, which takes a quarter off every commit.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlcipher3 import dbapi2 as sqlite

from sync.crypto import derive_key
from sync.errors import DamagedError, StoreError
from sync.store.durable import sync_file, sync_folder

Connection = Any
"""A `sqlcipher3` connection (the package has no type information). Confined to the thread that opened it."""

APPLICATION_ID = 0x4C6F766C  # "Lovl"
DATABASE_NAME = "lovelace.db"
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 16 * 1024
BUSY_TIMEOUT_S = 10
CHECKPOINT_PAGES = 2_000
"""Of the write-ahead log, before somebody who commits brings them into the database, which takes milliseconds: 8 MB.
Pages that are written again and again go there once."""
CACHED_STATEMENTS = 1_000
"""More than a connection ever sees. Once the cache is full, each statement that is new to it takes the place of the one
before, so that all of them are parsed again and again: opening a new home alone filled the usual 100."""
KEY_BYTES = 32
_NO_SHARED_INDEX = (sqlite.SQLITE_CANTOPEN, sqlite.SQLITE_READONLY, sqlite.SQLITE_IOERR, sqlite.SQLITE_FULL)
_NEW_INDEX_BYTES = 3
"""The engine gives the index this size before it has got room for it."""
COPY_PAGES = 512
COPY_MARK = "copied"
"""The row of `meta` that a copy has (see `copies`)."""


class Database:
    """Where the database is and how it is opened; holds no connection.

    database_id: 16 bytes that tie the database to its key slots.
    """

    def __init__(self, path: Path, key: bytes, database_id: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"A database key has {KEY_BYTES} bytes.")
        self.path = path
        self.database_id = database_id
        self._key = key
        self._no_room: StoreError | None = None

    def create(self) -> None:
        """Make the empty, keyed file with our ids; raises DamagedError if there is a file already.

        It is made under another name first, so that a crash leaves no half-made database.
        """
        if self.path.exists():
            raise DamagedError(f"{self.path} is in the way: a new database is never written over a file.")
        unfinished = self.path.with_suffix(f".{os.getpid()}.new")
        with opening(self.path):
            try:
                remove_database(unfinished)
                unfinished.touch(mode=0o600)
                with contextlib.closing(self._connect(unfinished, WRITER_CACHE_KIB)) as connection:
                    connection.execute("PRAGMA auto_vacuum=incremental")  # only an empty database takes it
                    connection.execute("PRAGMA journal_mode=wal")
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                    connection.execute("CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID")
                    connection.execute("INSERT INTO meta VALUES('database_id', ?)", (self.database_id,))
                    connection.execute("COMMIT")
                unfinished.rename(self.path)
                sync_folder(self.path.parent)
            finally:
                remove_database(unfinished)

    @property
    def identity(self) -> tuple[bytes, bytes]:
        """Key and database id: what a copy of this database is opened with."""
        return self._key, self.database_id

    @property
    def local_key(self) -> bytes:
        """32 bytes from which keys follow for what is sealed inside this database and its copies only."""
        return derive_key(self._key, "lovelace/local/1", self.database_id)

    def copy_to(self, target: Path, progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        """Write what is committed now into another file, durably, under the same key, and mark it as a copy.

        `target` is replaced once that is complete. Others may write meanwhile; the copy does not change by that.
        progress: gets the bytes done and the bytes in all.
        """
        unfinished = target.with_suffix(f".{os.getpid()}.new")
        try:
            with (
                opening(target),
                contextlib.closing(self._open(READER_CACHE_KIB)) as source,
                contextlib.closing(self.scratch(unfinished)) as copy,
            ):
                self._copy_pages(source, copy, progress)
                mark_copy(copy)
            with opening(target):
                sync_file(unfinished)
                unfinished.replace(target)
                sync_folder(target.parent)
        finally:
            remove_database(unfinished)

    def scratch(self, path: Path) -> Connection:
        """An empty database in a new file under the same key, quick to write and not safe from crashes."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        connection = self._connect(path, READER_CACHE_KIB)
        connection.execute("PRAGMA journal_mode=off")
        connection.execute("PRAGMA synchronous=off")
        return connection

    def _copy_pages(self, source: Connection, copy: Connection, progress: Callable[[int, int], None]) -> None:
        page = int(source.execute("PRAGMA page_size").fetchone()[0])  # SQLCipher gives it as text
        source.execute("BEGIN")  # holds one state, so that nobody's commit makes the copy begin again
        source.execute("SELECT 1 FROM meta LIMIT 1").fetchone()
        try:
            source.backup(
                copy,
                pages=COPY_PAGES,
                progress=lambda _status, left, total: progress((total - left) * page, total * page),
            )
            is_sound = copy.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]  # damage is copied silently
        except DatabaseFault as error:
            if not _is_damage(error):
                raise
            is_sound = False
        if not is_sound:
            raise DamagedError(f"The database {self.path} is damaged. Restore it from a backup.")

    def writer(self) -> Connection:
        """The connection of the one writing thread."""
        self._require_room()
        connection = self._open(WRITER_CACHE_KIB)
        connection.execute("PRAGMA foreign_keys=on")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        return connection

    def reader(self) -> Connection:
        """A connection that cannot write; also on a read-only medium, and one of them on a full disk."""
        self._require_room()
        try:
            connection = self._open(READER_CACHE_KIB)
        except StoreError as error:
            connection = self._open_apart(error)
        connection.execute("PRAGMA query_only=on")
        return connection

    def _require_room(self) -> None:
        """There is one connection at most that keeps the index of the log in memory; all others would wait for it."""
        if self._no_room is not None:
            raise self._no_room

    def _open_apart(self, error: StoreError) -> Connection:
        """A reader where the index of the log, which connections share, cannot be made; else raises the error."""
        code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
        if code not in _NO_SHARED_INDEX or _size(beside(self.path, "-shm")) > _NEW_INDEX_BYTES:
            raise error
        if not _nobody_can_write(self.path.parent):
            try:
                connection = self._open(READER_CACHE_KIB, exclusive=True)  # others wait as long as this one reads
            except StoreError:
                raise error from None
            self._no_room = error
            return connection
        if _size(beside(self.path, "-wal")):
            raise StoreError(
                f"{self.path} was not closed and cannot be brought in order on a read-only disk. "
                f"Copy {self.path.parent} to a disk that can be written."
            ) from error
        return self._open(READER_CACHE_KIB, immutable=True)

    def _open(self, cache_kib: int, *, exclusive: bool = False, immutable: bool = False) -> Connection:
        if not self.path.exists():
            raise DamagedError(
                f"The database {self.path} is missing, but its keys are there. Restore it from a backup, "
                "or delete keyslots.json if this home was never used."
            )
        if not self.path.is_file():
            raise DamagedError(f"{self.path} is not a file. Put the database there, from a backup if need be.")
        with opening(self.path):
            connection = self._connect(self.path, cache_kib, exclusive=exclusive, immutable=immutable)
            try:
                self._require_ours(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _connect(self, path: Path, cache_kib: int, *, exclusive: bool = False, immutable: bool = False) -> Connection:
        # A connection is used on one thread; only its closing comes from another, when that thread has ended.
        name = f"file:{quote(str(path))}?immutable=1" if immutable else str(path)
        connection = sqlite.connect(
            name,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_S,
            check_same_thread=False,
            uri=immutable,
            cached_statements=CACHED_STATEMENTS,
        )
        try:
            self._prepare(connection, cache_kib, exclusive=exclusive)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: Connection, cache_kib: int, *, exclusive: bool) -> None:
        connection.execute("PRAGMA cipher_log=off")
        connection.execute(f"PRAGMA key=\"x'{self._key.hex()}'\"")
        connection.execute("PRAGMA cipher_hmac_algorithm=HMAC_SHA256")
        if exclusive:  # before anything that reads a page
            connection.execute("PRAGMA locking_mode=exclusive")
        connection.execute("PRAGMA secure_delete=on")
        connection.execute("PRAGMA synchronous=normal")
        connection.execute(f"PRAGMA cache_size=-{cache_kib}")

    def _require_ours(self, connection: Connection) -> None:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application != APPLICATION_ID:
            raise DamagedError(
                f"{self.path} is not a Lovelace database, or is empty. Restore it from a backup; nothing was changed."
            )
        found = connection.execute("SELECT value FROM meta WHERE name='database_id'").fetchone()
        if found is None or bytes(found[0]) != self.database_id:
            raise DamagedError(
                f"{self.path} belongs to other keys than the keyslots.json beside it. Put the matching file back."
            )


def beside(path: Path, suffix: str) -> Path:
    """The file that the database engine keeps beside a database: "-wal", "-shm" or "-journal"."""
    return path.with_name(path.name + suffix)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def remove_database(path: Path) -> None:
    """Remove an unfinished database and what belongs to it; nothing there is fine."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        beside(path, suffix).unlink(missing_ok=True)


def _nobody_can_write(folder: Path) -> bool:
    """Whether a folder stays as it is while we read: on a read-only medium, or closed to writing by us, its owner."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return True
    status = folder.stat()
    return status.st_uid == os.geteuid() != 0 and not status.st_mode & 0o222


def mark_copy(connection: Connection) -> None:
    """Say inside a database that it is a copy of another one."""
    connection.execute(
        "INSERT INTO meta VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
        (COPY_MARK, time.time_ns() // 1_000_000),
    )


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite.SQLITE_NOTADB, sqlite.SQLITE_CORRUPT)


@contextlib.contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns what the database engine and the system raise on opening into our errors."""
    try:
        yield
    except DatabaseFault as error:
        raise translated(error, path) from error
    except OSError as error:
        raise StoreError(f"{error.filename or path} cannot be written: {error.strerror}.") from error


def translated(error: Exception, path: Path) -> StoreError:
    """Our error for one of the database engine's, with what a person can do about it.

    The key is known to be right, so what cannot be decrypted is the file's fault.
    """
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite.SQLITE_FULL:
            return StoreError(f"The disk with {path.parent} is full. Nothing was lost; make room and try again.")
        case sqlite.SQLITE_READONLY | sqlite.SQLITE_CANTOPEN | sqlite.SQLITE_PERM:
            return StoreError(
                f"{path} cannot be written. Check the permissions of its folder and whether the disk is read-only."
            )
        case sqlite.SQLITE_BUSY | sqlite.SQLITE_LOCKED:
            return StoreError(f"Another program has been writing to {path} for over {BUSY_TIMEOUT_S} s. Try again.")
        case sqlite.SQLITE_IOERR:
            return StoreError(
                f"The disk failed to read or write {path} ({error}). What was saved before is kept; "
                "check the disk and its free space, then try again."
            )
        case sqlite.SQLITE_NOTADB | sqlite.SQLITE_CORRUPT:
            return DamagedError(
                f"The database {path} is damaged or not ours ({error}). Restore it from a backup; nothing was changed."
            )
    return StoreError(f"The database {path} refused a request: {error}.")


DatabaseFault = sqlite.DatabaseError
"""The engine's errors, for callers that translate them with `translated`."""
