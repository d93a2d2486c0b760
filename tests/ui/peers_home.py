"""Other people's and other devices' homes for tests of the window, on a network within the process."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.network import meeting
from app.workspace import Workspace
from sync.transports.memory import MemoryTransport
from tests.app.network.wires import Wires
from tests.ui.running import Room, open_home


class Neighbours:
    """Homes beside that of a room; `wires` join them all, and nothing else is reached."""

    def __init__(self, room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._room, self._folder = room, folder
        self.wires = Wires()
        self.homes: dict[str, Workspace] = {}
        monkeypatch.setenv("LOVELACE_BIND", "127.0.0.1:0")
        for name in ("offer_pairing", "accept_pairing", "join_by_link", "return_to"):
            monkeypatch.setattr(meeting, name, partial(getattr(meeting, name), make=self._make))

    def _make(self, engine: Any, _settings: object) -> MemoryTransport:
        return self.wires.transport(engine.device.device_id)

    def home(self, name: str, person: str = "Ada") -> Workspace:
        """The home of that name, made if there is none."""
        if name not in self.homes:
            self.homes[name] = open_home(self._folder / name)
            self.homes[name].settings.set("name", person)
        return self.homes[name]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine gives, on the room's loop, while the window goes on."""
        future = self._room.desk.bridge.call(work, failed=lambda _error: None)
        self._room.until(future.done)
        return future.result()

    def device(self, home: Workspace) -> bytes:
        return bytes.fromhex(home.read(lambda queries: queries.own_device())[1])


@contextmanager
def neighbours(room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neighbours]:
    """The homes, closed in the end."""
    made = Neighbours(room, folder, monkeypatch)
    try:
        yield made
    finally:
        for home in made.homes.values():
            home.close()
