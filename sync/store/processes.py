"""Which of the processes that share a home are alive.

A process that leaves something unfinished in the store (a text that is being streamed) holds a lock file of its own
name while it lives. The system drops the lock when the process ends, however it ends; names are never used twice, so
neither a number that the system gives out again nor a clock can make a dead process look alive.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from sync.store.database import opening

FOLDER = "processes"


class Presence:
    """The lock of one process. name: unique among all processes of the home, also those of the past."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self._path = _lock_file(home, name)
        self._lock: int | None = None

    def show(self) -> None:
        """Be seen as alive from now on; again is free. StoreError where the home cannot be written."""
        if self._lock is None:
            with opening(self._path):
                self._path.parent.mkdir(mode=0o700, exist_ok=True)
                self._take()

    def _take(self) -> None:
        while self._lock is None:
            lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if _is_file(self._path, lock):  # else somebody cleaned up between the two calls
                    self._lock, lock = lock, -1
            finally:
                if lock >= 0:
                    os.close(lock)

    def close(self) -> None:
        """Be gone; again is free."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            with contextlib.suppress(OSError):  # a home that turned read-only
                self._path.unlink(missing_ok=True)
            os.close(lock)


def is_alive(home: Path, name: str) -> bool:
    """Whether a process with this name has shown itself and not ended. In doubt it counts as alive."""
    try:
        lock = os.open(_lock_file(home, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def remove_stale(home: Path) -> None:
    """Remove the lock files of processes that were killed."""
    for path in (home / FOLDER).glob("*.lock"):
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file(path, lock):
                    path.unlink()
            finally:
                os.close(lock)


def _lock_file(home: Path, name: str) -> Path:
    return home / FOLDER / f"{name}.lock"


def _is_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
