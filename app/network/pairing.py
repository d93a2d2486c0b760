"""Pairing this device with another one of the same person, from both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.network import handing
from app.network.conversing import be_met, hand_over, meet, receive_handover, refuse, send, wait_until_kept
from app.sessions.operations import SessionOperations
from app.sessions.views import iso_time
from app.workspace import Workspace
from sync.clock import Random, system_random
from sync.engine import Engine, Transaction
from sync.errors import ProtocolError, SyncError
from sync.identity.device import DeviceKeys, recovery_keys
from sync.membership.devices import add_device
from sync.membership.operation import decode_operation
from sync.protocol.addresses import encode_address
from sync.protocol.handover import Handover
from sync.protocol.handshake import Party
from sync.protocol.pairing import NewDevice, OldDevice, PairingOffer
from sync.protocol.pairing_code import Code
from sync.store import network_rows
from sync.transports.connection import Address, Connection, Purpose, Transport


@dataclass(frozen=True, slots=True)
class Paired:
    """What came of pairing. device: the other one; name: of the person; workspaces: that came to this device."""

    device: str
    device_name: str
    identity: str
    name: str
    workspaces: tuple[str, ...]


class PairingDesk:
    """The new device's side: waits with a code until somebody who knows it has handed over what the person has.

    Give `allow` and `serve` to the transport (or let those of a running network ask here).
    """

    def __init__(self, workspace: Workspace, random: Random = system_random) -> None:
        self._workspace, self._random = workspace, random
        self.offer = PairingOffer(Code.create(random), workspace.clock)
        self._done: asyncio.Future[Paired] = asyncio.get_running_loop().create_future()

    def allow(self, _device: bytes, purpose: Purpose) -> bool:
        """Whether somebody may try the code now."""
        return purpose == "pair" and not self.offer.closed()

    async def serve(self, connection: Connection) -> None:
        """One visitor. Whoever does not know the code leaves no trace but a wrong try."""
        own = await asyncio.to_thread(self._workspace.with_engine, own_keys)
        side = NewDevice(self.offer, party_of(own), connection.peer or None, self._random)
        try:
            await be_met(connection, side)
        except ProtocolError as error:
            self._fail_if_closed(error)
            return
        try:
            paired = await self._take(connection, side)
        except (SyncError, OSError) as error:
            await refuse(connection, error)
            self._settle(error)
        else:
            self._settle(paired)
        finally:
            self._settle(ProtocolError("Pairing broke off. Begin again with a new code."))

    async def wait(self) -> Paired:
        """Until a device has paired. ProtocolError: the code expired, or was given wrongly too often."""
        while not self._done.done():
            if not self.offer.used:
                self.offer.require_open()
            await asyncio.wait([self._done], timeout=1.0)
        return self._done.result()

    async def _take(self, connection: Connection, side: NewDevice) -> Paired:
        given = await receive_handover(connection, side)
        assert side.peer is not None
        paired, returned = await asyncio.to_thread(take, self._workspace, given, side.peer.device_id)
        await hand_over(connection, side, returned)
        await wait_until_kept(connection, side)
        return paired

    def _fail_if_closed(self, error: ProtocolError) -> None:
        if self.offer.closed() and not self._done.done():
            self._settle(error)

    def _settle(self, result: Paired | Exception) -> None:
        if self._done.done():
            return
        if isinstance(result, Exception):
            self._done.set_exception(result)
            self._done.exception()  # nobody may be waiting any more
        else:
            self._done.set_result(result)


async def accept(
    workspace: Workspace,
    transport: Transport,
    code: Code,
    address: Address,
    random: Random = system_random,
) -> Paired:
    """The old device's side: connect to the new one, prove the code, hand over. TransportError, ProtocolError."""
    connection = await transport.connect(address, "pair")
    return await accept_over(workspace, connection, code, transport.address(), address, random)


async def accept_over(
    workspace: Workspace,
    connection: Connection,
    code: Code,
    here: Address,
    there: Address | None = None,
    random: Random = system_random,
) -> Paired:
    """As `accept`, over a connection that is there already, which this closes. here, there: where both are."""
    own = await asyncio.to_thread(workspace.with_engine, own_keys)
    try:
        side = OldDevice(code, party_of(own), connection.peer or None, random)
        await meet(connection, side)
        assert side.peer is not None
        given = await asyncio.to_thread(add_and_give, workspace, side.peer, (encode_address(here),))
        await hand_over(connection, side, given)
        returned = await receive_handover(connection, side)
        paired = await asyncio.to_thread(take_back, workspace, side.peer, returned, there)
        await send(connection, side.keep())
    finally:
        await connection.close()
    return paired


def own_keys(engine: Engine) -> DeviceKeys:
    """The keys of this device."""
    return engine.device


def party_of(keys: DeviceKeys) -> Party:
    """A device as it presents itself."""
    return Party(keys.device_id, keys.encryption_key)


def add_and_give(workspace: Workspace, device: Party, addresses: Sequence[bytes]) -> Handover:
    """Make a proved device one of this person's, and gather what it needs."""
    own = handing.about(workspace)

    def run(operations: SessionOperations) -> Handover:
        engine = operations.engine
        with engine.transaction(durable=True) as tx:
            _add_device(engine, tx, device)
            added = {device.device_id.hex(): iso_time(workspace.clock.now_ms())}
            handing.name_everywhere(operations, handing.own_names(engine, own), added)
            return handing.person_handover(engine, own, addresses)

    return workspace.write(run)


def _add_device(engine: Engine, tx: Transaction, device: Party) -> None:
    """Sign with the recovery key while it is kept here, so that the new device ranks beside this one and not below."""
    if device.device_id in engine.memberships.identity_state(engine.identity).members:
        return
    stored = tx.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()
    signer = engine.device if stored is None else recovery_keys(bytes(stored[0]))
    log = [decode_operation(encoded) for encoded in engine.memberships.operations(engine.identity)]
    operation = add_device(signer, log, device)
    engine.members.add(tx, engine.identity, [operation.encoded])
    if device.device_id not in engine.memberships.identity_state(engine.identity).members:
        raise ProtocolError("This device may not add others: it was revoked.")
    engine.members.renew_epochs(tx)


def take(workspace: Workspace, given: Handover, peer: bytes) -> tuple[Paired, Handover]:
    """The new device takes in what the old one gave; gives what it hands over in return."""
    before = handing.about(workspace)
    kept: list[bytes] = []

    def run(operations: SessionOperations) -> tuple[str, ...]:
        engine = operations.engine
        kept.extend(ident for _row, ident in handing.readable_workspaces(engine, engine.identity))
        return tuple(handing.take_person(operations, given, before.device_name, workspace.clock.now_ms()))

    taken = workspace.write(run)
    workspace.use_current()
    after = handing.about(workspace)
    returned = workspace.with_engine(lambda engine: handing.person_handover(engine, after, only=kept))
    return Paired(peer.hex(), given.device_name, given.identity.hex(), given.name, taken), returned


def take_back(workspace: Workspace, peer: Party, returned: Handover, address: Address | None) -> Paired:
    """The old device takes in what the new one had before."""
    now = workspace.clock.now_ms()

    def run(operations: SessionOperations) -> tuple[str, ...]:
        engine = operations.engine
        if returned.identity != engine.identity:
            raise ProtocolError("The other device did not become one of this person's.")
        with engine.transaction(durable=True) as tx:
            handing.take_identities(engine, tx, returned)
            taken = handing.take_workspaces(engine, tx, returned, now)
            if address is not None:
                network_rows.keep_address(tx.connection, address, now)
        return tuple(taken)

    taken = workspace.write(run)
    return Paired(peer.device_id.hex(), returned.device_name, returned.identity.hex(), returned.name, taken)
