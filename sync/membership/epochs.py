"""Which epoch to write under, when a new one is due and for whom, and which keys a device can reach.

Epochs form a graph of their own: each names those it follows, and sealed in it are their keys. Whoever has the key of
an epoch therefore has those of everything before it. Concurrent ones live side by side until a next one follows both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync.membership.bodies import Epoch
from sync.membership.epoch import open_back
from sync.membership.roster import Roster
from sync.membership.standing import READING
from sync.membership.state import State


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """A new epoch that an owner should make. recipients: device id → X25519 public key. reason: a sentence."""

    parents: tuple[bytes, ...]
    recipients: Mapping[bytes, bytes]
    reason: str


def current_epochs(state: State) -> dict[bytes, Epoch]:
    """The epochs that count and that no other one follows."""
    epochs = state.epochs()
    followed = {parent for epoch in epochs.values() for parent in epoch.parents}
    return {ident: epoch for ident, epoch in epochs.items() if ident not in followed}


def epoch_recipients(state: State, roster: Roster) -> dict[bytes, bytes]:
    """The devices that should have the current key: all live ones of everybody who reads it. Guests do not."""
    readers = [member for member, standing in state.members.items() if standing.role in READING]
    return {device: key for member in readers for device, key in roster.live(member).items()}


def writing_epoch(state: State, roster: Roster) -> bytes | None:
    """The epoch to write under; None: entries wait until an owner has made a new one.

    Of several the one that most devices can read. None also where the newest key is with somebody who must not read.
    """
    allowed = epoch_recipients(state, roster)
    safe = [(len(e.wraps), ident) for ident, e in current_epochs(state).items() if e.wraps.keys() <= allowed.keys()]
    return max(safe)[1] if safe else None


def next_epoch(state: State, roster: Roster) -> EpochPlan | None:
    """The epoch that is due; None while all is well."""
    current, recipients = current_epochs(state), epoch_recipients(state, roster)
    reason = _reason(current, recipients)
    return EpochPlan(tuple(sorted(current)), recipients, reason) if reason else None


def _reason(current: Mapping[bytes, Epoch], recipients: Mapping[bytes, bytes]) -> str:
    if not current:
        return "There is no key yet."
    if any(epoch.wraps.keys() - recipients.keys() for epoch in current.values()):
        return "Somebody who must not read any more has the current key."
    if len(current) > 1:
        return "Several keys were made at the same time."
    if any(recipients.keys() - epoch.wraps.keys() for epoch in current.values()):
        return "Somebody who should read does not have the current key."
    return ""


def purged_epochs(state: State) -> frozenset[bytes]:
    """The epochs that came before the current ones and to which these do not lead back: their keys are to be forgotten.

    None while several are current: one of them may still lead there.
    """
    current = list(current_epochs(state))
    if len(current) != 1:
        return frozenset()
    epochs, before, waiting = state.epochs(), set[bytes](), list(current)
    while waiting:
        for parent in epochs[waiting.pop()].parents:
            if parent in epochs and parent not in before:
                before.add(parent)
                waiting.append(parent)
    return frozenset(before - covered_epochs(state, current[0]))


def covered_epochs(state: State, epoch: bytes) -> frozenset[bytes]:
    """The epochs whose keys the key of this one opens, itself included."""
    epochs, covered, waiting = state.epochs(), set[bytes](), [epoch]
    while waiting:
        ident = waiting.pop()
        if ident in epochs and ident not in covered:
            covered.add(ident)
            waiting.extend(epochs[ident].back)
    return frozenset(covered)


def reach_keys(state: State, keys: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Every epoch key (by epoch) that opens with these. ProtocolError if one was sealed wrongly."""
    epochs, reached, waiting = state.epochs(), dict(keys), list(keys)
    while waiting:
        ident = waiting.pop()
        for parent in epochs[ident].back if ident in epochs else ():
            if parent not in reached:
                reached[parent] = open_back(state.log_id, epochs[ident], reached[ident], parent)
                waiting.append(parent)
    return reached


def needed_keys(state: State, device: bytes) -> frozenset[bytes]:
    """The epochs whose keys a device unwraps with its own; all others that it may read follow from these."""
    epochs = state.epochs()
    wrapped = {ident for ident, epoch in epochs.items() if device in epoch.wraps}
    opened = {parent for ident in wrapped for parent in covered_epochs(state, ident) - {ident}}
    return frozenset(wrapped - opened)
