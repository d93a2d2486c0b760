"""The MCP servers of this window: connections that are kept open, and the calls by hand that run now.

What brings much code with it is imported when it is first needed. Used on the bridge's loop only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    import asyncio

    from app.agents.backend import AgentBackend, SessionContext
    from app.agents.mcp.calling import Called, Caller
    from app.agents.mcp.connection import Connection, Progress
    from app.agents.mcp.consent import Consent
    from app.agents.mcp.pool import ServerPool
    from app.sessions.events import Body
    from app.workspace import Workspace

Kind = Literal["tool", "resource", "prompt"]


class Wanted(msgspec.Struct, frozen=True):
    """A call by hand. name: of the tool or prompt, or the address of the resource."""

    server: str
    kind: Kind
    name: str
    title: str = ""
    arguments: Mapping[str, Any] = {}


class LateServers:
    """`ServerPool` of the workspace, made on first use."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pool: ServerPool | None = None
        self._calls: set[asyncio.Task[Any]] = set()

    async def pool(self) -> ServerPool:
        """The configured servers; they start in the folders that the workspace has now."""
        import asyncio

        if self._pool is None:
            made = await asyncio.to_thread(_make_pool, self._workspace)
            self._pool = self._pool or made
        self._pool.folders = tuple(await self._workspace.read_async(lambda queries: queries.folders()))
        return self._pool

    async def call(self, wanted: Wanted, consent: Consent, on_progress: Progress) -> Called:
        """Do a call and record it in the server's session. Raises NotFound for a server that is not there any more."""
        import asyncio

        from app.agents.mcp.calling import Caller
        from app.agents.mcp.sessions import session_for

        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            pool = await self.pool()
            await pool.registry.config(wanted.server)
            session = await session_for(self._workspace, wanted.server)
            return await _do(
                Caller(self._workspace, session, self._workspace.clock, consent), pool, wanted, on_progress
            )
        finally:
            self._calls.discard(task)

    async def lend(
        self, backend: AgentBackend, context: SessionContext, note: Callable[[Body], Awaitable[object]]
    ) -> SessionContext:
        """The context of an agent that may use the servers' tools too. note: records what is wrong with a server."""
        import asyncio
        from importlib import import_module

        from app.agents.mcp.servers import has_servers_for_agents

        if backend.connects_servers or not await has_servers_for_agents(self._workspace):
            return context
        await asyncio.to_thread(import_module, "app.agents.mcp.agent_tools")
        from app.agents.mcp.agent_tools import with_servers

        return await with_servers(backend, context, await self.pool(), note)

    async def close(self) -> None:
        """Cancel the calls and close the connections."""
        import asyncio

        for task in self._calls:
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=1)
        if self._pool is not None:
            await self._pool.close()


async def _do(caller: Caller, pool: ServerPool, wanted: Wanted, on_progress: Progress) -> Called:
    async def opening() -> Connection:
        return await pool.connection(wanted.server)

    match wanted.kind:
        case "resource":
            return await caller.read(opening, wanted.server, wanted.name)
        case "prompt":
            texts = {name: str(value) for name, value in wanted.arguments.items()}
            return await caller.prompt(opening, wanted.server, wanted.name, texts)
    return await caller.call(
        opening, wanted.server, wanted.name, wanted.arguments, title=wanted.title, on_progress=on_progress
    )


def _make_pool(workspace: Workspace) -> ServerPool:
    from app.agents.mcp.pool import ServerPool
    from app.agents.mcp.servers import ServerRegistry

    return ServerPool(ServerRegistry(workspace))
