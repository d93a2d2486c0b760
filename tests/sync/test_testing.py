"""The stand-ins for time and randomness, and the real ones beside them."""

from __future__ import annotations

from sync.clock import SystemClock, system_random
from sync.testing import ManualClock, seeded_random


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(5)
    assert clock.now_ms() == clock.now_ms() == 5
    clock.advance(-3)
    assert clock.now_ms() == 2


def test_seeded_random_repeats_by_seed_and_never_within_a_run() -> None:
    first, again, other = seeded_random(1), seeded_random(1), seeded_random(2)
    draws = [first(16), first(16)]
    assert draws == [again(16), again(16)]
    assert len({*draws, other(16)}) == 3


def test_system_sources() -> None:
    assert SystemClock().now_ms() > 1_700_000_000_000
    assert len(system_random(24)) == 24
    assert system_random(24) != system_random(24)
