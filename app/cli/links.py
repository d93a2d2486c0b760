"""`lovelace links …`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.cli.text import SHORT_ID
from app.cli.times import time_format

cli = group("Links that this device issued: they let others read a session.")


@cli.command("list")
def list_links(context: typer.Context) -> None:
    """List all links, also those that have ended or whose session is gone."""
    call = call_of(context)
    with call.workspace() as workspace:
        now = workspace.clock.now_ms()
        rows = workspace.read(lambda queries: queries.links(now))
    if call.out.json:
        call.out.value([row.to_json() for row in rows])
        return
    short, shown = SHORT_ID if call.out.terminal else None, time_format(call.out)
    call.out.table(
        ["ID", "STATE", "SESSION", "TITLE", "CREATED", "EXPIRES", "ONCE", "USED", "PLACES"],
        (
            (
                row.id[:short],
                row.state,
                row.session[:short],
                row.title,
                shown(row.created),
                "" if row.expires is None else shown(row.expires),
                "once" if row.once else "",
                "" if row.used is None else shown(row.used),
                " ".join(row.places),
            )
            for row in rows
        ),
    )
    for row in rows:
        for trouble in row.troubles:
            call.out.remark(f"{row.id[:SHORT_ID]}: {trouble}")


@cli.command()
def revoke(
    context: typer.Context,
    link: Annotated[str, typer.Argument(metavar="LINK", help="The link, or its id from 'links list'.")],
) -> None:
    """Give a link to nobody any more and delete its published copies."""
    call = call_of(context)
    from app.network.sharing import find_issued
    from app.network.sharing import revoke as revoke_link

    with call.workspace() as workspace:
        found = find_issued(workspace, link)
        troubles = asyncio.run(revoke_link(workspace, found))
    call.out.done([found.id.hex()], "Revoked. Who has opened it keeps what they read.", troubles=troubles)
    for trouble in troubles:
        call.out.remark(f"The copy there could not be deleted yet, and will be. {trouble}")
