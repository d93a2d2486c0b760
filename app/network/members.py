"""The members of the workspace of the call: who they are, what they may, and changing that."""

from __future__ import annotations

from app.errors import NotFound, UserError
from app.network.devices import Known, chain_cut, known_devices, rows_of
from app.network.views import MemberRow
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from sync.engine import Engine, Transaction
from sync.membership.bodies import Cut, Invite, Join, Leave, Remove, Role, Set, TransferFounder
from sync.membership.standing import WRITING
from sync.membership.state import State

ROLES: tuple[Role, ...] = ("owner", "member", "reader")
"""Roles that can be given; what guests see is granted session by session."""
MAILBOX_REMINDER = (
    "They may still have what opens your mailbox: change its credentials, and add it anew on your other devices."
)


def members(workspace: Workspace) -> list[MemberRow]:
    """Members, the strongest first, then those who ask to be."""
    known, log = known_devices(workspace), bytes.fromhex(workspace.id)
    return workspace.with_engine(lambda engine: _rows(engine, engine.memberships.state(log), known))


def _rows(engine: Engine, state: State, known: Known) -> list[MemberRow]:
    ranked = sorted(state.members.items(), key=lambda item: (item[1].rank, _name(item[0], known), item[0]))
    found = [_member(engine, member, standing.role, known, state.founder) for member, standing in ranked]
    for request, join in state.requests().items():
        found.append(_request(engine, state, request, join, known))
    return found


def _member(engine: Engine, member: bytes, role: str, known: Known, founder: bytes | None) -> MemberRow:
    rows = tuple(row for row in rows_of(engine, member, known) if row.state != "paper")
    name = _name(member, known)
    return MemberRow(member.hex(), name, role, rows, member == engine.identity, member == founder, "member")


def _request(engine: Engine, state: State, request: bytes, join: Join, known: Known) -> MemberRow:
    devices = tuple(row for row in rows_of(engine, join.identity, known) if row.state != "paper")
    name, you = _name(join.identity, known), join.identity == engine.identity
    role = _offered(state, join)
    return MemberRow(join.identity.hex(), name, role, devices, you, False, "requested", request.hex())


def _offered(state: State, join: Join) -> Role:
    invite = state.operation(join.invite)
    assert invite is not None and isinstance(invite.body, Invite)
    return invite.body.role


def _name(identity: bytes, known: Known) -> str:
    return known.names.get(identity.hex()) or f"Person {identity.hex()[:8]}"


def count_requests(workspace: Workspace) -> int:
    """How many others wait for this person to let them in: 0 where somebody else decides."""
    log = bytes.fromhex(workspace.id)

    def count(engine: Engine) -> int:
        state = engine.memberships.state(log)
        if state.role(engine.identity) != "owner":
            return 0
        return sum(join.identity != engine.identity for join in state.requests().values())

    return workspace.with_engine(count)


def find_member(workspace: Workspace, who: str) -> MemberRow:
    """A member by name, id or a unique prefix of it. Raises NotFound."""
    rows = [row for row in members(workspace) if row.state == "member"]
    named = [row for row in rows if row.name.lower() == who.lower()]
    return _only(named or [row for row in rows if who and row.identity.startswith(who.lower())], who, "member")


def find_request(workspace: Workspace, who: str) -> MemberRow:
    """A request by its id, a unique prefix of it, or the name of who asks. Raises NotFound."""
    rows = [row for row in members(workspace) if row.request]
    found = [row for row in rows if who and (row.request or "").startswith(who.lower())]
    return _only(found or [row for row in rows if row.name.lower() == who.lower()], who, "request")


def _only(found: list[MemberRow], who: str, what: str) -> MemberRow:
    if len(found) == 1:
        return found[0]
    if found:
        candidates = [f"{(row.request or row.identity)[:12]}  {row.name}" for row in found]
        raise NotFound(f"{who} could mean several {what}s; give the id.", candidates=candidates)
    raise NotFound(f"There is no {what} {who} in this workspace. `lovelace members list` shows them.")


def accept(workspace: Workspace, request: str) -> None:
    """Let in whoever made a request (its id), with the role that the invite offers; a new key follows."""
    log, ident = bytes.fromhex(workspace.id), bytes.fromhex(request)

    def run(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            state = engine.memberships.state(log)
            join = state.requests().get(ident)
            if join is None:
                raise NotFound(f"Nobody waits with the request {request[:12]}.")
            engine.members.sign(tx, log, Set(join.identity, _offered(state, join)))

    workspace.with_engine(run)


def refuse(workspace: Workspace, request: str) -> None:
    """Do not let in whoever made a request (its id); their invite is used up."""
    log, ident = bytes.fromhex(workspace.id), bytes.fromhex(request)

    def run(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            join = engine.memberships.state(log).requests().get(ident)
            if join is None:
                raise NotFound(f"Nobody waits with the request {request[:12]}.")
            engine.members.sign(tx, log, Remove(join.identity, {}))

    workspace.with_engine(run)


def change_role(workspace: Workspace, identity: str, role: Role) -> None:
    """Give a member another role. Who loses the right to write keeps what is here of their work."""
    log, member = bytes.fromhex(workspace.id), bytes.fromhex(identity)

    def run(operations: SessionOperations) -> None:
        engine = operations.engine
        with engine.transaction(durable=True) as tx:
            before = engine.memberships.state(log).role(member)
            if before == role:
                raise UserError(f"They are {_article(role)} {role} already.")
            loses = before in WRITING and role not in WRITING
            cuts = member_cuts(engine, tx, operations.workspace, member) if loses else None
            engine.members.sign(tx, log, Set(member, role, cuts=cuts))

    workspace.write(run)


def remove(workspace: Workspace, identity: str) -> None:
    """Take everything from a member but what they have already; a new key follows."""
    log, member = bytes.fromhex(workspace.id), bytes.fromhex(identity)

    def run(operations: SessionOperations) -> None:
        engine = operations.engine
        if member == engine.identity:
            raise UserError("This is you. `lovelace members leave` leaves the workspace.")
        with engine.transaction(durable=True) as tx:
            cuts = member_cuts(engine, tx, operations.workspace, member)
            engine.members.sign(tx, log, Remove(member, cuts))

    workspace.write(run)


def leave(workspace: Workspace) -> None:
    """Give up the membership of this person; what is here stays readable here."""
    log = bytes.fromhex(workspace.id)

    def run(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            engine.members.sign(tx, log, Leave())

    workspace.with_engine(run)


def transfer_founder(workspace: Workspace, identity: str) -> None:
    """Make another member the founder, who cannot be removed; this person stays an owner."""
    log, member = bytes.fromhex(workspace.id), bytes.fromhex(identity)

    def run(engine: Engine) -> None:
        with engine.transaction(durable=True) as tx:
            engine.members.sign(tx, log, TransferFounder(member))

    workspace.with_engine(run)


def member_cuts(engine: Engine, tx: Transaction, workspace: int, member: bytes) -> dict[bytes, Cut]:
    """The last entry of each device of a member that is here; workspace: its row id."""
    roster = engine.memberships.roster
    devices = [device for device in roster.devices if roster.claim(device, member) is not None]
    cuts = {device: chain_cut(tx, workspace, device) for device in devices}
    return {device: cut for device, cut in cuts.items() if cut is not None}


def _article(role: str) -> str:
    return "an" if role == "owner" else "a"
