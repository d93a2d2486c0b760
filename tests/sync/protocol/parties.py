"""Two devices that talk to each other without any IO, and somebody between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sync.identity.device import DeviceKeys
from sync.protocol.exchange import CallingSide, WaitingSide
from sync.protocol.handover import Handover, SharedMailbox, SharedWorkspace
from sync.protocol.handshake import Party
from sync.testing import seeded_random

WAITER, CALLER, STRANGER = (DeviceKeys.create(seeded_random(number)) for number in (1, 2, 3))
Tamper = Callable[[bytes], bytes]

IDENTITY, LOG, WORKSPACE = b"i" * 32, b"l" * 32, b"w" * 32
GIVEN = Handover(
    identity=IDENTITY,
    name="Ada",
    device_name="the old laptop",
    logs={IDENTITY: (b"first operation", b"second operation"), WORKSPACE: (b"x" * 700_000,) * 4},
    workspaces={
        WORKSPACE: SharedWorkspace(
            "Secret plans", {b"e" * 32: b"k" * 32}, (SharedMailbox("s3://bucket", {"key": "password"}),)
        )
    },
    addresses=(b"somewhere",),
)
RETURNED = Handover(identity=LOG, name="")


def party(keys: DeviceKeys) -> Party:
    return Party(keys.device_id, keys.encryption_key)


def meet(waiting: WaitingSide, calling: CallingSide, wire: list[bytes] | None = None) -> None:
    """The handshake; every frame also goes into `wire`."""
    frames = [] if wire is None else wire
    [greeting] = waiting.start()
    [answer] = calling.receive(greeting)
    [welcome] = waiting.receive(answer)
    frames += [greeting, answer, welcome]
    assert calling.receive(welcome) == []


def deliver(side: WaitingSide | CallingSide, frames: Iterable[bytes]) -> None:
    for frame in frames:
        assert side.receive(frame) == []
