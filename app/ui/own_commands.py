"""The commands that the person runs from this window. All methods run on the bridge's loop, but for `runs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import UserError

if TYPE_CHECKING:
    import asyncio

    from app.sessions.events import CommandResult
    from app.workspace import Workspace

MOST_RUNNING = 8


class OwnCommands:
    """What runs now, by the id of its call. Ending the loop ends them; what they printed is recorded."""

    def __init__(self) -> None:
        self._stops: dict[str, asyncio.Event] = {}

    def runs(self, call: str) -> bool:
        """Whether a command runs from this window."""
        return call in self._stops

    async def run(
        self, workspace: Workspace, session: str, command: str, folder: Path | None, call: str
    ) -> CommandResult:
        """Run a command; how it ended. UserError: there is nothing to run, or nowhere, or too much runs already."""
        import asyncio

        from app.agents.own_command import run_own_command

        if len(self._stops) >= MOST_RUNNING:
            raise UserError(f"{MOST_RUNNING} commands run already. Stop one first, or wait.")
        stop = self._stops[call] = asyncio.Event()
        try:
            return await run_own_command(
                workspace, session, command, folder=folder, clock=workspace.clock, call=call, stop=stop
            )
        finally:
            del self._stops[call]

    async def stop(self, call: str) -> None:
        """End a command and everything it started, within a second."""
        if call in self._stops:
            self._stops[call].set()
