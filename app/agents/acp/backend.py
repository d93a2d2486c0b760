"""External agents over the Agent Client Protocol: a command of the person's own, started for each conversation.

Such an agent has its own settings, keys and tools and runs as the person does; what it does is recorded, and what it
asks for is answered by the session's policy and rules. What neither can hold, the session says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.agents.acp.conversation import AcpConversation
from app.agents.acp.limits import DEFAULT_LIMITS, Limits
from app.agents.acp.servers import Servers
from app.agents.backend import SessionContext, Titles

if TYPE_CHECKING:
    from app.agents.acp.session import AgentSession
    from app.agents.mcp.config import ServerConfig


async def no_servers() -> Sequence[ServerConfig]:
    """Where no MCP servers are configured."""
    return ()


@dataclass(frozen=True, slots=True)
class AcpBackend:
    """An agent. command: its program and arguments. model, mode: to choose; None for what the agent takes by itself.

    servers: the MCP servers that it is told of.
    """

    name: str
    command: tuple[str, ...]
    model: str | None = None
    mode: str | None = None
    servers: Servers = no_servers
    limits: Limits = DEFAULT_LIMITS

    @property
    def titles(self) -> Titles | None:
        """It is not asked for titles: that would take a session of its own."""
        return None

    @property
    def connects_servers(self) -> bool:
        """It connects to MCP servers by itself."""
        return True

    async def start(self, context: SessionContext) -> AcpConversation:
        """A conversation that goes on with the agent's own session, or tells it what was before. Raises AgentError."""
        conversation = AcpConversation(self, context)
        try:
            await conversation.open()
        except BaseException:
            await conversation.close()
            raise
        return conversation

    def about(self, session: AgentSession) -> str:
        """What the session says of how the agent works here."""
        asks = (
            "It is set to ask before it changes files or runs commands, and is answered here"
            if session.asks or session.agent.environment
            else "Its own settings decide whether it asks before it acts; what it asks is answered here"
        )
        return (
            f"{self.name} is a program of its own: it runs as you do, outside the sandbox, with its own settings and "
            f"keys. {asks}. Files that change are recorded; what it does without asking is not prevented."
        )
