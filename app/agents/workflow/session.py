"""A workflow and its session: begins one, and goes on with one from wherever it stands."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

from app.agents.backend import AgentBackend, Ask, Conversation, SessionContext, Update
from app.agents.context import session_folders
from app.agents.files.watch import FileWatch
from app.agents.mcp.lending import lent_servers
from app.agents.permission import GROUPS, Policy
from app.agents.policy_setting import with_policies
from app.agents.recorder import Store, StoreRecorder
from app.agents.rules import Rules
from app.agents.task import TaskResult, refuse
from app.agents.workflow.acting import Surroundings
from app.agents.workflow.checking import inner_steps
from app.agents.workflow.journal import WORKFLOW, Journal, Start, read_journal
from app.agents.workflow.model import Prompt, Step, Workflow
from app.agents.workflow.parsing import parse_workflow
from app.agents.workflow.problems import meant
from app.agents.workflow.runner import WorkflowRun
from app.errors import UserError
from app.sessions.events import Draft, Notice, PermissionRequest, UserMessage
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from app.sessions.views import SessionRow
from sync.clock import Clock

_ASKING = ("tool_call", "tool_result", "permission_request", "permission_answer")
_OVER: dict[str, str] = {"completed": "is completed", "failed": "has failed"}


class Home(Store, Protocol):
    """What is needed of `app.workspace.Workspace`."""

    @property
    def home(self) -> Path: ...

    @property
    def clock(self) -> Clock: ...


class Configured(Protocol):
    """The agents there are; `app.agents.registry.AgentRegistry` has them."""

    async def names(self) -> Sequence[str]:
        """What to choose from; the first is the default."""
        ...

    async def backend(self, name: str) -> AgentBackend:
        """An agent by its name. Raises NotFound, or UserError that says what is missing."""
        ...


def resolved_inputs(workflow: Workflow, given: Mapping[str, str]) -> dict[str, str]:
    """All inputs, with defaults where nothing is given. Raises UserError that names all that is wrong."""
    wrong = [
        f"There is no input '{name}'.{meant(name, workflow.inputs)}" for name in given if name not in workflow.inputs
    ]
    values: dict[str, str] = {}
    for name, one in workflow.inputs.items():
        value = given.get(name, one.default)
        if value is None:
            about = f" ({one.description.strip()})" if one.description.strip() else ""
            wrong.append(f"The input '{name}'{about} is missing: --var {name}=VALUE.")
        elif one.choices and value not in one.choices:
            wrong.append(f"The input '{name}' is one of {', '.join(one.choices)}, not '{value}'.")
        else:
            values[name] = value.replace("\0", "")
    if wrong:
        raise UserError("\n".join(wrong))
    return values


def named_agents(workflow: Workflow, default: str) -> list[str]:
    """The agents that the prompts of a workflow ask, each once. default: for prompts that name nobody."""
    found: dict[str, None] = {}

    def look(steps: tuple[Step, ...]) -> None:
        for step in steps:
            if isinstance(step, Prompt):
                found[step.agent or workflow.agent or default] = None
            for inner, _ in inner_steps(step):
                look(tuple(inner))

    look(workflow.steps)
    if WORKFLOW in found:
        raise UserError(f"An agent with the name '{WORKFLOW}' cannot take part in workflows. Add it by another name.")
    return list(found)


def wishes(workflow: Workflow) -> list[str]:
    """What a workflow wants beyond the folders of the workspace, as words that follow 'it may'."""
    rules = workflow.rules
    found = ["use the network"] if rules.network else []
    found += [f"read {', '.join(rules.tool_chains)}"] if rules.tool_chains else []
    found += [f"use the MCP servers {', '.join(rules.servers)}"] if rules.servers else []
    return found


def begin_workflow(
    operations: SessionOperations, start: Start, workflow: Workflow, *, folder: Path, device: str, now: int
) -> str:
    """Make the session of a workflow and leave it to whoever does the jobs of the home; gives its id.

    device: which runs it. now: in ms.
    """
    name = workflow.name.strip()
    given = "".join(f"\n{name}: {value}" for name, value in start.inputs.items())
    said = UserMessage(text=f"Run the workflow '{name}'{given}", runner=device)
    noted = Notice(text=f"The workflow is that of {start.file}.", data=start.to_data())
    turn = secrets.token_hex(8)
    drafts = [Draft(body=said, time=now, turn=turn), Draft(body=noted, time=now, turn=turn, agent=WORKFLOW)]
    with operations.engine.transaction():
        session = operations.create(title=name, type="agent", agent=WORKFLOW, cwd=str(folder))
        operations.append(session, drafts)
        operations.add_job(session, name, WORKFLOW, {}, [str(folder)], "workflow")
    return session


def open_workflow(queries: Queries, part: str) -> SessionRow:
    """The session of a workflow that can go on. UserError where it holds none of this person, or where it is over."""
    row = queries.session(part)
    if read_journal(queries.iterate(row.id, kinds=["notice"]), queries.own_device()[0]).start is None:
        raise UserError(f"Session {row.id} holds no workflow of yours. 'lovelace chat' goes on with others.")
    _require_open(row)
    return row


def resume_workflow(operations: SessionOperations, row: SessionRow) -> None:
    """Leave what is left of a session's workflow to whoever does the jobs of the home. UserError where it is away."""
    with operations.engine.transaction():
        folders = [row.cwd] if row.cwd else []  # it has no job where it was begun elsewhere, or taken over by hand
        operations.add_job(row.id, row.title, WORKFLOW, {}, folders, "workflow")
        operations.resume([row.id])


def waiting_request(queries: Queries, session: str) -> PermissionRequest | None:
    """The approval that a session's workflow waits for."""
    journal = read_journal(queries.iterate(session, kinds=_ASKING), queries.own_device()[0])
    asked = [one for step, one in journal.asked.items() if step not in journal.done and one.answer is None]
    return asked[-1].request if asked else None


def is_answered(queries: Queries, session: str) -> bool:
    """Whether this person has answered an approval of a session's workflow that it has not heeded yet."""
    journal = read_journal(queries.iterate(session, kinds=_ASKING), queries.own_device()[0])
    return any(step not in journal.done and one.answer is not None for step, one in journal.asked.items())


async def chosen_agent(agents: Configured, workflow: Workflow, wanted: str | None = None) -> str:
    """Who answers prompts that name nobody. Raises NotFound or UserError where one of the agents is not there."""
    agent = wanted or workflow.agent or (await agents.names())[0]
    for name in named_agents(workflow, agent):
        await agents.backend(name)
    return agent


async def continue_workflow(
    home: Home,
    agents: Configured,
    session: str,
    *,
    ask: Ask | None = None,
    recorder: Callable[[str, str | None], StoreRecorder] | None = None,
    listener: Callable[[str, Update], None] | None = None,
) -> TaskResult:
    """Do what is left of a session's workflow.

    ask: a person, None where nobody can be asked now. recorder: for an agent's name and a turn. listener: gets the turn
    and each update. The session is claimed. Raises UserError where there is no workflow, or where it is over.
    """
    row, folders, journal = await home.read_async(partial(_stands, session=session))
    start = journal.start
    if start is None:
        raise UserError(f"Session {session} holds no workflow of yours.")
    _require_open(row)
    parsed = parse_workflow(start.source, start.file)
    made = recorder or (lambda agent, turn: StoreRecorder(home, session, agent=agent, clock=home.clock, turn=turn))
    own = made(WORKFLOW, journal.turn)
    async with AsyncExitStack() as servers:
        around = Surroundings(
            context=with_policies(_context(home, own, folders, unconfined=start.unconfined), home, row.workspace),
            recorder=lambda agent: made(agent, own.turn),
            agents=_Registered(home, agents, own, servers),
            ask=ask,
            listener=None if listener is None else partial(listener, own.turn),
        )
        return await WorkflowRun(parsed, start.inputs, start.agent, around, journal).run()


def _require_open(row: SessionRow) -> None:
    if row.status in _OVER:
        raise UserError(f"The workflow of session {row.id} {_OVER[row.status]}; run it anew: lovelace workflow run")


def _stands(queries: Queries, session: str) -> tuple[SessionRow, tuple[Path, ...], Journal]:
    row = queries.session(session)
    own, _ = queries.own_device()
    journal = read_journal(queries.iterate(row.id), own, queries.revealed)
    return row, session_folders(row.cwd, queries.folders()), journal


def _context(home: Home, own: StoreRecorder, folders: tuple[Path, ...], *, unconfined: bool) -> SessionContext:
    if not folders:
        raise UserError("The folder of this workflow is gone, or belongs to no workspace any more.")
    return SessionContext(
        ask=refuse,
        keep=own.keep,
        clock=home.clock,
        folders=folders,
        hidden=(home.home,),
        policy=Policy(asks=False, allowed=GROUPS),
        rules=Rules(unconfined=unconfined),
        files=FileWatch(own, folders, (home.home,)),
    )


class _Registered:
    """Conversations with the agents of the registry, with the servers that the rules lend them."""

    def __init__(self, home: Home, agents: Configured, own: StoreRecorder, servers: AsyncExitStack) -> None:
        self._home = home
        self._agents = agents
        self._own = own
        self._servers = servers

    async def start(self, name: str, context: SessionContext) -> tuple[AgentBackend, Conversation]:
        """A conversation with the agent of this name."""
        backend = await self._agents.backend(name)
        if context.rules.servers:
            lent = lent_servers(self._home, backend, context, self._own.record)
            context = await self._servers.enter_async_context(lent)
        return backend, await backend.start(context)
