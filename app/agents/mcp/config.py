"""How an MCP server is configured, in the terms of the well-known `mcpServers` form."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.agents.offers import is_web_address
from app.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9@][A-Za-z0-9 ._/@-]{0,63}\Z")
MAX_ARGUMENTS = 500
"""Of a command line and of its variables, or headers."""


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server: a command that speaks over its standard streams, or an address that speaks streamable HTTP.

    None among the values stands for one that is in the keyring (`secret_values`). agents: whether agents get its tools.
    """

    name: str
    command: str | None = None
    args: tuple[str | None, ...] = ()
    env: dict[str, str | None] = {}
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str | None] = {}
    agents: bool = True

    def where(self) -> str:
        """The command line or the address, as people read it; secrets are left out."""
        if self.url is not None:
            return self.url
        return " ".join([self.command or "", *("‹secret›" if word is None else word for word in self.args)])

    def well_known(self) -> dict[str, Any]:
        """The entry of an `mcpServers` object; secrets are left out."""
        entry = msgspec.to_builtins(self)
        return {key: value for key, value in entry.items() if key not in ("name", "agents")}


def check(config: ServerConfig) -> None:
    """Raise UserError unless the configuration makes sense."""
    name = config.name
    if not _NAME.match(name) or name != name.strip():
        raise UserError(f"'{name}' cannot name a server: use letters, digits, spaces and '. _ - / @', 64 at most.")
    if (config.command is None) == (config.url is None):
        raise UserError(f"The server '{name}' needs either a command or an address.")
    if config.command is not None and not config.command.strip():
        raise UserError(f"The command of the server '{name}' is empty.")
    if config.url is not None and not is_web_address(config.url):
        raise UserError(f"'{config.url}' is not a web address such as http://127.0.0.1:8000/mcp.")
    if config.url is None and config.headers:
        raise UserError(f"The server '{name}' is a command; only addresses have headers.")
    if config.url is not None and (config.args or config.env or config.cwd):
        raise UserError(f"The server '{name}' is an address; only commands have arguments, variables and a folder.")
    _check_values(config)


def _check_values(config: ServerConfig) -> None:
    if max(len(config.args), len(config.env), len(config.headers)) > MAX_ARGUMENTS:
        raise UserError(f"The server '{config.name}' has more than {MAX_ARGUMENTS} arguments, variables or headers.")
    texts = [config.command, config.cwd, *config.args, *config.env, *config.env.values()]
    if any("\0" in text for text in texts if text):
        raise UserError(f"The configuration of the server '{config.name}' holds a forbidden character.")
    if any(not name or "=" in name for name in config.env):
        raise UserError(f"A variable of the server '{config.name}' has no name, or '=' in it.")
    for name, value in config.headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or (value and re.search(r"[\r\n\0]", value)):
            raise UserError(f"'{name}' cannot be a header of the server '{config.name}', or has a line break.")
