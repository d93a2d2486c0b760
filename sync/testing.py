"""What tests put in place of time and randomness. Never imported by the product."""

from __future__ import annotations

import hashlib

from sync.clock import Random


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, milliseconds: int) -> None:
        """Move on; a negative count is a clock that was set back."""
        self._now_ms += milliseconds


def seeded_random(seed: int = 0) -> Random:
    """A generator whose bytes are the same in every run and different for every seed and call."""
    calls = 0

    def draw(count: int) -> bytes:
        nonlocal calls
        calls += 1
        return hashlib.shake_256(f"{seed}/{calls}".encode()).digest(count)

    return draw
