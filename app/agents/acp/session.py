"""A session of an external agent: found again or begun, in the mode in which the agent asks before it acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.agents.acp.choices import Choices, What, choose, read_choices, required
from app.agents.acp.connection import AgentConnection, OnRequest
from app.agents.acp.environment import agent_environment
from app.agents.acp.normalising import PLAIN, Plain, normaliser
from app.agents.acp.servers import passed_on
from app.agents.acp.values import member, text
from app.agents.acp.wire import OnUpdate
from app.agents.backend import SessionContext
from app.errors import AgentError

if TYPE_CHECKING:
    from app.agents.acp.backend import AcpBackend

MOST_ID = 1_000
"""Characters of a session's name."""


class AgentSession:
    """An agent's program with one session. problems: sentences about what it could not be given.

    is_resumed: the agent knows what was before. asks: it is in a mode in which it asks before it acts.
    """

    def __init__(self, backend: AcpBackend, *, on_update: OnUpdate, on_request: OnRequest) -> None:
        self._backend = backend
        self._connection = AgentConnection(backend.name, backend.limits, on_update=on_update, on_request=on_request)
        self.id = ""
        self.agent: Plain = PLAIN
        self.problems: list[str] = []
        self.is_resumed = self.asks = False
        self.modes: Choices | None = None
        self.models: Choices | None = None

    @property
    def about(self) -> Mapping[str, Any]:
        """What the agent said of itself."""
        return self._connection.about

    async def open(self, cwd: Path, context: SessionContext, before: str | None) -> None:
        """Start the agent and its session. before: the one to go on with. Raises AgentError."""
        backend = self._backend
        env = agent_environment(normaliser(*backend.command).environment)
        await self._connection.open(backend.command, env, cwd)
        self.agent = normaliser(text(member(self.about, "agentInfo", "name")), *backend.command)
        place = await self._place(cwd, context)
        answer = None if before is None else await self._find_again(before, place)
        if answer is None:
            answer = await self._connection.request("session/new", place, doing="begin a session")
            self.id = text(answer.get("sessionId"))
        if not 0 < len(self.id) <= MOST_ID:
            raise AgentError(f"The agent '{backend.name}' began a session without a usable name. Update the agent.")
        self.modes, self.models = read_choices(answer, "mode"), read_choices(answer, "model")
        await self._settle()

    async def _place(self, cwd: Path, context: SessionContext) -> dict[str, Any]:
        """The parameters that all ways to open a session share."""
        place: dict[str, Any] = {"cwd": str(cwd), "mcpServers": []}
        if not context.folders:
            return place
        if member(self.about, "agentCapabilities", "sessionCapabilities", "additionalDirectories") is not None:
            place["additionalDirectories"] = [str(folder.resolve()) for folder in context.folders[1:]]
        configs = await self._backend.servers()
        place["mcpServers"], self.problems = passed_on(configs, context.rules, context.folders, self.about)
        return place

    async def _find_again(self, before: str, place: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer to a session that goes on; None where the agent has it no more, or cannot."""
        ways = []
        if member(self.about, "agentCapabilities", "sessionCapabilities", "resume") is not None:
            ways.append("session/resume")
        if member(self.about, "agentCapabilities", "loadSession") is True:
            ways.append("session/load")
        for way in ways:
            try:
                answer = await self._connection.request(way, {**place, "sessionId": before}, doing="find the session")
            except AgentError:
                if self._connection.last_words().ended is not None:
                    raise
                continue
            self.id, self.is_resumed = before, True
            return answer
        return None

    async def _settle(self) -> None:
        """Choose the mode and the model."""
        backend = self._backend
        if backend.mode is not None:
            await self._choose("mode", required(backend.name, self.modes, "mode", backend.mode))
        elif self.modes is not None and (asking := self.modes.find(*self.agent.asking_modes)) is not None:
            await self._choose("mode", asking)
            self.asks = True
        if backend.model is not None:
            await self._choose("model", required(backend.name, self.models, "model", backend.model))

    async def _choose(self, what: What, wanted: str) -> None:
        choices = self.modes if what == "mode" else self.models
        if choices is not None:
            await choose(choices, wanted, self.id, self._connection.request)

    async def sessions(self, cwd: Path) -> Sequence[Mapping[str, Any]]:
        """The sessions that the agent keeps for a folder; none where it does not tell."""
        if member(self.about, "agentCapabilities", "sessionCapabilities", "list") is None:
            return []
        answer = await self._connection.request("session/list", {"cwd": str(cwd)}, doing="list its sessions")
        found = answer.get("sessions")
        return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []

    async def prompt(self, blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The agent's answer to a prompt, when it is done. Raises AgentError."""
        return await self._connection.request(
            "session/prompt", {"sessionId": self.id, "prompt": list(blocks)}, timed=False
        )

    async def cancel(self) -> None:
        """Tell the agent to stop."""
        await self._connection.notify("session/cancel", {"sessionId": self.id}, self._backend.limits.cancel / 2)

    async def close(self) -> None:
        """End the agent's program."""
        await self._connection.close()
