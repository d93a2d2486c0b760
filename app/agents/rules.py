"""Rules that hold an agent, also where nobody is asked: a JSON file, or the defaults.

    {"tools": ["list", "read", "search", "write", "edit", "run", "remember"], "commands": ["python3", "git diff"],
     "paths": ["src/**"], "network": false, "tool_chains": ["/opt/node"], "checks": ["python3 -m pytest -q"],
     "steps": 40, "seconds": 900, "tokens": 500000, "command_seconds": 120, "attempts": 3, "processes": 512,
     "repeats": 3, "unconfined": false, "servers": ["github"]}

All keys are optional. `commands`: how a command may begin; null allows every command. `paths`: globs of the
files that may be changed; null means all of the workspace. `checks`: commands that must succeed before a task
counts as done. `unconfined`: run commands even where there is no sandbox. `servers`: MCP servers whose tools may be
used; null means all, and a task without a word about it has none.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from app.agents.command_line import simple_commands
from app.errors import UserError

TASK_COMMANDS = (
    "awk", "basename", "cargo", "cat", "cd", "cmp", "cp", "cut", "date", "diff", "dirname", "du",
    "echo", "false", "file", "find", "gcc", "git diff", "git log", "git show", "git status", "go",
    "grep", "head", "ls", "make", "mkdir", "mv", "node", "npm", "printf", "pwd", "pytest", "python",
    "python3", "rg", "sed", "seq", "sleep", "sort", "tail", "test", "touch", "tr", "tree", "true",
    "uniq", "wc", "which",
)  # fmt: skip


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the module. Times are seconds; `tokens` counts input and output of the whole turn."""

    tools: tuple[str, ...] = ("list", "read", "search", "write", "edit", "run", "remember")
    commands: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    network: bool = False
    tool_chains: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    steps: int = 40
    seconds: float = 900
    tokens: int = 500_000
    command_seconds: float = 120
    attempts: int = 3
    processes: int = 512
    """How many a command may have at once, inside the sandbox; the system does not hold root to it."""
    repeats: int = 3
    """How often the very same tool call is answered in one turn before it is refused."""
    unconfined: bool = False
    servers: tuple[str, ...] | None = None

    def allow_server(self, name: str) -> bool:
        """Whether the tools of an MCP server may be used."""
        return self.servers is None or name in self.servers

    def refuse_command(self, command: str) -> str | None:
        """Why the command line may not run, or None."""
        if self.commands is None:
            return None
        parts = simple_commands(command)
        if parts is None:
            return "The rules allow only plain commands: no substitution, no shell keywords."
        for words in parts:
            if not any(words[: len(allowed)] == allowed for allowed in (tuple(c.split()) for c in self.commands)):
                return f"The rules do not allow the command '{words[0]}'."
        return None

    def refuse_change(self, path: str) -> str | None:
        """Why the file at a workspace-relative path may not be changed, or None."""
        if self.paths is None or any(fnmatchcase(path, pattern) for pattern in self.paths):
            return None
        return f"The rules do not allow changing '{path}'."


TASK_RULES = Rules(commands=TASK_COMMANDS, servers=())


def load_rules(path: Path) -> Rules:
    """Rules from a JSON file.

    What it leaves out is as for every task. Raises UserError that names the wrong key.
    """
    try:
        data = msgspec.json.decode(path.read_bytes())
        if not isinstance(data, dict):
            raise UserError(f"The rules file {path} must hold one JSON object.")
        return msgspec.convert({"commands": TASK_COMMANDS, "servers": ()} | data, Rules)
    except OSError as error:
        raise UserError(f"The rules file {path} cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise UserError(f"The rules file {path} is not right: {error}.") from error
