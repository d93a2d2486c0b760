"""Configurations as people type them: a command line, variables and headers one a line."""

from __future__ import annotations

import shlex

from app.agents.mcp.config import ServerConfig, check
from app.errors import UserError


def typed_program(name: str, line: str, variables: str = "", folder: str = "") -> ServerConfig:
    """A server that is a program. line: as for a shell, but nothing of a shell happens. Raises UserError."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"The command line cannot be read: {error}.") from error
    if not words:
        raise UserError("The command line is empty. Write for example: npx -y @modelcontextprotocol/server-everything")
    env = dict(_parted(row, "=", "A variable is NAME=VALUE") for row in _rows(variables))
    config = ServerConfig(
        name=name.strip(), command=words[0], args=tuple(words[1:]), env=dict(env), cwd=folder.strip() or None
    )
    check(config)
    return config


def typed_address(name: str, url: str, headers: str = "") -> ServerConfig:
    """A server that is an address. Raises UserError."""
    found = dict(_parted(row, ":", "A header is NAME: VALUE") for row in _rows(headers))
    config = ServerConfig(name=name.strip(), url=url.strip(), headers=dict(found))
    check(config)
    return config


def _rows(text: str) -> list[str]:
    return [row.strip() for row in text.splitlines() if row.strip()]


def _parted(row: str, sign: str, rule: str) -> tuple[str, str]:
    name, found, value = row.partition(sign)
    if not found or not name.strip():
        raise UserError(f"{rule}, one a line; '{name}' is not.")
    return name.strip(), value.strip()
