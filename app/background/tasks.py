"""Does the task of a job: from its text, or from where it stood when a process that ran it ended."""

from __future__ import annotations

from collections.abc import Callable
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
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.registry import AgentRegistry
    from app.sessions.jobs import Job
    from app.sessions.queries import Queries
    from app.workspace import Workspace

WHAT_TO_DO = "Resume it to give the agent as much again, give it other limits, or take over by hand."
Listener = Callable[[str, Update], None]
"""Gets the turn and each update as it comes."""


class TaskWork:
    """`running.Work` of an agent. recorder: instead of one of its own, to show what is recorded."""

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
        self.recorder = recorder or JobRecorder(workspace, job.session, agent=job.agent, clock=workspace.clock)
        self.recorder.what_to_do = WHAT_TO_DO
        self._workspace = workspace
        self._agents = agents
        self._listener = listener
        self._title_seconds = title_seconds

    async def run(self) -> TaskResult:
        """Do it. Raises UserError where the agent, a folder or a limit that is not used up is missing."""
        backend = await self._agents.backend(self.job.agent)
        folders = await self._workspace.read_async(self._folders)
        past = await self._workspace.read_async(lambda queries: read_past(queries, self.job.session))
        goes_on = past.earlier_prompts > 0 or any(event.kind == "user_message" for event in past.events)
        rules = await self._remaining(self._rules()) if goes_on else self._rules()
        return await self._perform(backend, await self._context(past, folders, rules), past, goes_on)

    def _rules(self) -> Rules:
        try:
            return msgspec.convert(self.job.rules, Rules)
        except msgspec.ValidationError as error:
            raise UserError(str(error)) from error

    async def _remaining(self, rules: Rules) -> Rules:
        """What the limits leave of the rules. UserError where one is used up."""
        since, used = self.job.since, self.job.used_ms
        left = await self._workspace.read_async(
            lambda queries: remaining(
                rules, queries.iterate(self.job.session, kinds=("tool_call", "usage")), since, used
            )
        )
        if (spent := spent_limit(left)) is not None:
            raise UserError(spent)
        return left

    async def _perform(
        self, backend: AgentBackend, context: SessionContext, past: SessionPast, goes_on: bool
    ) -> TaskResult:
        async with lent_servers(self._workspace, backend, context, self.recorder.record) as ready:
            task = Task(backend, ready, self.recorder, runner=past.device, listener=self._hear)
            drawn = NOTHING_DRAWN if goes_on else await self._workspace.read_async(self._drawn(past))
            result = await task.run(self.job.text, drawn, goes_on=goes_on)
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
            self._workspace, past, self.recorder, Asking(refuse), folders=folders, policy=Policy(), state=state
        )
        context = with_policies(replace(context, rules=rules, tools=rules.tools), self._workspace, past.row.workspace)
        return with_remembering(context, self._workspace, self.job.session, self.job.agent)

    def _hear(self, update: Update) -> None:
        if self._listener is not None:
            self._listener(self.recorder.turn, update)

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
