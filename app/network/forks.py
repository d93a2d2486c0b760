"""Forked chains of the workspace of the call: what they are, and deciding which side counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import NotFound, UserError
from app.network.devices import Known, called, cuts_by_workspace, known_devices, remove_device
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from app.sessions.views import iso_time
from app.workspace import Workspace
from sync.documents.change import parse_change, split_chunks
from sync.engine import Engine, Transaction
from sync.membership.bodies import OTHERS, WHOLE, Cut, Set
from sync.membership.standing import WRITING
from sync.repository.forks import Fork, ForkBranch
from sync.store.database import Connection
from sync.store.left_chains import left_chains

TOLD_MS = 30 * 24 * 3600 * 1000
_RETIRES = " It is your own device, and is revoked with that: to be used again it must be paired anew."


@dataclass(frozen=True, slots=True)
class BranchRow:
    """One side of a fork. id: the hash of its last entry. sessions: (id, title). shown: entries that are shown here."""

    id: str
    entries: int
    shown: int
    sessions: tuple[tuple[str, str], ...]
    notes: int
    counts: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entries": self.entries,
            "shown": self.shown,
            "sessions": [{"id": ident, "title": title} for ident, title in self.sessions],
            "notes": self.notes,
            "counts": self.counts,
        }


@dataclass(frozen=True, slots=True)
class ForkRow:
    """A chain that its device wrote in two ways. device: its id; who: what it is called, with whose it is.

    entry: the number before which the chain divides. since: milliseconds of the first event after that, if any is
    shown. settled: an owner has decided. yours: it is a device of this person. may_cut: this person may decide.
    """

    device: str
    who: str
    entry: int
    since: int | None
    settled: bool
    yours: bool
    may_cut: bool
    branches: tuple[BranchRow, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "who": self.who,
            "entry": self.entry,
            "since": None if self.since is None else iso_time(self.since),
            "settled": self.settled,
            "yours": self.yours,
            "may_cut": self.may_cut,
            "branches": [branch.to_json() for branch in self.branches],
        }


@dataclass(frozen=True, slots=True)
class Renewal:
    """This home was an older copy and became a new device. device: the one that it was; since: milliseconds.

    rewritten: events and notes that were only here, and were written anew by the new one.
    """

    device: str
    since: int
    rewritten: int

    def to_json(self) -> dict[str, Any]:
        return {"device": self.device, "since": iso_time(self.since), "rewritten": self.rewritten}


def fork_sentence(fork: ForkRow) -> str:
    """What a fork is, for people."""
    since = "" if fork.since is None else f" (since {iso_time(fork.since)[:10]})"
    if fork.settled:
        return f"{fork.who} wrote two chains{since}; it is decided which one counts."
    decides = "" if fork.may_cut else " An owner can say which one counts."
    return (
        f"{fork.who} wrote two chains{since}: its home was put back to an older copy, or its program was changed. "
        f"Both are kept.{decides}"
    )


def branch_words(branch: BranchRow) -> str:
    """What one side has, for people."""
    entries = "1 entry" if branch.entries == 1 else f"{branch.entries:,} entries"
    titles = [f"“{title}”" if title else ident for ident, title in branch.sessions]
    more = [f"{len(titles) - 3} more sessions"] if len(titles) > 4 else []
    about = [*titles[: 3 if more else 4], *more, *(["notes"] if branch.notes else [])]
    where = f" in {', '.join(about)}" if about else ""
    here = "shown here" if branch.shown == branch.entries else f"{branch.shown:,} of it shown here"
    return f"{entries}{where} · {here if branch.shown else 'not shown here'}"


def cut_question(fork: ForkRow, kept: BranchRow) -> str:
    """What is asked before one side is kept: what is dropped and what stays."""
    dropped = sum(branch.entries for branch in fork.branches if branch.id != kept.id)
    stays = "Its 1 entry so far stays" if kept.entries == 1 else f"Its {kept.entries:,} entries so far stay"
    goes = "1 entry of the other side is" if dropped == 1 else f"{dropped:,} entries of the other side are"
    return (
        f"Keep this side of {fork.who} for everybody? {stays}. {goes} shown to nobody any more, and kept aside; "
        f"notes stay as they read here now. It cannot be undone.{_RETIRES if fork.yours else ''}"
    )


def renewal_sentence(renewal: Renewal) -> str:
    """That this home became a new device, for people."""
    count = "1 event that was" if renewal.rewritten == 1 else f"{renewal.rewritten:,} events that were"
    anew = f", and wrote anew {count} only here" if renewal.rewritten else ""
    return (
        f"This home was an older copy of a device that has gone on elsewhere: it became a new device on "
        f"{iso_time(renewal.since)[:10]}{anew}."
    )


def forks(workspace: Workspace) -> list[ForkRow]:
    """All forks, those that nobody has decided first."""
    known = known_devices(workspace)

    def look(operations: SessionOperations) -> list[ForkRow]:
        engine, row = operations.engine, operations.workspace
        return [_row(engine, row, fork, known) for fork in engine.forks(row)]

    return sorted(workspace.write(look), key=lambda row: (row.settled, row.who, row.device))


def renewals(workspace: Workspace) -> list[Renewal]:
    """When this home found itself to be an older copy, in the last `TOLD_MS`, oldest first."""
    before = workspace.clock.now_ms() - TOLD_MS

    def look(queries: Queries) -> list[Renewal]:
        rows = left_chains(queries.connection, queries.workspace)
        ids = dict(queries.connection.execute("SELECT row, id FROM device").fetchall()) if rows else {}
        return [Renewal(bytes(ids[row.device]).hex(), row.since, row.rewritten) for row in rows if row.since > before]

    return workspace.read(look)


def _row(engine: Engine, workspace: int, fork: Fork, known: Known) -> ForkRow:
    titles = _titles(engine.connection, {name for branch in fork.branches for name in branch.sessions})
    return ForkRow(
        fork.device.hex(),
        called(engine, fork.device.hex(), known),
        fork.n,
        _since(engine.connection, fork),
        fork.is_settled,
        engine.identity in engine.memberships.roster.identities(fork.device),
        not fork.is_settled and _may_cut(engine, engine.workspace(workspace).id, fork.device),
        tuple(_branch(branch, titles) for branch in fork.branches),
    )


def _branch(branch: ForkBranch, titles: Mapping[str, str]) -> BranchRow:
    sessions = tuple((name, titles.get(name, "")) for name in branch.sessions if name)
    return BranchRow(branch.hash.hex(), branch.entries, branch.shown, sessions, len(branch.notes), branch.counts)


def _titles(connection: Connection, sessions: Iterable[str]) -> dict[str, str]:
    rows = (connection.execute("SELECT id, title FROM session WHERE id=?", (name,)) for name in sessions)
    return {ident: title or "" for found in rows for ident, title in found.fetchall()}


def _since(connection: Connection, fork: Fork) -> int | None:
    """When the first event after the fork was written, as its author says."""
    times: list[int] = []
    for branch in fork.branches:
        (changes,) = connection.execute("SELECT changes FROM entry WHERE id=?", (branch.first,)).fetchone()
        names = {key for chunk in split_chunks(changes or b"") for key in parse_change(chunk).keys}
        for name in names:
            times += [time for (time,) in connection.execute("SELECT time FROM event WHERE id=?", (name,))]
    return min(times, default=None)


def _member_of(engine: Engine, workspace: bytes, device: bytes) -> bytes | None:
    """Whose device it is, of those who may write."""
    state = engine.memberships.state(workspace)
    owners = engine.memberships.roster.identities(device)
    return next((identity for identity in owners if state.may_write(identity)), None)


def _may_cut(engine: Engine, workspace: bytes, device: bytes) -> bool:
    if engine.identity in engine.memberships.roster.identities(device):
        return device in engine.memberships.identity_state(engine.identity).members
    member = _member_of(engine, workspace, device)
    return member is not None and engine.memberships.state(workspace).may_act_on(engine.identity, member)


def find_fork(workspace: Workspace, who: str) -> ForkRow:
    """An undecided fork by what its device is called, its id or a unique prefix of it. Raises NotFound."""
    rows = [row for row in forks(workspace) if not row.settled]
    found = [row for row in rows if who and (row.device.startswith(who.lower()) or row.who.lower() == who.lower())]
    if len(found) == 1:
        return found[0]
    raise NotFound(
        f"There is no forked device {who}. `lovelace sync status` lists them.",
        candidates=[f"{row.device[:12]}  {row.who}" for row in found or rows],
    )


def find_branch(fork: ForkRow, wanted: str) -> BranchRow:
    """A side of a fork by a unique prefix of its id. Raises NotFound."""
    found = [branch for branch in fork.branches if wanted and branch.id.startswith(wanted.lower())]
    if len(found) != 1:
        raise NotFound(f"{fork.who} has no side {wanted}.", candidates=[branch.id[:12] for branch in fork.branches])
    return found[0]


def cut(workspace: Workspace, device: str, branch: str, recovery_code: str | None = None) -> None:
    """Say for everybody which side (the id of a branch) of a forked device counts. Notes stay as they read now.

    A device of one's own is retired by that; recovery_code: as for `revoke`. Another member goes on with a new right.
    UserError, MembershipError where that is not this person's to say.
    """
    ident = bytes.fromhex(device)

    def run(operations: SessionOperations) -> None:
        engine, row = operations.engine, operations.workspace
        with engine.transaction(durable=True) as tx:
            fork = next((fork for fork in engine.forks(row) if fork.device == ident), None)
            kept = None if fork is None else next((b for b in fork.branches if b.hash.hex() == branch), None)
            if fork is None or kept is None:
                raise NotFound("That fork is not here. `lovelace sync status` lists them.")
            if engine.memberships.state(engine.workspace(row).id).may_write(engine.identity):
                _settle_notes(engine, tx, row, fork)
            if engine.identity in engine.memberships.roster.identities(ident):
                _retire(engine, tx, row, ident, kept, recovery_code)
            else:
                _limit(engine, tx, row, ident, kept)

    workspace.write(run)


def _settle_notes(engine: Engine, tx: Transaction, workspace: int, fork: Fork) -> None:
    """Notes that both sides may have changed go on in new documents, on which everybody can build."""
    for name in sorted({name for branch in fork.branches for name in branch.notes if name}):
        engine.begin_note_anew(tx, workspace, name)


def _retire(
    engine: Engine, tx: Transaction, workspace: int, device: bytes, kept: ForkBranch, recovery_code: str | None
) -> None:
    if device not in engine.memberships.identity_state(engine.identity).members:
        raise UserError("That device is revoked already, which decided what counts of it.")
    cuts = cuts_by_workspace(engine, tx, device)
    for row, ident in tx.connection.execute("SELECT row, id FROM workspace").fetchall():
        for fork in engine.forks(row):
            if fork.device == device:
                chosen = kept if row == workspace else fork.branches[0]
                cuts[bytes(ident)] = Cut(chosen.n, chosen.hash)
    remove_device(engine, tx, device, cuts, recovery_code)


def _limit(engine: Engine, tx: Transaction, workspace: int, device: bytes, kept: ForkBranch) -> None:
    log = engine.workspace(workspace).id
    state, member = engine.memberships.state(log), _member_of(engine, log, device)
    if state.role(engine.identity) != "owner":
        raise UserError("Only an owner of this workspace can say which side counts.")
    role = None if member is None else state.role(member)
    if member is None or role not in WRITING:
        raise UserError("Its owner may not write here any more, which decided what counts of it.")
    if not state.may_act_on(engine.identity, member):
        raise UserError(
            "They are no weaker than you: they themselves, or an owner above them, can say which side counts."
        )
    engine.members.sign(tx, log, Set(member, role, cuts={device: Cut(kept.n, kept.hash), OTHERS: WHOLE}))
