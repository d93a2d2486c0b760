"""Whether an entry of somebody's chain counts, by membership alone.

"Admitted" and "held" follow the state: what is held may count once more is known, and the other way round. "Rejected"
is for good: nothing that may still come makes such an entry count. Clocks and the age of keys play no part. Signatures,
actors and headers of changes are checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from sync.documents.entry import FIRST_PREV, Entry
from sync.membership.bodies import OTHERS, WHOLE, Cut
from sync.membership.roster import Device, Roster
from sync.membership.standing import WRITING
from sync.membership.state import State

Outcome = Literal["admitted", "held", "rejected"]
LeadsTo = Callable[[bytes, bytes], bool | None]
"""Whether the entry with the first hash stands in the chain that ends in the second one; None: not known (yet)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with an entry, and a sentence why; '' when it is admitted.

    by_chain: that depends on which entries of its chain are here.
    """

    outcome: Outcome
    reason: str = ""
    by_chain: bool = field(default=False, compare=False)


_ADMITTED, _LEADS = Verdict("admitted"), Verdict("admitted", by_chain=True)


def judge_entry(entry: Entry, digest: bytes, state: State, roster: Roster, leads_to: LeadsTo) -> Verdict:
    """Judge a verified entry with this hash by the state of its workspace."""
    if wrong := _malformed(entry, state):
        return Verdict("rejected", wrong)
    if not roster.identities(entry.device):
        return Verdict("held", "It is not known yet whose device wrote this.")
    grant = state.grant(entry.grant)
    if grant is None:
        return _judge_without_grant(entry, state)
    member, role = grant
    if role not in WRITING:
        return Verdict("rejected", f"Its author was let in as a {role}, who does not write.")
    device = roster.claim(entry.device, member)
    if device is None:
        return Verdict("held", "It names the right of somebody to whom its device does not belong.")
    return _judge_by_cuts(entry, digest, _cuts(entry, device, state), leads_to)


def _malformed(entry: Entry, state: State) -> str:
    if entry.workspace != state.log_id:
        return "It belongs to another workspace."
    if (entry.n == 1) != (entry.prev == FIRST_PREV):
        return "Its number and the entry it follows contradict each other."
    return ""


def _judge_without_grant(entry: Entry, state: State) -> Verdict:
    operation = state.operation(entry.grant)
    if operation is not None:
        return Verdict("rejected", f"It names an operation ({operation.kind}) that lets nobody write.")
    if state.knows(entry.grant):
        return Verdict("held", "What let its author write does not count.")
    return Verdict("held", "What let its author write is not here yet.")


def _cuts(entry: Entry, device: Device, state: State) -> list[Cut | None]:
    """Every cut through the chain of the entry's device; None for one that leaves nothing of it."""
    cuts = [limits.get(entry.device, limits.get(OTHERS)) for limits in state.limits(entry.grant)]
    return [*cuts, device.cuts.get(entry.workspace)] if device.life == "stolen" else cuts


def _judge_by_cuts(entry: Entry, digest: bytes, cuts: Collection[Cut | None], leads_to: LeadsTo) -> Verdict:
    if not cuts:
        return _ADMITTED
    cut = None if None in cuts else min(filter(None, cuts), key=lambda cut: (cut.n, cut.hash))
    if cut == WHOLE:
        return _ADMITTED
    if cut is None or entry.n > cut.n:
        return Verdict("held", "Its author lost the right to write before this was seen.")
    leads = digest == cut.hash if entry.n == cut.n else leads_to(digest, cut.hash)
    if leads is None:
        return Verdict("held", "The entries between it and the last one that counts are not here yet.", by_chain=True)
    return _LEADS if leads else Verdict("held", "Its author wrote two chains, and this is the one that was cut.")
