"""`lovelace mailbox …`: storage where devices leave what they have for each other."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group

cli = group("Mailboxes: storage of your choice that holds only ciphertext, for devices that never meet.")

Uri = Annotated[
    str, typer.Argument(metavar="URI", help="A folder, s3://bucket/prefix?endpoint=…, or webdavs://host/path.")
]
Wanted = Annotated[str, typer.Argument(metavar="MAILBOX", help="Its number or URI, as in `mailbox list`.")]


@cli.command()
def add(
    context: typer.Context,
    uri: Uri,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Do not try it first.")] = False,
) -> None:
    """Use a storage as a mailbox of this workspace, on this device."""
    from app.network.syncing import add_mailbox, probe
    from sync.transports.storage_uri import read_uri

    call = call_of(context)
    place = read_uri(_absolute(uri))
    if not unchecked:
        asyncio.run(probe(place))
    with call.workspace() as workspace:
        number = add_mailbox(workspace, _absolute(uri), {})
    if call.out.json:
        call.out.value({"id": str(number), "uri": place.shown})
        return
    call.out.line(f"{place.shown} is a mailbox of this workspace now. Add it on your other devices too.")
    if not place.tested:
        call.out.remark(f"Storage of this kind ({place.service}) is not among those that Lovelace is tested with.")


@cli.command("list")
def list_mailboxes(context: typer.Context) -> None:
    """List the mailboxes of this workspace."""
    from app.network.syncing import mailboxes, shown, sync_state
    from app.sessions.views import iso_time

    call = call_of(context)
    with call.workspace() as workspace:
        rows, state = mailboxes(workspace), sync_state(workspace)
    there = {holder.id: holder.entries for holder in state.holders if holder.kind == "mailbox"}
    entries = [there.get(str(row.row), 0) for row in rows]
    if call.out.json:
        call.out.value(
            [
                {"id": str(row.row), "uri": shown(row), "added": iso_time(row.added), "entries": count}
                for row, count in zip(rows, entries, strict=True)
            ]
        )
        return
    call.out.table(
        ["", "WHERE", "ENTRIES"],
        ((str(row.row), shown(row), str(count)) for row, count in zip(rows, entries, strict=True)),
    )


@cli.command()
def remove(context: typer.Context, wanted: Wanted) -> None:
    """Use a mailbox no more; what is in it stays there."""
    from app.network.syncing import find_mailbox, remove_mailbox

    call = call_of(context)
    with call.workspace() as workspace:
        row = find_mailbox(workspace, wanted)
        remove_mailbox(workspace, row)
    if call.out.json:
        call.out.value({"ok": True, "ids": [str(row.row)]})


@cli.command()
def test(
    context: typer.Context,
    wanted: Annotated[
        str | None, typer.Argument(metavar="[MAILBOX|URI]", help="All of this workspace if absent.")
    ] = None,
) -> None:
    """Try a storage: list, write, read, delete."""
    from app.network.syncing import mailboxes, probe, shown
    from sync.transports.storage_uri import read_uri

    call = call_of(context)
    with call.workspace() as workspace:
        rows = mailboxes(workspace)
    chosen = [row for row in rows if wanted in (None, str(row.row), row.uri, shown(row))]
    places = [read_uri(row.uri, row.credentials) for row in chosen]
    if wanted is not None and not places:
        places = [read_uri(_absolute(wanted))]
    for place in places:
        asyncio.run(probe(place))
        if not call.out.json:
            call.out.line(f"{place.shown} can be read and written.")
    if call.out.json:
        call.out.value({"ok": True, "ids": [place.shown for place in places]})


def _absolute(uri: str) -> str:
    """A folder as it is found from everywhere."""
    from pathlib import Path

    return uri if "://" in uri else str(Path(uri).expanduser().absolute())
