"""How two devices that know nothing of each other meet by a code: a ticket's address, the local network, a mailbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from app.network.inviting import Asked, Invited, come_back, invite, join
from app.network.pairing import Paired, PairingDesk, accept, accept_over
from app.network.settings import NetworkSettings, make_transport, read_settings
from app.workspace import Workspace
from sync.clock import Random, system_random
from sync.engine import Engine
from sync.errors import TransportError
from sync.membership.bodies import Role
from sync.network.lease import is_running
from sync.protocol.address import Address
from sync.protocol.addresses import decode_address, encode_address
from sync.protocol.invite_link import InviteLink, read_invite
from sync.protocol.pairing_code import Code, Ticket
from sync.store import network_rows
from sync.transports import letters
from sync.transports.connection import Accept, Allow, Connection, Purpose, Transport
from sync.transports.lan import Lan
from sync.transports.opendal_storage import open_storage
from sync.transports.storage import Storage
from sync.transports.storage_uri import read_uri

LOOK_SECONDS = 10.0
"""How long the old device looks around for the new one."""
LIVE_SECONDS, LIVE_STEP = 6.0, 0.2
"""How long a program of this home may take to go live, and how often that is looked at."""
Make = Callable[[Engine, NetworkSettings], Transport]


async def offer_pairing(
    workspace: Workspace,
    show: Callable[[Ticket], None],
    mailbox: str = "",
    random: Random = system_random,
    make: Make = make_transport,
) -> Paired:
    """The new device: wait with a code. show: told the ticket once others can come; mailbox: a URI to be found at.

    TransportError: there is no network, or no mailbox. ProtocolError: the code expired or was given wrongly too often.
    """
    desk = PairingDesk(workspace, random)
    async with live(workspace, desk.serve, desk.allow, make) as transport:
        ticket = Ticket(desk.offer.code, encode_address(transport.address()))
        async with _announced(workspace, transport, ticket.code), _answering_in(mailbox, desk):
            show(ticket)
            return await desk.wait()


async def accept_pairing(
    workspace: Workspace, ticket: Ticket, random: Random = system_random, make: Make = make_transport
) -> Paired:
    """The old device: find the new one and hand over. TransportError, ProtocolError.

    It is looked for where the ticket says, else in the local network, else in the mailboxes of this home.
    """
    code = ticket.code
    async with live(workspace, _nobody, _allow_nobody, make) as transport:
        there = decode_address(ticket.address) if ticket.address else await _find_nearby(workspace, transport, code)
        try:
            if there is not None:
                return await accept(workspace, transport, code, there, random)
        except TransportError:
            if not await asyncio.to_thread(workspace.with_engine, _has_mailboxes):
                raise
        return await _accept_by_mailbox(workspace, code, transport.address(), random)


def _has_mailboxes(engine: Engine) -> bool:
    return bool(network_rows.mailboxes(engine.connection))


async def invite_here(workspace: Workspace, role: Role) -> Invited:
    """An invite whose link says where this device is, as far as that is known; see `inviting.invite`."""
    made = await asyncio.to_thread(invite, workspace, role)
    address = await asyncio.to_thread(own_address, workspace)
    if not address.sockets and is_running(workspace.home):  # it goes live because of the invite
        address = await until_live(workspace)
    link = replace(read_invite(made.link), addresses=(encode_address(address),))
    return replace(made, link=str(link))


async def until_live(workspace: Workspace) -> Address:
    """Where this device is, once the network of a program of this home says so; without sockets if none does soon."""
    address = Address(b"")
    for _ in range(int(LIVE_SECONDS / LIVE_STEP)):
        address = await asyncio.to_thread(own_address, workspace)
        if address.sockets:
            break
        await asyncio.sleep(LIVE_STEP)
    return address


async def join_by_link(workspace: Workspace, link: InviteLink, make: Make = make_transport) -> Asked:
    """Answer an invite at one of the devices that its link names. TransportError, ProtocolError, UserError."""
    named = [decode_address(address) for address in link.addresses]
    async with live(workspace, _nobody, _allow_nobody, make) as transport:
        try:
            return await join(workspace, transport, named, link)
        except TransportError:
            found = [await _look_for(workspace, transport, address) for address in named]
            if not any(found):
                raise
            return await join(workspace, transport, [address for address in found if address is not None], link)


async def return_to(workspace: Workspace, address: Address, make: Make = make_transport) -> list[str]:
    """After a recovery: get the workspaces back that somebody's device knows; gives their ids."""
    async with live(workspace, _nobody, _allow_nobody, make) as transport:
        try:
            return await come_back(workspace, transport, [address])
        except TransportError:
            found = await _look_for(workspace, transport, address)
            if found is None:
                raise
            return await come_back(workspace, transport, [found])


def own_address(workspace: Workspace) -> Address:
    """Where this device was last when its network ran; without sockets if it never did."""

    def look(engine: Engine) -> Address:
        own = engine.device.device_id
        known = {address.device: address for address in network_rows.addresses(engine.connection)}
        return known.get(own, Address(own))

    return workspace.with_engine(look)


@contextlib.asynccontextmanager
async def live(
    workspace: Workspace, serve: Accept, allow: Allow, make: Make = make_transport
) -> AsyncIterator[Transport]:
    """A live transport of this process alone, beside the network that another one may run."""
    settings = workspace.read(read_settings)
    transport = await asyncio.to_thread(workspace.with_engine, lambda engine: make(engine, settings))
    await transport.start(serve, allow)
    try:
        yield transport
    finally:
        await transport.stop()


async def _nobody(_connection: Connection) -> None:
    """Serves nobody."""


def _allow_nobody(_device: bytes, _purpose: Purpose) -> bool:
    return False


# the local network


@contextlib.asynccontextmanager
async def _lan(
    workspace: Workspace, transport: Transport, appeared: Callable[[], None] = lambda: None
) -> AsyncIterator[Lan | None]:
    """The local network; None where it is not wanted or not to be had."""
    settings = workspace.read(read_settings)
    if not settings.lan or settings.is_local:
        yield None
        return
    lan = Lan(workspace.clock, transport.address, appeared=appeared)
    try:
        await lan.start()
    except TransportError:
        yield None
        return
    try:
        yield lan
    finally:
        await lan.stop()


@contextlib.asynccontextmanager
async def _announced(workspace: Workspace, transport: Transport, code: Code) -> AsyncIterator[None]:
    async with _lan(workspace, transport) as lan:
        if lan is not None:
            with contextlib.suppress(TransportError):  # the ticket and the mailbox do without
                await lan.announce(code.meeting_name, transport.address())
        yield


async def _find_nearby(workspace: Workspace, transport: Transport, code: Code) -> Address | None:
    async with _lan(workspace, transport) as lan:
        return None if lan is None else await lan.find(code.meeting_name, LOOK_SECONDS)


async def _look_for(workspace: Workspace, transport: Transport, address: Address) -> Address | None:
    """Where a device is that is not where it was, as it announces itself nearby."""
    device = address.device
    appeared = asyncio.Event()
    async with _lan(workspace, transport, appeared.set) as lan:
        if lan is None:
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                while True:
                    await appeared.wait()
                    appeared.clear()
                    if device in (found := await lan.addresses([device])):
                        return found[device]
    return None


# mailboxes


@contextlib.asynccontextmanager
async def _answering_in(mailbox: str, desk: PairingDesk) -> AsyncIterator[None]:
    """Take calls that come through a mailbox for as long as the new device waits."""
    if not mailbox:
        yield
        return
    storage, folder = open_storage(read_uri(mailbox)), desk.offer.code.meeting_path
    await storage.list(folder)  # what is wrong with it shows now
    answering = asyncio.ensure_future(_answer_calls(storage, folder, desk))
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.wait([answering])
        with contextlib.suppress(TransportError):
            await letters.clear(storage, folder)


async def _answer_calls(storage: Storage, folder: str, desk: PairingDesk) -> None:
    async with asyncio.TaskGroup() as tasks:
        async for connection in letters.calls(storage, folder, "pair"):
            tasks.create_task(_answer(connection, desk))


async def _answer(connection: Connection, desk: PairingDesk) -> None:
    with contextlib.suppress(TransportError):  # that caller is gone; others may come
        await desk.serve(connection)


async def _accept_by_mailbox(workspace: Workspace, code: Code, here: Address, random: Random) -> Paired:
    """Call the new device in every mailbox of this home; TransportError if it answers in none."""
    rows = await asyncio.to_thread(workspace.with_engine, lambda engine: network_rows.mailboxes(engine.connection))
    places = {row.uri: read_uri(row.uri, row.credentials) for row in rows}
    for place in places.values():
        storage = open_storage(place)
        with contextlib.suppress(TransportError):
            try:
                connection = await letters.call(storage, code.meeting_path, "pair", random)
                return await accept_over(workspace, connection, code, here, None, random)
            except TransportError:
                await letters.clear(storage, code.meeting_path)  # nobody was there to do it
    raise TransportError(
        "No device with this code was found nearby or in your mailboxes. Check the code, and that the other device "
        "still waits; or paste its ticket, which says where it is."
    )
