"""`lovelace open`: what a link names or shares."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.sessions.links import InviteLink, parse_link

if TYPE_CHECKING:
    from app.network.opening import Opened

cli = group("")


@cli.command("open")
def open_link(
    context: typer.Context,
    link: Annotated[str, typer.Argument(metavar="LINK", help="A lovelace: link, or one that shares on a web page.")],
) -> None:
    """Open what a link names: a session of your own, or one that others share, which you can then read here.

    Opening a shared link again brings what is new. 'sessions delete' removes it from this device. The link of an invite
    asks to join its workspace.
    """
    call = call_of(context)
    wanted = parse_link(link)
    if isinstance(wanted, InviteLink):
        from app.cli.members import ask_to_join

        return ask_to_join(call, wanted.text)
    from app.network import opening
    from app.network.reaching import reaching

    with call.workspace() as workspace, call.out.activity() as activity:

        async def run() -> Opened:
            async with reaching(workspace) as connect:
                return await opening.open_link(
                    workspace, wanted, connect, lambda done, total: activity.say("Bringing", done, total)
                )

        opened = asyncio.run(run())
    if call.out.json:
        call.out.value(opened.to_json())
        return
    call.out.line(f"{opened.title}  {opened.session}")
    what = "It can only be read. " if opened.kind == "copy" else ""
    call.out.remark(f"{what}lovelace sessions show {opened.session}")
