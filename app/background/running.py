"""Runs one job in this process: from its claim until it has concluded, or a person says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.agents.backend import AgentBackend, SessionContext, Update
from app.agents.context import SessionPast, read_past, session_context
from app.agents.mcp.lending import lent_servers
from app.agents.memory import drawn_for, with_remembering
from app.agents.permission import Policy
from app.agents.policy_setting import with_policies
from app.agents.referring import NOTHING_DRAWN, Drawn
from app.agents.rules import Rules
from app.agents.session_summary import sum_up
from app.agents.task import Task, TaskResult, refuse
from app.agents.titles import PROPOSING_SECONDS, propose_title
from app.agents.turn import Asking
from app.agents.work import work_state
from app.background.allowance import remaining, spent_limit
from app.background.recording import JobRecorder
from app.errors import NotFound, UserError
from app.sessions.events import Conclusion, Notice, SessionSet, Status, Takeover

if TYPE_CHECKING:
    from app.agents.registry import AgentRegistry
    from app.sessions.jobs import Job
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries
    from app.workspace import Workspace

LEFT = "The program that ran this task has ended; the task goes on when Lovelace runs again."
CALLED_OFF = TaskResult("cancelled", "The task was paused, stopped or taken over.")
Listener = Callable[[str, Update], None]
"""Gets the turn and each update as it comes."""


class JobRun:
    """A job that this process has claimed. workspace: that of the session.

    recorder: instead of one of its own, to show what is recorded.
    """

    def __init__(
        self,
        workspace: Workspace,
        agents: AgentRegistry,
        job: Job,
        recorder: JobRecorder | None = None,
        listener: Listener | None = None,
        title_seconds: float = PROPOSING_SECONDS,
    ) -> None:
        self.job = job
        self._workspace = workspace
        self._agents = agents
        self._recorder = recorder or JobRecorder(workspace, job.session, agent=job.agent, clock=workspace.clock)
        self._recorder.used_ms = job.used_ms
        self._listener = listener
        self._title_seconds = title_seconds
        self._task: Task | None = None
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
            await asyncio.shield(asyncio.ensure_future(self._workspace.write_async(self._give_back)))
        return CALLED_OFF if self._work.cancelled() else self._work.result()

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
        if self._task is not None:
            self._task.leave()
        if self._work is not None:
            self._work.cancel()

    # doing it

    async def _do(self) -> TaskResult:
        if await self._workspace.read_async(self._is_called_off):  # before anybody could call `look`
            return CALLED_OFF
        try:
            backend = await self._agents.backend(self.job.agent)
            folders = await self._workspace.read_async(self._folders)
            rules = msgspec.convert(self.job.rules, Rules)
        except (UserError, NotFound, msgspec.ValidationError) as error:
            return await self._cannot(str(error))
        past = await self._workspace.read_async(lambda queries: read_past(queries, self.job.session))
        goes_on = past.earlier_prompts > 0 or any(event.kind == "user_message" for event in past.events)
        if goes_on:
            since, used = self.job.since, self.job.used_ms
            rules = await self._workspace.read_async(
                lambda queries: remaining(
                    rules, queries.iterate(self.job.session, kinds=("tool_call", "usage")), since, used
                )
            )
            if (spent := spent_limit(rules)) is not None:
                return await self._cannot(spent)
        return await self._perform(backend, await self._context(past, folders, rules), past, goes_on)

    async def _perform(
        self, backend: AgentBackend, context: SessionContext, past: SessionPast, goes_on: bool
    ) -> TaskResult:
        try:
            async with lent_servers(self._workspace, backend, context, self._recorder.record) as ready:
                self._task = Task(backend, ready, self._recorder, runner=past.device, listener=self._hear)
                drawn = NOTHING_DRAWN if goes_on else await self._workspace.read_async(self._drawn(past))
                result = await self._task.run(self.job.text, drawn, goes_on=goes_on)
        except asyncio.CancelledError:
            if self._is_leaving:
                await asyncio.shield(asyncio.ensure_future(self._recorder.record(Notice(text=LEFT))))
            raise
        if result.outcome == "completed":
            text, within = self.job.text, self._title_seconds
            await propose_title(self._workspace, self.job.session, backend, text, result.text, within=within)
            await sum_up(self._workspace, self.job.session, backend, within=within)
        return result

    def _drawn(self, past: SessionPast) -> Callable[[Queries], Drawn]:
        return lambda queries: drawn_for(queries, past, self.job.text)

    async def _context(self, past: SessionPast, folders: tuple[Path, ...], rules: Rules) -> SessionContext:
        state = await work_state(self._workspace, past, folders)
        context = session_context(
            self._workspace, past, self._recorder, Asking(refuse), folders=folders, policy=Policy(), state=state
        )
        context = with_policies(replace(context, rules=rules, tools=rules.tools), self._workspace, past.row.workspace)
        return with_remembering(context, self._workspace, self.job.session, self.job.agent)

    def _hear(self, update: Update) -> None:
        if self._listener is not None:
            self._listener(self._recorder.turn, update)

    def _folders(self, queries: Queries) -> tuple[Path, ...]:
        """The job's folders, as far as they belong to the workspace still. UserError where one is missing."""
        bound = [folder.resolve() for folder in queries.folders()]
        folders = tuple(map(Path, self.job.folders))
        for folder in folders:
            if not folder.is_dir():
                raise UserError(f"The folder {folder} of this task is not there.")
            if not any(folder.resolve().is_relative_to(one) for one in bound):
                raise UserError(f"The folder {folder} of this task does not belong to the workspace any more.")
        return folders

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
