"""Time and randomness, passed in by whoever composes the engine, so that rules and tests are reproducible."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol

Random = Callable[[int], bytes]
"""A source of secret random bytes: takes a count, gives exactly that many."""


class Clock(Protocol):
    """Tells wall time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The clock of this machine; it may jump, nothing orders by it."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def system_random(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return os.urandom(count)
