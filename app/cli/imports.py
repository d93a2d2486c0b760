"""`lovelace import`: sessions that other tools left on the disk, and exports of Lovelace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import UsageError
from app.commands.importing import Format

if TYPE_CHECKING:
    from app.commands.importing import Totals

cli = group("")

_SHOWN_SKIPPED = 10


@cli.command("import")
def import_(
    context: typer.Context,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SOURCE]…", help="Files and folders; none: where the tools keep theirs."),
    ] = None,
    format: Annotated[Format, typer.Option(help="auto looks into each file.")] = "auto",
    by_folder: Annotated[
        bool, typer.Option("--by-folder", help="One workspace per source folder instead of this one.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is written to them; one report each time.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would come, change nothing.")] = False,
) -> None:
    """Bring in sessions of other tools, and exports of Lovelace; repeated, nothing comes twice."""
    from app.commands.importing import bring_in, find

    call = call_of(context)
    if follow:
        _follow(call, sources or [], format, by_folder=by_folder, dry_run=dry_run)
        return
    found = find(sources or [], format)
    with call.workspace() as workspace, call.out.progress("Importing", found.size) as advance:
        total = bring_in(workspace, found, by_folder=by_folder, dry_run=dry_run, progress=advance)
    report(call, total)


def _follow(call: Call, places: list[Path], format: Format, *, by_folder: bool, dry_run: bool) -> None:
    """Bring in the exports that are there, and keep up with transcripts until the person or the system ends that."""
    from app.cli.follow import follow
    from app.commands.importing import Found, Totals, bring_in, find_archives
    from app.importers.registry import FORMATS, possible_places

    if dry_run:
        raise UsageError("--follow writes what comes; --dry-run only goes with an import that ends.")
    if format == "lovelace":
        raise UsageError("--follow is for transcripts that grow; an export of Lovelace is complete.")
    tools = FORMATS if format == "auto" else [format]
    looked = [place.absolute() for place in places] or possible_places(formats=tools)
    with call.workspace() as workspace:
        first = Totals()
        if format == "auto":
            archives = Found(find_archives([place for place in looked if os.path.exists(place)]), ())
            with call.out.progress("Importing", archives.size) as advance:
                first = bring_in(workspace, archives, progress=advance)
        wanted = None if format == "auto" else format
        follow(call, workspace, looked, wanted, by_folder=by_folder, first=first)


def report(call: Call, total: Totals) -> None:
    """Print what came: an object with `--json`, else a sentence and what was passed over."""
    if call.out.json:
        call.out.value({**total.counts, "skipped": total.skipped})
        return
    call.out.line(total.sentence())
    for line in total.skipped[:_SHOWN_SKIPPED]:
        call.out.remark(f"skipped {line['source']}:{line['line']}: {line['reason']}")
    if len(total.skipped) > _SHOWN_SKIPPED:
        call.out.remark(f"… and {len(total.skipped) - _SHOWN_SKIPPED} more; --json lists them")
