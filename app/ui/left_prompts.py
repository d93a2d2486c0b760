"""Where the prompts run that a person's other devices leave for this one, while the window is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.background.headless import Headless
    from app.sessions.runners import WaitingPrompt
    from app.ui.turns import Turns
    from app.workspace import Workspace


class LeftPrompts:
    """Those of the workspace that the window shows run as if they were typed in it; the others beside it."""

    def __init__(self, workspace: Workspace, turns: Turns, headless: Headless) -> None:
        self._workspace = workspace
        self._turns = turns
        self._headless = headless

    async def run_waiting(self, prompt: WaitingPrompt) -> None:
        """Run it to its end."""
        held = await self._workspace.read_async(lambda queries: queries.workspace_holding(prompt.session))
        runs = self._turns if held == self._workspace.id else self._headless
        await runs.run_waiting(prompt)
