"""`lovelace devices …`: the devices of this person."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.output import BOLD
from app.cli.text import SHORT_ID
from app.errors import UserError

if TYPE_CHECKING:
    from app.workspace import Workspace
    from sync.protocol.pairing_code import Ticket

cli = group("Your devices: pairing, naming and revoking them.")

Who = Annotated[str, typer.Argument(metavar="WHO", help="A device: its name, id or a unique prefix of it.")]
_LATER = "Its sessions come when both devices sync: keep the window open, or run `lovelace sync serve`, on both."


@cli.command("list")
def list_devices(context: typer.Context) -> None:
    """List your devices and the recovery key on paper."""
    from app.network.devices import devices
    from app.sessions.views import iso_time

    call = call_of(context)
    with call.workspace() as workspace:
        rows = devices(workspace)
    if call.out.json:
        call.out.value([row.to_json() for row in rows])
        return
    short = SHORT_ID if call.out.terminal else None
    call.out.table(
        ["", "ID", "NAME", "STATE", "ADDED", "LAST SEEN"],
        (
            (
                "*" if row.this else "",
                row.id[:short],
                row.name,
                row.state,
                row.added or "",
                "" if row.last_seen is None else iso_time(row.last_seen),
            )
            for row in rows
        ),
    )


@cli.command()
def pair(
    context: typer.Context,
    mailbox: Annotated[
        str, typer.Option(metavar="URI", help="Where your other device looks too: a mailbox that it uses.")
    ] = "",
) -> None:
    """On a new device: show a code and wait until one of your other devices accepts it."""
    from app.network.meeting import offer_pairing

    call = call_of(context)
    with call.workspace() as workspace:
        _agree_to_leave(call, workspace)
        paired = asyncio.run(offer_pairing(workspace, lambda ticket: _show(call, ticket), mailbox))
    if not call.out.json:
        call.out.line(
            f"This is a device of {paired.name} now, with {len(paired.workspaces)} workspaces from the other."
        )
        call.out.remark(_LATER)


def _agree_to_leave(call: Call, workspace: Workspace) -> None:
    """Say which workspaces this home would not be in any more, and ask."""
    from app.network.handing import left_behind, left_behind_question

    names = left_behind(workspace)
    if names and not call.confirm(left_behind_question(names)):
        raise UserError("Nothing was changed.")


def _show(call: Call, ticket: Ticket) -> None:
    if call.out.json:
        call.out.value({"code": str(ticket.code), "ticket": str(ticket)})
        return
    if call.out.terminal:
        import segno

        segno.make(str(ticket), error="l").terminal(sys.stdout, compact=True)
    call.out.line(str(ticket.code), BOLD)
    call.out.line(str(ticket))
    call.out.remark(
        "On a device that you already use: lovelace devices accept CODE (the first line), or the ticket (the second). "
        "The code is good for ten minutes and one use. Waiting."
    )
    call.out.flush()


@cli.command()
def accept(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code or ticket that the new device shows.")],
) -> None:
    """Make the device that shows this code one of yours, with all your workspaces."""
    from app.network.meeting import accept_pairing
    from sync.protocol.pairing_code import read_ticket

    call = call_of(context)
    ticket = read_ticket(code)
    with call.workspace() as workspace:
        paired = asyncio.run(accept_pairing(workspace, ticket))
    call.out.done(
        [paired.device],
        f"{paired.device_name or paired.device[:SHORT_ID]} is your device now.",
        name=paired.device_name,
        workspaces=list(paired.workspaces),
    )
    if not call.out.json:
        call.out.remark(_LATER)


@cli.command()
def rename(
    context: typer.Context, who: Who, name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")]
) -> None:
    """Call a device something else."""
    from app.network import devices

    call = call_of(context)
    with call.workspace() as workspace:
        row = devices.find_device(workspace, who)
        devices.rename(workspace, row.id, name)
    call.out.done([row.id], "Renamed.")


@cli.command()
def revoke(
    context: typer.Context,
    who: Who,
    stolen: Annotated[
        bool, typer.Option("--stolen", help="Somebody else may be using it: nothing counts that it writes from now on.")
    ] = False,
    recover: Annotated[
        bool, typer.Option("--recover", help="Do it with the recovery code, for a device older than this one.")
    ] = False,
) -> None:
    """Take a device from you, for good: it gets nothing any more."""
    from app.network import devices

    call = call_of(context)
    with call.workspace() as workspace:
        row = devices.find_device(workspace, who)
        if not call.confirm(f"Revoke {row.name} ({row.id[:SHORT_ID]})? It cannot be undone, only paired anew."):
            raise UserError("Nothing was changed.")
        code = recovery_code(call) if recover else None
        devices.revoke(workspace, row.id, stolen=stolen, recovery_code=code)
    call.out.done([row.id], f"{row.name} is revoked.")
    call.out.remark("It may still have what opens your mailboxes: change their credentials.")


@cli.command()
def recover(
    context: typer.Context,
    code: Annotated[
        str,
        typer.Argument(metavar="[CODE]", help="The recovery code; without it, it is asked for.", show_default=False),
    ] = "",
    source: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="A teammate's device that knows you: `devices address`.")
    ] = "",
    mailbox: Annotated[str, typer.Option(metavar="URI", help="A mailbox that your lost devices used.")] = "",
) -> None:
    """On a new device, when all others are lost: come back with the recovery code on paper."""
    from app.network.meeting import return_to
    from app.network.recovery import recover as recover_person
    from app.network.sheets import recover_from
    from sync.protocol.addresses import read_address

    call = call_of(context)
    address = read_address(source) if source else None
    with call.workspace() as workspace:
        _agree_to_leave(call, workspace)
        identity = recover_person(workspace, code or recovery_code(call))
        taken = asyncio.run(recover_from(workspace, mailbox)) if mailbox else []
        taken += asyncio.run(return_to(workspace, address)) if address is not None else []
    call.out.done([identity], "This is a device of yours now.", workspaces=taken)
    if not taken:
        call.out.remark(
            "Your workspaces come back once this device finds somebody who knows them: lovelace devices recover "
            "--mailbox URI, or --from ADDRESS with what a teammate's `lovelace devices address` prints."
        )


@cli.command()
def address(context: typer.Context) -> None:
    """Print where this device is reached while its window or `lovelace sync serve` runs."""
    from app.network.meeting import own_address
    from sync.protocol.addresses import show_address

    call = call_of(context)
    with call.workspace() as workspace:
        text = show_address(own_address(workspace))
    if call.out.json:
        call.out.value({"address": text})
    else:
        call.out.line(text)


def recovery_code(call: Call) -> str:
    """The recovery code, from a person or from standard input."""
    if not call.has_person:
        line = sys.stdin.readline(200).strip() if sys.stdin is not None else ""
        if not line:
            raise UserError("There is no recovery code on standard input, and no terminal to ask on.")
        return line
    prompt = call.credentials().prompt
    typed = None if prompt is None else prompt("Recovery code: ")
    if not typed:
        raise UserError("No recovery code was given; nothing was changed.")
    return typed.decode()
