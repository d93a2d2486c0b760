"""Agents that people may have installed, and how each is started as a server of the protocol."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from app.agents.process import find_program


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """name: what it is called here when it is added. command: its program and arguments. title: for people."""

    name: str
    title: str
    command: tuple[str, ...]


KNOWN: tuple[KnownAgent, ...] = (
    KnownAgent("claude-code", "Claude Code", ("claude-agent-acp",)),
    KnownAgent("claude-code", "Claude Code", ("claude-code-acp",)),
    KnownAgent("codex", "Codex", ("codex-acp",)),
    KnownAgent("gemini", "Gemini CLI", ("gemini", "--experimental-acp")),
    KnownAgent("opencode", "opencode", ("opencode", "acp")),
    KnownAgent("qwen", "Qwen Code", ("qwen", "--acp")),
    KnownAgent("vibe", "Mistral Vibe", ("vibe-acp",)),
    KnownAgent("goose", "Goose", ("goose", "acp")),
    KnownAgent("cursor", "Cursor", ("cursor-agent", "acp")),
    KnownAgent("kimi", "Kimi CLI", ("kimi", "acp")),
)
"""Of one name the first that is installed counts."""


def installed(path: str | None = None) -> Sequence[KnownAgent]:
    """The known agents whose program is there. path: as PATH has it, None for the one of this process."""
    found: dict[str, KnownAgent] = {}
    for agent in KNOWN:
        if agent.name not in found and find_program(agent.command[0], path or os.environ.get("PATH")) is not None:
            found[agent.name] = agent
    return list(found.values())
