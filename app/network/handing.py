"""What this device hands to others, and how it takes in what they hand over. On the writing thread.

Everything that comes in is checked where it is kept: logs by their evaluation, keys by what they open.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.sessions.fields import CURRENT_WORKSPACE
from app.sessions.operations import SessionOperations
from app.sessions.views import iso_time
from app.workspace import NAME_SETTING, PERSONAL, Workspace
from sync.engine import Engine, Transaction
from sync.errors import ProtocolError
from sync.identity.device import recovery_keys
from sync.membership.bodies import Set
from sync.membership.epoch import unwrap_epoch
from sync.membership.epochs import needed_keys, reach_keys
from sync.protocol.addresses import decode_address
from sync.protocol.handover import Handover, SharedMailbox, SharedWorkspace
from sync.store import network_rows
from sync.store import operations as standings


@dataclass(frozen=True, slots=True)
class About:
    """What this device calls itself, its person and their workspaces (by id, the current one first)."""

    name: str
    device_name: str
    workspaces: Mapping[str, str] = field(default_factory=dict)


def about(workspace: Workspace) -> About:
    """What an open home says of itself."""
    _, device = workspace.read(lambda queries: queries.own_device())
    rows = sorted(workspace.read(lambda queries: queries.workspaces()), key=lambda row: not row.current)
    names = workspace.read(lambda queries: queries.names())
    called = str(workspace.settings.get(NAME_SETTING) or "")
    return About(called, names.get(device) or computer_name(), {row.id: row.name for row in rows})


def computer_name() -> str:
    """What a device is called until somebody says."""
    return platform.node().split(".")[0] or f"{platform.system()} computer"


def left_behind(workspace: Workspace) -> list[str]:
    """The names of the workspaces that this home reads, and would not be in as a device of another person.

    These are the ones that others own: only they can let that other person in.
    """
    names = {row.id: row.name for row in workspace.read(lambda queries: queries.workspaces())}

    def find(engine: Engine) -> list[str]:
        found = [ident for _row, ident in readable_workspaces(engine, engine.identity)]
        return [ident.hex() for ident in found if not engine.memberships.state(ident).may_admit(engine.identity)]

    return [names.get(ident) or ident[:8] for ident in workspace.with_engine(find)]


def left_behind_question(names: Sequence[str]) -> str:
    """What is asked before this home becomes another person's device and leaves workspaces behind."""
    which = ", ".join(f"“{name}”" for name in names)
    return (
        f"Others own {which}: you are in there as the person that this home has been, and will not be as another one. "
        "What is here of it stays readable here and gets nothing new; an owner can invite you again. Go on?"
    )


# giving


def person_handover(
    engine: Engine,
    own: About,
    addresses: Sequence[bytes] = (),
    only: Collection[bytes] | None = None,
) -> Handover:
    """Everything that another device of this person needs: all workspaces (or these) with keys and mailboxes."""
    logs = {engine.identity: engine.memberships.operations(engine.identity)}
    shared: dict[bytes, SharedWorkspace] = {}
    for row, workspace in readable_workspaces(engine, engine.identity):
        if only is not None and workspace not in only:
            continue
        logs |= workspace_logs(engine, workspace)
        keys = standings.epoch_keys(engine.connection, row)
        name = own.workspaces.get(workspace.hex(), "")
        shared[workspace] = SharedWorkspace(name, keys, _mailboxes(engine, row))
    order = [bytes.fromhex(workspace) for workspace in own.workspaces]
    shared = {workspace: shared[workspace] for workspace in order if workspace in shared}
    return Handover(engine.identity, own.name, own.device_name, logs, shared, tuple(addresses))


def logs_handover(engine: Engine, own: About, workspaces: Sequence[bytes], *, named: bool) -> Handover:
    """The logs of workspaces and of everybody in them, without any key; named: with what they are called."""
    logs: dict[bytes, tuple[bytes, ...]] = {}
    for workspace in workspaces:
        logs |= workspace_logs(engine, workspace)
    names = own.workspaces if named else {}
    shared = {workspace: SharedWorkspace(names.get(workspace.hex(), "")) for workspace in workspaces}
    return Handover(engine.identity, own.name if named else "", "", logs, shared)


def workspace_logs(engine: Engine, workspace: bytes) -> dict[bytes, tuple[bytes, ...]]:
    """The log of a workspace, and those of all who ever were in it or ask to be: they sign in it."""
    logs = {log: engine.memberships.operations(log) for log in sorted(engine.replica.logs_of(workspace))}
    return {log: operations for log, operations in logs.items() if operations}


def _mailboxes(engine: Engine, row: int) -> tuple[SharedMailbox, ...]:
    found = [mailbox for mailbox in network_rows.mailboxes(engine.connection) if mailbox.workspace == row]
    return tuple(SharedMailbox(mailbox.uri, mailbox.credentials) for mailbox in found)


def readable_workspaces(engine: Engine, identity: bytes) -> list[tuple[int, bytes]]:
    """(row, id) of the workspaces with a log here that an identity reads."""
    rows = engine.connection.execute("SELECT row, id FROM workspace ORDER BY row").fetchall()
    return [(row, bytes(ident)) for row, ident in rows if engine.memberships.state(bytes(ident)).may_read(identity)]


# taking


def take_person(operations: SessionOperations, given: Handover, device_name: str, now_ms: int) -> list[str]:
    """Become a device of the person who handed this over; gives the ids of the workspaces that came with it.

    What this home had stays: the person becomes an owner of it too. An empty "Personal" goes if
    there is another workspace now.
    """
    engine = operations.engine
    with engine.transaction(durable=True) as tx:
        take_identities(engine, tx, given)
        for row, workspace in readable_workspaces(engine, engine.identity):
            if not (given.workspaces and _drop_if_empty(engine, tx, row, workspace)):
                _share_with(engine, tx, workspace, given.identity)
        engine.become(tx, given.identity, given.logs.get(given.identity, ()))
        taken = take_workspaces(engine, tx, given, now_ms)
        operations.set_setting(NAME_SETTING, given.name or None)
        _choose_current(operations, tx, taken)
        keep_places(engine, tx, given, now_ms)
        added = {engine.device.device_id.hex(): iso_time(now_ms)}
        name_everywhere(operations, own_names(engine, About(given.name, device_name)), added)
    return taken


def take_identities(engine: Engine, tx: Transaction, given: Handover) -> None:
    """Know the identities whose logs were handed over."""
    for log, encoded in given.logs.items():
        if log not in given.workspaces:
            engine.members.add_identity(tx, log, encoded)


def take_workspaces(engine: Engine, tx: Transaction, given: Handover, now_ms: int) -> list[str]:
    """Keep the workspaces of a handover in which this identity is a member; gives their ids."""
    taken = []
    for workspace, shared in given.workspaces.items():
        row = engine.members.adopt(tx, workspace, given.logs.get(workspace, ()), shared.keys)
        if not engine.memberships.state(workspace).may_read(engine.identity):
            raise ProtocolError("The other device handed over a workspace that this person is not a member of.")
        open_by_paper(engine, tx, workspace)
        for mailbox in shared.mailboxes:
            network_rows.add_mailbox(tx.connection, row, mailbox.uri, mailbox.credentials, now_ms)
        taken.append(workspace.hex())
    return taken


def open_by_paper(engine: Engine, tx: Transaction, workspace: bytes) -> None:
    """Keep the epoch keys that the recovery key opens, while that is at hand."""
    stored = tx.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
    if stored is None:
        return
    paper, state = recovery_keys(bytes(stored[0])), engine.memberships.state(workspace)
    found = [state.operation(epoch) for epoch in needed_keys(state, paper.device_id)]
    keys = {operation.id: unwrap_epoch(operation, paper) for operation in found if operation is not None}
    engine.members.add_keys(tx, workspace, reach_keys(state, keys))


def keep_places(engine: Engine, tx: Transaction, given: Handover, now_ms: int) -> None:
    """Remember where the devices of a handover can be reached."""
    for encoded in given.addresses:
        address = decode_address(encoded)
        if engine.memberships.roster.identities(address.device) and address.device != engine.device.device_id:
            network_rows.keep_address(tx.connection, address, now_ms)


def name_everywhere(
    operations: SessionOperations, names: Mapping[str, str], added: Mapping[str, str] | None = None
) -> None:
    """Say in every workspace that this person writes what people and devices are called; '' is not said."""
    engine, known = operations.engine, {ident: name for ident, name in names.items() if name}
    with engine.transaction():
        for row, workspace in readable_workspaces(engine, engine.identity):
            if can_write(engine, row, workspace):
                operations.name_people(workspace.hex(), known, added)


def own_names(engine: Engine, own: About) -> dict[str, str]:
    """What this person and this device are called, by id."""
    return {engine.identity.hex(): own.name, engine.device.device_id.hex(): own.device_name}


def can_write(engine: Engine, row: int, workspace: bytes) -> bool:
    """Whether this device may write now: it has the right and a key."""
    keys = standings.epoch_keys(engine.connection, row)
    return bool(keys) and engine.memberships.state(workspace).may_write(engine.identity)


def _share_with(engine: Engine, tx: Transaction, workspace: bytes, identity: bytes) -> None:
    """Make an identity an owner, where this one may."""
    state = engine.memberships.state(workspace)
    if state.role(identity) is None and state.may_act_on(engine.identity, identity):
        engine.members.sign(tx, workspace, Set(identity, "owner"))


def _drop_if_empty(engine: Engine, tx: Transaction, row: int, workspace: bytes) -> bool:
    """Take the workspace away that `init` made, if nothing was put into it and nobody else is in it."""
    connection = tx.connection
    (name,) = connection.execute(
        "SELECT json_extract(fields, '$.name') FROM note WHERE workspace=? AND name='profile'", (row,)
    ).fetchone() or (None,)
    used = connection.execute(
        "SELECT 1 FROM session WHERE workspace=?1 UNION ALL SELECT 1 FROM folder WHERE workspace=?1 UNION ALL "
        "SELECT 1 FROM mailbox WHERE workspace=?1 UNION ALL "
        "SELECT 1 FROM note WHERE workspace=?1 AND name NOT IN ('profile', 'people') LIMIT 1",
        (row,),
    ).fetchone()
    if used is not None or name != PERSONAL or len(engine.memberships.state(workspace).members) > 1:
        return False
    connection.execute("DELETE FROM note WHERE workspace=?", (row,))
    engine.drop_workspace(tx, row)
    return True


def _choose_current(operations: SessionOperations, tx: Transaction, taken: Sequence[str]) -> None:
    """Another current workspace, where the one before was dropped."""
    current = tx.connection.execute(
        "SELECT 1 FROM setting s JOIN workspace w ON s.value='\"' || lower(hex(w.id)) || '\"' WHERE s.name=?",
        (CURRENT_WORKSPACE,),
    ).fetchone()
    if current is None and taken:
        operations.switch(taken[0])
