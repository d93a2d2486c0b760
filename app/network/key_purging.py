"""Purging keys: what was sealed in a workspace so far becomes unreadable, also to whoever gets a device later."""

from __future__ import annotations

from app.errors import UserError
from app.network.recovery import kept_code
from app.sessions.operations import SessionOperations
from app.workspace import Workspace

CODE_FIRST = (
    "Your recovery code lies on this device until you have written it down, and it opens old keys. Write it down "
    "first: `lovelace keys purge` shows it in a terminal, the window in its settings under Devices. Nothing was "
    "changed."
)


def purge_keys(workspace: Workspace) -> None:
    """Forget the keys of the workspace of the call and begin new ones.

    UserError while the recovery code lies here; MembershipError: only owners may.
    """
    if kept_code(workspace) is not None:
        raise UserError(CODE_FIRST)

    def run(operations: SessionOperations) -> None:
        with operations.engine.transaction(durable=True) as tx:
            operations.engine.purge_keys(tx, operations.workspace)

    workspace.write(run)
    workspace.write(lambda operations: operations.finish_purges())
