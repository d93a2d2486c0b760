"""`lovelace init`: keys, an identity and the first workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group

cli = group("")


@cli.command()
def init(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Your name, as others will see it.")] = None,
) -> None:
    """Make keys and the workspace "Personal"; repeated, nothing changes."""
    call = call_of(context)
    with call.workspace(name) as workspace:
        called = workspace.settings.get("name")
        identifier, created = workspace.id, workspace.made
    call.out.done(
        [identifier],
        f"Made {call.home} for {called}." if created else f"{call.home} was made before; nothing changed.",
        id=identifier,
        name=called,
        home=str(call.home),
        created=created,
    )
