"""`lovelace export`: sessions as one JSON file that loses nothing, or as Markdown to read."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal, cast

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import UsageError
from app.cli.show import find_session
from app.errors import UserError

if TYPE_CHECKING:
    from app.cli.output import Output
    from app.sessions.queries import Queries
    from app.sessions.views import SessionRow
    from app.workspace import Workspace

cli = group("")

Format = Literal["json", "markdown"]


@cli.command()
def export(
    context: typer.Context,
    format: Annotated[Format, typer.Option(help="json imports again; markdown is for reading.")],
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Without any, the most recent session.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="The whole workspace, archived included, trash not.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Write here instead of printing.")] = None,
) -> None:
    """Write sessions to a file, or print them."""
    if all and sessions:
        raise UsageError("Give ids or --all, not both.")
    call = call_of(context)
    with call.workspace() as workspace:
        rows = _chosen(workspace, sessions or [], all=all)
        if format == "json":
            _export_json(call, workspace, rows, out)
        else:
            _export_markdown(call, workspace, rows, out)


def _chosen(workspace: Workspace, ids: list[str], *, all: bool) -> list[SessionRow]:
    from app.sessions.filters import SessionFilter

    if all:
        return workspace.read(lambda queries: queries.sessions(SessionFilter(archived=None)))
    if not ids:
        return [find_session(workspace, None)]
    rows = [find_session(workspace, part) for part in ids]
    return list({row.id: row for row in rows}.values())


def _export_json(call: Call, workspace: Workspace, rows: list[SessionRow], out: Path | None) -> None:
    from app.sessions.archive import write_archive

    if out is None:
        printed = cast(IO[str], _Printed(call.out))
        workspace.read(lambda queries: write_archive(queries, rows, printed))
        return
    with _new_file(out) as file:
        events = workspace.read(lambda queries: write_archive(queries, rows, file))
    _done(call, rows, out, f"{events:,} events of ", events=events)


def _export_markdown(call: Call, workspace: Workspace, rows: list[SessionRow], out: Path | None) -> None:
    """One session: PATH is a file, or printed. Several: PATH is a folder that gets one file each."""
    if len(rows) == 1:
        _export_one_markdown(call, workspace, rows[0], out)
        return
    if out is None:
        raise UsageError("Several sessions as Markdown need --out FOLDER.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {out} cannot be made: {error.strerror}.") from error
    for row in rows:
        with _new_file(out / _file_name(row)) as file:
            _write_markdown(workspace, row, file.write)
    _done(call, rows, out, "")


def _export_one_markdown(call: Call, workspace: Workspace, row: SessionRow, out: Path | None) -> None:
    if out is not None:
        target = out / _file_name(row) if out.is_dir() else out
        with _new_file(target) as file:
            _write_markdown(workspace, row, file.write)
        _done(call, [row], target, "")
    elif call.out.json:
        pieces: list[str] = []
        _write_markdown(workspace, row, pieces.append)
        call.out.done([row.id], "", text="".join(pieces))
    else:
        _write_markdown(workspace, row, call.out.write)


def _write_markdown(workspace: Workspace, row: SessionRow, write: Callable[[str], object]) -> None:
    from app.sessions.markdown import session_markdown

    def read(queries: Queries) -> None:
        for piece in session_markdown(row, queries.iterate(row.id), queries.note(row.id)):
            write(piece)

    workspace.read(read)


def _file_name(row: SessionRow) -> str:
    """A name that says what is inside and is unique: from the title and the id."""
    words = re.sub(r"[^\w-]+", "-", row.title).strip("-")[:60]
    return f"{words or 'session'}-{row.id}.md"


def _done(call: Call, rows: list[SessionRow], out: Path, what: str, **more: object) -> None:
    count = "1 session" if len(rows) == 1 else f"{len(rows)} sessions"
    call.out.done([row.id for row in rows], f"Wrote {what}{count} to {out}.", path=str(out.absolute()), **more)


class _Printed:
    """The part of a text stream that writers of exports use, on stdout."""

    def __init__(self, out: Output) -> None:
        self.write: Callable[[str], None] = out.copy


@contextmanager
def _new_file(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name, readable by its owner only, when all of it has been written."""
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        Path(partial).unlink(missing_ok=True)
