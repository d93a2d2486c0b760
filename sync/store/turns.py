"""Whose turn it is to write, among the processes of a home.

The database's own way of waiting sleeps longer and longer, up to 100 ms, and whoever has just written comes first
again: with four writers a fifth of the time was used, and some commits took a third of a second. Two lock files make
them take turns: who holds the gate is next, so who has just written must queue behind. Nothing depends on them but
speed: the database still decides who may write, and the system drops the locks of a process that dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

GATE, WRITING = "gate.lock", "writing.lock"
_PATIENCE_S = 10.0
"""After that the database is asked, which says that somebody has been writing for long."""
_STEP_S, _LONG_STEP_S = 0.0001, 0.002
_LONG_S = 0.05


class Turns:
    """The two locks of one connection's process; used by one thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._files: tuple[int, int] | None = None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn and keep it; where locks cannot be had, at once."""
        files = self._open()
        if files is None:
            yield
            return
        gate, writing = files
        until = time.monotonic() + _PATIENCE_S
        if _lock(gate, until):
            try:
                _lock(writing, until)
            finally:
                fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(writing, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the files back; again is free."""
        files, self._files = self._files, None
        for file in files or ():
            os.close(file)

    def _open(self) -> tuple[int, int] | None:
        if self._files is None:
            opened: list[int] = []
            try:
                for name in (GATE, WRITING):
                    opened.append(os.open(self._home / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError:  # a read-only or full disk: the database says so
                for file in opened:
                    os.close(file)
                return None
            self._files = opened[0], opened[1]
        return self._files


def _lock(file: int, until: float) -> bool:
    """Take a lock; False when that took too long."""
    begun = 0.0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            now = time.monotonic()
            begun = begun or now
            if now > until:
                return False
            time.sleep(_STEP_S if now - begun < _LONG_S else _LONG_STEP_S)
