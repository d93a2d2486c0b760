"""Which devices speak for whom, as the logs of identities say.

A device may be claimed by the log of somebody else, who cannot know its key. Its signature then counts for the claimant
who is strongest where it was made: claiming a device gives it power and takes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sync.membership.bodies import Cut
from sync.membership.state import State

Life = Literal["live", "lost", "stolen"]


@dataclass(frozen=True, slots=True)
class Device:
    """A device of an identity.

    life: what it wrote before it was lost still counts; of a stolen one only what `cuts` names, by workspace.
    """

    identity: bytes
    encryption_key: bytes
    life: Life = "live"
    cuts: Mapping[bytes, Cut] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Roster:
    """All devices of all known identities, each with its claimants."""

    devices: Mapping[bytes, tuple[Device, ...]]

    def identities(self, device: bytes) -> tuple[bytes, ...]:
        """Whom a device may speak for; empty while its identity is not known."""
        return tuple(claim.identity for claim in self.devices.get(device, ()))

    def claim(self, device: bytes, identity: bytes) -> Device | None:
        """A device as one identity has it."""
        return next((claim for claim in self.devices.get(device, ()) if claim.identity == identity), None)

    def is_stolen(self, device: bytes) -> bool:
        """Whether every identity that has it says so."""
        claims = self.devices.get(device, ())
        return bool(claims) and all(claim.life == "stolen" for claim in claims)

    def live(self, identity: bytes) -> dict[bytes, bytes]:
        """The devices of an identity that receive keys: id → X25519 public key. The paper is one of them."""
        return {
            device: claim.encryption_key
            for device, claims in self.devices.items()
            for claim in claims
            if claim.identity == identity and claim.life == "live"
        }


def make_roster(identities: Iterable[State]) -> Roster:
    """The roster of these identities, by the states of their logs."""
    devices: dict[bytes, tuple[Device, ...]] = {}
    for state in sorted(identities, key=lambda state: state.log_id):
        for device in state.ever_members():
            devices[device] = (*devices.get(device, ()), _device(state, device))
    return Roster(devices)


def _device(state: State, device: bytes) -> Device:
    key = state.encryption_key(device)
    if device in state.members:
        return Device(state.log_id, key)
    cuts = state.removal_cuts(device)
    return Device(state.log_id, key, "lost" if cuts is None else "stolen", cuts or {})
