"""How strong somebody is: a role, and a rank that is never shown.

Smaller ranks are stronger. The founder has rank 0 and whoever an owner makes an owner one more than that owner. A
founder who hands over gives the next one a rank below their own (-1, -2, …): they stay an owner, second only to the
founders after them. Whoever is not an owner is weaker than every owner, whoever let them in.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.membership.bodies import Role

WRITING: frozenset[Role] = frozenset({"owner", "member"})
"""Roles whose entries count."""
READING: frozenset[Role] = frozenset({"owner", "member", "reader"})
"""Roles that receive the keys of epochs. Guests get the keys of single segments instead."""

_WEAKER: dict[Role, int] = {"member": 1 << 32, "reader": 2 << 32, "guest": 3 << 32}
NOBODY = 4 << 32
"""The rank of somebody without a role."""

Order = tuple[int, int, bytes]
"""By what concurrent operations are told apart, the stronger first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A role with its rank. grant: the operation that gives it."""

    role: Role
    rank: int
    grant: bytes

    @property
    def is_owner(self) -> bool:
        return self.role == "owner"


def rank_of(standing: Standing | None) -> int:
    """The rank of somebody who perhaps has no role."""
    return NOBODY if standing is None else standing.rank


def rank_given(role: Role, giver: int) -> int:
    """The rank that an owner of rank `giver` gives along with a role."""
    return max(giver, 0) + 1 if role == "owner" else _WEAKER[role]


def order_of(rank: int, operation: bytes) -> Order:
    """The place of an operation signed with this rank; an operation always comes after those that gave it its rank."""
    return max(rank, 0), max(-rank, 0), operation
