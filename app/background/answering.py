"""One prompt of a session and the agent's answer to it, with tools or without, as a person converses.

The window answers so what is typed in it, and whoever is there answers so what a person's other devices leave for this
one. What the session was before, what it refers to and how its work stands is told to the agent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.agents.attaching import Attachment
from app.agents.backend import AgentBackend, Ask, Conversation, SessionContext
from app.agents.context import SessionPast, read_past, session_context
from app.agents.late import LateConversation
from app.agents.memory import drawn_for, with_remembering
from app.agents.permission import Policy
from app.agents.policy_setting import with_policies
from app.agents.recorder import StoreRecorder, first_answer, stored_answer
from app.agents.titles import is_first_turn
from app.agents.turn import Asking, TurnResult, TurnRunner
from app.agents.work import work_state
from app.errors import UserError
from app.sessions.events import Body
from app.sessions.relinking import vanished_sentence

if TYPE_CHECKING:
    from app.sessions.runners import WaitingPrompt
    from app.sessions.views import SessionRow
    from app.workspace import Workspace

Note = Callable[[Body], Awaitable[object]]
Start = Callable[[SessionPast, SessionContext, Note], Awaitable[Conversation]]
"""Starts the agent's conversation; note: records what is wrong with a server that it is lent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an agent is asked. tools: whether it may use them. waiting: the prompt is in the session already."""

    session: str
    text: str
    tools: bool
    attached: Sequence[Attachment] = ()
    waiting: WaitingPrompt | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How it went. is_first: it was the first turn, after which the agent may name the session."""

    result: TurnResult
    is_first: bool


async def answer(
    workspace: Workspace,
    backend: AgentBackend,
    asked: Asked,
    *,
    names: Sequence[str],
    asks: Sequence[Ask],
    start: Start,
    begun: Callable[[TurnRunner], None],
    proposed: Callable[[], object] = lambda: None,
) -> Answered:
    """Run the turn to its end. asks: who may be asked for permission, besides everybody who can write the answer into
    the session. names: of the agents that are configured. begun: gets what can cancel it. proposed: is told of
    each fact that the agent proposes to remember. Raises AgentError, UserError.
    """
    session, waiting = asked.session, asked.waiting
    turn = None if waiting is None else waiting.turn
    recorder = StoreRecorder(workspace, session, agent=backend.name, clock=workspace.clock, turn=turn)
    asking = Asking(first_answer(*asks, partial(stored_answer, workspace, session)))
    past = await workspace.read_async(lambda queries: read_past(queries, session))
    await _remember_agent(workspace, past.row, backend.name, names)
    folders = past.folders if asked.tools else ()
    if asked.tools and not folders:
        await _require_folders(workspace, past.row.workspace_name)
    state = await work_state(workspace, past, folders)
    policy = Policy(asks=True)
    context = session_context(workspace, past, recorder, asking, folders=folders, policy=policy, state=state)
    context = with_policies(context, workspace, past.row.workspace)
    context = with_remembering(context, workspace, session, backend.name, proposed)
    conversation = LateConversation(lambda: start(past, context, recorder.record))
    try:
        runner = TurnRunner(
            conversation, recorder, model=backend.model, runner=past.device, asking=asking, files=context.files
        )
        begun(runner)
        drawn = await workspace.read_async(lambda queries: drawn_for(queries, past, asked.text))
        told = await workspace.read_async(lambda queries: queries.with_secrets(session, asked.text))
        result = await runner.run(told, drawn=drawn, attached=asked.attached, is_recorded=waiting is not None)
    finally:
        await conversation.close()
    return Answered(result, is_first_turn(past.events))


async def _require_folders(workspace: Workspace, name: str) -> None:
    """UserError where the workspace has folders and all of them vanished: without tools is not what was asked."""
    gone = vanished_sentence(name, await workspace.read_async(lambda queries: queries.folders()))
    if gone is not None:
        raise UserError(gone)


async def _remember_agent(workspace: Workspace, row: SessionRow, name: str, names: Sequence[str]) -> None:
    """The session's agent is the one chosen last; a foreign agent's name, from an import, stays."""
    if row.agent != name and (row.agent is None or row.agent in names):
        await workspace.write_async(lambda operations: operations.set_fields(row.id, {"agent": name}))
