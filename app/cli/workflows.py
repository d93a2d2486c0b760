"""Runs a workflow here, or hands it to a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.recorder import first_answer, stored_answer
from app.agents.registry import AgentRegistry
from app.agents.sandbox import bubblewrap_works
from app.agents.workflow.journal import Start
from app.agents.workflow.model import Workflow
from app.agents.workflow.parsing import Parsed, load_workflow
from app.agents.workflow.session import (
    begin_workflow,
    chosen_agent,
    continue_workflow,
    has_ended_waiting,
    holds_workflow,
    resolved_inputs,
    waiting_request,
    wishes,
)
from app.cli.call import Call
from app.cli.conversations import working_folders
from app.cli.errors import UsageError
from app.cli.leaving import leave
from app.cli.stream import TurnPrinter
from app.cli.talk import EchoingRecorder
from app.cli.tasks import exit_code
from app.cli.terminal import ask_approval
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.backend import Ask
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
        session = _begin(call, workspace, runner, agents, wish, parsed, inputs)
        if wish.background:
            _leave(call, workspace, session)
        else:
            _go_on(call, workspace, runner, agents, session, left=False)


def resume_workflow(call: Call, part: str, *, background: bool, left: bool) -> None:
    """Go on with the workflow of a session. left: this process was started for that, and waits for answers."""
    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        row = workspace.read(lambda queries: queries.session(part))
        if not workspace.read(lambda queries: holds_workflow(queries, row.id)):
            raise UserError(f"Session {row.id} holds no workflow of yours. 'lovelace chat' goes on with others.")
        if not left:
            _consent_to_no_sandbox(call)  # which may have been given on another device
        if background:
            _leave(call, workspace, row.id)
        else:
            _go_on(call, workspace, runner, agents, row.id, left=left)


def continue_after_answer(call: Call, workspace: Workspace, session: str) -> None:
    """After an answer: a workflow whose program ended to wait for it goes on in a process of its own."""
    if workspace.read(lambda queries: has_ended_waiting(queries, session)):
        leave(_resuming(call, workspace, session), call.credentials().passphrase)


def _given(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--var takes NAME=VALUE, not '{word}'.")
        found[name.strip()] = value
    return found


def _begin(
    call: Call,
    workspace: Workspace,
    runner: asyncio.Runner,
    agents: AgentRegistry,
    wish: WorkflowWish,
    parsed: Parsed,
    inputs: dict[str, str],
) -> str:
    """The session. Everything that can be wrong is found before it is made."""
    workflow = parsed.required()
    folders = working_folders(call, workspace)
    agent = runner.run(chosen_agent(agents, workflow, wish.agent))
    unconfined = _consent(call, workflow)
    start = Start(file=wish.file.name, source=parsed.source, inputs=inputs, agent=agent, unconfined=unconfined)
    _, device = workspace.read(lambda queries: queries.own_device())
    now = workspace.clock.now_ms()
    begin = partial(begin_workflow, start=start, workflow=workflow, folder=folders[0], device=device, now=now)
    return workspace.write(begin)


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


def _go_on(
    call: Call, workspace: Workspace, runner: asyncio.Runner, agents: AgentRegistry, session: str, *, left: bool
) -> None:
    printer = TurnPrinter(call.out)
    ask: Ask | None = partial(stored_answer, workspace, session) if left or call.has_person else None
    if ask is not None and call.has_person:
        ask = first_answer(ask_approval, ask)
    work = continue_workflow(
        workspace,
        agents,
        session,
        ask=ask,
        recorder=lambda agent, turn: EchoingRecorder(workspace, session, agent, printer, turn=turn),
        listener=printer.update,
    )
    try:
        result = runner.run(work)
    finally:
        printer.end()
    if result.outcome != "completed":
        hint = _how_to_answer(workspace, session) if result.outcome == "waiting" else ""
        raise UserError(result.text + hint, exit_code=exit_code(result))


def _how_to_answer(workspace: Workspace, session: str) -> str:
    """What to do about the approval that a workflow waits for; '' where it waits for something else."""
    asked = workspace.read(lambda queries: waiting_request(queries, session))
    return f"\nAnswer with: lovelace sessions answer {session} {asked.request_id} once|reject" if asked else ""


def _leave(call: Call, workspace: Workspace, session: str) -> None:
    row = workspace.read(lambda queries: queries.session(session))
    leave(_resuming(call, workspace, session), call.credentials().passphrase)
    if call.out.json:
        call.out.value(row.to_json())
    else:
        call.out.line(row.id)


def _resuming(call: Call, workspace: Workspace, session: str) -> list[str]:
    return ["--workspace", workspace.id, "--home", str(call.home), "workflow", "resume", "--left", session]
