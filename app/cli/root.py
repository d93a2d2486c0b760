"""The root command: every other command is imported only when it is named (start-up counts)."""

from __future__ import annotations

from importlib import import_module
from inspect import Parameter, Signature
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from app.cli.arguments import FLAGS, VALUES
from app.cli.call import call_of
from app.cli.declared import command_of, markup
from app.cli.values import use_plain_values

COMMANDS = {
    "desktop": "app.cli.desktop",
    "init": "app.cli.init",
    "chat": "app.cli.chat",
    "task": "app.cli.task",
    "workflow": "app.cli.workflow",
    "sessions": "app.cli.sessions",
    "search": "app.cli.search",
    "export": "app.cli.exports",
    "import": "app.cli.imports",
    "workspace": "app.cli.workspaces",
    "share": "app.cli.share",
    "links": "app.cli.links",
    "open": "app.cli.open",
    "agents": "app.cli.agents",
    "models": "app.cli.models",
    "mcp": "app.cli.mcp",
    "memory": "app.cli.memory",
    "policy": "app.cli.policy",
    "members": "app.cli.members",
    "devices": "app.cli.devices",
    "sync": "app.cli.sync",
    "mailbox": "app.cli.mailbox",
    "keys": "app.cli.keys",
    "doctor": "app.cli.doctor",
    "backup": "app.cli.backup",
    "restore": "app.cli.restore",
    "rebuild": "app.cli.rebuild",
}
"""Name of a command or group, and the module whose `cli` (a `typer.Typer`) it is."""

UNLISTED = {"background": "app.cli.background"}
"""The same for what the program starts by itself, and no help names."""


class LazyGroup(TyperGroup):
    """A group that imports a command when it is asked for."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = COMMANDS | UNLISTED
        if cmd_name not in self.commands and cmd_name in known:
            command = command_of(import_module(known[cmd_name]).cli)
            command.name = cmd_name
            self.add_command(command, cmd_name)
        return self.commands.get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)


def root_command() -> Any:
    """The whole program as one command; called with a `Call` as the context's object."""
    use_plain_values()
    root = typer.Typer(cls=LazyGroup, rich_markup_mode=markup())
    root.callback(invoke_without_command=True)(_start)
    return get_command(root)


def _start(context: typer.Context, **_globals: Any) -> int | None:
    """Sessions of people and AI agents working together: recorded, encrypted, found again.

    Without a command: the desktop, or the terminal chat where there is no display.
    """
    if context.invoked_subcommand is not None:
        return None
    from app.cli.opening import start

    return start(call_of(context))


def _global_parameters() -> list[Parameter]:
    """The global options as parameters, for help and completion; `arguments.split` takes their values."""
    options = [
        (name, str | None, typer.Option(None, name, metavar=hint, help=text)) for name, (hint, text) in VALUES.items()
    ]
    flags = [(name, bool, typer.Option(False, name, help=text)) for name, text in FLAGS.items()]
    return [
        Parameter(name[2:].replace("-", "_"), Parameter.KEYWORD_ONLY, default=option, annotation=kind)
        for name, kind, option in [*options, *flags]
    ]


_start.__signature__ = Signature(  # type: ignore[attr-defined]
    [Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context), *_global_parameters()]
)
