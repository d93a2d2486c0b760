"""The devices of this person: listing, naming and revoking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import NotFound, UserError
from app.network import handing
from app.network.views import DeviceRow, DeviceState
from app.sessions.operations import SessionOperations
from app.sessions.people import clean_name
from app.workspace import NAME_SETTING, Workspace
from sync.engine import Engine, Transaction
from sync.identity.device import DeviceKeys, read_recovery_code, recovery_keys
from sync.membership.bodies import MAX_PARENTS, Cut, Remove
from sync.membership.operation import sign_operation
from sync.store import chain_sums, network_rows
from sync.store.database import Connection

PAPER_NAME = "Recovery key on paper"


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of devices, by id in hex."""

    names: Mapping[str, str]
    added: Mapping[str, str]
    seen: Mapping[str, int]


def devices(workspace: Workspace) -> list[DeviceRow]:
    """The devices of this person, those that are active first."""
    known, this = known_devices(workspace), workspace.read(lambda queries: queries.own_device())[1]
    rows = workspace.with_engine(lambda engine: rows_of(engine, engine.identity, known))
    now = workspace.clock.now_ms()
    rows = [DeviceRow(r.id, r.name, True, r.added, now, r.state) if r.id == this else r for r in rows]
    order = ("active", "paper", "lost", "stolen")
    return sorted(rows, key=lambda row: (not row.this, order.index(row.state), row.name, row.id))


def known_devices(workspace: Workspace) -> Known:
    """Names, and when devices were added and seen."""
    identity, this = workspace.read(lambda queries: queries.own_device())
    own = {identity: str(workspace.settings.get(NAME_SETTING) or ""), this: handing.computer_name()}
    names = own | workspace.read(lambda queries: queries.names())
    added = workspace.read(lambda queries: queries.devices_added())
    seen = workspace.read(lambda queries: queries.last_written())
    live = workspace.with_engine(lambda engine: network_rows.last_seen(engine.connection))
    for device, time in live.items():
        seen[device.hex()] = max(time, seen.get(device.hex(), 0))
    return Known(names, added, seen)


def rows_of(engine: Engine, identity: bytes, known: Known) -> list[DeviceRow]:
    """Every device that an identity ever had."""
    rows = []
    for device, claims in engine.memberships.roster.devices.items():
        for claim in claims:
            if claim.identity == identity:
                state: DeviceState = "active" if claim.life == "live" else claim.life
                rows.append(_row(device.hex(), "paper" if _is_paper(engine, identity, device) else state, known))
    return rows


def called(engine: Engine, device: str, known: Known) -> str:
    """What to call a device (hex): "Laptop" where it is one's own, "Bob, Laptop" of others."""
    name = known.names.get(device) or f"device {device[:8]}"
    owners = engine.memberships.roster.identities(bytes.fromhex(device))
    if not owners or engine.identity in owners:
        return name if owners else f"unknown {name}"
    person = owners[0].hex()
    return f"{known.names.get(person) or f'Person {person[:8]}'}, {name}"


def _row(device: str, state: DeviceState, known: Known) -> DeviceRow:
    name = PAPER_NAME if state == "paper" else known.names.get(device) or f"Device {device[:8]}"
    return DeviceRow(device, name, False, known.added.get(device), known.seen.get(device), state)


def _is_paper(engine: Engine, identity: bytes, device: bytes) -> bool:
    """Whether a device founded its identity, which only recovery keys do."""
    genesis = engine.memberships.identity_state(identity).operation(identity)
    return genesis is not None and genesis.signer_device == device


def find_device(workspace: Workspace, who: str) -> DeviceRow:
    """A device of this person by name, id or a unique prefix of it. Raises NotFound."""
    rows = [row for row in devices(workspace) if row.state != "paper"]
    named = [row for row in rows if row.name.lower() == who.lower()]
    found = named or [row for row in rows if who and row.id.startswith(who.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(
            f"{who} could mean several devices; give the id.", candidates=[f"{r.id[:12]}  {r.name}" for r in found]
        )
    raise NotFound(f"You have no device {who}. `lovelace devices list` shows them.")


def rename(workspace: Workspace, device: str, name: str) -> None:
    """Call a device (its id) something else, wherever this person writes."""
    if not clean_name(name):
        raise UserError("A device needs a name that is not empty.")
    workspace.write(lambda operations: handing.name_everywhere(operations, {device: name}))


def rename_person(workspace: Workspace, name: str) -> None:
    """Call this person something else, wherever they write."""
    called = clean_name(name)
    if not called:
        raise UserError("A person needs a name that is not empty.")

    def run(operations: SessionOperations) -> None:
        with operations.engine.transaction():
            operations.set_setting(NAME_SETTING, called)
            handing.name_everywhere(operations, {operations.engine.identity.hex(): called})

    workspace.write(run)


def revoke(workspace: Workspace, device: str, *, stolen: bool, recovery_code: str | None = None) -> None:
    """Take a device (its id) from this person, for good; new keys follow in their workspaces.

    stolen: nothing counts that it writes after what is here. recovery_code: for devices that this one may not revoke,
    as they were added before it. UserError, IdentityError for a mistyped code.
    """
    target = bytes.fromhex(device)

    def run(engine: Engine) -> None:
        if target == engine.device.device_id:
            raise UserError("This is the device that you are using. Revoke it from another one.")
        with engine.transaction(durable=True) as tx:
            cuts = cuts_by_workspace(engine, tx, target) if stolen else None
            remove_device(engine, tx, target, cuts, recovery_code)

    workspace.with_engine(run)


def remove_device(
    engine: Engine, tx: Transaction, device: bytes, cuts: dict[bytes, Cut] | None, recovery_code: str | None
) -> None:
    """As `revoke`. cuts: by workspace, of a device whose later entries are not to count."""
    paper = None if recovery_code is None else recovery_keys(read_recovery_code(recovery_code))
    _remove(engine, tx, paper or kept_paper(tx.connection) or engine.device, Remove(device, cuts))
    engine.members.renew_epochs(tx)


def _remove(engine: Engine, tx: Transaction, signer: DeviceKeys, body: Remove) -> None:
    identity = engine.identity
    parents = engine.memberships.identity_state(identity).heads(MAX_PARENTS)
    operation = sign_operation(signer, identity, parents, body)
    engine.members.add(tx, identity, [operation.encoded])
    state = engine.memberships.identity_state(identity)
    if state.counts(operation.id):
        return
    if signer.device_id not in state.members:
        raise UserError("That recovery code is not this person's.")
    raise UserError(
        "This device was added after that one, or at the same time, and may not revoke it. "
        "With the recovery code it can: in a terminal, the same with --recover."
    )


def kept_paper(connection: Connection) -> DeviceKeys | None:
    """The recovery key, while its secret is kept in the database."""
    row = connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
    return None if row is None else recovery_keys(bytes(row[0]))


def cuts_by_workspace(engine: Engine, tx: Transaction, device: bytes) -> dict[bytes, Cut]:
    """The last entry of a device that is here, in each workspace."""
    found: dict[bytes, Cut] = {}
    for row, workspace in tx.connection.execute("SELECT row, id FROM workspace").fetchall():
        cut = chain_cut(tx, row, device)
        if cut is not None:
            found[bytes(workspace)] = cut
    return found


def chain_cut(tx: Transaction, workspace: int, device: bytes) -> Cut | None:
    """The last entry of a device in a workspace (row id), up to which all are here; None without any."""
    found = tx.connection.execute("SELECT row FROM device WHERE id=?", (device,)).fetchone()
    if found is None:
        return None
    chain = chain_sums.summarize(tx.connection, workspace, int(found[0]), device)
    return Cut(chain.n, chain.hash) if chain.n else None
