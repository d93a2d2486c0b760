"""The copy of the database that an update makes before it changes anything: it stays a month, or until the next one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from sync.store.database import Database, remove_database

KEPT_MS = 30 * 24 * 3600 * 1000


class UpdateCopy:
    """The copy beside one database."""

    def __init__(self, database: Database) -> None:
        self.path: Path = database.path.with_suffix(".before-update.db")
        self._database = database

    def make(self) -> None:
        """Copy what is committed; the write lock is held, so an unfinished copy is one of a process that was killed."""
        for unfinished in self.path.parent.glob(f"{self.path.stem}.*.new"):
            remove_database(unfinished)
        self._database.copy_to(self.path)

    def remove(self) -> None:
        """Remove it, with all that was purged since; again is free."""
        self.path.unlink(missing_ok=True)

    def remove_old(self, now_ms: int) -> None:
        """Remove it once it has been kept long enough."""
        with contextlib.suppress(OSError):  # none there, or a home that cannot be written
            if now_ms - self.path.stat().st_mtime * 1000 > KEPT_MS:
                self.remove()
