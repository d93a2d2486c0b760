"""The configured MCP servers in the form in which an external agent gets them: it connects to them by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.agents.acp.values import member
from app.agents.mcp.config import ServerConfig
from app.agents.mcp.launch import Launch, plan
from app.agents.rules import Rules
from app.errors import AgentError

Servers = Callable[[], Awaitable[Sequence[ServerConfig]]]
"""Gives the servers with their secrets."""


def passed_on(
    configs: Sequence[ServerConfig], rules: Rules, folders: Sequence[Path], about: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """(what the agent gets, sentences about servers that it does not get). about: what the agent said of itself."""
    given: list[dict[str, Any]] = []
    problems: list[str] = []
    can_call = member(about, "agentCapabilities", "mcpCapabilities", "http") is True
    for config in configs:
        if not config.agents or not rules.allow_server(config.name):
            continue
        try:
            target = plan(config, folders=folders)
        except AgentError as error:
            problems.append(str(error))
            continue
        if isinstance(target, Launch):
            env = _pairs({name: target.env[name] for name in config.env if name in target.env})
            given.append({"name": target.name, "command": target.argv[0], "args": list(target.argv[1:]), "env": env})
        elif can_call:
            headers = _pairs(target.headers)
            given.append({"type": "http", "name": target.name, "url": target.url, "headers": headers})
        else:
            problems.append(f"This agent cannot use the MCP server '{config.name}': it takes no addresses.")
    return given, problems


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]
