"""The connections to configured servers that this program has open: made when needed, shared, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import Connection, connect
from app.agents.mcp.launch import Address, Launch, plan
from app.agents.mcp.limits import Limits
from app.agents.mcp.secret_values import part
from app.agents.mcp.servers import ServerRegistry


class ServerPool:
    """Use it on one loop. Close it: it owns programs. folders: of the workspace, its first is where they start."""

    def __init__(self, registry: ServerRegistry, *, folders: Sequence[Path] = (), limits: Limits | None = None) -> None:
        self.registry = registry
        self.folders = tuple(folders)
        self._limits = limits or Limits()
        self._open: dict[str, Connection] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def connection(self, name: str) -> Connection:
        """An open connection to a server. Raises NotFound, UserError, or AgentError where it cannot be reached."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            target = self.target(await self.registry.complete(name))
            found = self._open.get(name)
            if found is not None and found.is_open and found.target == target:
                return found
            await self.drop(name)
            self._open[name] = made = await connect(target, limits=self._limits, roots=self.folders)
            return made

    async def trial(self, config: ServerConfig) -> Connection:
        """A connection to a server as it would be with this configuration, which is not kept. Close it."""
        return await connect(self.target(config), limits=self._limits, roots=self.folders)

    def target(self, config: ServerConfig) -> Launch | Address:
        """What is started or called for a configuration (with its secrets)."""
        return plan(config, folders=self.folders, secrets=tuple(part(config)[1].values()))

    def is_open(self, name: str) -> bool:
        """Whether a server is connected now."""
        return name in self._open and self._open[name].is_open

    async def drop(self, name: str) -> None:
        """Close the connection to a server, if there is one."""
        found = self._open.pop(name, None)
        if found is not None:
            await found.close()

    async def close(self) -> None:
        """Close all connections."""
        names = list(self._open)
        await asyncio.gather(*(self.drop(name) for name in names))
