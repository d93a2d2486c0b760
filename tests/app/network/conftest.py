from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.network.inviting import Reception
from app.network.pairing import PairingDesk, accept
from app.workspace import Workspace
from sync.protocol.pairing_code import Code
from sync.testing import ManualClock
from sync.transports.memory import MemoryTransport
from tests.app.network.wires import Wires
from tests.helpers.homes import open_home

Result = TypeVar("Result")


async def _refuse(_connection: object) -> None:
    raise AssertionError("nobody is let in here")


NOBODY = _refuse, lambda _device, _purpose: False
"""What a transport starts with that only connects."""


class Place:
    """Some homes, and the wires between them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = ManualClock()
        self.wires = Wires()
        self.homes: dict[str, Workspace] = {}

    def home(self, name: str, person: str = "Ada") -> Workspace:
        if name not in self.homes:
            self.homes[name] = open_home(self._folder / name, clock=self.clock)
            self.homes[name].settings.set("name", person)
        return self.homes[name]

    def transport(self, home: Workspace) -> MemoryTransport:
        return self.wires.transport(device(home))

    async def pair(self, new: Workspace, old: Workspace, code: Code | None = None) -> tuple[Any, Any]:
        """What both sides got; exceptions too."""
        waiting, desk = self.transport(new), PairingDesk(new)
        await waiting.start(desk.serve, desk.allow)
        connecting = self.transport(old)
        await connecting.start(*NOBODY)
        there = accept(old, connecting, code or desk.offer.code, waiting.address())
        try:
            return tuple(await asyncio.gather(desk.wait(), there, return_exceptions=True))  # type: ignore[return-value]
        finally:
            await waiting.stop()
            await connecting.stop()

    async def while_hosting(self, host: Workspace, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do something while a home receives visitors."""
        transport, reception = self.transport(host), Reception(host)
        await transport.start(reception.serve, lambda _device, purpose: purpose == "join")
        try:
            return await work()
        finally:
            await transport.stop()

    def close(self) -> None:
        for home in self.homes.values():
            home.close()


def device(home: Workspace) -> bytes:
    return bytes.fromhex(home.read(lambda queries: queries.own_device())[1])


def identity(home: Workspace) -> bytes:
    return bytes.fromhex(home.read(lambda queries: queries.own_device())[0])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.close()
