"""Operations that were allowed when they were signed, and which of two concurrent ones takes the ground from the other.

A step is an operation together with what followed from its own causal past: in whose name its device signed, with
which rank, and what it gives to whom. None of this can change later. Sets of steps are integers, one bit for each step
in the order of arrival: a causal past of 5,000 steps is 625 bytes, and comparing two is one machine loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sync.membership.bodies import (
    Body,
    IdentityGenesis,
    Join,
    Leave,
    Remove,
    Set,
    TransferFounder,
    WorkspaceGenesis,
)
from sync.membership.operation import Operation
from sync.membership.standing import Order, Standing, order_of, rank_given


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a log.

    number: in the order of arrival. signer: the member in whose name the device signed, with `rank` at that time.
    target: whose role it decides, None if nobody's. gives: the role; None takes every role. past: its causal past.
    """

    number: int
    operation: Operation = field(repr=False)
    signer: bytes
    rank: int
    target: bytes | None
    gives: Standing | None
    past: int = field(repr=False)
    bit: int = field(init=False, repr=False)
    order: Order = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bit", 1 << self.number)
        object.__setattr__(self, "order", order_of(self.rank, self.operation.id))

    @property
    def body(self) -> Body:
        return self.operation.body

    @property
    def makes_owner(self) -> bool:
        return self.gives is not None and self.gives.is_owner

    @property
    def needs_owner(self) -> bool:
        """Whether it stands on its signer's being an owner; leaving and asking to join do not."""
        return not isinstance(self.body, Leave | Join | IdentityGenesis | WorkspaceGenesis)


def target_of(body: Body, signer: bytes) -> bytes | None:
    """Whose role an operation decides; a genesis decides its signer's."""
    match body:
        case Set(member=member) | Remove(member=member):
            return member
        case TransferFounder(to=member):
            return member
        case Leave() | IdentityGenesis() | WorkspaceGenesis():
            return signer
    return None


def standing_given(operation: Operation, rank: int) -> Standing | None:
    """The standing that an operation gives when it is signed with this rank."""
    match operation.body:
        case Set(role=role):
            return Standing(role, rank_given(role, rank), operation.id)
        case TransferFounder():
            return Standing("owner", rank - 1, operation.id)
        case IdentityGenesis() | WorkspaceGenesis():
            return Standing("owner", 0, operation.id)
    return None


def strikes(striker: Step, struck: Step) -> bool:
    """Whether a step voids another one that is concurrent with it, unless it is void itself.

    Of a transfer and another decision about its receiver only one counts: between them the least privilege could
    otherwise leave nobody the founder.
    """
    if striker.order >= struck.order:
        return False
    if isinstance(striker.body, TransferFounder):
        return _strikes_as_transfer(striker, struck)
    if isinstance(struck.body, TransferFounder) and struck.target == striker.target:
        return True
    if not struck.needs_owner or striker.target != struck.signer:
        return False
    return isinstance(striker.body, Remove) or (isinstance(striker.body, Set) and _demotes(striker, struck))


def _strikes_as_transfer(striker: Step, struck: Step) -> bool:
    """Nobody acts on the one who has become the founder, and there is one founder only."""
    if isinstance(struck.body, TransferFounder) and struck.signer == striker.signer:
        return True
    return struck.target == striker.target


def _demotes(striker: Step, struck: Step) -> bool:
    return striker.gives is None or not striker.gives.is_owner or striker.gives.rank > struck.rank


def bits(mask: int) -> Iterator[int]:
    """The numbers of the steps in a set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
