"""`lovelace task`: an agent works on its own, within rules, until it has a conclusion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.cli.errors import UsageError

cli = group("")


@cli.command()
def task(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be done.")],
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Who does it; see agents list.")] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON file: tools, commands, paths, limits, checks.")
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Print the session's id and go on without this terminal.")
    ] = False,
) -> None:
    """Let an agent do something in this folder: planned, done, verified, concluded."""
    if not text.strip():
        raise UsageError("The text is empty.")
    from app.cli.tasks import TaskWish, run_task, start_in_background

    wish = TaskWish(text, agent, rules.absolute() if rules else None)
    if background:
        start_in_background(call_of(context), wish)
    else:
        run_task(call_of(context), wish)
