"""`lovelace workspace …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.text import SHORT_ID
from app.commands import workspaces as commands
from app.errors import NotFound, UserError

if TYPE_CHECKING:
    from app.sessions.views import WorkspaceRow
    from app.workspace import Workspace

cli = group("Workspaces: the boundaries of sessions, members and keys.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name.")]


@cli.command("list")
def list_workspaces(context: typer.Context) -> None:
    """List the workspaces of this installation."""
    call = call_of(context)
    with call.workspace() as workspace:
        rows = workspace.read(lambda queries: queries.workspaces())
    if call.out.json:
        call.out.value([row.to_json() for row in rows])
        return
    short = SHORT_ID if call.out.terminal else None
    call.out.table(
        ["", "ID", "NAME", "SESSIONS", "FOLDERS"],
        (
            ("*" if row.current else "", row.id[:short], row.name, str(row.sessions), " ".join(row.folders))
            for row in rows
        ),
    )


@cli.command(help=commands.CREATE.help)
def create(context: typer.Context, name: Name) -> None:
    """Print the new workspace."""
    call = call_of(context)
    with call.workspace() as workspace:
        [created] = workspace.write(lambda operations: commands.CREATE.run(operations, [], _named(name)))
        _print_one(call, workspace, created)


@cli.command("open", help=commands.OPEN.help)
def open_folder(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An existing folder.")],
) -> None:
    """Print the workspace that has the folder now."""
    call = call_of(context)
    path = _existing(folder)
    with call.workspace() as workspace:
        [opened] = workspace.write(lambda operations: commands.OPEN.run(operations, [], str(path)))
        _print_one(call, workspace, opened)


@cli.command(help=commands.RELINK.help)
def relink(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the folder is now.")],
) -> None:
    """Print the workspace, which has the folder now."""
    call = call_of(context)
    path = _existing(folder)
    with call.workspace() as workspace:
        chosen = workspace.id
        workspace.write(lambda operations: commands.RELINK.run(operations, [chosen], str(path)))
        _print_one(call, workspace, chosen)


@cli.command(help=commands.SWITCH.help)
def switch(context: typer.Context, name: Name) -> None:
    """Report the workspace that is current now."""
    call = call_of(context)
    with call.workspace() as workspace:
        row = workspace.read(lambda queries: queries.resolve_workspace(name))
        workspace.write(lambda operations: commands.SWITCH.run(operations, [row.id], ""))
    call.out.done([row.id], f"{row.name} is the current workspace.")


@cli.command()
def show(context: typer.Context) -> None:
    """Show the workspace of this call."""
    call = call_of(context)
    with call.workspace() as workspace:
        _print_one(call, workspace, workspace.id)


@cli.command(help=commands.RENAME.help)
def rename(context: typer.Context, name: Name) -> None:
    """Rename the workspace of this call."""
    call = call_of(context)
    with call.workspace() as workspace:
        chosen = workspace.id
        workspace.write(lambda operations: commands.RENAME.run(operations, [chosen], _named(name)))
    call.out.done([chosen], "Renamed.")


def _existing(folder: Path) -> Path:
    path = folder.absolute().resolve()
    if not path.is_dir():
        raise UserError(f"There is no folder {path}. Make it first, or name another one.")
    return path


def _named(name: str) -> str:
    if not name.strip():
        raise UserError("A workspace needs a name that is not empty.")
    return name.strip()


def _print_one(call: Call, workspace: Workspace, id: str) -> None:
    row = _row(workspace, id)
    if call.out.json:
        call.out.value(row.to_json())
        return
    call.out.line(f"{row.name}  {row.id}" + ("  (current)" if row.current else ""))
    call.out.line(f"{row.sessions} sessions")
    for folder in row.folders:
        call.out.line(folder if Path(folder).is_dir() else f"{folder}  (gone: 'lovelace workspace relink DIR')")


def _row(workspace: Workspace, id: str) -> WorkspaceRow:
    for row in workspace.read(lambda queries: queries.workspaces()):
        if row.id == id:
            return row
    raise NotFound(f"The workspace {id} has gone.")
