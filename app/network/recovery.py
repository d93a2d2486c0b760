"""Coming back with the recovery code that was written on paper, after every device was lost.

The code alone gives the identity, and makes this device one of it. What the person had is found with somebody who has
its log: a member's device (`inviting.come_back`), a mailbox. The code is kept in the encrypted database, as on the
first day, so that keys that were made for it open once their workspaces are found.
"""

from __future__ import annotations

from app.errors import UserError
from app.network import handing
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.engine import Engine
from sync.identity.device import read_recovery_code, recovery_keys, show_recovery_code
from sync.membership.devices import add_device
from sync.membership.genesis import identity_genesis
from sync.protocol.handover import Handover


def recover(workspace: Workspace, code: str) -> str:
    """Make this device one of the person whose recovery code this is; gives the identity.

    IdentityError for a mistyped code. What this home had becomes that person's too. Again is free.
    """
    secret = read_recovery_code(code)
    own = handing.about(workspace)

    def run(operations: SessionOperations) -> str:
        engine = operations.engine
        paper = recovery_keys(secret)
        genesis = identity_genesis(paper)
        if genesis.id == engine.identity:
            _keep(engine, secret)
            return genesis.id.hex()
        added = add_device(paper, [genesis], engine.device)
        given = Handover(genesis.id, own.name, logs={genesis.id: (genesis.encoded, added.encoded)})
        with engine.transaction(durable=True):
            handing.take_person(operations, given, own.device_name, workspace.clock.now_ms())
            _keep(engine, secret)
        return genesis.id.hex()

    identity = workspace.write(run)
    workspace.use_current()
    return identity


def _keep(engine: Engine, secret: bytes) -> None:
    with engine.transaction(durable=True) as tx:
        tx.connection.execute("INSERT OR REPLACE INTO secret VALUES('recovery', ?)", (secret,))


def kept_code(workspace: Workspace) -> str | None:
    """The recovery code, while it is kept here because nobody has written it down yet."""

    def look(engine: Engine) -> str | None:
        row = engine.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
        return None if row is None else show_recovery_code(bytes(row[0]))

    return workspace.with_engine(look)


def keep_on_paper(workspace: Workspace, typed: str) -> None:
    """Keep the recovery code here no longer: the person has it on paper. typed: what they wrote down.

    UserError when that is another one, IdentityError for a mistyped code.
    """
    secret = read_recovery_code(typed)

    def run(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            row = tx.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
            if row is None or bytes(row[0]) != secret:
                raise UserError("That is a recovery code, but not this one. Compare it with what is shown.")
            tx.connection.execute("DELETE FROM secret WHERE name='recovery'")

    workspace.with_engine(run)
