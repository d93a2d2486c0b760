"""Leaves recovery sheets in this home's mailboxes, and finds them again with the recovery code.

A sheet is what another device of the person would be handed, sealed to the recovery key (see
`sync.protocol.recovery_sheet`). It is written anew when members, devices or mailboxes have changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from app.errors import NotFound
from app.network import handing
from app.network.beside import beside
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.clock import Random, system_random
from sync.crypto import domain_hash
from sync.engine import Engine, Transaction
from sync.errors import MembershipError, ProtocolError, SyncError
from sync.identity.device import DeviceKeys, recovery_keys
from sync.membership.bodies import IdentityGenesis
from sync.protocol.handover import Handover
from sync.protocol.recovery_sheet import MAX_SHEET, Sheet, read_sheet, sheet_folder, write_sheet
from sync.store import network_rows
from sync.transports.opendal_storage import open_storage
from sync.transports.storage import Storage
from sync.transports.storage_uri import Place, read_uri

LOOK_SECONDS = 20.0
"""How often it is looked whether a sheet is due: two small queries."""
MAX_SHEETS = 64
_NAME = re.compile(r"([0-9a-f]{16})-[0-9a-f]{16}-([0-9]{1,8})")


class SheetKeeper:
    """Keeps the sheets of this device as they should be while `running`."""

    def __init__(self, workspace: Workspace, random: Random = system_random) -> None:
        self._workspace, self._random = workspace, random
        self._left: tuple[int, ...] = ()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends."""
        async with beside(self._run()):
            yield

    async def _run(self) -> None:
        while True:
            now = await asyncio.to_thread(self._workspace.with_engine, _version)
            if now != self._left:
                with contextlib.suppress(SyncError):  # tried again at the next look
                    await leave_sheets(self._workspace, self._random)
                    self._left = now
            await asyncio.sleep(LOOK_SECONDS)


def _version(engine: Engine) -> tuple[int, ...]:
    """Another one whenever a sheet would say something else."""
    counts = engine.connection.execute("SELECT (SELECT max(row) FROM operation), (SELECT sum(row) FROM mailbox)")
    return tuple(int(value or 0) for value in counts.fetchone())


async def leave_sheets(workspace: Workspace, random: Random = system_random) -> int:
    """Write this device's sheet into every mailbox of the home, in place of its earlier one; gives how many."""
    places = await asyncio.to_thread(workspace.with_engine, _places)
    if not places:
        return 0
    own = await asyncio.to_thread(handing.about, workspace)
    device, identity, sheet = await asyncio.to_thread(
        workspace.with_engine, lambda engine: _make_sheet(engine, own, random)
    )
    for place in places:
        await _replace(open_storage(place), sheet_folder(identity), device.hex()[:16], sheet)
    return len(places)


def _places(engine: Engine) -> list[Place]:
    rows = network_rows.mailboxes(engine.connection)
    return list({row.uri: read_uri(row.uri, row.credentials) for row in rows}.values())


def _make_sheet(engine: Engine, own: handing.About, random: Random) -> tuple[bytes, bytes, bytes]:
    genesis = engine.memberships.identity_state(engine.identity).operation(engine.identity)
    if genesis is None or not isinstance(genesis.body, IdentityGenesis):
        raise MembershipError("The log of this person does not begin with its genesis.")
    given = handing.person_handover(engine, own)
    keyless = {ident: replace(shared, keys={}) for ident, shared in given.workspaces.items()}
    sheet = write_sheet(replace(given, workspaces=keyless), engine.device, genesis.body.encryption_key, random)
    return engine.device.device_id, engine.identity, sheet


async def _replace(storage: Storage, folder: str, device: str, sheet: bytes) -> None:
    old = [listed.name for listed in await storage.list(folder) if listed.name.startswith(f"{device}-")]
    name = f"{device}-{_digest(sheet)}-{len(sheet)}"
    await storage.write(folder + name, sheet)
    for earlier in old:
        if earlier != name and _NAME.fullmatch(earlier):
            await storage.delete(folder + earlier)


def _digest(sheet: bytes) -> str:
    return domain_hash("lovelace/recovery-sheet-name/1", sheet)[:8].hex()


async def recover_from(workspace: Workspace, uri: str) -> list[str]:
    """After `recovery.recover`: take in what sheets in a mailbox say; gives the ids of the workspaces.

    NotFound where there is no sheet for this person.
    """
    storage = open_storage(read_uri(uri))
    identity = bytes.fromhex((await workspace.read_async(lambda queries: queries.own_device()))[0])
    found = await _sheets(storage, sheet_folder(identity))
    taken = await asyncio.to_thread(_take, workspace, identity, found)
    if not taken:
        raise NotFound("Nothing of this person is in that mailbox. Try another one, or a teammate's device.")
    return taken


async def _sheets(storage: Storage, folder: str) -> list[bytes]:
    names = [match for listed in await storage.list(folder) if (match := _NAME.fullmatch(listed.name))]
    found = [
        await storage.read(folder + match[0], int(match[2]))
        for match in names[:MAX_SHEETS]
        if 0 < int(match[2]) <= MAX_SHEET
    ]
    return [sheet for sheet in found if sheet is not None]


def _take(workspace: Workspace, identity: bytes, sheets: Sequence[bytes]) -> list[str]:
    def run(operations: SessionOperations) -> list[str]:
        engine = operations.engine
        stored = engine.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
        if stored is None:
            raise NotFound("The recovery code is not kept here any more.")
        paper = recovery_keys(bytes(stored[0]))
        found = [sheet for data in sheets if (sheet := _read(data, identity, paper)) is not None]
        with engine.transaction(durable=True) as tx:
            for sheet in found:  # who was revoked is seen in the others' logs
                engine.members.add_identity(tx, identity, sheet.handover.logs[identity])
            live = engine.memberships.roster.live(identity)
            taken: dict[str, None] = {}
            for sheet in found:
                if sheet.device in live:
                    taken |= dict.fromkeys(_take_one(engine, tx, sheet.handover, workspace.clock.now_ms()))
            engine.members.renew_epochs(tx)
        return list(taken)

    return workspace.write(run)


def _take_one(engine: Engine, tx: Transaction, given: Handover, now_ms: int) -> list[str]:
    handing.take_identities(engine, tx, given)
    return handing.take_workspaces(engine, tx, given, now_ms)


def _read(data: bytes, identity: bytes, paper: DeviceKeys) -> Sheet | None:
    try:
        return read_sheet(data, identity, paper)
    except (ProtocolError, MembershipError):
        return None  # it was damaged, or somebody else left it
