"""Which process of a home does what only one may do, such as running the network: whoever holds a lock file, which the
system drops when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

LOCK_NAME = "network.lock"


class Lease:
    """The right to run the network of a home, or what else `name` stands for."""

    def __init__(self, home: Path, name: str = LOCK_NAME) -> None:
        self._path = home / name
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process has it."""
        return self._file is not None

    def take(self) -> bool:
        """Take it if nobody has it; gives whether it is held now. Where locks cannot be had, nobody gets it."""
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def give_back(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def is_running(home: Path, name: str = LOCK_NAME) -> bool:
    """Whether some process of this home runs the network now, or has the lease of that name."""
    lease = Lease(home, name)
    if lease.take():
        lease.give_back()
        return False
    return (home / name).exists()
