"""What tests of the window share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.sessions.views import Event
from app.ui.app import make_desk
from app.ui.bridge import Bridge
from app.ui.conversation.lexing import Lexer, Spans
from app.ui.conversation.parts import Style
from app.ui.theme import LIGHT, palette, stylesheet
from app.ui.window import MainWindow
from tests.ui.running import Agents, Running, open_home


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
def running(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Running]:
    home, folder = tmp_path / "home", tmp_path / "project"
    folder.mkdir()
    workspace = open_home(home)
    workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
    desk = make_desk(qapp, workspace, Agents())
    window = MainWindow(desk, QIcon())
    window.conversation.answers.guard_ms = 0
    window.resize(1000, 700)
    window.show()
    window.load()
    yield Running(qtbot, workspace, desk, window, home)
    window.close()
    window.deleteLater()
    workspace.close()
