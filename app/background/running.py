"""Runs one job in this process: from its claim until it has concluded, or a person says otherwise."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from app.agents.task import TaskResult
from app.errors import UserError
from app.sessions.events import Conclusion, Notice, SessionSet, Status, Takeover

if TYPE_CHECKING:
    from app.background.recording import JobRecorder
    from app.sessions.jobs import Job
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries
    from app.workspace import Workspace

LEFT = "The program that ran this {} has ended; it goes on when Lovelace runs again."
CALLED_OFF = TaskResult("cancelled", "It was paused, stopped or taken over.")


class Work(Protocol):
    """What is done for a job; `TaskWork` or `WorkflowWork`."""

    @property
    def job(self) -> Job: ...

    @property
    def recorder(self) -> JobRecorder:
        """Records how it comes out."""
        ...

    async def run(self) -> TaskResult:
        """Do it. Raises UserError that says why it cannot go on by itself."""
        ...


class JobRun:
    """A job that this process has claimed. workspace: that of the session."""

    def __init__(self, workspace: Workspace, work: Work) -> None:
        self.job = work.job
        self._workspace = workspace
        self._do_work = work.run
        self._recorder = work.recorder
        self._recorder.used_ms = work.job.used_ms
        self._work: asyncio.Future[TaskResult] | None = None
        self._is_leaving = False

    async def run(self) -> TaskResult:
        """Do it; the claim is given back. Cancelling the caller concludes it as cancelled."""
        self._work = asyncio.ensure_future(self._do())
        try:
            await asyncio.wait({self._work})
        except asyncio.CancelledError:
            self._work.cancel()
            await asyncio.wait({self._work})
            raise
        finally:
            await asyncio.shield(asyncio.ensure_future(self._end(undone=self._is_leaving and self._work.cancelled())))
        return CALLED_OFF if self._work.cancelled() else self._work.result()

    async def _end(self, *, undone: bool) -> None:
        if undone:
            await self._recorder.record(Notice(text=LEFT.format(self.job.kind)))
        await self._workspace.write_async(self._give_back)

    def _give_back(self, operations: SessionOperations) -> None:
        if self._is_leaving:
            operations.leave_job(self.job.session)
        else:
            operations.release(self.job.session)

    def leave(self) -> None:
        """End it in good order, undone: another process goes on with it."""
        self._is_leaving = True
        self._call_off()

    async def look(self, *, others: bool) -> None:
        """The job or the session has changed: end it where a person wants that. others: other processes wrote."""
        if others:
            await self._heed_other_devices()
        if not self._recorder.has_concluded and await self._workspace.read_async(self._is_called_off):
            self._call_off()

    def _is_called_off(self, queries: Queries) -> bool:
        job = queries.job(self.job.session)
        return job is None or job.state != "ready"

    async def _heed_other_devices(self) -> None:
        """What this person's other devices say of the session counts here too; nobody else's word does."""
        session = self.job.session
        if await self._workspace.read_async(lambda queries: pausing_device(queries, session)):
            with suppress(UserError):
                await self._workspace.write_async(lambda operations: operations.pause([session]))

    def _call_off(self) -> None:
        self._recorder.leave()
        if self._work is not None:
            self._work.cancel()

    async def _do(self) -> TaskResult:
        if await self._workspace.read_async(self._is_called_off):  # before anybody could call `look`
            return CALLED_OFF
        try:
            return await self._do_work()
        except UserError as error:
            return await self._cannot(str(error))

    async def _cannot(self, why: str) -> TaskResult:
        """It cannot go on by itself: the session says why."""
        await self._recorder.record(
            Conclusion(text=why, outcome="waiting"),
            Status(status="waiting"),
            SessionSet(fields={"status": "waiting"}),
        )
        return TaskResult("waiting", why)


def pausing_device(queries: Queries, session: str) -> str | None:
    """Another device of this person that has said last that a session is paused, or has taken it over; in hex."""
    identity, device = queries.own_device()
    for event in queries.events(session, kinds=("status", "takeover"), limit=1):
        author, body = event.author, event.body
        ends = isinstance(body, Takeover) or (isinstance(body, Status) and body.status == "paused")
        if ends and author.identity == identity and author.device != device and not author.claimed:
            return author.device
    return None
