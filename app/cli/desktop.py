"""`lovelace desktop`: the window."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.cli.opening import open_window

cli = group("")


@cli.command()
def desktop(
    context: typer.Context,
    link: Annotated[str | None, typer.Argument(metavar="[LINK]", help="A lovelace: link to open.")] = None,
) -> int:
    """Open the window."""
    return open_window(call_of(context), link)
