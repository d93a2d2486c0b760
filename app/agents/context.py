"""What an agent is told before it answers in a session: its past, its folders, and what the person allows it.

The terminal and the window start their conversations here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.agents.backend import AgentBackend, Conversation, SessionContext
from app.agents.files.watch import FileWatch
from app.agents.permission import Policy, replay
from app.agents.recorder import StoreRecorder
from app.agents.referring import with_references_told
from app.agents.tools.toolbox import TOOLS
from app.agents.turn import Asking
from app.errors import AgentError
from app.sessions.events import Notice, UserMessage
from app.sessions.queries import Queries
from app.sessions.views import Event, SessionRow
from sync.clock import Clock

HISTORY_EVENTS = 4_000
"""So many of the last events are read; a backend may tell its model less."""


class Home(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    home: Path
    clock: Clock


@dataclass(frozen=True, slots=True)
class SessionPast:
    """A session as an agent finds it. device, own: hex ids of this device, which runs the turn, and of its person."""

    row: SessionRow
    events: Sequence[Event]
    folders: tuple[Path, ...]
    device: str
    own: str


def read_past(queries: Queries, session: str) -> SessionPast:
    """The last events of a session and the folders of its workspace, its own one first."""
    row = queries.session(session)
    identity, device = queries.own_device()
    events = with_references_told(queries, row, queries.events(row.id, limit=HISTORY_EVENTS))
    return SessionPast(row, events, session_folders(row.cwd, queries.folders()), device, identity)


def session_folders(cwd: str | None, bound: Sequence[Path]) -> tuple[Path, ...]:
    """The folders an agent works in: the workspace's, with the session's own first, which may be inside one of them.

    A session's folder alone is not enough: it may come from an import and name anything.
    """
    folders = [folder for folder in bound if folder.is_dir()]
    if cwd is not None:
        own = Path(os.path.realpath(cwd))
        folders.sort(key=lambda folder: not own.is_relative_to(folder.resolve()))
        if folders and own.is_relative_to(folders[0].resolve()) and own.is_dir():
            folders = [own, *(folder for folder in folders if folder.resolve() != own)]
    return tuple(folders)


def own_answers(past: SessionPast, policy: Policy) -> Policy:
    """The policy with what this person answered "always" in this session.

    What others answered, or what came with an import or an export, allows nothing here.
    """
    own = (
        event.body
        for event in past.events
        if event.source is None and not event.author.claimed and event.author.identity == past.own
    )
    return replay(policy, own)


def session_context(
    home: Home,
    past: SessionPast,
    recorder: StoreRecorder,
    asking: Asking,
    *,
    folders: tuple[Path, ...],
    policy: Policy,
) -> SessionContext:
    """folders: what tools may touch, the working one first; none of them: no tools."""
    return SessionContext(
        ask=asking.ask,
        keep=recorder.keep,
        clock=home.clock,
        history=past.events,
        folders=folders,
        hidden=(home.home,),
        tools=tuple(TOOLS) if folders else (),
        policy=own_answers(past, policy),
        files=FileWatch(recorder, folders, (home.home,)) if folders else None,
    )


async def start_conversation(
    backend: AgentBackend, context: SessionContext, recorder: StoreRecorder, text: str
) -> Conversation:
    """A conversation; where the agent cannot be reached, the prompt stays in the session, with the reason."""
    try:
        return await backend.start(context)
    except AgentError as error:
        await recorder.record(UserMessage(text=text), Notice(text=str(error), level="error"))
        raise
