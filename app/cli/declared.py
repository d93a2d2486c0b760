"""Command-line commands made from the declarations in `app.commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import typer

from app.cli.call import Call

if TYPE_CHECKING:
    from app.commands.command import Command
    from app.workspace import Workspace


def group(help_text: str) -> typer.Typer:
    """A Typer application for one group of commands, in the form that the root group imports."""
    return typer.Typer(help=help_text, add_completion=False, rich_markup_mode=markup())


def markup() -> Literal["rich"] | None:
    """How help is set: with rich on a terminal, plain in a pipe."""
    return "rich" if sys.stdout.isatty() else None


def find_sessions(workspace: Workspace, ids: Sequence[str]) -> list[str]:
    """Full ids of sessions given by unique prefixes, each once. Raises `NotFound`."""
    return list(dict.fromkeys(workspace.read(lambda queries: [queries.session(part).id for part in ids])))


def run_on_sessions(call: Call, command: Command, ids: Sequence[str], done: str, text: str = "") -> None:
    """Run a command on sessions in one transaction and report what changed.

    done: the sentence for people; `{what}` becomes "1 session" or "3 sessions".
    """
    with call.workspace() as workspace:
        sessions = find_sessions(workspace, ids)
        changed = list(workspace.write(lambda operations: command.run(operations, sessions, text)))
    what = "1 session" if len(changed) == 1 else f"{len(changed)} sessions"
    call.out.done(changed, done.format(what=what))
