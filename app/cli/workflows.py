"""Runs a workflow here, or hands it to the process that does the jobs of the home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.recorder import first_answer, stored_answer
from app.agents.registry import AgentRegistry
from app.agents.sandbox import bubblewrap_works
from app.agents.workflow.journal import WORKFLOW, Start
from app.agents.workflow.model import Workflow
from app.agents.workflow.parsing import Parsed, load_workflow
from app.agents.workflow.session import (
    begin_workflow,
    chosen_agent,
    open_workflow,
    resolved_inputs,
    waiting_request,
    wishes,
)
from app.agents.workflow.session import resume_workflow as resume_rest
from app.background.claiming import BUSY, BusyError
from app.background.running import CALLED_OFF, JobRun
from app.background.starting import see_to_jobs
from app.background.workflows import WorkflowWork
from app.cli.call import Call
from app.cli.conversations import working_folders
from app.cli.errors import UsageError
from app.cli.stream import TurnPrinter
from app.cli.talk import EchoingRecorder
from app.cli.tasks import EchoingJobRecorder, exit_code, run_here
from app.cli.terminal import ask_approval
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.task import TaskResult
    from app.sessions.operations import SessionOperations
    from app.workspace import Workspace

_NO_SANDBOX = "Commands cannot be confined on this computer: bubblewrap does not work. Run them without a sandbox?"


@dataclass(frozen=True, slots=True)
class WorkflowWish:
    """What the options of `workflow run` ask for. inputs: NAME=VALUE each."""

    file: Path
    inputs: tuple[str, ...] = ()
    agent: str | None = None
    background: bool = False


def run_workflow(call: Call, wish: WorkflowWish) -> None:
    """Do a workflow, showing it. Returns when it is completed; everything else is a UserError with its exit code."""
    parsed = load_workflow(wish.file)
    inputs = resolved_inputs(parsed.required(), _given(wish.inputs))
    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        begin = _prepare(call, workspace, runner, agents, wish, parsed, inputs)
        _do(call, workspace, runner, agents, begin, background=wish.background)


def resume_workflow(call: Call, part: str, *, background: bool) -> None:
    """Go on with the workflow of a session, here or in the background."""
    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        row = workspace.read(lambda queries: open_workflow(queries, part))
        _consent_to_no_sandbox(call)  # which may have been given on another device

        def resume(operations: SessionOperations) -> str:
            resume_rest(operations, row)
            return row.id

        _do(call, workspace, runner, agents, resume, background=background)


def _do(
    call: Call,
    workspace: Workspace,
    runner: asyncio.Runner,
    agents: AgentRegistry,
    leave: Callable[[SessionOperations], str],
    *,
    background: bool,
) -> None:
    """leave: makes it a job; gives its session."""
    if background:
        session = workspace.write(leave)
        _print_row(call, workspace, session)
    else:
        session = workspace.write(partial(_claim, leave=leave))
        _go_on(call, workspace, runner, agents, session)


def _claim(operations: SessionOperations, leave: Callable[[SessionOperations], str]) -> str:
    """The session, which this process runs. Raises BusyError where another one does."""
    with operations.engine.transaction():
        session = leave(operations)
        if not operations.begin_job(session):
            raise BusyError(BUSY)
    return session


def _given(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--var takes NAME=VALUE, not '{word}'.")
        found[name.strip()] = value
    return found


def _prepare(
    call: Call,
    workspace: Workspace,
    runner: asyncio.Runner,
    agents: AgentRegistry,
    wish: WorkflowWish,
    parsed: Parsed,
    inputs: dict[str, str],
) -> Callable[[SessionOperations], str]:
    """What makes the session. Everything that can be wrong is found before."""
    workflow = parsed.required()
    folders = working_folders(call, workspace)
    agent = runner.run(chosen_agent(agents, workflow, wish.agent))
    unconfined = _consent(call, workflow)
    start = Start(file=wish.file.name, source=parsed.source, inputs=inputs, agent=agent, unconfined=unconfined)
    _, device = workspace.read(lambda queries: queries.own_device())
    now = workspace.clock.now_ms()
    return partial(begin_workflow, start=start, workflow=workflow, folder=folders[0], device=device, now=now)


def _consent(call: Call, workflow: Workflow) -> bool:
    """Ask for what a workflow wants beyond the workspace; gives whether commands may run without a sandbox."""
    wanted = wishes(workflow)
    if wanted and not call.confirm(f"The workflow says that it may {' and '.join(wanted)}. Allow that?"):
        raise UserError("The workflow was not run. Its 'rules' say what it may do.")
    return _consent_to_no_sandbox(call)


def _consent_to_no_sandbox(call: Call) -> bool:
    """Whether commands may run without a sandbox; nobody is asked where there is one."""
    if bubblewrap_works():
        return False
    if not call.confirm(_NO_SANDBOX):
        raise UserError("The workflow was not run. Install bubblewrap to confine commands.")
    return True


def _go_on(call: Call, workspace: Workspace, runner: asyncio.Runner, agents: AgentRegistry, session: str) -> None:
    see_to_jobs(workspace)
    printer = TurnPrinter(call.out)
    try:
        result = runner.run(_run(call, workspace, agents, session, printer))
    finally:
        printer.end()
        see_to_jobs(workspace)  # an answer may have come at the last moment
    if result.outcome != "completed":
        hint = _how_to_answer(workspace, session) if result.outcome == "waiting" else ""
        raise UserError(result.text + hint, exit_code=exit_code(result))


async def _run(
    call: Call, workspace: Workspace, agents: AgentRegistry, session: str, printer: TurnPrinter
) -> TaskResult:
    job = await workspace.read_async(lambda queries: queries.job(session))
    if job is None:
        return CALLED_OFF
    ask = first_answer(ask_approval, partial(stored_answer, workspace, session)) if call.has_person else None
    work = WorkflowWork(
        workspace,
        agents,
        job,
        ask=ask,
        recorder=EchoingJobRecorder(workspace, session, WORKFLOW, printer),
        agent_recorder=lambda agent, turn: EchoingRecorder(workspace, session, agent, printer, turn=turn),
        listener=printer.update,
    )
    return await run_here(workspace, JobRun(workspace, work))


def _how_to_answer(workspace: Workspace, session: str) -> str:
    """What to do about the approval that a workflow waits for; '' where it waits for something else."""
    asked = workspace.read(lambda queries: waiting_request(queries, session))
    return f"\nAnswer with: lovelace sessions answer {session} {asked.request_id} once|reject" if asked else ""


def _print_row(call: Call, workspace: Workspace, session: str) -> None:
    row = workspace.read(lambda queries: queries.session(session))
    see_to_jobs(workspace)
    if call.out.json:
        call.out.value(row.to_json())
    else:
        call.out.line(row.id)
