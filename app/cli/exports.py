"""`lovelace export`: sessions as one JSON file that loses nothing, or in a form to read or work with elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import UsageError
from app.cli.show import find_session, remark_missing
from app.errors import UserError
from app.sessions.exporting import Printed, export_file, export_folder, file_name, revealing
from app.sessions.formats.registry import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.sessions.formats.format import Format
    from app.sessions.views import SessionRow
    from app.workspace import Workspace

    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]

cli = group("")

_ABOUT = "; ".join(f"{format.name}: {format.about}" for format in FORMATS.values()) + "."


@cli.command()
def export(
    context: typer.Context,
    format: Annotated[FormatName, typer.Option(help=_ABOUT)],
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Without any, the most recent session.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="The whole workspace, archived included, trash not.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Write here instead of printing.")] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal/--redact", help="With the secrets that were kept out, or placeholders for them.")
    ] = False,
) -> None:
    """Write sessions to a file, or print them."""
    if all and sessions:
        raise UsageError("Give ids or --all, not both.")
    call = call_of(context)
    if reveal and not call.confirm("Write keys, tokens and passwords in the clear?"):
        raise UserError("Nothing was written.")
    chosen = _revealing(FORMATS[format]) if reveal else FORMATS[format]
    with call.workspace() as workspace:
        rows = _chosen(workspace, sessions or [], all=all)
        remark_missing(call.out, workspace, [row.id for row in rows])
        if out is None:
            _print(call, workspace, chosen, rows)
        elif chosen.together or (len(rows) == 1 and not out.is_dir()):
            _write_file(call, workspace, chosen, rows, out)
        else:
            _write_folder(call, workspace, chosen, rows, out)


def _revealing(format: Format) -> Format:
    """The same format, with secrets."""
    return replace(format, write=lambda queries, rows, out: format.write(revealing(queries), rows, out))


def _chosen(workspace: Workspace, ids: list[str], *, all: bool) -> list[SessionRow]:
    from app.sessions.filters import SessionFilter

    if all:
        return workspace.read(lambda queries: queries.sessions(SessionFilter(archived=None)))
    if not ids:
        return [find_session(workspace, None)]
    rows = [find_session(workspace, part) for part in ids]
    return list({row.id: row for row in rows}.values())


def _print(call: Call, workspace: Workspace, format: Format, rows: list[SessionRow]) -> None:
    """On stdout; with --json only what is JSON itself, other text inside of it."""
    if len(rows) != 1 and not format.together:
        raise UsageError(f"Several sessions as {format.name} need --out FOLDER.")
    if format.binary:
        _print_bytes(call, workspace, format, rows)
    elif call.out.json and not format.together:
        pieces: list[str] = []
        _write(workspace, format, rows, pieces.append)
        call.out.done([row.id for row in rows], "", text="".join(pieces))
    else:
        _write(workspace, format, rows, call.out.copy)


def _print_bytes(call: Call, workspace: Workspace, format: Format, rows: list[SessionRow]) -> None:
    if call.out.json or call.out.terminal:
        raise UsageError(f"A session as {format.name} is no text: name a file with --out PATH, or pipe it.")
    _write(workspace, format, rows, call.out.copy_bytes)


def _write_file(call: Call, workspace: Workspace, format: Format, rows: list[SessionRow], path: Path) -> None:
    with call.out.progress("Written:") as advance:
        events = workspace.read(lambda queries: export_file(queries, format, rows, path, advance))
    _done(call, rows, path, events)


def _write_folder(call: Call, workspace: Workspace, format: Format, rows: list[SessionRow], folder: Path) -> None:
    """One file for each session, in a folder that may be new. Of one session the path reported is its file."""
    with call.out.progress("Exporting", len(rows)) as advance:
        events = workspace.read(lambda queries: export_folder(queries, format, rows, folder, advance))
    _done(call, rows, folder / file_name(rows[0], format) if len(rows) == 1 else folder, events)


def _write(workspace: Workspace, format: Format, rows: list[SessionRow], write: Callable[[Any], object]) -> None:
    workspace.read(lambda queries: format.write(queries, rows, cast(IO[Any], Printed(write))))


def _done(call: Call, rows: list[SessionRow], path: Path, events: int) -> None:
    count = "1 session" if len(rows) == 1 else f"{len(rows)} sessions"
    sentence = f"Wrote {events:,} events of {count} to {path}."
    call.out.done([row.id for row in rows], sentence, path=str(path.absolute()), events=events)
