"""What a log says at one moment, frozen: members, what does not count and why, and the limits of what they wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sync.membership.bodies import Body, Cut, Epoch, IdentityGenesis, Invite, Join, Leave, Rekey, Remove, Role, Set
from sync.membership.history import History, Point
from sync.membership.operation import Operation
from sync.membership.standing import READING, WRITING, Standing
from sync.membership.step import Step, bits


@dataclass(frozen=True, slots=True)
class State:
    """The state of a log. Two states are equal if they say the same, however they came about.

    members: who has a role now. rejected: operations that do not count, each with the sentence that says why.
    waiting: operations whose parents or signers are not known yet.
    """

    log_id: bytes
    members: Mapping[bytes, Standing]
    rejected: Mapping[bytes, str]
    waiting: frozenset[bytes]
    _history: History = field(repr=False, compare=False)
    _point: Point = field(repr=False, compare=False)

    @property
    def founder(self) -> bytes | None:
        """The strongest member; None before the genesis is known."""
        return self._history.founder(self._point.counted) if self.members else None

    def role(self, member: bytes) -> Role | None:
        """A member's role; None for everybody else."""
        standing = self.members.get(member)
        return None if standing is None else standing.role

    def may_admit(self, member: bytes) -> bool:
        """Whether a member lets others in, takes roles and makes epochs."""
        return self.role(member) == "owner"

    def may_write(self, member: bytes) -> bool:
        """Whether what a member writes from now on counts."""
        return self.role(member) in WRITING

    def may_read(self, member: bytes) -> bool:
        """Whether a member has the keys of epochs; a guest has those of single segments only."""
        return self.role(member) in READING

    def may_act_on(self, signer: bytes, target: bytes) -> bool:
        """Whether one may change the role of another: owners of those who are weaker."""
        mine, theirs = self.members.get(signer), self.members.get(target)
        return mine is not None and mine.is_owner and (theirs is None or mine.rank < theirs.rank)

    def counts(self, operation: bytes) -> bool:
        """Whether an operation is here and counts."""
        return self._find(operation) is not None

    def knows(self, operation: bytes) -> bool:
        """Whether an operation was judged, whatever came of it."""
        return operation in self.rejected or self.counts(operation)

    def heads(self, limit: int) -> tuple[bytes, ...]:
        """What a new operation names as its parents: the strongest `limit` of those that count and nothing follows.

        What does not count is not named, so that nobody's flood makes others' operations dear.
        """
        last = self._history.last(self._point.counted)
        return tuple(step.operation.id for step in sorted(last, key=lambda step: step.order)[:limit])

    def epochs(self) -> dict[bytes, Epoch]:
        """The epochs that count, by id."""
        steps = (self._history.steps[number] for number in bits(self._history.epochs & self._point.counted))
        return {step.operation.id: step.body for step in steps if isinstance(step.body, Epoch)}

    def requests(self) -> dict[bytes, Join]:
        """Joins that nobody has decided: neither their identity's role nor another answer to their invite."""
        used = self._used_invites()
        return {step.operation.id: body for step, body in self._joins() if body.invite not in used}

    def open_invite(self, invite: bytes) -> Invite | None:
        """An invite that counts and whose answer nobody has decided yet."""
        step = self._find(invite)
        body = None if step is None or invite in self._used_invites() else step.body
        return body if isinstance(body, Invite) else None

    def awaits_answers(self) -> bool:
        """Whether any invite is open."""
        used = self._used_invites()
        invites = bits(self._history.invites & self._point.counted)
        return any(self._history.steps[number].operation.id not in used for number in invites)

    def _joins(self) -> list[tuple[Step, Join]]:
        joins = [self._history.steps[n] for n in bits(self._history.joins & self._point.counted)]
        return [(step, step.body) for step in joins if isinstance(step.body, Join)]

    def _used_invites(self) -> set[bytes]:
        return {body.invite for step, body in self._joins() if self._is_decided(step, body)}

    def _is_decided(self, step: Step, body: Join) -> bool:
        later = self._history.assignments.get(body.identity, 0) & self._point.counted
        return any(self._history.steps[number].past & step.bit for number in bits(later))

    def grant(self, operation: bytes) -> tuple[bytes, Role] | None:
        """To whom an operation that counts gives which role."""
        step = self._find(operation)
        if step is None or step.target is None or step.gives is None:
            return None
        return step.target, step.gives.role

    def limits(self, grant: bytes) -> list[Mapping[bytes, Cut]]:
        """All cuts through what was written under a grant; of several through one chain the smallest counts."""
        step = self._find(grant)
        if step is None or step.target is None:
            return []
        after = (self._history.steps[n] for n in bits(self._history.assignments[step.target] & self._point.counted))
        return [cuts for other in after if (cuts := _cuts(other, step)) is not None]

    def ever_members(self) -> Iterator[bytes]:
        """Everybody whom an operation that counts gave a role."""
        for member in self._history.assignments:
            if any(True for _body in self.assignments(member)):
                yield member

    def assignments(self, member: bytes) -> Iterator[Body]:
        """What gave a member a role, the newest first as far as there is an order."""
        found = list(bits(self._history.assignments.get(member, 0) & self._point.counted))
        given = [self._history.steps[number] for number in found if self._history.steps[number].gives is not None]
        yield from (step.body for step in sorted(given, key=lambda s: (-s.past.bit_count(), s.operation.id)))

    def encryption_key(self, device: bytes) -> bytes:
        """The key for which secrets of a device (a member of an identity) are wrapped; b"" where none is known."""
        found = [self._history.steps[n] for n in bits(self._history.rekeys.get(device, 0) & self._point.counted)]
        for step in sorted(found, key=lambda s: (-s.past.bit_count(), s.operation.id)):
            if isinstance(step.body, Rekey):
                return step.body.encryption_key
        for body in self.assignments(device):
            if isinstance(body, Set | IdentityGenesis) and body.encryption_key:
                return body.encryption_key
        return b""

    def removal_cuts(self, member: bytes) -> Mapping[bytes, Cut] | None:
        """The cuts of the removals that are the last word about a member, the smallest of each; None without cuts."""
        merged: dict[bytes, Cut] | None = None
        for step in self._history.last_assignments(member, self._point.counted):
            if isinstance(step.body, Remove) and step.body.cuts is not None:
                merged = dict(step.body.cuts) if merged is None else smallest_cuts(merged, step.body.cuts)
        return merged

    def operation(self, operation: bytes) -> Operation | None:
        """An operation that counts."""
        step = self._find(operation)
        return None if step is None else step.operation

    def _find(self, operation: bytes) -> Step | None:
        number = self._history.number.get(operation)
        return self._history.steps[number] if number is not None and self._point.counted >> number & 1 else None


def smallest_cuts(left: Mapping[bytes, Cut], right: Mapping[bytes, Cut]) -> dict[bytes, Cut]:
    """What both leave of each chain."""
    both = left.keys() & right.keys()
    return {key: min(left[key], right[key], key=lambda cut: (cut.n, cut.hash)) for key in both}


def _cuts(step: Step, grant: Step) -> Mapping[bytes, Cut] | None:
    """How an assignment limits what was written under a grant; None if it does not."""
    if grant.past & step.bit or grant.bit == step.bit:
        return None
    body = step.body
    if isinstance(body, Set | Remove) and body.cuts is not None:
        return body.cuts
    takes = isinstance(body, Set) and body.role not in WRITING
    concurrent = not step.past & grant.bit
    return {} if concurrent and (takes or isinstance(body, Leave)) else None
