"""The workspaces of a home for a process that works in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.agents.registry import AgentRegistry

if TYPE_CHECKING:
    from app.workspace import Workspace


class Rooms:
    """Opens workspaces with their agents when they are needed, beside the one that it is given. Close it."""

    def __init__(self, first: Workspace) -> None:
        self._first = first
        self._open: dict[str, tuple[Workspace, AgentRegistry]] = {}

    def of(self, workspace: str) -> tuple[Workspace, AgentRegistry]:
        """A workspace by its id."""
        if workspace not in self._open:
            from app.workspace import Workspace

            opened = Workspace.start(self._first.database, workspace=workspace)
            self._open[workspace] = opened, AgentRegistry(opened)
        return self._open[workspace]

    def close(self) -> None:
        """Close what was opened."""
        while self._open:
            _id, (workspace, agents) = self._open.popitem()
            agents.close()
            workspace.close()
