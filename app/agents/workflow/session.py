"""A workflow and its session: begins one, and goes on with one from wherever it stands."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Make the session of a workflow, which does nothing yet; gives its id. device: which runs it. now: in ms."""
    session = operations.create(title=workflow.name.strip(), type="agent", agent=WORKFLOW, cwd=str(folder))
    given = "".join(f"\n{name}: {value}" for name, value in start.inputs.items())
    said = UserMessage(text=f"Run the workflow '{workflow.name.strip()}'{given}", runner=device)
    noted = Notice(text=f"The workflow is that of {start.file}.", data=start.to_data())
    turn = secrets.token_hex(8)
    operations.append(
        session, [Draft(body=said, time=now, turn=turn), Draft(body=noted, time=now, turn=turn, agent=WORKFLOW)]
    )
    return session


def holds_workflow(queries: Queries, session: str) -> bool:
    """Whether a session is that of a workflow of this person."""
    return read_journal(queries.iterate(session, kinds=["notice"]), queries.own_device()[0]).start is not None


def waiting_request(queries: Queries, session: str) -> PermissionRequest | None:
    """The approval that a session's workflow waits for."""
    journal = read_journal(queries.iterate(session, kinds=_ASKING), queries.own_device()[0])
    asked = [one for step, one in journal.asked.items() if step not in journal.done and one.answer is None]
    return asked[-1].request if asked else None


def has_ended_waiting(queries: Queries, session: str) -> bool:
    """Whether a workflow waits for an answer that no program waits for any more."""
    last = queries.events(session, kinds=["conclusion", "permission_request"], limit=1)
    ended = bool(last) and last[0].kind == "conclusion" and queries.session(session).status == "waiting"
    return ended and holds_workflow(queries, session)


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
    and each update. Raises UserError where there is no workflow, where it is over, or where another process runs it.
    """
    row, folders, journal = await home.read_async(partial(_stands, session=session))
    start = journal.start
    if start is None:
        raise UserError(f"Session {session} holds no workflow of yours.")
    if row.status in _OVER:
        raise UserError(f"The workflow of session {session} {_OVER[row.status]}; run it anew: lovelace workflow run")
    parsed = parse_workflow(start.source, start.file)
    made = recorder or (lambda agent, turn: StoreRecorder(home, session, agent=agent, clock=home.clock, turn=turn))
    own = made(WORKFLOW, journal.turn)
    with _claimed(home.home, session):
        async with AsyncExitStack() as servers:
            around = Surroundings(
                context=with_policies(_context(home, own, folders, unconfined=start.unconfined), home, row.workspace),
                recorder=lambda agent: made(agent, own.turn),
                agents=_Registered(home, agents, own, servers),
                ask=ask,
                listener=None if listener is None else partial(listener, own.turn),
            )
            return await WorkflowRun(parsed, start.inputs, start.agent, around, journal).run()


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


@contextlib.contextmanager
def _claimed(home: Path, session: str) -> Iterator[None]:
    """Run the workflow of a session within: one process at a time, by a lock that the system drops when it dies."""
    path = home / f"workflow-{session}.lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(file), os.stat(path))  # not one that was removed meanwhile
        except OSError:
            is_ours = False
        if not is_ours:
            raise UserError("This workflow runs already, in another program of yours.")
        yield
        path.unlink(missing_ok=True)
    finally:
        os.close(file)
