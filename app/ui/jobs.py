"""The tasks of the home as the window shows them, wherever they run, and the process that does them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    from app.sessions.jobs import Job
    from app.ui.bridge import Bridge
    from app.workspace import Workspace

LOOK_MS = 150
"""How often at most the tasks are looked at, however often they change."""
CARE_MS = 4_000
"""How often the window sees to it that somebody does the tasks which are to be done: a death tells nobody."""


class JobsView(msgspec.Struct, frozen=True):
    """Those that have not ended, by their sessions (ids), and the sessions of those that a living process does."""

    jobs: Mapping[str, Job] = {}
    running: frozenset[str] = frozenset()

    def steps(self) -> dict[str, str]:
        """What is worked on in each session whose task runs, or is about to; '' where that is not known."""
        from app.sessions.jobs import step_words

        return {job.session: step_words(job) for job in self.jobs.values() if job.state == "ready"}

    def titles(self) -> dict[str, str]:
        """What the sessions are called."""
        return {job.session: job.title for job in self.jobs.values()}

    def waiting(self) -> frozenset[str]:
        """The sessions whose tasks need the person."""
        return frozenset(job.session for job in self.jobs.values() if job.state == "waiting")


class WindowJobs(QObject):
    """changed: `view` is another one."""

    changed = Signal()

    def __init__(self, workspace: Workspace, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._workspace = workspace
        self._bridge = bridge
        self._cares = False
        self.view = JobsView()
        self._pause = QTimer(self, singleShot=True, interval=LOOK_MS)
        self._pause.timeout.connect(self.look)
        self._care = QTimer(self, interval=CARE_MS)
        self._care.timeout.connect(self.look)

    def begin(self) -> None:
        """See to it from now on that somebody does them."""
        self._cares = True
        self.look()

    def look_soon(self) -> None:
        """Something about them has changed."""
        if not self._pause.isActive():
            self._pause.start()

    def look(self) -> None:
        """Look at them, off the main thread."""
        self._bridge.call(self._view(), self._take)

    async def _view(self) -> JobsView:
        import asyncio

        from sync.store.processes import is_alive

        jobs = await self._workspace.read_async(lambda queries: queries.open_jobs())
        processes = {job.process for job in jobs if job.process is not None}
        alive = await asyncio.to_thread(
            lambda: {process for process in processes if is_alive(self._workspace.home, process)}
        )
        running = frozenset(job.session for job in jobs if job.process in alive and job.state == "ready")
        if self._cares and any(job.state == "ready" and job.session not in running for job in jobs):
            from app.background.starting import see_to_jobs

            await asyncio.to_thread(see_to_jobs, self._workspace)
        return JobsView({job.session: job for job in jobs}, running)

    def _take(self, view: JobsView) -> None:
        is_other, self.view = view != self.view, view
        to_do = any(job.state == "ready" for job in view.jobs.values())
        if to_do != self._care.isActive():
            self._care.start() if to_do else self._care.stop()
        if is_other:
            self.changed.emit()
