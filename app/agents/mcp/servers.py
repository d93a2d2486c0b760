"""The MCP servers of this installation, kept in the local settings; their secrets are in the keyring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from app.agents.credentials import Secrets, SystemSecrets
from app.agents.mcp import secret_values
from app.agents.mcp.config import ServerConfig, check
from app.errors import NotFound, UserError

SETTING = "mcp servers"
T = TypeVar("T")


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    async def write_async(self, operation: Callable[[Any], T], /) -> T: ...

    async def read_async(self, query: Callable[[Any], T], /) -> T: ...


async def has_servers_for_agents(store: Store) -> bool:
    """Whether there are any: what connects to them takes half a second to import."""
    rows = await store.read_async(lambda queries: queries.setting(SETTING, []))
    return any(row.get("agents", True) for row in rows)


class ServerRegistry:
    """Configured servers, oldest first."""

    def __init__(self, store: Store, *, secrets: Secrets | None = None) -> None:
        self._store = store
        self._secrets = secrets or SystemSecrets("mcp")

    async def configured(self) -> list[ServerConfig]:
        """The servers, with None in place of what the keyring holds."""
        rows = await self._store.read_async(lambda queries: queries.setting(SETTING, []))
        return msgspec.convert(rows, list[ServerConfig])

    async def config(self, name: str) -> ServerConfig:
        """A server's configuration, with None in place of what the keyring holds. Raises NotFound."""
        servers = await self.configured()
        for server in servers:
            if server.name == name:
                return server
        names = [server.name for server in servers]
        if not names:
            raise NotFound(f"There is no MCP server '{name}'; none was added. 'lovelace mcp add --help' tells how.")
        raise NotFound(f"There is no MCP server '{name}'. There are: {', '.join(names)}.", candidates=names)

    async def complete(self, name: str) -> ServerConfig:
        """A server's configuration with its secrets. Raises NotFound; UserError where the keyring lacks one."""
        return await self._complete(await self.config(name))

    async def for_agents(self) -> list[ServerConfig]:
        """The servers that agents may use, with their secrets. Raises UserError where the keyring lacks one."""
        return [await self._complete(config) for config in await self.configured() if config.agents]

    async def compare(self, configs: Iterable[ServerConfig]) -> dict[str, list[ServerConfig]]:
        """Servers that could be added, by what that would do: "new", "changed" or "unchanged"; of one name the last."""
        known = {one.name for one in await self.configured()}
        states: dict[str, list[ServerConfig]] = {"new": [], "changed": [], "unchanged": []}
        for config in {one.name: one for one in configs}.values():
            same = config.name in known and await self.matches(config)
            states["unchanged" if same else "changed" if config.name in known else "new"].append(config)
        return states

    async def matches(self, config: ServerConfig) -> bool:
        """Whether a server is configured in just this way; where the keyring does not answer: by what is not secret."""
        found = next((one for one in await self.configured() if one.name == config.name), None)
        plain, secrets = secret_values.part(config)
        if found is None or msgspec.structs.replace(found, agents=plain.agents) != plain:
            return False
        try:
            return await self._kept(config.name) == secrets if secrets else True
        except UserError:
            return True

    async def add(self, *configs: ServerConfig) -> None:
        """Configure servers, or configure them anew; all of them or none. Raises UserError."""
        for config in configs:
            check(config)
        parted = [secret_values.part(config) for config in configs]
        kept: list[ServerConfig] = await self.configured()
        for plain, secrets in parted:
            if secrets:
                await self._secrets.set(plain.name, msgspec.json.encode(secrets).decode())
            elif any(_has_secrets(old) for old in kept if old.name == plain.name):
                await self._secrets.delete(plain.name)
            kept = [*(old for old in kept if old.name != plain.name), plain]
        await self._save(kept)

    async def let_agents(self, name: str, allowed: bool) -> None:
        """Give the tools of a server to agents, or not. Raises NotFound."""
        changed = msgspec.structs.replace(await self.config(name), agents=allowed)
        await self._save([changed if one.name == name else one for one in await self.configured()])

    async def remove(self, name: str) -> None:
        """Forget a server and its secrets. Raises NotFound."""
        config = await self.config(name)
        await self._save([one for one in await self.configured() if one.name != name])
        if _has_secrets(config):
            await self._secrets.delete(name)

    async def _complete(self, config: ServerConfig) -> ServerConfig:
        if not _has_secrets(config):
            return config
        whole = secret_values.join(config, await self._kept(config.name))
        if lacking := secret_values.missing(whole):
            raise UserError(
                f"The keyring of this computer has no {', '.join(lacking)} for the MCP server '{config.name}'. Add the "
                "server anew with it."
            )
        return whole

    async def _kept(self, name: str) -> secret_values.Secrets:
        found = await self._secrets.get(name)
        try:
            return msgspec.json.decode(found or "{}", type=dict[str, str])
        except msgspec.DecodeError as error:
            raise UserError(
                f"What the keyring holds for the MCP server '{name}' cannot be read. Add it anew."
            ) from error

    async def _save(self, servers: Sequence[ServerConfig]) -> None:
        rows = msgspec.to_builtins(list(servers))
        await self._store.write_async(lambda operations: operations.set_setting(SETTING, rows))


def _has_secrets(config: ServerConfig) -> bool:
    return bool(secret_values.missing(config)) or secret_values.MASK in (config.url or "")
