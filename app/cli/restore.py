"""`lovelace restore PATH`: a backup in the place of the home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.errors import NotFound, UserError

if TYPE_CHECKING:
    from sync.store.database import Database

cli = group("")


@cli.command()
def restore(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder that `lovelace backup` made.")],
) -> None:
    """Check a backup and use a copy of it from now on; data that are there already are kept aside."""
    from sync.errors import StoreError
    from sync.store import backup

    call, source = call_of(context), path.absolute()
    try:
        backup.require_backup(source)
    except StoreError as error:
        raise NotFound(str(error)) from error
    database = call.unlocked_database(source)
    if _is_filled(call.home) and not call.confirm(f"{call.home} is not empty. Keep it aside and restore the backup?"):
        raise UserError("Nothing was changed.")
    _replace_home(call, database)


def _replace_home(call: Call, database: Database) -> None:
    from app.sessions.tables import LOCAL_COMPONENTS
    from sync.store import backup
    from sync.store.components import ENGINE_COMPONENTS

    with call.out.progress("Restoring", 100) as show:
        components = (*ENGINE_COMPONENTS, *LOCAL_COMPONENTS)
        copied, kept = backup.restore(
            database, call.home, components, lambda done, total: show(done * 100 // max(total, 1))
        )
    device = _begin(call, database)
    for name in copied.damaged:
        call.out.remark(f"Blob {name[:12]} is damaged in the backup; events that show it will say so.")
    aside = f" What was there is in {kept} now." if kept else ""
    call.out.done(
        [],
        f"Restored into {call.home}, as a new device of yours.{aside}",
        home=str(call.home),
        device=device,
        kept=str(kept) if kept else None,
        damaged=list(copied.damaged),
    )


def _begin(call: Call, database: Database) -> str:
    """Open the restored home to write, which makes it a new device; gives the device's id.

    Tasks that went on when the backup was made wait until the person resumes them: they may be done long since.
    """
    from contextlib import closing

    from app.workspace import Workspace
    from sync.store.database import DATABASE_NAME, Database

    restored = Database(call.home / DATABASE_NAME, *database.identity)
    with closing(Workspace.start(restored)) as workspace:
        workspace.write(lambda operations: operations.set_jobs_aside())
        return workspace.with_engine(lambda engine: engine.device.device_id.hex())


def _is_filled(home: Path) -> bool:
    return home.exists() and (not home.is_dir() or any(home.iterdir()))
