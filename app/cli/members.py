"""`lovelace members …`: who is in the workspace of the call, and what they may do."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.text import SHORT_ID
from app.errors import UserError

cli = group("Members of a workspace: inviting, roles, removing.")

Who = Annotated[str, typer.Argument(metavar="WHO", help="A member: their name, id or a unique prefix of it.")]
RoleName = Literal["owner", "member", "reader"]


@cli.command("list")
def list_members(context: typer.Context) -> None:
    """List the members, and those who ask to be."""
    from app.network.members import members

    call = call_of(context)
    with call.workspace() as workspace:
        rows = members(workspace)
    if call.out.json:
        call.out.value([row.to_json() for row in rows])
        return
    short = SHORT_ID if call.out.terminal else None
    call.out.table(
        ["", "ID", "NAME", "ROLE", "DEVICES", "STATE"],
        (
            (
                "*" if row.you else "",
                (row.request or row.identity)[:short],
                row.name,
                f"{row.role}, founder" if row.founder else row.role,
                str(sum(device.state == "active" for device in row.devices)),
                row.state,
            )
            for row in rows
        ),
    )


@cli.command()
def invite(
    context: typer.Context,
    role: Annotated[RoleName, typer.Option(metavar="R", help="What they will be: owner, member or reader.")] = "member",
) -> None:
    """Make a link that lets one person ask to join."""
    from app.network.meeting import invite_here

    call = call_of(context)
    with call.workspace() as workspace:
        made = asyncio.run(invite_here(workspace, role))
    if call.out.json:
        call.out.value({"id": made.id, "role": made.role, "link": made.link})
        return
    call.out.line(made.link)
    call.out.remark(
        "Whoever has this link can ask to join, once: send it on a way that you trust. They are let in when you "
        "accept: `lovelace members list` shows who asks. Keep the window or `lovelace sync serve` running meanwhile."
    )


@cli.command()
def join(
    context: typer.Context,
    link: Annotated[str, typer.Argument(metavar="LINK", help="An invite link.")],
) -> None:
    """Ask to join the workspace of an invite link."""
    ask_to_join(call_of(context), link)


def ask_to_join(call: Call, link: str) -> None:
    """Answer an invite and report it."""
    from app.network.meeting import join_by_link
    from sync.protocol.invite_link import read_invite

    parsed = read_invite(link)
    with call.workspace() as workspace:
        asked = asyncio.run(join_by_link(workspace, parsed))
    sentence = f"You asked to join {asked.name or asked.workspace[:SHORT_ID]}. An owner has to accept."
    call.out.done([asked.request], sentence, workspace=asked.workspace, name=asked.name)


@cli.command()
def accept(
    context: typer.Context,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="Who asks: a request's id or a name.")],
) -> None:
    """Let somebody in who asks to join."""
    from app.network import members

    call = call_of(context)
    with call.workspace() as workspace:
        row = members.find_request(workspace, request)
        members.accept(workspace, row.request or "")
    call.out.done([row.identity], f"{row.name} is in, as {_article(row.role)} {row.role}.")


@cli.command()
def role(
    context: typer.Context,
    who: Who,
    role: Annotated[RoleName, typer.Argument(metavar="R", help="owner, member or reader.")],
) -> None:
    """Give a member another role."""
    from app.network import members

    call = call_of(context)
    with call.workspace() as workspace:
        row = members.find_member(workspace, who)
        members.change_role(workspace, row.identity, role)
    call.out.done([row.identity], f"{row.name} is {_article(role)} {role} now.")


@cli.command()
def rename(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="Your name, as others see it.")]
) -> None:
    """Call yourself something else, in every workspace."""
    from app.network.devices import rename_person

    call = call_of(context)
    with call.workspace() as workspace:
        rename_person(workspace, name)
        identity, _device = workspace.read(lambda queries: queries.own_device())
    call.out.done([identity], "Renamed.")


@cli.command()
def remove(context: typer.Context, who: Who) -> None:
    """Take a member out: they keep what they have and get nothing newer."""
    from app.network import members

    call = call_of(context)
    with call.workspace() as workspace:
        row = members.find_member(workspace, who)
        if not call.confirm(f"Remove {row.name} ({row.identity[:SHORT_ID]}) from the workspace?"):
            raise UserError("Nothing was changed.")
        members.remove(workspace, row.identity)
    call.out.done([row.identity], f"{row.name} is removed.")
    call.out.remark(members.MAILBOX_REMINDER)


@cli.command()
def leave(context: typer.Context) -> None:
    """Leave the workspace; what is here stays readable here."""
    from app.network import members

    call = call_of(context)
    with call.workspace() as workspace:
        if not call.confirm("Leave this workspace? Only an owner can let you in again."):
            raise UserError("Nothing was changed.")
        members.leave(workspace)
        left = workspace.id
    call.out.done([left], "You left the workspace.")


@cli.command()
def transfer(context: typer.Context, who: Who) -> None:
    """Make another member the founder, whom nobody can remove."""
    from app.network import members

    call = call_of(context)
    with call.workspace() as workspace:
        row = members.find_member(workspace, who)
        if not call.confirm(f"Make {row.name} the founder of this workspace? They cannot be removed then."):
            raise UserError("Nothing was changed.")
        members.transfer_founder(workspace, row.identity)
    call.out.done([row.identity], f"{row.name} is the founder now.")


def _article(word: str) -> str:
    return "an" if word == "owner" else "a"
