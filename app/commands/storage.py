"""How much room a home takes, by part, and giving back what it does not need."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sync.store import vacuum
from sync.store.backup import BLOBS
from sync.store.database import DATABASE_NAME

if TYPE_CHECKING:
    from app.workspace import Workspace

Progress = Callable[[int, int], None]
_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class HomeSize:
    """Bytes of a home. free: on its disk; unused: in the database, and could be given back."""

    database: int
    blobs: int
    logs: int
    free: int
    unused: int = 0


def home_size(workspace: Workspace) -> HomeSize:
    """What the home takes now. Not for the main thread: it waits for the writing one."""
    home = workspace.home
    database = sum(_file_size(path) for path in home.glob(f"{DATABASE_NAME}*"))
    free = shutil.disk_usage(home).free
    unused = workspace.with_engine(lambda engine: _unused(engine.connection))
    return HomeSize(database, _folder_size(home / BLOBS), _folder_size(home / "logs"), free, unused)


def give_back(workspace: Workspace, progress: Progress) -> int:
    """Give unused pages of the database back to the disk; gives the bytes. Others write between the steps."""
    total = workspace.with_engine(lambda engine: _unused(engine.connection))
    freed, path = 0, workspace.database.path
    while True:
        progress(freed, total)
        pages = workspace.with_engine(lambda engine: vacuum.reclaim(path, engine.connection, _STEP_S))
        if not pages:
            return freed
        freed += pages * workspace.with_engine(lambda engine: _page_size(engine.connection))


def new_backup_folder(inside: Path) -> Path:
    """A name for a backup of today in a folder, which is not taken yet."""
    stem = f"lovelace-backup-{time.strftime('%Y-%m-%d')}"
    names = (inside / (stem + (f"-{number}" if number else "")) for number in range(1000))
    return next(path for path in names if not path.exists())


def _unused(connection: vacuum.Connection) -> int:
    if not vacuum.is_incremental(connection):
        return 0
    return max(0, vacuum.unused_pages(connection) - vacuum.KEPT_PAGES) * _page_size(connection)


def _page_size(connection: vacuum.Connection) -> int:
    return int(connection.execute("PRAGMA page_size").fetchone()[0])


def _folder_size(folder: Path) -> int:
    return sum(_file_size(Path(root, name)) for root, _folders, names in os.walk(folder) for name in names)


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone meanwhile
