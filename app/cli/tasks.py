"""Runs a task here, or hands it to the process that does the jobs of the home."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.registry import AgentRegistry
from app.agents.rules import TASK_RULES, load_rules
from app.agents.task import TaskResult
from app.agents.titles import PROPOSING_SECONDS, WAITED_SECONDS
from app.background.beginning import NewTask
from app.background.recording import JobRecorder
from app.background.running import CALLED_OFF, JobRun
from app.background.starting import see_to_jobs
from app.background.tasks import TaskWork
from app.cli.call import Call
from app.cli.conversations import working_folders
from app.cli.errors import FAILED, INTERRUPTED, UNREACHABLE, WAITING
from app.cli.stream import TurnPrinter
from app.cli.talk import EchoingRecorder
from app.errors import UserError
from app.network.beside import beside

if TYPE_CHECKING:
    from app.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TaskWish:
    """What the options of `task` ask for."""

    text: str
    agent: str | None = None
    rules: Path | None = None


def run_task(call: Call, wish: TaskWish) -> None:
    """Do the task, showing it. Returns when it is completed; everything else is a UserError with its exit code."""
    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        task = _prepare(call, workspace, runner, agents, wish)
        see_to_jobs(workspace)
        session = workspace.write(task.begin)
        result = runner.run(_run(call, workspace, agents, session))
    if result.outcome != "completed":
        raise UserError(result.text, exit_code=exit_code(result))


def start_in_background(call: Call, wish: TaskWish) -> None:
    """Make the session, have the task done by a process of its own, and print the session."""
    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        session = workspace.write(_prepare(call, workspace, runner, agents, wish).add)
        row = workspace.read(lambda queries: queries.session(session))
        see_to_jobs(workspace)
    if call.out.json:
        call.out.value(row.to_json())
    else:
        call.out.line(row.id)


def _prepare(
    call: Call, workspace: Workspace, runner: asyncio.Runner, agents: AgentRegistry, wish: TaskWish
) -> NewTask:
    """Everything that can be wrong is found before the session is made."""
    rules = load_rules(wish.rules) if wish.rules else TASK_RULES
    folders = working_folders(call, workspace)
    names = runner.run(agents.names())
    name = runner.run(agents.config(wish.agent or names[0])).name
    runner.run(agents.backend(name))
    return NewTask(wish.text, name, folders, rules)


class EchoingJobRecorder(EchoingRecorder, JobRecorder):
    """Records a job, and shows each event as it stands in the session then."""


async def _run(call: Call, workspace: Workspace, agents: AgentRegistry, session: str) -> TaskResult:
    printer = TurnPrinter(call.out)
    job = await workspace.read_async(lambda queries: queries.job(session))
    if job is None:
        return CALLED_OFF
    recorder = EchoingJobRecorder(workspace, session, job.agent, printer)
    within = WAITED_SECONDS if call.has_person else PROPOSING_SECONDS
    try:
        work = TaskWork(workspace, agents, job, recorder, printer.update, within)
        return await run_here(workspace, JobRun(workspace, work))
    finally:
        printer.end()


async def run_here(workspace: Workspace, run: JobRun) -> TaskResult:
    """Run a job that this process has claimed. Pausing, stopping and taking over from elsewhere count here too."""
    seq = await workspace.read_async(lambda queries: queries.last_seq())
    async with beside(_heed(workspace, run, seq)):
        return await run.run()


async def _heed(workspace: Workspace, run: JobRun, seq: int) -> None:
    subjects = {f"job/{run.job.session}", f"session/{run.job.session}"}
    async with contextlib.aclosing(workspace.commits(after=seq)) as commits:
        async for commit in commits:
            others = commit.processes != {workspace.process}
            if others and subjects & commit.subjects:
                await run.look(others=True)


def exit_code(result: TaskResult) -> int:
    """The exit code of a task that was not completed."""
    if result.unreachable:
        return UNREACHABLE
    return {"waiting": WAITING, "cancelled": INTERRUPTED}.get(result.outcome, FAILED)
