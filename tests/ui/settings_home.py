"""What tests of the settings and the first-run guide share: a desk over a real home, a keyring in memory, a server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keyring.core
import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.ui.agents import LateAgents
from app.ui.app import make_desk
from app.ui.desk import Desk
from app.workspace import Workspace
from sync.clock import SystemClock
from tests.app.agents.test_credentials import MemoryKeyring
from tests.helpers.homes import open_home
from tests.helpers.model_server import ModelServer


@dataclass
class Room:
    """A desk over a home of its own, and patience."""

    qtbot: QtBot
    workspace: Workspace
    desk: Desk
    ring: MemoryKeyring
    folder: Path
    shown: list[QWidget] = field(default_factory=list)

    def until(self, done: Callable[[], object], timeout: int = 20_000) -> None:
        self.qtbot.waitUntil(lambda: bool(done()), timeout=timeout)

    def setting(self, name: str) -> object:
        return self.workspace.settings.get(name)

    def show(self, widget: QWidget) -> None:
        self.shown.append(widget)
        widget.resize(1000, 760)
        widget.show()


@contextmanager
def room(qtbot: QtBot, qapp: QApplication, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A room whose person is Ada; agents' keys go into a keyring in memory."""
    ring = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    workspace = open_home(folder / "home", clock=SystemClock())
    desk = make_desk(qapp, workspace, LateAgents(workspace))
    made = Room(qtbot, workspace, desk, ring, folder)
    try:
        yield made
    finally:
        for widget in made.shown:
            if shiboken6.isValid(widget):
                widget.close()
                widget.deleteLater()
        with contextlib.suppress(CancelledError):  # a window ended the bridge already
            desk.bridge.call(desk.turns.close()).result(10)
        desk.bridge.stop()
        workspace.close()
        desk.themes.set_zoom(1.0)


@contextmanager
def serving(server: ModelServer) -> Iterator[ModelServer]:
    """A model server on a thread of its own."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="model-server")
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
