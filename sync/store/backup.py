"""Backups of a home: a folder with database, blobs and key slots, consistent while other processes write.

The database is copied first, as it was at one moment, and marked as a copy (see `copies`); the blobs after it: an event
is committed after its blob was written, so whatever the copied database refers to is there by then. A backup and a
restored home are made under another name beside their place and renamed when they are complete and on the disk.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.crypto import domain_hash
from sync.errors import DamagedError, NewerDatabaseError, StoreError
from sync.store.blobs import BLOB_FILE_DOMAIN
from sync.store.database import DATABASE_NAME, Database, mark_copy, opening
from sync.store.durable import sync_file, sync_folder
from sync.store.integrity import find_damage
from sync.store.keyslot_file import FILE_NAME, read_keyslots, write_keyslots
from sync.store.migrations import Component, pending

BLOBS = "blobs"
_WAL_INDEX_LOCK = 128
"""The byte of a `-shm` file on which every connection holds a shared lock (SQLite's UNIX_SHM_DMS)."""

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: bytes in all, and blobs. damaged: names of blob files that are not what they should be."""

    bytes: int
    blobs: int
    damaged: tuple[str, ...] = ()


def back_up(database: Database, target: Path, progress: Progress = lambda _done, _total: None) -> Copied:
    """Copy the home of a database into a new folder. StoreError when that cannot be; then nothing is left of it."""
    home = database.path.parent
    _require_free(target, home)
    blobs = _blob_bytes(home)
    with _unfinished(target) as folder:
        write_keyslots(folder, read_keyslots(home), replace=False)
        total = database.path.stat().st_size + blobs
        database.copy_to(folder / DATABASE_NAME, lambda done, size: progress(done, size + blobs))
        copied = (folder / DATABASE_NAME).stat().st_size
        size, count, _ = _copy_blobs(home, folder, lambda done: progress(copied + done, max(total, copied + done)))
    return Copied(copied + size, count)


def require_backup(source: Path) -> None:
    """Raise StoreError for a place that is no backup; key slots are looked at when it is unlocked."""
    if not source.is_dir():
        raise StoreError(f"There is no folder {source}.")
    if not (source / DATABASE_NAME).exists() and not (source / FILE_NAME).exists():
        raise StoreError(f"{source} is no backup: it has neither {DATABASE_NAME} nor {FILE_NAME}.")


def restore(
    backup: Database,
    home: Path,
    components: Sequence[Component],
    progress: Progress = lambda _done, _total: None,
) -> tuple[Copied, Path | None]:
    """Put a copy of a backup in the place of a home, after checking it.

    Gives what was copied and where the home that was there is kept now. components: whose versions must be known.
    DamagedError for a damaged database, NewerDatabaseError for one of a newer program, StoreError when the home is in
    use or cannot be replaced; then everything is as before. The backup itself is only read.
    """
    source = backup.path.parent
    if source.resolve() == home.resolve() or source.resolve() in home.resolve().parents:
        raise StoreError(f"{source} is where the backup would be restored to. Move the backup elsewhere first.")
    if is_in_use(home):
        raise StoreError(f"Another Lovelace program has {home} open. Close it and try again.")
    folder = home.with_name(f".{home.name}.{os.getpid()}.partial")
    try:
        with opening(folder):
            folder.mkdir(mode=0o700, parents=True)
            copied = _copy_backup(backup, folder, progress)
            _check(Database(folder / DATABASE_NAME, *backup.identity), backup.path, components)
            sync_folder(folder)
            return copied, _put_in_place(folder, home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_in_use(home: Path) -> bool:
    """Whether another process has the database of a home open; needs no key. False where locks cannot be asked."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        descriptor = os.open(home / f"{DATABASE_NAME}-shm", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _WAL_INDEX_LOCK)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _require_free(target: Path, home: Path) -> None:
    if target.exists() and not target.is_dir():
        raise StoreError(f"{target} is a file. Name a new folder for the backup.")
    if target.is_dir() and any(target.iterdir()):
        raise StoreError(f"{target} is not empty. Name a new folder for the backup.")
    if home.resolve() in (target.resolve(), *target.resolve().parents):
        raise StoreError(f"{target} is inside {home}. Choose a place outside of it, best on another disk.")


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` once it is filled and on the disk, or goes away."""
    folder = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with opening(target):
            folder.mkdir(mode=0o700, parents=True)
            yield folder
            sync_folder(folder)
            if target.exists():
                target.rmdir()
            folder.rename(target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_backup(backup: Database, folder: Path, progress: Progress) -> Copied:
    source = backup.path.parent
    write_keyslots(folder, read_keyslots(source), replace=False)
    files = [path for path in (backup.path, backup.path.with_name(f"{DATABASE_NAME}-wal")) if path.exists()]
    total = sum(path.stat().st_size for path in files) + _blob_bytes(source)
    done = 0
    for path in files:
        done += _copy_file(path, folder / path.name)
        progress(done, total)
    size, count, damaged = _copy_blobs(source, folder, lambda more: progress(done + more, total), check=True)
    return Copied(done + size, count, damaged)


def _copy_blobs(
    source: Path, target: Path, progress: Callable[[int], None], *, check: bool = False
) -> tuple[int, int, tuple[str, ...]]:
    """Copy all sealed files: bytes, how many, and (if they are checked) which are damaged."""
    done, copies, damaged = 0, [], []
    for path in blob_files(source):
        copy = target / BLOBS / path.parent.name / path.name
        for folder in (target / BLOBS, copy.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        try:
            done += _copy_file(path, copy, durable=False)
        except FileNotFoundError:  # erased by a purge since it was listed
            copy.unlink(missing_ok=True)
            continue
        copies.append(copy)
        if check and not is_sound_blob(copy):
            damaged.append(path.name)
        progress(done)
    for copy in copies:  # after all are written, when the disk has had most of them already
        sync_file(copy)
    for folder in {copy.parent for copy in copies}:
        sync_folder(folder)
    return done, len(copies), tuple(damaged)


def blob_files(home: Path) -> Iterator[Path]:
    """The sealed files of a home."""
    for path in sorted((home / BLOBS).glob("??/*")):
        if len(path.name) == 64 and path.is_file():
            yield path


def is_sound_blob(path: Path) -> bool:
    """Whether a sealed file holds what its name says. OSError when it cannot be read."""
    return domain_hash(BLOB_FILE_DOMAIN, path.read_bytes()).hex() == path.name


def _blob_bytes(home: Path) -> int:
    total = 0
    for path in blob_files(home):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def _copy_file(source: Path, target: Path, *, durable: bool = True) -> int:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(descriptor)
    shutil.copyfile(source, target)
    if durable:
        sync_file(target)
    return target.stat().st_size


def _check(copy: Database, original: Path, components: Sequence[Component]) -> None:
    """That a copied database is sound and not too new; marks it as a copy."""
    try:
        with closing(copy.writer()) as connection:
            damage = find_damage(connection).file
            if damage:
                raise DamagedError(f"The backup {original} is damaged ({damage[0]}). Nothing was changed.")
            pending(connection, components)
            mark_copy(connection)
    except NewerDatabaseError:
        raise
    except DamagedError as error:
        raise DamagedError(str(error).replace(str(copy.path), str(original))) from error


def _put_in_place(folder: Path, home: Path) -> Path | None:
    """Make the folder the home; gives where the old one is kept."""
    kept: Path | None = None
    if home.exists() and any(home.iterdir()):
        kept = _free_name(home)
        home.rename(kept)
    elif home.exists():
        home.rmdir()
    try:
        folder.rename(home)
    except OSError:
        if kept is not None:
            kept.rename(home)
        raise
    sync_folder(home.parent)
    return kept


def _free_name(home: Path) -> Path:
    stem = f"{home.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (home.with_name(stem + (f"-{number}" if number else "")) for number in range(1000))
    return next(name for name in names if not name.exists())
