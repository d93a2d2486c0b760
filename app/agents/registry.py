"""The agents of this installation: what kinds there are, which are configured, and which one answers by default.

The default is the agent that the person chose, else the one that was configured first; with none, the embedded model.
`scripted` and `local` are always there by these names.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from app.agents.backend import AgentBackend
from app.agents.credentials import Secrets, SystemSecrets
from app.agents.local.backend import local_backend
from app.agents.local.server import LocalServer, is_installed
from app.agents.models import Endpoint, OpenModel, open_anthropic, open_compatible
from app.agents.names import AGENTS_SETTING, DEFAULT_SETTING, LOCAL, SCRIPTED, agent_names
from app.agents.offers import is_web_address
from app.agents.pydantic_backend import ModelBackend
from app.agents.scripted import ScriptedBackend, load_script
from app.errors import NotFound, UserError

Kind = Literal["openai-compatible", "openai", "anthropic", "scripted", "local", "acp"]
KEYLESS: frozenset[Kind] = frozenset({"scripted", "local", "acp"})
"""Kinds of agents that have no key of ours."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
T = TypeVar("T")


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A configured agent. Its key, if any, is in the keyring. command, mode: of an external agent."""

    name: str
    kind: Kind
    url: str | None = None
    model: str | None = None
    script: str | None = None
    command: tuple[str, ...] = ()
    mode: str | None = None


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    async def write_async(self, operation: Callable[[Any], T], /) -> T: ...

    async def read_async(self, query: Callable[[Any], T], /) -> T: ...


class AgentRegistry:
    """Configured agents, kept in the local settings. Close it: it owns the embedded model's server."""

    def __init__(self, store: Store, *, secrets: Secrets | None = None, models_folder: Path | None = None) -> None:
        self._store = store
        self._secrets = secrets or SystemSecrets()
        self._models_folder = models_folder
        self._servers: dict[Path, LocalServer] = {}

    async def configured(self) -> list[AgentConfig]:
        """The agents that were added, oldest first."""
        rows = await self._store.read_async(lambda queries: queries.setting(AGENTS_SETTING, []))
        return msgspec.convert(rows, list[AgentConfig])

    async def names(self) -> Sequence[str]:
        """What to choose from; the first is the default."""
        return await agent_names(self._store)

    async def config(self, name: str) -> AgentConfig:
        """An agent's configuration. Raises NotFound."""
        for agent in await self.configured():
            if agent.name == name:
                return agent
        if name in (LOCAL, SCRIPTED):
            return AgentConfig(name=name, kind="local" if name == LOCAL else "scripted")
        names = await self.names()
        raise NotFound(f"There is no agent '{name}'. There are: {', '.join(names)}.", candidates=names)

    async def backend(self, name: str) -> AgentBackend:
        """An agent, ready to start conversations. Raises NotFound, or UserError that says what is missing."""
        return await self._backend(await self.config(name))

    async def trial(self, config: AgentConfig, key: str | None = None) -> AgentBackend:
        """An agent as it would be with this configuration, of which nothing is kept. Errors as `add` and `backend`.

        key: instead of the one in the keyring.
        """
        _check(config)
        return await self._backend(config, key)

    async def choose_default(self, name: str) -> None:
        """Make an agent the one that answers where none is named. Raises NotFound."""
        await self.config(name)
        await self._store.write_async(lambda operations: operations.set_setting(DEFAULT_SETTING, name))

    async def has_key(self, name: str) -> bool:
        """Whether the keyring has a key of an agent; no where there is no keyring."""
        return await self._optional_key(name) is not None

    async def _backend(self, config: AgentConfig, key: str | None = None) -> AgentBackend:
        return await _BACKENDS[config.kind](self, config, key)

    async def add(self, config: AgentConfig, key: str | None = None) -> None:
        """Configure an agent, or configure it anew; its key goes into the keyring. Raises UserError."""
        _check(config)
        if config.script is not None:
            await asyncio.to_thread(load_script, Path(config.script))
        if key:
            await self._secrets.set(config.name, key)
        others = [agent for agent in await self.configured() if agent.name != config.name]
        await self._save([*others, config])

    async def remove(self, name: str) -> None:
        """Forget an agent and its key. Raises NotFound."""
        agents = await self.configured()
        if name not in {agent.name for agent in agents}:
            names = [agent.name for agent in agents]
            raise NotFound(f"No agent '{name}' was added.", candidates=names)
        await self._save([agent for agent in agents if agent.name != name])
        await self._forget_key(next(agent for agent in agents if agent.name == name))

    def close(self) -> None:
        """End the embedded model's server, if it runs."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _save(self, agents: Sequence[AgentConfig]) -> None:
        rows = msgspec.to_builtins(list(agents))
        await self._store.write_async(lambda operations: operations.set_setting(AGENTS_SETTING, rows))

    async def _scripted(self, config: AgentConfig, _key: str | None) -> AgentBackend:
        if config.script is None:
            return ScriptedBackend(name=config.name)
        script = await asyncio.to_thread(load_script, Path(config.script))
        return ScriptedBackend(script, config.name)

    async def _remote(
        self, open_model: Callable[[Endpoint], Awaitable[OpenModel]], where: str, config: AgentConfig, key: str | None
    ) -> AgentBackend:
        if key is None:
            own = config.url is not None
            key = await self._optional_key(config.name) if own else await self._secrets.get(config.name)
        if key is None and config.url is None:
            raise UserError(
                f"The agent '{config.name}' has no key. Add it in the settings, or with: "
                f"lovelace agents add {config.name} --provider {config.kind} --model {config.model} --key-fd 0"
            )
        model = config.model or "default"
        endpoint = Endpoint(model, config.url, key)
        return ModelBackend(config.name, model, partial(open_model, endpoint), config.url or where)

    async def _optional_key(self, name: str) -> str | None:
        """A server of one's own mostly wants no key: a machine without a keyring must not stand in the way."""
        try:
            return await self._secrets.get(name)
        except UserError:
            return None

    async def _forget_key(self, config: AgentConfig) -> None:
        """Remove a key from the keyring; where there is no keyring, a server of one's own has none."""
        if config.kind in KEYLESS:
            return
        try:
            await self._secrets.delete(config.name)
        except UserError:
            if config.url is None:
                raise

    async def _external(self, config: AgentConfig, _key: str | None) -> AgentBackend:
        from app.agents.acp.backend import AcpBackend
        from app.agents.mcp.servers import ServerRegistry

        servers = ServerRegistry(self._store).for_agents
        return AcpBackend(config.name, config.command, config.model, config.mode, servers)

    async def _local(self, config: AgentConfig, _key: str | None) -> AgentBackend:
        from app.agents.local import model_store

        if not is_installed():
            raise UserError(
                "There is no agent to answer: this installation cannot run models itself (it has no xllamacpp). Add a "
                "model server or a provider; 'lovelace agents add --help' tells how."
            )

        def look() -> tuple[str, Path] | None:
            path = model_store.find(model_store.EMBEDDED, self._models_folder)
            if config.model is None and path is not None:
                return model_store.EMBEDDED.name, path
            files = model_store.list_models(self._models_folder)
            return next(((file.name, file.path) for file in files if config.model in (None, file.name)), None)

        found = await asyncio.to_thread(look)
        if found is None:
            raise UserError(
                "There is no agent to answer yet. Fetch the embedded model in the settings or with 'lovelace models "
                "get', or add another agent there or with 'lovelace agents add'."
            )
        name, path = found
        server = self._servers.setdefault(path, LocalServer(path))
        return local_backend(config.name, name, server)


_BACKENDS: Mapping[Kind, Callable[[AgentRegistry, AgentConfig, str | None], Awaitable[AgentBackend]]] = {
    "openai-compatible": lambda registry, config, key: registry._remote(open_compatible, "", config, key),
    "openai": lambda registry, config, key: registry._remote(open_compatible, "OpenAI", config, key),
    "anthropic": lambda registry, config, key: registry._remote(open_anthropic, "Anthropic", config, key),
    "scripted": AgentRegistry._scripted,
    "local": AgentRegistry._local,
    "acp": AgentRegistry._external,
}


def _check(config: AgentConfig) -> None:
    """Raise UserError unless the configuration makes sense."""
    if not _NAME.match(config.name):
        raise UserError(f"'{config.name}' cannot name an agent: use letters, digits, '.', '_' and '-'.")
    if config.name in (LOCAL, SCRIPTED):
        raise UserError(f"The name '{config.name}' belongs to an agent that is always there. Choose another.")
    if config.kind == "openai-compatible" and not is_web_address(config.url or ""):
        raise UserError(f"'{config.url}' is not a web address such as http://127.0.0.1:11434/v1.")
    if config.kind in ("openai-compatible", "openai", "anthropic") and not config.model:
        raise UserError(f"The agent '{config.name}' needs the name of a model: --model NAME.")
    if config.kind == "acp" and not (config.command and config.command[0].strip()):
        raise UserError(f"The agent '{config.name}' needs a command: -- COMMAND ARG….")
    if any("\0" in word for word in config.command):
        raise UserError(f"The command of the agent '{config.name}' holds a forbidden character.")
    if config.kind == "scripted" and config.script is None:
        raise UserError(f"The agent '{config.name}' needs a script: --script FILE.")
