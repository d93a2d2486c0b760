"""Which session, which agent and which folders a call of `chat` or `task` is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.permission import parse_allow
from app.cli.call import Call, working_folder
from app.cli.stream import TurnPrinter
from app.cli.talk import Manner, Talk
from app.errors import UserError
from app.sessions.relinking import vanished_sentence

if TYPE_CHECKING:
    from app.agents.registry import AgentRegistry
    from app.sessions.queries import Queries
    from app.sessions.views import SessionRow
    from app.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options of `chat` ask for."""

    session: str | None = None
    new: bool = False
    agent: str | None = None
    tools: bool = False
    allow: tuple[str, ...] = ()


def manner_of(call: Call, workspace: Workspace, wish: Wish) -> Manner:
    """How the agent may work; with tools, in the folders of the workspace of this call."""
    allowed = parse_allow(wish.allow)
    folders = working_folders(call, workspace) if wish.tools else ()
    return Manner(call.has_person, folders, allowed)


def working_folders(call: Call, workspace: Workspace) -> tuple[Path, ...]:
    """The folders that tools may touch, the one of the current directory first.

    A current directory that belongs to no workspace is bound after a question (`--yes` answers; without a terminal
    that is an error), unless `--workspace` names one that has folders. Then the call is about its workspace.
    """
    row = workspace.read(lambda queries: queries.workspace_row())
    folders = [Path(folder) for folder in row.folders]
    bound = [folder for folder in folders if folder.is_dir()]
    here = working_folder()
    if here is not None:
        here = here.resolve()
        holding = [folder for folder in bound if here.is_relative_to(folder)]
        if holding:
            deepest = max(holding, key=lambda folder: len(folder.parts))
            return (deepest, *(folder for folder in bound if folder != deepest))
    if bound and call.options.workspace:
        return tuple(bound)
    gone = vanished_sentence(row.name, folders)
    if gone is not None and call.options.workspace:
        raise UserError(gone)
    return (_bind(call, workspace, here, gone), *(bound if call.options.workspace else ()))


def _bind(call: Call, workspace: Workspace, here: Path | None, gone: str | None) -> Path:
    """gone: what to say about the folders of the workspace that vanished."""
    if here is None:
        raise UserError(gone or "The current directory has been deleted; tools need a folder to work in.")
    remark = f"{gone} " if gone else ""
    question = f"{remark}{here} belongs to no workspace. Bind it, so that agents may work in it?"
    if not call.confirm(question):
        raise UserError("Without a folder there are no tools. 'lovelace workspace open DIR' binds one.")
    if call.options.workspace:
        workspace.write(lambda operations: operations.bind_folder(workspace.id, here))
    else:
        workspace.use(workspace.write(lambda operations: operations.open_folder(here)))
    return here


async def open_talk(call: Call, workspace: Workspace, agents: AgentRegistry, wish: Wish, manner: Manner) -> Talk:
    """The talk that the options ask for. Raises NotFound for an unknown session or agent."""
    row = await workspace.read_async(lambda queries: _find(queries, wish))
    backend = await agents.backend(wish.agent or await _agent_of(agents, row))
    if row is not None and row.agent != backend.name and (wish.agent or row.agent is None):
        chosen = {"agent": backend.name}
        await workspace.write_async(lambda operations: operations.set_fields(row.id, chosen))
    return Talk(workspace, row.id if row else None, backend, manner, TurnPrinter(call.out))


def _find(queries: Queries, wish: Wish) -> SessionRow | None:
    """The session to go on with; None for a new one."""
    if wish.new:
        return None
    return queries.latest() if wish.session is None else queries.session(wish.session)


async def _agent_of(agents: AgentRegistry, row: SessionRow | None) -> str:
    """The session's agent where it is configured here, else the default."""
    names = await agents.names()
    return row.agent if row is not None and row.agent is not None and row.agent in names else names[0]
