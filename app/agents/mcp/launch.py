"""What is really started or called for a server: variables filled in, environment and folder chosen.

Filled in, as the programs do whose files are imported: `${NAME}`, `${NAME:-default}`, `${env:NAME}`,
`${workspaceFolder}`, `${userHome}`, `${pathSeparator}`, and `~` at the beginning of a command, an argument or a folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.agents.mcp.config import ServerConfig
from app.errors import AgentError

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_INHERITED = frozenset(
    "HOME LOGNAME PATH SHELL TERM USER LANG LC_ALL LC_CTYPE TZ TMPDIR XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME "
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS "
    "APPDATA HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT PROCESSOR_ARCHITECTURE SYSTEMDRIVE SYSTEMROOT TEMP USERNAME "
    "USERPROFILE COMSPEC PROGRAMFILES".split()
)
"""Of the person's environment a server gets these; tokens for other programs are none of its business."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to start. secrets: values that must not be told to anyone."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """An address to call. secrets: as in `Launch`."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def plan(
    config: ServerConfig,
    *,
    folders: Sequence[Path] = (),
    secrets: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Launch | Address:
    """What to start or call. config: with its secrets. folders: of the workspace.

    Raises AgentError where a value or the program is missing.
    """
    variables = os.environ if environment is None else environment
    home = Path(variables.get("HOME") or Path.home())
    filling = _Filling(config.name, variables, home, folders[0] if folders else None)
    if config.url is not None:
        headers = {name: filling.fill(value or "") for name, value in config.headers.items()}
        return Address(config.name, filling.fill(config.url), headers, tuple(secrets))
    own = {name: filling.fill(value or "") for name, value in config.env.items()}
    env = {name: value for name, value in variables.items() if name in _INHERITED} | own
    cwd = _folder(config, filling, folders, home)
    words = [filling.path(word or "") for word in (config.command, *config.args)]
    program = _program(config.name, words[0], env, cwd)
    return Launch(config.name, (program, *words[1:]), env, cwd, tuple(secrets))


def _folder(config: ServerConfig, filling: _Filling, folders: Sequence[Path], home: Path) -> Path:
    """The folder to start in: the configured one, else the workspace's first, else the person's own."""
    if config.cwd is not None:
        cwd = Path(filling.path(config.cwd))
        if not cwd.is_dir():
            raise AgentError(f"The MCP server '{config.name}' cannot be started: its folder {cwd} is not there.")
        return cwd
    return next((folder for folder in folders if folder.is_dir()), home if home.is_dir() else Path.cwd())


def _program(name: str, command: str, env: Mapping[str, str], cwd: Path) -> str:
    """The full path of the program. A relative path with a slash is relative to the folder it starts in."""
    found = shutil.which(str(cwd / command) if "/" in command else command, path=env.get("PATH"))
    if found is None:
        raise AgentError(
            f"The MCP server '{name}' cannot be started: there is no program '{command}'. Install it, or add the "
            "server anew with the right command."
        )
    return found


@dataclass(frozen=True, slots=True)
class _Filling:
    """Fills in variables."""

    name: str
    variables: Mapping[str, str]
    home: Path
    folder: Path | None

    def fill(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: self._value(found[1]), text)

    def path(self, text: str) -> str:
        filled = self.fill(text)
        return str(self.home) + filled[1:] if filled == "~" or filled.startswith("~/") else filled

    def _value(self, variable: str) -> str:
        fixed = {"userHome": str(self.home), "pathSeparator": os.sep, "/": os.sep}
        if self.folder is not None:
            fixed |= {"workspaceFolder": str(self.folder), "workspaceFolderBasename": self.folder.name}
        if variable in fixed:
            return fixed[variable]
        name, has_default, default = variable.removeprefix("env:").partition(":-")
        value = None if variable.startswith("input:") else self.variables.get(name)
        if value is not None:
            return value
        if has_default:
            return default
        raise AgentError(
            f"The MCP server '{self.name}' needs a value for ${{{variable}}}, and there is none here. Set the "
            "variable, or add the server anew with the value."
        )
