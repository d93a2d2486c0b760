"""What tests of the settings and the first-run guide share: a keyring in memory and a model server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import keyring.core
import pytest
from pytestqt.qtbot import QtBot

from app.ui.agents import LateAgents
from app.ui.panels.settings import SettingsPanel
from app.ui.places import PanelPlace
from app.ui.settings.page import Page
from tests.app.agents.test_credentials import MemoryKeyring
from tests.helpers.model_server import ModelServer
from tests.ui.running import Room, open_home, open_room

AnyPage = TypeVar("AnyPage", bound=Page)


class SettingsRoom(Room):
    """Agents' keys go into `ring`, a keyring in memory."""

    ring: MemoryKeyring

    def page(self, section: str, kind: type[AnyPage]) -> AnyPage:
        """The page of a section of the settings, shown."""
        panel = SettingsPanel(self.desk)
        self.show(panel)
        panel.go(PanelPlace("settings", section))
        assert panel.section == section
        page = panel.pages[section]
        assert isinstance(page, kind)
        return page


@contextmanager
def settings_room(qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SettingsRoom]:
    """A room with the configured agents; `folder` is a place for files."""
    ring = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    workspace = open_home(folder / "home")
    with open_room(SettingsRoom, qtbot, workspace, folder, LateAgents(workspace)) as made:
        made.ring = ring
        yield made


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
