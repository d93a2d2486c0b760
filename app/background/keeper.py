"""The process that does the jobs of a home: it claims what is to be done, heeds what people say of it, and ends when
there is nothing left.

There is one at a time, by a lease. Jobs may be of any workspace of the home: each is opened when it is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.background.headless import Headless
from app.background.prompts import WaitingPrompts
from app.background.rooms import Rooms
from app.background.running import JobRun, Work
from app.background.starting import LEASE, has_work
from app.background.tasks import TaskWork
from app.background.workflows import WorkflowWork
from app.network.beside import beside
from sync.network.lease import Lease

if TYPE_CHECKING:
    from app.agents.registry import AgentRegistry
    from app.agents.task import TaskResult
    from app.sessions.jobs import Job
    from app.workspace import Workspace

LOOK_SECONDS = 2.0
"""How often it looks whether a process that had a job has died."""
IDLE_SECONDS = 5.0
"""So long it stays where there is nothing to do."""
TRIES, TRY_SECONDS = 5, 0.2
"""How often it asks for the lease: whoever looks whether it is taken holds it for a moment."""


class Keeper:
    """Does the jobs. workspace: any of the home; it stays open."""

    def __init__(self, workspace: Workspace, idle_seconds: float = IDLE_SECONDS) -> None:
        self._workspace = workspace
        self._idle_seconds = idle_seconds
        self._lease = Lease(workspace.home, LEASE)
        self._rooms = Rooms(workspace)
        self._prompts = WaitingPrompts(workspace, Headless(workspace, self._rooms))
        self._runs: dict[str, tuple[JobRun, asyncio.Task[TaskResult]]] = {}
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Leave what runs to whoever comes next, and end."""
        self._ended.set()
        self._news.set()

    async def run(self) -> None:
        """Until there is nothing to do, or `end` is called; at once where another process does it."""
        try:
            while await self._take():
                with self._leased():
                    async with beside(self._follow(), self._prompts.run()):
                        await self._work()
                if self._ended.is_set() or not await asyncio.to_thread(has_work, self._workspace):
                    return  # else something came between the last look and giving the lease back
        finally:
            self._rooms.close()

    async def _take(self) -> bool:
        for _ in range(TRIES):
            if self._lease.take():
                return True
            await asyncio.sleep(TRY_SECONDS)
        return False

    @contextlib.contextmanager
    def _leased(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._lease.give_back()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        busy_at = loop.time()
        while not self._ended.is_set():
            self._news.clear()
            await self._begin_ready()
            if self._runs or self._prompts.is_busy:
                busy_at = loop.time()
            elif loop.time() - busy_at >= self._idle_seconds:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # Python 3.11's wait_for may swallow a cancellation
                    await self._news.wait()
        await self._leave_all()

    async def _begin_ready(self) -> None:
        for job in await self._workspace.read_async(lambda queries: queries.ready_jobs()):
            if job.session in self._runs:
                continue
            workspace, agents = self._rooms.of(job.workspace)
            if await workspace.write_async(lambda operations, session=job.session: operations.begin_job(session)):  # type: ignore[misc]
                self._begin(JobRun(workspace, _work(workspace, agents, job)))

    def _begin(self, run: JobRun) -> None:
        task = asyncio.create_task(run.run())
        self._runs[run.job.session] = run, task
        task.add_done_callback(lambda done: self._gone(run.job, done))

    def _gone(self, job: Job, task: asyncio.Task[TaskResult]) -> None:
        del self._runs[job.session]
        self._news.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a job failed", "exception": error}
            task.get_loop().call_exception_handler(context)

    async def _leave_all(self) -> None:
        for run, _task in self._runs.values():
            run.leave()
        if self._runs:
            await asyncio.wait([task for _run, task in self._runs.values()])

    async def _follow(self) -> None:
        """Hear what all processes of the home commit."""
        async with contextlib.aclosing(self._workspace.commits()) as commits:
            async for commit in commits:
                others = commit.processes != {self._workspace.process}
                jobs = {subject.removeprefix("job/") for subject in commit.subjects if subject.startswith("job/")}
                if jobs - self._runs.keys():
                    self._news.set()
                for session, (run, _task) in tuple(self._runs.items()):
                    if session in jobs or (others and f"session/{session}" in commit.subjects):
                        await run.look(others=others)


def _work(workspace: Workspace, agents: AgentRegistry, job: Job) -> Work:
    if job.kind == "workflow":
        return WorkflowWork(workspace, agents, job)
    return TaskWork(workspace, agents, job)
