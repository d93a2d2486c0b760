"""The configured agents, imported when the window is there already: they bring much code with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.agents.backend import AgentBackend
    from app.agents.registry import AgentRegistry
    from app.workspace import Workspace


class LateAgents:
    """`AgentRegistry`, made on first use. Used on the loop only."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._registry: AgentRegistry | None = None

    async def names(self) -> Sequence[str]:
        """What to choose from; the first is the default."""
        from app.agents.names import agent_names

        return await agent_names(self._workspace)

    async def backend(self, name: str) -> AgentBackend:
        """An agent by name. Raises NotFound, or UserError that says what is missing."""
        return await (await self.registry()).backend(name)

    def close(self) -> None:
        """End what the agents keep running."""
        if self._registry is not None:
            self._registry.close()

    async def registry(self) -> AgentRegistry:
        """The agents themselves, to configure them."""
        import asyncio

        if self._registry is None:
            made = await asyncio.to_thread(_make_registry, self._workspace)
            self._registry = self._registry or made
        return self._registry


def _make_registry(workspace: Workspace) -> AgentRegistry:
    from app.agents.registry import AgentRegistry

    return AgentRegistry(workspace)
