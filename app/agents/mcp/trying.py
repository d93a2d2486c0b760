"""Trying a server out: it is connected to anew, asked what it has, and closed again; nothing is recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.pool import ServerPool
from app.agents.mcp.results import ServerInfo


@dataclass(frozen=True, slots=True)
class TriedServer:
    """What a server said of itself, how much it has of each kind, and after how many seconds."""

    info: ServerInfo
    tools: int
    resources: int
    prompts: int
    seconds: float


async def try_server(pool: ServerPool, config: ServerConfig) -> TriedServer:
    """Try a server out. config: with its secrets. Raises UserError."""
    began = time.monotonic()
    connection = await pool.trial(config)
    try:
        tools, resources = await connection.tools(), await connection.resources()
        prompts = await connection.prompts()
        taken = time.monotonic() - began
        return TriedServer(connection.info, len(tools), len(resources), len(prompts), taken)
    finally:
        await connection.close()
