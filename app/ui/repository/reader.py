"""Reads the repository of a session's folder and the changes of its files, on the loop. Late answers are dropped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.agents.context import session_folders
from app.agents.repository.reading import Repository, read_change, read_repository
from app.agents.repository.status import ChangedFile
from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.sessions.line_diff import FileDiff
    from app.sessions.views import SessionRow
    from app.ui.desk import Desk
    from app.workspace import Workspace

LEAST_PAUSE_MS = 700
PAUSE_FACTOR = 4
"""A reading that took long is not repeated before so many times as long."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was read. folders: of the workspace, the session's own first. folder: whose repository it is."""

    session: SessionRow | None
    folders: tuple[Path, ...]
    folder: Path | None
    repository: Repository | None


class RepositoryReader(QObject):
    """found: a `Found`. shown: a `ChangedFile`, its `FileDiff`, whether it was shown before. failed: an exception."""

    found = Signal(object)
    shown = Signal(object, object, bool)
    failed = Signal(object)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._session: str | None = None
        self._folder: Path | None = None
        self._readings = self._changes = 0
        self._is_reading = self._is_stale = False
        self._last: tuple[str, str] | None = None
        self._took = QElapsedTimer()
        self._soon = QTimer(self, singleShot=True, interval=LEAST_PAUSE_MS)
        self._soon.timeout.connect(self.read)

    def open(self, session: str | None, folder: Path | None = None) -> None:
        """Read the repository for a session, or of the workspace's first folder, at once. folder: another than its."""
        self._session, self._folder = session, folder
        self._last = None
        self.read()

    def refresh(self) -> None:
        """It may have changed: read again soon."""
        self._is_stale = self._is_reading
        if not self._is_reading and not self._soon.isActive():
            self._soon.start()

    def read(self) -> None:
        """Read it again now."""
        self._soon.stop()
        self._readings += 1
        number = self._readings
        self._is_reading, self._is_stale = True, False
        self._took.start()
        self._desk.bridge.call(
            _read(self._desk.workspace, self._session, self._folder),
            while_alive(self, lambda found: self._take(number, found)),
            while_alive(self, lambda error: self._fail(number, error)),
        )

    def _take(self, number: int, found: Found) -> None:
        if number == self._readings:
            self._end_reading()
            self.found.emit(found)

    def _fail(self, number: int, error: BaseException) -> None:
        if number == self._readings:
            self._end_reading()
            self.failed.emit(error)

    def _end_reading(self) -> None:
        self._is_reading = False
        self._soon.setInterval(max(LEAST_PAUSE_MS, PAUSE_FACTOR * self._took.elapsed()))
        if self._is_stale:
            self._soon.start()

    def show(self, repository: Repository, file: ChangedFile) -> None:
        """Read the change of a file."""
        self._changes += 1
        number, key = self._changes, (file.group, file.path)
        newer, self._last = self._last == key, key

        def give(diff: FileDiff) -> None:
            if number == self._changes:
                self.shown.emit(file, diff, newer)

        self._desk.bridge.call(read_change(repository, file), while_alive(self, give), self._desk.report)


async def _read(workspace: Workspace, session: str | None, wanted: Path | None) -> Found:
    row, bound = await workspace.read_async(
        lambda queries: (None if session is None else queries.session(session), queries.folders())
    )
    folders = await asyncio.to_thread(session_folders, None if row is None else row.cwd, bound)
    order = [wanted] if wanted in folders else folders
    for folder in order:
        assert folder is not None
        repository = await read_repository(folder)
        if repository is not None:
            return Found(row, folders, folder, repository)
    return Found(row, folders, order[0] if order else None, None)
