"""Reads the files in which other programs keep their MCP servers: Claude Desktop, VS Code, Claude Code, Cursor, ….

What a file is, its content says: an object `mcpServers` (Claude, Cursor, …), `servers` (VS Code's mcp.json), or `mcp`
with `servers` in it (VS Code's settings.json). VS Code allows comments and trailing commas.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from app.agents.mcp.config import ServerConfig, check
from app.errors import UserError

MAX_BYTES = 4 << 20
MAX_SERVERS = 500
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_WEB_TYPES = ("http", "streamable-http", "streamablehttp", "streamable_http")
_INPUT = re.compile(r"\$\{input:([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A server that cannot be taken over, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundServers:
    """What a file has. notes: what the person should know of servers that are taken over, by their names."""

    servers: tuple[ServerConfig, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


def read_servers(path: Path) -> FoundServers:
    """The servers of a file. Raises UserError when it has none or cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"The file {path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"The file {path} is too large to be a list of MCP servers.")
    return parse_servers(data, str(path))


def parse_servers(data: bytes, source: str) -> FoundServers:
    """The servers of a file's content; source: its name, for errors."""
    entries = _entries(_decode(data, source))
    if entries is None:
        raise UserError(f"{source} has no MCP servers: there is no object 'mcpServers' or 'servers' in it.")
    if len(entries) > MAX_SERVERS:
        raise UserError(f"{source} has {len(entries):,} MCP servers; at most {MAX_SERVERS} are taken over at once.")
    servers, skipped, notes = [], [], {}
    for name, entry in entries.items():
        try:
            config = _server(name, entry)
        except UserError as error:
            skipped.append(Skipped(name, str(error)))
            continue
        servers.append(config)
        if inputs := _inputs(config):
            notes[name] = f"It asks for {', '.join(inputs)} there; add it anew with the value before you use it."
    return FoundServers(tuple(servers), tuple(skipped), notes)


def known_files(home: Path | None = None, environment: Mapping[str, str] | None = None) -> list[Path]:
    """Files of other programs that are here, where these programs keep them."""
    home = home or Path.home()
    variables = os.environ if environment is None else environment
    if sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(variables.get("APPDATA") or home / "AppData" / "Roaming")
    else:
        base = Path(variables.get("XDG_CONFIG_HOME") or home / ".config")
    places = [
        base / "Claude" / "claude_desktop_config.json",
        base / "Code" / "User" / "mcp.json",
        base / "Code" / "User" / "settings.json",
        home / ".claude.json",
        home / ".cursor" / "mcp.json",
    ]
    return [place for place in places if _has_servers(place)]


def _has_servers(path: Path) -> bool:
    try:
        return bool(read_servers(path).servers)
    except UserError:
        return False


def _decode(data: bytes, source: str) -> Any:
    try:
        text = data.decode("utf-8-sig")
        plain = _COMMA.sub(lambda found: found[1] or "", _COMMENT.sub(lambda found: found[1] or " ", text))
        return msgspec.json.decode(plain)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{source} is not JSON: {error}.") from error


def _entries(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("mcp")
    for found in (
        value.get("mcpServers"),
        value.get("servers"),
        inner.get("servers") if isinstance(inner, dict) else None,
    ):
        if isinstance(found, dict):
            return found
    return None


def _server(name: str, entry: Any) -> ServerConfig:
    """One entry. Raises UserError that says why it cannot be taken over."""
    if not isinstance(entry, dict):
        raise UserError("The entry is not an object.")
    kind = str(entry.get("type") or entry.get("transport") or "").lower()
    url = entry.get("url") or entry.get("serverUrl") or entry.get("httpUrl")
    if kind == "sse":
        raise UserError("It speaks the old SSE transport; ask its makers for the address that speaks streamable HTTP.")
    if kind not in ("", "stdio", *_WEB_TYPES):
        raise UserError(f"It speaks '{kind[:40]}', which is not known.")
    if url is not None and kind != "stdio":
        config = ServerConfig(name=name, url=_text(url, "url"), headers=_texts(entry.get("headers"), "headers"))
    else:
        cwd = entry.get("cwd")
        config = ServerConfig(
            name=name,
            command=_text(entry.get("command"), "command"),
            args=tuple(_text(word, "args") for word in _list(entry.get("args"))),
            env=_texts(entry.get("env"), "env"),
            cwd=None if cwd is None else _text(cwd, "cwd"),
        )
    check(config)
    return config


def _text(value: Any, field: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise UserError(f"Its '{field}' is not a text." if value is not None else f"It has no '{field}'.")
    return str(value)


def _list(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise UserError("Its 'args' is not a list.")
    return value


def _texts(value: Any, field: str) -> dict[str, str | None]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"Its '{field}' is not an object.")
    return {str(name): _text(one, field) for name, one in value.items() if one is not None}


def _inputs(config: ServerConfig) -> list[str]:
    """Names of VS Code's questions that a configuration has in place of values."""
    texts = [config.url, config.command, *config.args, *config.env.values(), *config.headers.values()]
    return list(dict.fromkeys(name for text in texts if text for name in _INPUT.findall(text)))
