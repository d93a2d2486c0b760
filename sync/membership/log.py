"""The evaluator: signed operations of one log, in whatever order they come, and the state they amount to.

The state depends on the set of operations and on the roster alone. An operation is judged once, in its own causal past,
when all its parents are here; what then turns out to be concurrent is worked out by `History`. One that was signed by
a stolen device counts only if an operation of another device follows it: a thief's work on which nobody built is gone.
"""

from __future__ import annotations

from collections import defaultdict, deque
from types import MappingProxyType

from sync.errors import MembershipError
from sync.membership.bodies import IdentityGenesis, Join, WorkspaceGenesis
from sync.membership.history import History, Point
from sync.membership.operation import Operation, decode_operation, verify_operation
from sync.membership.roster import Roster
from sync.membership.rules import AUTHORITY, FORM
from sync.membership.standing import Standing, rank_of
from sync.membership.state import State
from sync.membership.step import Step, bits, standing_given, target_of

MAX_WAITING = 4096
"""Operations without their parents that are kept; further ones are dropped and can be asked for again."""
MAX_WAITING_BYTES = 32 << 20
MAX_STEPS = 16_384
"""Operations of one log that were allowed when they were signed."""

_STOLEN = "A stolen device signed it, and nobody else has built on it."
_VOID = "At the same time somebody stronger took the right behind it, or made its subject the founder."


class MembershipLog:
    """One log. roster: None for the log of an identity, whose members are devices and sign for themselves."""

    def __init__(self, log_id: bytes, roster: Roster | None = None) -> None:
        self._log_id = log_id
        self._roster = roster
        self._clear()

    def _clear(self) -> None:
        self._history = History()
        self._known: dict[bytes, Operation] = {}
        self._points: dict[bytes, Point] = {}
        self._shared: dict[int, Point] = {}
        self._rejected: dict[bytes, str] = {}
        self._waiting: dict[bytes, Operation] = {}
        self._waiting_for: defaultdict[bytes, set[bytes]] = defaultdict(set)
        self._waiting_bytes = 0
        self._top = Point(0)
        self._pending: list[Point] = []
        self._members: dict[bytes, Standing] = {}
        self._uncounted: dict[bytes, str] = {}

    def receive(self, data: bytes) -> Operation:
        """Take in an operation from outside. ProtocolError for bad bytes or signatures, MembershipError as `add`."""
        operation = decode_operation(data)
        if operation.id not in self._known:
            verify_operation(operation)
        self.add(operation)
        return operation

    def add(self, operation: Operation) -> None:
        """Take in an operation whose signature is verified; one that is here already changes nothing.

        MembershipError if it belongs to another log, or if the log is full.
        """
        if operation.log_id != self._log_id:
            raise MembershipError("This operation belongs to the log of another workspace or identity.")
        if operation.id in self._known or operation.id in self._waiting:
            return
        ready = deque([operation])
        while ready:
            ready.extend(self._settle(ready.popleft()))

    def set_roster(self, roster: Roster) -> None:
        """Judge by another roster; without effect if it is equal. New devices alone cost only what waits for them."""
        before, self._roster = self._roster, roster
        if before == roster:
            return
        if before is not None and all(roster.devices.get(d) == claims for d, claims in before.devices.items()):
            for device in roster.devices.keys() - before.devices.keys():
                for operation in self._released(device):
                    self.add(operation)
            return
        operations = [*self._known.values(), *self._waiting.values()]
        self._clear()
        for operation in operations:
            self.add(operation)

    def operations(self) -> tuple[Operation, ...]:
        """Every operation that was judged, parents first."""
        return tuple(self._known.values())

    def holds(self, operation: bytes) -> bool:
        """Whether an operation was judged, or waits for its parents; others were dropped."""
        return operation in self._known or operation in self._waiting

    def wanted(self) -> frozenset[bytes]:
        """Parents that others name and nobody brought."""
        parents = {parent for operation in self._waiting.values() for parent in operation.parents}
        return frozenset(parents - self._known.keys() - self._waiting.keys())

    def strangers(self) -> frozenset[bytes]:
        """Identities that operations name whose signer is not known: their logs tell whose device it is."""
        bodies = (operation.body for operation in self._waiting.values())
        return frozenset(body.identity for body in bodies if isinstance(body, Join | WorkspaceGenesis))

    def state(self) -> State:
        """The state by all operations that are here."""
        if self._pending:
            self._rise()
        members, rejected = dict(self._members), {**self._rejected, **self._uncounted}
        unseen = (1 << len(self._history.steps)) - 1 & ~self._top.seen
        for number in bits(unseen):
            rejected[self._history.steps[number].operation.id] = _STOLEN
        waiting = frozenset(self._waiting)
        return State(
            self._log_id, MappingProxyType(members), MappingProxyType(rejected), waiting, self._history, self._top
        )

    def _settle(self, operation: Operation) -> list[Operation]:
        """Judge an operation or let it wait; gives those that waited for it."""
        missing = next((parent for parent in operation.parents if parent not in self._known), None)
        if missing is None and self._roster is not None and not self._roster.identities(operation.signer_device):
            missing = operation.signer_device
        if missing is not None:
            self._wait(operation, missing)
            return []
        self._judge(operation)
        return self._released(operation.id)

    def _wait(self, operation: Operation, missing: bytes) -> None:
        size = self._waiting_bytes + len(operation.encoded)
        if len(self._waiting) < MAX_WAITING and size <= MAX_WAITING_BYTES:
            self._waiting[operation.id] = operation
            self._waiting_for[missing].add(operation.id)
            self._waiting_bytes = size

    def _released(self, missing: bytes) -> list[Operation]:
        released = [self._waiting.pop(waiting) for waiting in self._waiting_for.pop(missing, ())]
        self._waiting_bytes -= sum(len(operation.encoded) for operation in released)
        return released

    def _judge(self, operation: Operation) -> None:
        if len(self._history.steps) >= MAX_STEPS:
            raise MembershipError("This log is full. Make a new workspace and invite its members there.")
        before = self._before(operation)
        signer = self._signer(operation, before)
        rank = rank_of(self._history.standing(signer, before.counted))
        target, gives = target_of(operation.body, signer), standing_given(operation, rank)
        wrong = self._wrong(operation, signer, target, gives, before)
        self._known[operation.id] = operation
        if wrong:
            self._rejected[operation.id] = wrong
            self._points[operation.id] = self._shared.setdefault(before.seen, before)
            return
        step = Step(len(self._history.steps), operation, signer, rank, target, gives, before.seen)
        self._points[operation.id] = self._history.add(step, before)
        if self._roster is None or not self._roster.is_stolen(operation.signer_device):
            self._pending.append(self._points[operation.id])

    def _before(self, operation: Operation) -> Point:
        points = [self._points[parent] for parent in operation.parents]
        return self._history.merge(points) if points else Point(0)

    def _wrong(
        self, operation: Operation, signer: bytes, target: bytes | None, gives: Standing | None, before: Point
    ) -> str:
        if not operation.log:
            return self._wrong_genesis(operation, signer)
        case = self._history.case(operation, signer, target, gives, before.counted)
        return FORM[type(operation.body)](case) or AUTHORITY[type(operation.body)](case)

    def _wrong_genesis(self, operation: Operation, signer: bytes) -> str:
        if isinstance(operation.body, IdentityGenesis) != (self._roster is None):
            return "It founds an identity where a workspace is expected, or the other way round."
        if isinstance(operation.body, WorkspaceGenesis) and operation.body.identity != signer:
            return "Its device does not belong to the identity that founds the workspace."
        return ""

    def _signer(self, operation: Operation, before: Point) -> bytes:
        """In whose name a device signs: of several claimants the one it names, or the strongest."""
        if self._roster is None:
            return operation.signer_device
        claimants = self._roster.identities(operation.signer_device)
        if isinstance(operation.body, Join | WorkspaceGenesis) and operation.body.identity in claimants:
            return operation.body.identity
        if len(claimants) == 1:
            return claimants[0]
        return min(claimants, key=lambda member: (rank_of(self._history.standing(member, before.counted)), member))

    def _rise(self) -> None:
        """Take what has come since the last state into the next one."""
        before, history = self._top, self._history
        self._top = top = history.merge((before, *self._pending))
        self._pending.clear()
        again = top.seen & ~before.seen
        if top.invalid & before.seen != before.invalid or top.void & before.seen != before.void:
            again = top.seen
            self._uncounted.clear()
        for number in bits(again & top.invalid):
            step = history.steps[number]
            wrong = _VOID if top.void & step.bit else history.lacks_authority(step, step.past & top.counted)
            self._uncounted[step.operation.id] = wrong
        for member in {history.steps[number].target for number in bits(again)}:
            if member is not None:
                self._settle_member(member)

    def _settle_member(self, member: bytes) -> None:
        standing = self._history.standing(member, self._top.counted)
        self._members.pop(member, None)
        if standing is not None:
            self._members[member] = standing
