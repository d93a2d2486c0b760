"""Invites: making a link, answering one, and taking answers in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import NotFound, UserError
from app.network import handing
from app.network.conversing import be_met, hand_over, meet, receive_handover, refuse, send, wait_until_kept
from app.network.pairing import own_keys, party_of
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.clock import Random, system_random
from sync.crypto import KEY_BYTES, sign, signing_key
from sync.engine import Engine
from sync.errors import MembershipError, ProtocolError, TransportError
from sync.membership.bodies import Invite, Join, Role
from sync.membership.epoch import key_id, log_key
from sync.membership.invites import JOIN_DOMAIN, join_message
from sync.protocol.handover import Handover
from sync.protocol.handshake import Party
from sync.protocol.invite_link import InviteLink
from sync.protocol.joining import Host, Joiner, OpenInvite, Returner
from sync.store import network_rows
from sync.store import operations as standings
from sync.transports.connection import Address, Connection, Transport


@dataclass(frozen=True, slots=True)
class Invited:
    """An invite that was made. id: of its operation; link: with its secrets."""

    id: str
    role: str
    link: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer that a member's device has taken in. request: the id of the Join; workspace: its id and name."""

    request: str
    workspace: str
    name: str


def invite(
    workspace: Workspace,
    role: Role,
    addresses: Sequence[bytes] = (),
    random: Random = system_random,
) -> Invited:
    """Let whoever gets the link ask to join the workspace of the call with a role. MembershipError: not an owner."""
    log, own = bytes.fromhex(workspace.id), handing.about(workspace)

    def run(operations: SessionOperations) -> Invited:
        engine = operations.engine
        with engine.transaction(durable=True) as tx:
            seed = random(KEY_BYTES)
            operation = engine.members.sign(tx, log, Invite(signing_key(seed)[KEY_BYTES:], role))
            handing.name_everywhere(operations, handing.own_names(engine, own))
            row = operations.workspace
            key = engine.memberships.writing_key(log, row)
            if key is None:
                raise UserError("There is no key yet that an invite could carry. Wait until an owner's device is seen.")
            mailbox = _open_mailbox(engine, row)
            link = InviteLink(log, operation.id, seed, log_key(key.key), tuple(addresses), mailbox)
        return Invited(operation.id.hex(), role, str(link))

    return workspace.write(run)


def _open_mailbox(engine: Engine, row: int) -> str:
    """A mailbox of a workspace that anybody can read who knows where it is; '' if there is none."""
    found = [mailbox for mailbox in network_rows.mailboxes(engine.connection) if mailbox.workspace == row]
    return next((m.uri for m in found if not m.credentials and "@" not in m.uri and not m.uri.startswith("/")), "")


class Reception:
    """A member's side of joining and coming back: `serve` takes the connections for "join"."""

    def __init__(self, workspace: Workspace, random: Random = system_random) -> None:
        self._workspace, self._random = workspace, random

    async def serve(self, connection: Connection) -> None:
        """One visitor. Who proves nothing learns nothing and leaves no trace."""
        own = await asyncio.to_thread(self._workspace.with_engine, own_keys)
        side = Host(party_of(own), connection.peer, self._find, self._random)
        try:
            await be_met(connection, side)
        except ProtocolError:
            return  # they were told
        try:
            await (self._let_join(connection, side) if side.invite else self._let_return(connection, side))
        except (ProtocolError, MembershipError) as error:
            await refuse(connection, error)

    def _find(self, invite: bytes, key: bytes) -> OpenInvite | None:
        return self._workspace.with_engine(lambda engine: find_invite(engine, invite, key))

    async def _let_join(self, connection: Connection, side: Host) -> None:
        given = await asyncio.to_thread(give_logs, self._workspace, side.invite)
        await hand_over(connection, side, given)
        answer = await receive_handover(connection, side)
        [workspace] = given.workspaces
        assert side.peer is not None
        await asyncio.to_thread(take_answer, self._workspace, workspace, side.invite, answer, side.peer.device_id)
        await send(connection, side.keep())

    async def _let_return(self, connection: Connection, side: Host) -> None:
        proof = await receive_handover(connection, side)
        assert side.peer is not None
        given = await asyncio.to_thread(welcome_back, self._workspace, side.identity, side.peer, proof)
        await hand_over(connection, side, given)
        await wait_until_kept(connection, side)


def awaits_visitors(engine: Engine) -> bool:
    """Whether somebody may come who answers an invite, so that the network must be there."""
    return any(
        engine.memberships.state(workspace).awaits_answers()
        for _row, workspace in handing.readable_workspaces(engine, engine.identity)
    )


def find_invite(engine: Engine, invite: bytes, key: bytes) -> OpenInvite | None:
    """An invite that nobody was let in by yet, of a workspace that this device reads, with the log key of this id."""
    for row, workspace in handing.readable_workspaces(engine, engine.identity):
        body = engine.memberships.state(workspace).open_invite(invite)
        if body is not None:
            keys = map(log_key, standings.epoch_keys(engine.connection, row).values())
            found = next((candidate for candidate in keys if key_id(candidate) == key), None)
            return None if found is None else OpenInvite(body.public_key, found)
    return None


def give_logs(workspace: Workspace, invite: bytes) -> Handover:
    """What somebody gets who has proved an invite."""
    own = handing.about(workspace)

    def run(engine: Engine) -> Handover:
        for _row, ident in handing.readable_workspaces(engine, engine.identity):
            if engine.memberships.state(ident).open_invite(invite) is not None:
                return handing.logs_handover(engine, own, [ident], named=True)
        raise ProtocolError("This invite does not count. Ask for a new one.")

    return workspace.with_engine(run)


def take_answer(workspace: Workspace, log: bytes, invite: bytes, answer: Handover, device: bytes) -> str:
    """Keep a Join and the log of who signed it; gives the id of the request. ProtocolError, MembershipError.

    device: the one that brought it.
    """

    def run(operations: SessionOperations) -> str:
        engine = operations.engine
        with engine.transaction(durable=True) as tx:
            engine.members.add_identity(tx, answer.identity, answer.logs.get(answer.identity, ()))
            engine.members.add(tx, log, answer.logs.get(log, ()))
            state = engine.memberships.state(log)
            mine = [
                ident
                for ident, join in state.requests().items()
                if join.invite == invite and join.identity == answer.identity
            ]
            if not mine:
                raise ProtocolError("The answer to the invite does not count. Ask for a new invite.")
            if handing.can_write(engine, row_of(engine, log), log):
                names = {answer.identity.hex(): answer.name, device.hex(): answer.device_name}
                operations.name_people(log.hex(), {ident: name for ident, name in names.items() if name})
        return mine[0].hex()

    return workspace.write(run)


def welcome_back(workspace: Workspace, identity: bytes, device: Party, proof: Handover) -> Handover:
    """Take in the log of a known identity that shows a device of it, and give the logs of what it is a member of."""
    own = handing.about(workspace)

    def run(engine: Engine) -> Handover:
        with engine.transaction(durable=True) as tx:
            shared = [ident for _row, ident in handing.readable_workspaces(engine, identity)]
            if not shared:
                raise ProtocolError("This device shares nothing with that person.")
            engine.members.add(tx, identity, proof.logs.get(identity, ()))
            if engine.memberships.roster.live(identity).get(device.device_id) != device.encryption_key:
                raise ProtocolError("The log of that person does not have this device.")
            engine.members.renew_epochs(tx)
            return handing.logs_handover(engine, own, shared, named=False)

    return workspace.with_engine(run)


async def join(
    workspace: Workspace,
    transport: Transport,
    addresses: Sequence[Address],
    link: InviteLink,
    random: Random = system_random,
) -> Asked:
    """Answer an invite at the first of these devices that can be reached. It counts once an owner accepts."""
    own = await asyncio.to_thread(workspace.with_engine, own_keys)
    connection = await connect_first(transport, addresses)
    try:
        side = Joiner(link, party_of(own), connection.peer, random)
        await meet(connection, side)
        given = await receive_handover(connection, side)
        answer, asked = await asyncio.to_thread(answer_invite, workspace, link, given, addresses)
        await hand_over(connection, side, answer)
        await wait_until_kept(connection, side)
    finally:
        await connection.close()
    return asked


def answer_invite(
    workspace: Workspace, link: InviteLink, given: Handover, addresses: Sequence[Address] = ()
) -> tuple[Handover, Asked]:
    """Keep the logs of a workspace and sign the wish to join it; gives what the host gets."""
    own, now = handing.about(workspace), workspace.clock.now_ms()

    def run(operations: SessionOperations) -> tuple[Handover, Asked]:
        engine = operations.engine
        shared = given.workspaces.get(link.workspace)
        if shared is None:
            raise ProtocolError("The other device handed over another workspace than the invite is for.")
        with engine.transaction(durable=True) as tx:
            handing.take_identities(engine, tx, given)
            engine.members.adopt(tx, link.workspace, given.logs.get(link.workspace, ()), {})
            state = engine.memberships.state(link.workspace)
            if state.role(engine.identity) is not None:
                raise UserError("You are a member of this workspace already.")
            if state.open_invite(link.invite) is None:
                raise UserError("This invite was used already. Ask for a new one.")
            request = engine.members.sign(tx, link.workspace, _join(engine, link)).id
            for address in addresses:
                network_rows.keep_address(tx.connection, address, now)
            logs = {log: engine.memberships.operations(log) for log in (engine.identity, link.workspace)}
        answer = Handover(engine.identity, own.name, own.device_name, logs)
        return answer, Asked(request.hex(), link.workspace.hex(), shared.name)

    return workspace.write(run)


def _join(engine: Engine, link: InviteLink) -> Join:
    message = join_message(link.workspace, link.invite, engine.identity, engine.device.device_id)
    return Join(link.invite, engine.identity, sign(signing_key(link.seed), JOIN_DOMAIN, message))


async def come_back(
    workspace: Workspace, transport: Transport, addresses: Sequence[Address], random: Random = system_random
) -> list[str]:
    """Show a member's device that this one belongs to a person it knows; gives the ids of the workspaces."""
    connection = await connect_first(transport, addresses)
    try:
        side, given = await introduce(workspace, connection, random)
        taken = await asyncio.to_thread(take_workspaces_back, workspace, given)
        await send(connection, side.keep())
    finally:
        await connection.close()
    return taken


async def introduce(workspace: Workspace, connection: Connection, random: Random) -> tuple[Returner, Handover]:
    """Show the log by which this device belongs to its person; gives the conversation, and what the other hands over.

    ProtocolError: it does not count there.
    """
    own = await asyncio.to_thread(workspace.with_engine, own_keys)
    identity, log = await asyncio.to_thread(workspace.with_engine, _own_log)
    side = Returner(identity, own, connection.peer, random)
    await meet(connection, side)
    await hand_over(connection, side, Handover(identity, "", logs={identity: log}))
    return side, await receive_handover(connection, side)


def _own_log(engine: Engine) -> tuple[bytes, tuple[bytes, ...]]:
    return engine.identity, engine.memberships.operations(engine.identity)


def take_workspaces_back(workspace: Workspace, given: Handover) -> list[str]:
    """Keep the workspaces that somebody else's device knew of, and what the recovery key opens of them."""

    def run(engine: Engine) -> list[str]:
        with engine.transaction(durable=True) as tx:
            handing.take_identities(engine, tx, given)
            taken = handing.take_workspaces(engine, tx, given, workspace.clock.now_ms())
            engine.members.renew_epochs(tx)
        return taken

    return workspace.with_engine(run)


async def connect_first(transport: Transport, addresses: Sequence[Address]) -> Connection:
    """A connection to the first device that answers. TransportError, NotFound without any address."""
    if not addresses:
        raise NotFound("No device is named that could be asked. Get a link while the other device is running.")
    problem: TransportError | None = None
    for address in addresses:
        try:
            return await transport.connect(address, "join")
        except TransportError as error:
            problem = error
    assert problem is not None
    raise problem


def row_of(engine: Engine, workspace: bytes) -> int:
    """The row of a workspace."""
    found = engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()
    if found is None:
        raise NotFound(f"There is no workspace {workspace.hex()[:12]} on this device.")
    return int(found[0])
