"""Runs prompts where there is no window: permission is answered from wherever the person is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

from app.agents.mcp.lending import lent_servers
from app.agents.titles import propose_title
from app.background.answering import Asked, Note, answer

if TYPE_CHECKING:
    from app.agents.backend import Conversation, SessionContext
    from app.agents.context import SessionPast
    from app.background.rooms import Rooms
    from app.sessions.runners import WaitingPrompt
    from app.workspace import Workspace


class Headless:
    """`prompts.Runs` for all workspaces of a home."""

    def __init__(self, first: Workspace, rooms: Rooms) -> None:
        self._first = first
        self._rooms = rooms

    async def run_waiting(self, prompt: WaitingPrompt) -> None:
        """Run a prompt that another device of this person has left for this one."""
        held = await self._first.read_async(lambda queries: queries.workspace_holding(prompt.session))
        workspace, agents = self._rooms.of(held)
        backend = await agents.backend(await agent_of(workspace, agents, prompt.session))
        folders = await workspace.read_async(lambda queries: queries.folders())
        asked = Asked(prompt.session, prompt.message.text, bool(folders), waiting=prompt)
        async with AsyncExitStack() as servers:

            async def start(_past: SessionPast, context: SessionContext, note: Note) -> Conversation:
                return await backend.start(
                    await servers.enter_async_context(lent_servers(workspace, backend, context, note))
                )

            names = await agents.names()
            answered = await answer(
                workspace, backend, asked, names=names, asks=(), start=start, begun=lambda _runner: None
            )
        if answered.result.outcome == "completed" and answered.is_first:
            await propose_title(workspace, prompt.session, backend, asked.text, answered.result.text)


class Named(Protocol):
    """The agents that are configured."""

    async def names(self) -> Sequence[str]: ...


async def agent_of(workspace: Workspace, agents: Named, session: str) -> str:
    """The session's agent where it is configured here, else the first."""
    names = await agents.names()
    row = await workspace.read_async(lambda queries: queries.session(session))
    return row.agent if row.agent is not None and row.agent in names else names[0]
