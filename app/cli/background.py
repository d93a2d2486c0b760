"""`lovelace background`: the process that does the jobs of a home; the program starts it by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of, read_descriptor
from app.cli.declared import group

if TYPE_CHECKING:
    from app.workspace import Workspace

_KEY_BYTES = 32
cli = group("")


@cli.command()
def background(
    context: typer.Context,
    key_fd: Annotated[int | None, typer.Option(help="The database's key and id, and go on without a parent.")] = None,
) -> None:
    """Do the tasks of this home that nobody does, until there are none left."""
    call = call_of(context)
    if key_fd is None:
        with call.workspace() as workspace:
            asyncio.run(_keep(workspace))
        return
    given = bytes.fromhex(read_descriptor(key_fd, "--key-fd").decode())
    if os.fork():
        os._exit(0)  # whoever has started this waits no longer, and this process has no parent to end with
    with _opened(call, given) as workspace:
        asyncio.run(_keep(workspace))


def _opened(call: Call, given: bytes) -> contextlib.AbstractContextManager[Workspace]:
    from app.workspace import Workspace
    from sync.store.database import DATABASE_NAME, Database

    database = Database(call.home / DATABASE_NAME, given[:_KEY_BYTES], given[_KEY_BYTES:])
    return contextlib.closing(Workspace.start(database))


async def _keep(workspace: Workspace) -> None:
    from app.background.keeper import Keeper

    keeper = Keeper(workspace)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, keeper.end)
    await keeper.run()
