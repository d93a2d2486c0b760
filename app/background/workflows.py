"""Does the workflow of a job: what is left of it, until it is done, or waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.agents.backend import Ask, Update
from app.agents.recorder import StoreRecorder
from app.agents.workflow.journal import WORKFLOW
from app.agents.workflow.session import continue_workflow, is_answered
from app.background.recording import JobRecorder

if TYPE_CHECKING:
    from app.agents.registry import AgentRegistry
    from app.agents.task import TaskResult
    from app.sessions.jobs import Job
    from app.sessions.queries import Queries
    from app.workspace import Workspace


class WorkflowWork:
    """`running.Work` of a workflow.

    ask: a person, None where nobody can be asked now: then it ends to wait for an answer. recorder: instead of one of
    its own; agent_recorder: for the agents that it asks, by their names and turns; listener: gets turns and updates.
    """

    def __init__(
        self,
        workspace: Workspace,
        agents: AgentRegistry,
        job: Job,
        *,
        ask: Ask | None = None,
        recorder: JobRecorder | None = None,
        agent_recorder: Callable[[str, str | None], StoreRecorder] | None = None,
        listener: Callable[[str, Update], None] | None = None,
    ) -> None:
        self.job = job
        self.recorder = recorder or JobRecorder(workspace, job.session, agent=WORKFLOW, clock=workspace.clock)
        self._workspace = workspace
        self._agents = agents
        self._ask = ask
        self._agent_recorder = agent_recorder
        self._listener = listener

    async def run(self) -> TaskResult:
        """Do what is left. Raises UserError where nothing is, or a folder is missing."""
        session = self.job.session
        result = await continue_workflow(
            self._workspace, self._agents, session, ask=self._ask, recorder=self._recorder_of, listener=self._listener
        )
        if result.outcome == "waiting":  # perhaps for what was answered before that was written down
            await go_on_where_answered(self._workspace, session)
        return result

    def _recorder_of(self, agent: str, turn: str | None) -> StoreRecorder:
        if agent == WORKFLOW:
            self.recorder.turn = turn or self.recorder.turn
            return self.recorder
        if self._agent_recorder is not None:
            return self._agent_recorder(agent, turn)
        clock = self._workspace.clock
        return StoreRecorder(self._workspace, self.job.session, agent=agent, clock=clock, turn=turn)


async def go_on_where_answered(workspace: Workspace, session: str) -> None:
    """Let the workflow of a session go on where what it waited for is answered, on whatever device of this person."""
    if await workspace.read_async(lambda queries: _waits_for_nothing(queries, session)):
        await workspace.write_async(lambda operations: operations.go_on_after_answer(session))


def _waits_for_nothing(queries: Queries, session: str) -> bool:
    job = queries.job(session)
    return job is not None and job.kind == "workflow" and job.state == "waiting" and is_answered(queries, session)
