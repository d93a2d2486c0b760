"""`lovelace workflow …`: steps from a YAML file, checked, run, and gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.cli.errors import FAILED
from app.errors import UserError

cli = group("Run steps from a YAML file: commands, checks, edits, prompts to agents. See docs/workflows.md.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A workflow: a YAML file.")]
Background = Annotated[
    bool, typer.Option("--background", help="Print the session's id and go on without this terminal.")
]


@cli.command()
def run(
    context: typer.Context,
    file: File,
    var: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Give an input; may be repeated.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Who answers prompts that name nobody.")] = None,
    background: Background = False,
) -> None:
    """Do what a workflow says, in this folder and in a session of its own."""
    from app.cli.workflows import WorkflowWish, run_workflow

    run_workflow(call_of(context), WorkflowWish(file, tuple(var or ()), agent, background))


@cli.command()
def resume(
    context: typer.Context,
    session: Annotated[str, typer.Argument(metavar="ID", help="Its session, or a unique beginning of the id.")],
    background: Background = False,
) -> None:
    """Go on with a workflow that waited, was interrupted, or whose program ended."""
    from app.cli.workflows import resume_workflow

    resume_workflow(call_of(context), session, background=background)


@cli.command()
def check(context: typer.Context, file: File) -> None:
    """Say everything that is wrong with a workflow, with its lines; nothing is run."""
    from app.agents.workflow.parsing import load_workflow
    from app.agents.workflow.problems import listed

    out = call_of(context).out
    parsed = load_workflow(file)
    if out.json:
        problems = [problem.to_json() for problem in parsed.problems]
        out.value({"ok": not problems, "file": str(file), "problems": problems})
        if problems:
            raise typer.Exit(FAILED)
    elif parsed.workflow is None:
        raise UserError(listed(parsed.problems, parsed.file))
    else:
        count = len(parsed.workflow.steps)
        out.line(f"{file} is right: '{parsed.workflow.name.strip()}', {count} step{'' if count == 1 else 's'}.")
