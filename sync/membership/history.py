"""The steps of a log, and what of them counts as seen from any point of it.

A point is a set of steps that contains the causal past of each. What counts there is decided in two passes:
1. In the order of strength (signer's rank, id) a step is void if a concurrent one that is not void strikes it, or if
   everything is void that gave its signer that rank. What a step depends on here always comes before it in this order.
2. In topological order a step that is not void counts if its signer has the authority by ancestors that count.

Only steps that are struck at all, and what descends from them, are ever looked at again. Everything else was allowed
in its own past and therefore counts wherever it is seen.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sync.membership.bodies import (
    Epoch,
    IdentityGenesis,
    Invite,
    Join,
    Rekey,
    Remove,
    Set,
    TransferFounder,
    WorkspaceGenesis,
)
from sync.membership.operation import Operation
from sync.membership.rules import AUTHORITY, Case
from sync.membership.standing import Order, Standing, rank_of
from sync.membership.step import Step, bits, strikes


@dataclass(frozen=True, slots=True)
class Point:
    """What somebody has seen. void: which of it others struck. invalid: what does not count, void or not."""

    seen: int
    void: int = 0
    invalid: int = 0

    @property
    def counted(self) -> int:
        return self.seen & ~self.invalid


def _union(seen: int, points: Sequence[Point]) -> Point:
    """The point of several that agree about what they have in common."""
    void = invalid = 0
    for point in points:
        void |= point.void
        invalid |= point.invalid
    return Point(seen, void, invalid)


class History:
    """All steps of one log, only ever added to."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.points: list[Point] = []
        """After each step: its past and itself."""
        self.number: dict[bytes, int] = {}
        self.assignments: defaultdict[bytes, int] = defaultdict(int)
        """By member: what decides their role."""
        self.epochs = 0
        self.joins = self.invites = 0
        self.rekeys: defaultdict[bytes, int] = defaultdict(int)
        """By member: what gives them another key."""
        self._owned: defaultdict[bytes, int] = defaultdict(int)
        self._owner_grants: defaultdict[bytes, int] = defaultdict(int)
        self._evictions: defaultdict[bytes, int] = defaultdict(int)
        self._transfers: defaultdict[bytes, int] = defaultdict(int)
        self._founders: list[bytes] = []
        self._strikers: defaultdict[int, int] = defaultdict(int)
        self._struck = 0
        self._striking = 0

    def add(self, step: Step, before: Point) -> Point:
        """Append a step that was allowed at the point before it; gives the point after it."""
        self._compare(step)
        self.steps.append(step)
        self.number[step.operation.id] = step.number
        self._index(step)
        point = Point(before.seen | step.bit, before.void, before.invalid)
        self.points.append(point)
        return point

    def _index(self, step: Step) -> None:
        if isinstance(step.body, Epoch):
            self.epochs |= step.bit
        if isinstance(step.body, Rekey):
            self.rekeys[step.signer] |= step.bit
        if isinstance(step.body, Join):
            self.joins |= step.bit
        if isinstance(step.body, Invite):
            self.invites |= step.bit
        if step.needs_owner:
            self._owned[step.signer] |= step.bit
        if step.target is None:
            return
        self.assignments[step.target] |= step.bit
        if step.makes_owner:
            self._owner_grants[step.target] |= step.bit
        if isinstance(step.body, Set | Remove):
            self._evictions[step.target] |= step.bit
        if isinstance(step.body, TransferFounder):
            self._transfers[step.target] |= step.bit
        if isinstance(step.body, TransferFounder | IdentityGenesis | WorkspaceGenesis):
            self._founders.append(step.target)

    def _compare(self, step: Step) -> None:
        """Find out which earlier steps are struck by this one or strike it."""
        near = self._evictions[step.signer]
        if step.target is not None:
            near |= self._owned[step.target] | self._transfers[step.target]
            if isinstance(step.body, TransferFounder):
                near |= self.assignments[step.target] | self._owned[step.signer]
        strikers = 0
        for number in bits(near & ~step.past):
            other = self.steps[number]
            if other.order < step.order:
                strikers |= other.bit if strikes(other, step) else 0
            elif strikes(step, other):
                self._strikers[number] |= step.bit
                self._struck |= other.bit
                self._striking |= step.bit
        if strikers:
            self._strikers[step.number] = strikers
            self._struck |= step.bit
            self._striking |= strikers

    def standing(self, member: bytes, counted: int) -> Standing | None:
        """A member's standing by the steps that count: of the last assignments the one that gives least."""
        weakest: Standing | None = None
        for step in self.last_assignments(member, counted):
            if step.gives is None:
                return None
            if weakest is None or (step.gives.rank, step.operation.id) > (weakest.rank, weakest.grant):
                weakest = step.gives
        return weakest

    def last_assignments(self, member: bytes, counted: int) -> list[Step]:
        """Those that no other one follows."""
        return self.last(self.assignments.get(member, 0) & counted)

    def last(self, among: int) -> list[Step]:
        """The steps of a set that are not in the past of another one of it."""
        found = []
        while among:
            step = self.steps[among.bit_length() - 1]
            found.append(step)
            among &= ~(step.past | step.bit)
        return found

    def founder(self, counted: int) -> bytes:
        """The strongest member; founders are never removed, so there is one wherever the genesis was seen."""
        return min(self._founders, key=lambda member: rank_of(self.standing(member, counted)))

    def merge(self, points: Collection[Point]) -> Point:
        """The point of somebody who has seen what these have seen, at least one."""
        largest = max(points, key=lambda point: point.seen.bit_count()) if len(points) > 1 else next(iter(points))
        if all(not point.seen & ~largest.seen for point in points):
            return largest
        return self._merge(points)

    def _merge(self, points: Collection[Point]) -> Point:
        kept: list[Point] = []
        seen = 0
        for point in sorted(points, key=lambda point: point.seen.bit_count(), reverse=True):
            if point.seen & ~seen:
                kept.append(point)
                seen |= point.seen
        if self._are_apart(kept, seen):
            return _union(seen, kept)
        void = self._void(seen)
        if all(void & point.seen == point.void for point in kept):
            return _union(seen, kept)
        return Point(seen, void, self._invalid(seen, void, kept))

    def _are_apart(self, points: Sequence[Point], seen: int) -> bool:
        """Whether nothing that the first point has not seen has to do with what is struck anywhere."""
        first = points[0]
        if seen & ~first.seen & (self._struck | self._striking):
            return False
        return all(point.void & first.seen == first.void & point.seen for point in points)

    def _void(self, seen: int) -> int:
        """First pass."""
        waiting = [self.steps[n].order for n in bits(self._struck & seen) if self._strikers[n] & seen]
        heapq.heapify(waiting)
        void = decided = 0
        while waiting:
            order = heapq.heappop(waiting)
            step = self.steps[self.number[order[2]]]
            if decided & step.bit:
                continue
            decided |= step.bit
            if self._strikers.get(step.number, 0) & seen & ~void or self._is_unsupported(step, void):
                void |= step.bit
                for dependent in self._dependents(step, seen):
                    heapq.heappush(waiting, dependent)
        return void

    def _dependents(self, step: Step, seen: int) -> list[Order]:
        """What a step's owner did by it."""
        if not step.makes_owner or step.target is None:
            return []
        after = (self.steps[number] for number in bits(self._owned[step.target] & seen))
        return [other.order for other in after if other.past & step.bit and other.order > step.order]

    def _is_unsupported(self, step: Step, void: int) -> bool:
        """Whether nothing is left that gave the signer the rank that they had."""
        if not step.needs_owner:
            return False
        for number in bits(self._owner_grants[step.signer] & step.past & ~void):
            gives = self.steps[number].gives
            if gives is not None and gives.rank <= step.rank:
                return False
        return True

    def _invalid(self, seen: int, void: int, points: Sequence[Point]) -> int:
        """Second pass. Where a point agrees about a step's past, it also knows whether the step counts."""
        changed = denied = approved = 0
        for point in points:
            changed |= (void & point.seen) ^ point.void
            denied |= point.invalid
            approved |= point.counted
        below = (changed & -changed) - 1
        invalid = denied & below
        for number in bits(seen & ~below):
            step = self.steps[number]
            if void & step.bit:
                invalid |= step.bit
            elif (step.past | step.bit) & changed:
                if self.lacks_authority(step, step.past & ~invalid):
                    invalid |= step.bit
            else:
                invalid |= denied & step.bit
            if (approved if invalid & step.bit else denied) & step.bit:
                changed |= step.bit
        return invalid

    def lacks_authority(self, step: Step, counted: int) -> str:
        """Why a step has no authority by the steps of its past that count; '' if it has."""
        case = self.case(step.operation, step.signer, step.target, step.gives, counted)
        return AUTHORITY[type(step.body)](case)

    def case(
        self, operation: Operation, signer: bytes, target: bytes | None, gives: Standing | None, counted: int
    ) -> Case:
        """An operation for the rules, with what counts before it."""
        standing = self.standing(signer, counted)
        return Case(
            operation,
            signer,
            standing,
            target,
            None if target is None else self.standing(target, counted),
            gives,
            standing is not None and standing.rank <= 0 and self.founder(counted) == signer,
            bool(self.steps) and isinstance(self.steps[0].body, IdentityGenesis),
            self._finder(counted),
        )

    def _finder(self, counted: int) -> Callable[[bytes], Operation | None]:
        def find(operation: bytes) -> Operation | None:
            number = self.number.get(operation)
            return self.steps[number].operation if number is not None and counted >> number & 1 else None

        return find
