"""Command-line commands made from the declarations in `app.commands`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Literal

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_command_from_info, get_command_name, get_group

from app.cli.call import Call

if TYPE_CHECKING:
    from typer.models import CommandInfo

    from app.commands.command import Command
    from app.workspace import Workspace


def group(help_text: str) -> typer.Typer:
    """A Typer application for one group of commands, in the form that the root group imports."""
    return typer.Typer(cls=PatientGroup, help=help_text, add_completion=False, rich_markup_mode=markup())


class PatientGroup(TyperGroup):
    """A group that builds a command when it is asked for: seventeen take 20 ms, and most calls need one."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.unbuilt: dict[str, CommandInfo] = {}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        wanted = [cmd_name] if cmd_name in self.unbuilt else list(self.unbuilt)  # all of them, for suggestions
        if cmd_name not in self.commands:
            for name in wanted:
                self.add_command(_built(self.unbuilt[name]), name)
        return self.commands.get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.unbuilt, *(name for name in self.commands if name not in self.unbuilt)]


def command_of(app: typer.Typer) -> Any:
    """The command or group of commands that an application from `group` is."""
    if len(app.registered_commands) <= 1 and not app.registered_groups:
        return get_command(app)
    empty = copy(app)
    empty.registered_commands = []
    made = get_group(empty)
    assert isinstance(made, PatientGroup)
    for info in app.registered_commands:
        assert info.callback is not None
        made.unbuilt[info.name or get_command_name(info.callback.__name__)] = info
    return made


def _built(info: CommandInfo) -> Any:
    return get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=markup())


def markup() -> Literal["rich"] | None:
    """How help is set: with rich on a terminal, plain in a pipe."""
    return "rich" if sys.stdout.isatty() else None


def find_sessions(workspace: Workspace, ids: Sequence[str]) -> list[str]:
    """Full ids of sessions given by unique prefixes, each once. Raises `NotFound`."""
    return list(dict.fromkeys(workspace.read(lambda queries: [queries.session(part).id for part in ids])))


def run_on_sessions(
    call: Call,
    command: Command,
    ids: Sequence[str],
    done: str,
    text: str = "",
    after: Callable[[Workspace, Sequence[str]], None] = lambda _workspace, _changed: None,
) -> None:
    """Run a command on sessions in one transaction and report what changed.

    done: the sentence for people; `{what}` becomes "1 session" or "3 sessions". after: what else follows from it.
    """
    with call.workspace() as workspace:
        sessions = find_sessions(workspace, ids)
        changed = list(workspace.write(lambda operations: command.run(operations, sessions, text)))
        after(workspace, changed)
    what = "1 session" if len(changed) == 1 else f"{len(changed)} sessions"
    call.out.done(changed, done.format(what=what))
