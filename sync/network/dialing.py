"""Whom to connect to, and when: pure. Times in seconds of a clock that only runs forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync.protocol.address import Address

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


@dataclass(slots=True)
class _Attempt:
    address: Address
    pause: float
    due: float


class Dialer:
    """Remembers where devices may be and how often they were not there."""

    def __init__(self) -> None:
        self._addresses: dict[bytes, list[Address]] = {}
        self._attempts: dict[bytes, _Attempt] = {}
        self._turn: dict[bytes, int] = {}

    def learn(self, address: Address, now: float) -> None:
        """A device may be here; the newest is tried first, and at once."""
        known = self._addresses.setdefault(address.device, [])
        if address in known:
            return
        self._addresses[address.device] = [address, *known][:4]
        self._turn[address.device] = 0
        attempt = self._attempts.get(address.device)
        if attempt is not None:
            attempt.due, attempt.pause = now, FIRST_PAUSE

    def due(self, wanted: Iterable[bytes], now: float) -> list[Address]:
        """Addresses to try now, one of each wanted device that has any."""
        found = []
        for device in wanted:
            known = self._addresses.get(device)
            attempt = self._attempts.get(device)
            if known and (attempt is None or attempt.due <= now):
                found.append(known[self._turn.get(device, 0) % len(known)])
        return found

    def trying(self, address: Address, now: float) -> None:
        """An attempt begins; until its end no other one does."""
        pause = self._attempts[address.device].pause if address.device in self._attempts else FIRST_PAUSE
        self._attempts[address.device] = _Attempt(address, pause, float("inf"))

    def failed(self, address: Address, now: float) -> None:
        """Nobody was there; the next address, and a longer pause after all of them."""
        device = address.device
        self._turn[device] = self._turn.get(device, 0) + 1
        attempt = self._attempts[device]
        attempt.due = now + attempt.pause
        if self._turn[device] % max(1, len(self._addresses.get(device, ()))) == 0:
            attempt.pause = min(attempt.pause * 2, LONGEST_PAUSE)

    def ended(self, device: bytes, now: float) -> None:
        """A conversation ended: it may go on soon."""
        self._attempts[device] = _Attempt(Address(device), FIRST_PAUSE, now + FIRST_PAUSE)

    def hurry(self, now: float) -> None:
        """Whatever is waited for may be there now."""
        for attempt in self._attempts.values():
            if attempt.due != float("inf"):
                attempt.due, attempt.pause = now, FIRST_PAUSE

    def next_due(self, wanted: Iterable[bytes], now: float) -> float:
        """When to look again, at the latest in `LONGEST_PAUSE`."""
        attempts: Mapping[bytes, _Attempt] = self._attempts
        dues = [attempts[d].due if d in attempts else now for d in wanted if self._addresses.get(d)]
        return min([*dues, now + LONGEST_PAUSE])
