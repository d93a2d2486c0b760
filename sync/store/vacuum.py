"""Giving the pages that deletions left back to the disk, in steps so small that nobody waits for them."""

from __future__ import annotations

import time
from pathlib import Path

from sync.store.database import Connection, opening

INCREMENTAL = 2
STEP_PAGES = 256
KEPT_PAGES = 64
"""So many unused pages stay for what is written next."""
BUDGET_S = 0.2


def is_incremental(connection: Connection) -> bool:
    """Whether the database gives pages back; those made by early versions do not, until `compact`."""
    return int(connection.execute("PRAGMA auto_vacuum").fetchone()[0]) == INCREMENTAL


def unused_pages(connection: Connection) -> int:
    """How many pages hold nothing."""
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def reclaim(path: Path, connection: Connection, budget_s: float = BUDGET_S) -> int:
    """Give unused pages back for at most about this long; gives how many. StoreError when the database is busy."""
    begun, freed = time.monotonic(), 0
    with opening(path):
        left = unused_pages(connection) - KEPT_PAGES
        if left <= 0 or not is_incremental(connection):
            return 0
        while left > 0 and (not freed or time.monotonic() - begun < budget_s):
            step = min(left, STEP_PAGES)
            connection.execute(f"PRAGMA incremental_vacuum({step})").fetchall()
            left, freed = left - step, freed + step
    return freed


def compact(path: Path, connection: Connection) -> None:
    """Write the whole file anew, without unused pages and so that it gives pages back from now on. Takes its size again
    on the disk meanwhile, and others cannot write. StoreError when that is not possible."""
    with opening(path):
        connection.execute("PRAGMA auto_vacuum=incremental")
        connection.execute("VACUUM")
