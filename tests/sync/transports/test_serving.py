"""Who is let in: known devices, and strangers in limited number and rate."""

from __future__ import annotations

import pytest

from sync.errors import TransportError
from sync.transports.connection import Connection
from sync.transports.serving import Limits, Serving


class Watch:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def _accept(connection: Connection) -> None:
    raise AssertionError("nothing is served here")


def serving(watch: Watch, limits: Limits) -> Serving:
    return Serving(_accept, lambda device, _purpose: device != b"unwanted", limits, watch)


def test_strangers_come_no_more_often_than_the_rate() -> None:
    watch = Watch()
    door = serving(watch, Limits(per_minute=3))
    for _ in range(3):
        door.enter(b"x", "pair")
        door.leave(b"x", "pair")
    with pytest.raises(TransportError, match="busy"):
        door.enter(b"x", "pair")
    door.enter(b"x", "sync")
    watch.now += 20
    door.enter(b"x", "link")
    with pytest.raises(TransportError, match="busy"):
        door.enter(b"x", "join")
    watch.now += 1_000_000
    for _ in range(3):
        door.enter(b"x", "pair")
    with pytest.raises(TransportError, match="busy"):
        door.enter(b"x", "pair")


def test_a_refused_one_takes_no_place() -> None:
    door = serving(Watch(), Limits(strangers=1, per_device=1))
    for _ in range(5):
        with pytest.raises(TransportError, match="does not know"):
            door.enter(b"unwanted", "pair")
    door.enter(b"x", "pair")
    with pytest.raises(TransportError, match="busy"):
        door.enter(b"y", "pair")
    with pytest.raises(TransportError, match="too many"):
        door.enter(b"x", "sync")
    door.leave(b"x", "pair")
    door.enter(b"x", "sync")
    door.enter(b"y", "pair")
