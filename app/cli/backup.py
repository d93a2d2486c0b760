"""`lovelace backup PATH`: a copy of all data into a new folder, also while Lovelace is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group

cli = group("")


@cli.command()
def backup(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder that does not exist yet, or is empty.")],
) -> None:
    """Copy everything into a new folder; Lovelace may be used meanwhile."""
    from sync.store.backup import back_up
    from sync.store.keyslots import slot_kinds

    call, target = call_of(context), path.absolute()
    database = call.unlocked_database(call.home)
    with call.out.progress("Backing up", 100) as show:
        copied = back_up(database, target, lambda done, total: show(done * 100 // max(total, 1)))
    call.out.done(
        [],
        f"Backed up {copied.bytes / 1e6:,.1f} MB into {target}.",
        path=str(target),
        bytes=copied.bytes,
        blobs=copied.blobs,
    )
    if slot_kinds(target) == ["keyring"]:
        call.out.remark(
            "Only this computer's keyring opens this backup. `lovelace keys add recovery` makes a code that does, "
            "also for backups made after it."
        )
