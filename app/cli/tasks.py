"""Runs a task here, or hands it to a process of its own."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.backend import AgentBackend, SessionContext
from app.agents.context import read_past
from app.agents.files.watch import FileWatch
from app.agents.mcp.lending import lent_servers
from app.agents.memory import drawn_for, with_remembering
from app.agents.policy_setting import with_policies
from app.agents.registry import AgentRegistry
from app.agents.rules import TASK_RULES, Rules, load_rules
from app.agents.session_summary import sum_up
from app.agents.task import Task, TaskResult, refuse
from app.agents.titles import PROPOSING_SECONDS, WAITED_SECONDS, propose_title
from app.cli.call import Call
from app.cli.conversations import working_folders
from app.cli.errors import FAILED, INTERRUPTED, UNREACHABLE, WAITING
from app.cli.leaving import leave
from app.cli.stream import TurnPrinter
from app.cli.talk import EchoingRecorder
from app.errors import UserError
from app.sessions.fields import title_from

if TYPE_CHECKING:
    from app.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TaskWish:
    """What the options of `task` ask for. into: a session that a process before this one has made."""

    text: str
    agent: str | None = None
    rules: Path | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A task that can begin."""

    session: str
    agent: str
    folders: tuple[Path, ...]
    rules: Rules


def run_task(call: Call, wish: TaskWish) -> None:
    """Do the task, showing it. Returns when it is completed; everything else is a UserError with its exit code."""
    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        prepared = _prepare(call, workspace, runner, agents, wish)
        backend = runner.run(agents.backend(prepared.agent))
        result = runner.run(_run(call, workspace, backend, prepared, wish.text))
    if result.outcome != "completed":
        raise UserError(result.text, exit_code=exit_code(result))


def start_in_background(call: Call, wish: TaskWish) -> None:
    """Make the session, start a process that does the task, and print the session."""
    credentials = call.credentials()
    with call.workspace() as workspace, asyncio.Runner() as runner:
        agents = AgentRegistry(workspace)
        prepared = _prepare(call, workspace, runner, agents, wish)
        row = workspace.read(lambda queries: queries.session(prepared.session))
        arguments = ["--workspace", workspace.id, "--home", str(call.home), "task"]
        arguments += ["--agent", prepared.agent, "--into", prepared.session]
    if wish.rules is not None:
        arguments += ["--rules", str(wish.rules)]
    leave([*arguments, "--", wish.text], credentials.passphrase)
    if call.out.json:
        call.out.value(row.to_json())
    else:
        call.out.line(row.id)


def _prepare(
    call: Call, workspace: Workspace, runner: asyncio.Runner, agents: AgentRegistry, wish: TaskWish
) -> _Prepared:
    """Everything that can be wrong is found before the session is made."""
    rules = load_rules(wish.rules) if wish.rules else TASK_RULES
    folders = working_folders(call, workspace)
    names = runner.run(agents.names())
    name = runner.run(agents.config(wish.agent or names[0])).name
    runner.run(agents.backend(name))
    session = wish.into or workspace.write(
        lambda operations: operations.create(title=title_from(wish.text), type="agent", agent=name, cwd=str(folders[0]))
    )
    return _Prepared(session, name, folders, rules)


async def _run(call: Call, workspace: Workspace, backend: AgentBackend, prepared: _Prepared, text: str) -> TaskResult:
    printer = TurnPrinter(call.out)
    recorder = EchoingRecorder(workspace, prepared.session, backend.name, printer)
    context = SessionContext(
        ask=refuse,
        keep=recorder.keep,
        clock=workspace.clock,
        folders=prepared.folders,
        hidden=(workspace.home,),
        rules=prepared.rules,
        files=FileWatch(recorder, prepared.folders, (workspace.home,)),
    )
    context = with_policies(context, workspace, workspace.id)
    context = with_remembering(context, workspace, prepared.session, backend.name)
    past = await workspace.read_async(lambda queries: read_past(queries, prepared.session))
    drawn = await workspace.read_async(lambda queries: drawn_for(queries, past, text))
    try:
        async with lent_servers(workspace, backend, context, recorder.record) as ready:
            task = Task(
                backend,
                ready,
                recorder,
                runner=past.device,
                listener=lambda update: printer.update(recorder.turn, update),
            )
            result = await task.run(text, drawn)
    finally:
        printer.end()
    if result.outcome == "completed":
        within = WAITED_SECONDS if call.has_person else PROPOSING_SECONDS
        await propose_title(workspace, prepared.session, backend, text, result.text, within=within)
        await sum_up(workspace, prepared.session, backend, within=WAITED_SECONDS)
    return result


def exit_code(result: TaskResult) -> int:
    """The exit code of a task that was not completed."""
    if result.unreachable:
        return UNREACHABLE
    return {"waiting": WAITING, "cancelled": INTERRUPTED}.get(result.outcome, FAILED)
