"""The rules of the membership log once more, without any care for speed: what the evaluator must agree with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from sync.membership.bodies import Leave, Remove, Set, TransferFounder, WorkspaceGenesis
from sync.membership.operation import Operation
from tests.sync.membership.team import DEVICE, PERSON

_DEVICES = {device: PERSON[name] for name, device in DEVICE.items()}
_WEAK = {"member": 10**6, "reader": 2 * 10**6, "guest": 3 * 10**6}
NOBODY = ("", 10**9)
Rank = tuple[str, int]


@dataclass
class Reference:
    """Evaluates sets of operations (genesis, Set, Remove, Leave, TransferFounder), each from nothing."""

    operations: list[Operation]
    by_id: dict[bytes, Operation] = field(default_factory=dict)
    past: dict[bytes, frozenset[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._allowed: dict[bytes, bool] = {}
        self._rank: dict[bytes, int] = {}
        self._memo: dict[frozenset[bytes], frozenset[bytes]] = {}
        for operation in self.operations:
            self.by_id[operation.id] = operation
            parents = frozenset(operation.parents)
            self.past[operation.id] = parents.union(*(self.past[parent] for parent in parents))
            self._judge(operation)

    @cached_property
    def counted(self) -> frozenset[bytes]:
        return self.count(frozenset(self.by_id))

    @cached_property
    def members(self) -> dict[bytes, Rank]:
        found = {person: self.standing(person, self.counted) for person in _DEVICES.values()}
        return {person: standing for person, standing in found.items() if standing != NOBODY}

    def _judge(self, operation: Operation) -> None:
        counted = self.count(self.past[operation.id])
        self._rank[operation.id] = self.standing(self.signer(operation), counted)[1] if operation.log else 0
        self._allowed[operation.id] = not operation.log or self._has_authority(operation, counted)

    def signer(self, operation: Operation) -> bytes:
        return _DEVICES[operation.signer_device]

    def target(self, operation: Operation) -> bytes:
        match operation.body:
            case Set(member=member) | Remove(member=member) | TransferFounder(to=member):
                return member
        return self.signer(operation)

    def gives(self, operation: Operation) -> Rank:
        rank = self._rank[operation.id]
        match operation.body:
            case Set(role="owner"):
                return "owner", max(rank, 0) + 1
            case Set(role=role):
                return role, _WEAK[role]
            case TransferFounder():
                return "owner", rank - 1
            case WorkspaceGenesis():
                return "owner", 0
        return NOBODY

    def standing(self, person: bytes, counted: Collection[bytes]) -> Rank:
        mine = [i for i in counted if self.target(self.by_id[i]) == person]
        last = [i for i in mine if not any(i in self.past[j] for j in mine)]
        return max((self.gives(self.by_id[i]) for i in last), key=lambda given: given[1], default=NOBODY)

    def _has_authority(self, operation: Operation, counted: Collection[bytes]) -> bool:
        signer, target = self.signer(operation), self.target(operation)
        mine, theirs = self.standing(signer, counted), self.standing(target, counted)
        founder = min(_DEVICES.values(), key=lambda person: self.standing(person, counted)[1])
        match operation.body:
            case Leave():
                return mine != NOBODY and founder != signer
            case TransferFounder():
                stronger = self.gives(operation)[1] < mine[1]
                return founder == signer != target and theirs != NOBODY and stronger
            case Remove():
                return mine[0] == "owner" and mine[1] < theirs[1]
        return mine[0] == "owner" and mine[1] < theirs[1] and mine[1] < self.gives(operation)[1]

    def _key(self, ident: bytes) -> tuple[int, int, bytes]:
        rank = self._rank[ident]
        return max(rank, 0), max(-rank, 0), ident

    def _strikes(self, left: bytes, right: bytes) -> bool:
        if left in self.past[right] or right in self.past[left] or self._key(left) >= self._key(right):
            return False
        striker, struck = self.by_id[left], self.by_id[right]
        both_transfer = isinstance(struck.body, TransferFounder) and self.signer(struck) == self.signer(striker)
        if isinstance(striker.body, TransferFounder):
            return both_transfer or self.target(struck) == self.target(striker)
        if isinstance(struck.body, TransferFounder) and self.target(struck) == self.target(striker):
            return True
        if isinstance(struck.body, Leave) or self.target(striker) != self.signer(struck):
            return False
        demoted = self.gives(striker)[0] != "owner" or self.gives(striker)[1] > self._rank[right]
        return isinstance(striker.body, Remove) or (isinstance(striker.body, Set) and demoted)

    def _is_supported(self, ident: bytes, void: set[bytes]) -> bool:
        operation = self.by_id[ident]
        if isinstance(operation.body, Leave | WorkspaceGenesis):
            return True
        for other in self.past[ident]:
            given = self.gives(self.by_id[other])
            mine = self.target(self.by_id[other]) == self.signer(operation)
            enough = given[0] == "owner" and given[1] <= self._rank[ident]
            if mine and enough and self._allowed[other] and other not in void:
                return True
        return False

    def count(self, seen: frozenset[bytes]) -> frozenset[bytes]:
        if seen not in self._memo:
            self._memo[seen] = self._count(seen)
        return self._memo[seen]

    def _count(self, seen: frozenset[bytes]) -> frozenset[bytes]:
        allowed = sorted((i for i in seen if self._allowed[i]), key=self._key)
        void: set[bytes] = set()
        for ident in allowed:
            struck = any(other not in void and self._strikes(other, ident) for other in allowed)
            if struck or not self._is_supported(ident, void):
                void.add(ident)
        counted: set[bytes] = set()
        for ident in sorted(allowed, key=lambda i: len(self.past[i])):
            operation = self.by_id[ident]
            before = counted & self.past[ident]
            if ident not in void and (not operation.log or self._has_authority(operation, before)):
                counted.add(ident)
        return frozenset(counted)
