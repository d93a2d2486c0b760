"""Whose turn it is to write, among the processes of a home.

The database's own way of waiting sleeps longer and longer, up to 100 ms, and whoever has just written comes first
again: with four writers a fifth of the time was used, and some commits took a third of a second. Two lock files make
them take turns: who holds the gate is next, so who has just written must queue behind. A turn is a few transactions
rather than one, because the first of them reads anew all pages that others may have changed: for a short while the
writer may come again at once. Nothing depends on the locks but speed: the database still decides who may write, and the
system drops the locks of a process that dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

GATE, WRITING = "gate.lock", "writing.lock"
_PATIENCE_S = 10.0
"""After that the database is asked, which says that somebody has been writing for long."""
_TURN, _TURN_S = 5, 0.02
"""So many transactions are one turn; but when it has taken so long, no further one begins."""
_STEPS_S = (0.0005, 0.001, *[0.002] * 25)
"""Pauses between looks at a lock; then twice the last one. Each look costs a processor that the writer could use."""


class Turns:
    """The two locks of one connection's process; used by one thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._files: tuple[int, int] | None = None
        self._begun = -_TURN_S
        self._taken = 0

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn and keep it; where locks cannot be had, at once."""
        files = self._open()
        if files is None:
            yield
            return
        gate, writing = files
        now = time.monotonic()
        is_mine = self._taken < _TURN and now - self._begun < _TURN_S
        if not (is_mine and _try(writing)):
            self._queue(gate, writing, now + _PATIENCE_S)
        self._taken += 1
        try:
            yield
        finally:
            fcntl.flock(writing, fcntl.LOCK_UN)

    def _queue(self, gate: int, writing: int, until: float) -> None:
        if _lock(gate, until):
            try:
                _lock(writing, until)
            finally:
                fcntl.flock(gate, fcntl.LOCK_UN)
        self._begun, self._taken = time.monotonic(), 0

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


def _try(file: int) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock(file: int, until: float) -> bool:
    """Take a lock; False when that took too long."""
    steps = chain(_STEPS_S, repeat(_STEPS_S[-1] * 2))
    while not _try(file):
        if time.monotonic() > until:
            return False
        time.sleep(next(steps))
    return True
