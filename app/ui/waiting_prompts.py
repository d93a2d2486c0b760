"""Runs the prompts that a person's other devices leave for this one, and stops what another one has taken over."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING

from app.errors import UserError
from sync.errors import SyncError

if TYPE_CHECKING:
    import asyncio

    from app.ui.turns import Turns
    from app.workspace import Workspace

RECENT_MS = 24 * 60 * 60 * 1000
"""Sessions that changed longer ago than this are not looked at when the window begins."""


class WaitingPrompts:
    """Watches the sessions of a home; everything runs on the bridge's loop."""

    def __init__(self, workspace: Workspace, turns: Turns) -> None:
        self._workspace = workspace
        self._turns = turns
        self._begun: set[asyncio.Future[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        since = self._workspace.clock.now_ms() - RECENT_MS
        await self._look_at(await self._workspace.read_async(lambda queries: queries.of_other_devices(since)))
        async with aclosing(self._workspace.changes()) as changes:
            async for change in changes:
                await self._look_at(change.sessions)

    async def _look_at(self, sessions: Iterable[str]) -> None:
        for session in sessions:
            try:
                await self._look(session)
            except (UserError, SyncError):
                continue  # the session is gone, or its agent is: the prompt stays, and says so by staying

    async def _look(self, session: str) -> None:
        import asyncio

        from app.sessions.runners import find_runner, waiting_prompts

        identity, device = await self._workspace.read_async(lambda queries: queries.own_device())
        if self._turns.is_running(session):
            runner = await self._workspace.read_async(lambda queries: find_runner(queries, session))
            if runner is not None and runner.term and runner.identity == identity and runner.device != device:
                await self._turns.cancel(session)
            return
        for prompt in await self._workspace.read_async(lambda queries: waiting_prompts(queries, session)):
            agent = await self._agent(session)
            folders = await self._workspace.read_async(lambda queries: queries.folders())
            turn = asyncio.ensure_future(self._turns.run_waiting(prompt, agent, tools=bool(folders)))
            self._begun.add(turn)
            turn.add_done_callback(self._ended)

    def _ended(self, turn: asyncio.Future[None]) -> None:
        self._begun.discard(turn)
        if not turn.cancelled():
            turn.exception()  # it stands in the session as a notice

    async def _agent(self, session: str) -> str:
        """The session's agent where it is configured here, else the first."""
        names = await self._turns.names()
        row = await self._workspace.read_async(lambda queries: queries.session(session))
        return row.agent if row.agent is not None and row.agent in names else names[0]
