"""Two or more homes whose replicas bring each other what is missing, without a network."""

from __future__ import annotations

from collections.abc import Sequence

from sync.engine import Engine
from sync.membership.bodies import Set
from sync.membership.devices import add_device
from sync.membership.operation import decode_operation

LIMIT = 1 << 16


def pair(old: Engine, new: Engine) -> None:
    """Make a home another device of the person whose home the old one is, with all workspaces."""
    log = [decode_operation(data) for data in old.memberships.operations(old.identity)]
    operation = add_device(old.device, log, new.device)
    with old.transaction(durable=True) as tx:
        old.members.add(tx, old.identity, [operation.encoded])
        old.members.renew_epochs(tx)
    with new.transaction(durable=True) as tx:
        new.become(tx, old.identity, old.memberships.operations(old.identity))
        for (workspace,) in old.connection.execute("SELECT id FROM workspace").fetchall():
            adopt(new, old, bytes(workspace))


def let_in(owner: Engine, guest: Engine, workspace: bytes, role: str = "member") -> None:
    """Make the person of another home a member."""
    with owner.transaction(durable=True) as tx:
        owner.members.add_identity(tx, guest.identity, guest.memberships.operations(guest.identity))
        owner.members.sign(tx, workspace, Set(guest.identity, role))  # type: ignore[arg-type]
    with guest.transaction(durable=True) as tx:
        for identity in owner.memberships.state(workspace).members:
            guest.members.add_identity(tx, identity, owner.memberships.operations(identity))
        adopt(guest, owner, workspace)


def adopt(new: Engine, old: Engine, workspace: bytes) -> None:
    with new.transaction(durable=True) as tx:
        new.members.adopt(tx, workspace, old.memberships.operations(workspace), {})


def bring(source: Engine, target: Engine) -> None:
    """Give the target everything that the source has for it."""
    peer, me = target.device.device_id, source.device.device_id
    for _round in range(2):  # what a log says may open further logs
        for log in source.replica.logs(peer):
            missing = source.replica.operations(peer, log.id, target.replica.operation_ids(me, log.id))
            if missing:
                target.replica.add_operations(me, log.id, missing)
    for workspace in source.replica.workspaces(peer):
        for chain in source.replica.chains(peer, workspace.id):
            after, done = 0, False
            while not done:
                part = source.replica.entries_after(peer, workspace.id, chain.device, after, LIMIT)
                target.replica.receive(me, workspace.id, part.envelopes)
                after, done = part.after, part.done


def exchange(homes: Sequence[Engine]) -> None:
    for _round in range(2):
        for source in homes:
            for target in homes:
                if source is not target:
                    bring(source, target)
