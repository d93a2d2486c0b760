"""What tests of the window share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.sessions.views import Event
from app.ui.bridge import Bridge
from app.ui.conversation.lexing import Lexer, Spans
from app.ui.conversation.parts import Style
from app.ui.theme import LIGHT, palette, stylesheet
from tests.ui.running import Room, Running, open_project, open_room
from tests.ui.settings_home import SettingsRoom, settings_room


@pytest.fixture(autouse=True)
def flush_deleted_widgets(qapp: QApplication) -> Iterator[None]:
    """Widgets that a test let go are really gone before the next."""
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


@pytest.fixture
def bridge(qapp: QApplication) -> Iterator[Bridge]:
    made = Bridge()
    yield made
    made.stop()


@pytest.fixture
def style(qapp: QApplication) -> Style:
    """The light theme, with a lexer that answers at once."""
    qapp.setPalette(palette(LIGHT))
    qapp.setStyleSheet(stylesheet(LIGHT))

    def compute(function: Callable[[], Spans], then: Callable[[Spans], object]) -> None:
        then(function())

    return Style(LIGHT, Lexer(compute))


class Store:
    """Answers a conversation model at once, and remembers what it was asked for."""

    def __init__(self, events: list[Event]) -> None:
        self.events = {event.row: event for event in events}
        self.asked: list[int] = []


@pytest.fixture
def room(qtbot: QtBot, tmp_path: Path) -> Iterator[Room]:
    """For panels by themselves. The workspace has a folder, in which a scripted agent works."""
    with open_room(Room, qtbot, *open_project(tmp_path)) as made:
        yield made


@pytest.fixture
def running(qtbot: QtBot, tmp_path: Path) -> Iterator[Running]:
    """The whole window, the same way."""
    with open_room(Running, qtbot, *open_project(tmp_path)) as made:
        yield made


@pytest.fixture
def here(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SettingsRoom]:
    """For the settings and the guide: the configured agents, their keys in memory, a workspace without folders."""
    with settings_room(qtbot, tmp_path, monkeypatch) as made:
        yield made
