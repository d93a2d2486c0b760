"""Lends the configured servers to an agent for a while; without any, nothing of what connects to them is imported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.agents.backend import AgentBackend, SessionContext
from app.agents.mcp.servers import ServerRegistry, Store, has_servers_for_agents
from app.sessions.events import Body


@asynccontextmanager
async def lent_servers(
    store: Store, backend: AgentBackend, context: SessionContext, note: Callable[[Body], Awaitable[object]]
) -> AsyncIterator[SessionContext]:
    """The context with the servers' tools; afterwards the servers are ended. note: records what was wrong with one.

    An agent without folders has no tools, so it gets none of these either; one that connects by itself needs none.
    """
    if not context.folders or backend.connects_servers or not await has_servers_for_agents(store):
        yield context
        return
    from app.agents.mcp.agent_tools import with_servers
    from app.agents.mcp.pool import ServerPool

    pool = ServerPool(ServerRegistry(store), folders=context.folders)
    try:
        yield await with_servers(backend, context, pool, note)
    finally:
        await pool.close()
