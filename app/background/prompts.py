"""Runs the prompts that a person's other devices leave for this one, stops what another one has taken over, and lets
workflows go on that wait for an answer which another one has given.

Every program that stays open watches for them: the window, `lovelace sync serve`, the process that does the jobs. Each
session is claimed for the time of a prompt, so exactly one of them runs it; the others look again when it is free.
Nobody else's word is ever run (see `app.sessions.runners`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from app.background.claiming import BusyError, claimed
from app.background.workflows import go_on_where_answered
from app.errors import UserError
from app.sessions.runners import find_runner, waiting_prompts
from sync.errors import SyncError

if TYPE_CHECKING:
    from app.sessions.runners import WaitingPrompt
    from app.workspace import Workspace

RECENT_MS = 24 * 60 * 60 * 1000
"""Sessions that changed longer ago than this are not looked at when a program begins."""


class Runs(Protocol):
    """What runs a prompt; the window's `Turns`, or `Headless`."""

    async def run_waiting(self, prompt: WaitingPrompt) -> None:
        """Run it to its end; the session is claimed. Cancelling it ends the turn. Raises UserError, AgentError."""
        ...


class WaitingPrompts:
    """Watches the sessions of a home. Cancel `run` to end it, with what it runs."""

    def __init__(self, workspace: Workspace, runs: Runs) -> None:
        self._workspace = workspace
        self._runs = runs
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a prompt is being run."""
        return bool(self._running)

    async def run(self) -> None:
        """Until cancelled."""
        since = self._workspace.clock.now_ms() - RECENT_MS
        seq = await self._workspace.read_async(lambda queries: queries.last_seq())
        try:
            await self._look_at(await self._workspace.read_async(lambda queries: queries.of_other_devices(since)))
            async with aclosing(self._workspace.commits(after=seq)) as commits:
                async for commit in commits:
                    named = (subject.partition("/") for subject in commit.subjects)
                    await self._look_at({name for kind, _, name in named if kind in ("session", "job")})
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def _look_at(self, sessions: Iterable[str]) -> None:
        for session in sessions:
            try:
                await self._look(session)
            except (UserError, SyncError):
                continue  # the session is gone

    async def _look(self, session: str) -> None:
        if (task := self._running.get(session)) is not None:
            if await self._is_taken(session):
                task.cancel()
        elif await self._workspace.read_async(lambda queries: waiting_prompts(queries, session)):
            task = asyncio.create_task(self._answer(session))
            self._running[session] = task
            task.add_done_callback(lambda done: self._ended(session, done))
        else:
            await go_on_where_answered(self._workspace, session)

    async def _is_taken(self, session: str) -> bool:
        """Whether another device of this person has taken the session over."""
        identity, device = await self._workspace.read_async(lambda queries: queries.own_device())
        runner = await self._workspace.read_async(lambda queries: find_runner(queries, session))
        return runner is not None and bool(runner.term) and runner.identity == identity and runner.device != device

    async def _answer(self, session: str) -> None:
        """Run what waits in a session, one prompt after the other; each is looked up under the claim."""
        try:
            async with claimed(self._workspace, session):
                while waiting := await self._workspace.read_async(lambda queries: waiting_prompts(queries, session)):
                    await self._runs.run_waiting(waiting[0])
        except BusyError:
            return  # somebody else runs it; the session is looked at again when it is free

    def _ended(self, session: str, task: asyncio.Task[None]) -> None:
        del self._running[session]
        if not task.cancelled():
            task.exception()  # it stands in the session as a notice; or the prompt stays, and says so by staying
