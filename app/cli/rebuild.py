"""`lovelace rebuild`: the lists and the search index again, from the documents."""

from __future__ import annotations

import typer

from app.cli.call import call_of
from app.cli.declared import group

cli = group("")


@cli.command()
def rebuild(context: typer.Context) -> None:
    """Make lists and search index again from the sessions' documents; nothing is lost."""
    call = call_of(context)
    call.out.remark("Rebuilding. This takes a while for many sessions.")
    with call.workspace() as workspace:
        events = workspace.write(lambda operations: operations.rebuild())
    call.out.done([], f"Lists and search index are new: {events:,} events.", events=events)
