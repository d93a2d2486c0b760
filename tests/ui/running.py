"""What tests of the window run in: a panel by itself, or the whole window, on a real home with a scripted agent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app.agents.backend import AgentBackend
from app.agents.scripted import ScriptedBackend, parse_script
from app.errors import UserError
from app.sessions.events import Body, Draft, UserMessage
from app.ui.app import make_desk
from app.ui.desk import Desk
from app.ui.panels.conversation import ConversationPanel
from app.ui.places import Place
from app.ui.turns import Agents as AnyAgents
from app.ui.window import MainWindow
from app.workspace import Workspace
from sync.clock import Clock, SystemClock
from tests.helpers.homes import open_home as open_with_key

SCRIPT = [
    [{"think": "Hm."}, {"say": "You said: {prompt}"}],
    [
        {"tool": "write", "input": {"path": "made.txt", "content": "made\n"}},
        {"say": "Written."},
    ],
    [{"say": "Slow "}, {"delay_ms": 60_000}, {"say": "never"}],
    [{"fail": "The model server is gone."}],
]

AnyRoom = TypeVar("AnyRoom", bound="Room")


class Agents:
    """One agent that plays the script."""

    async def names(self) -> list[str]:
        return ["scripted"]

    async def backend(self, name: str) -> AgentBackend:
        if name != "scripted":
            raise UserError(f"There is no agent {name}.")
        return ScriptedBackend(parse_script(json.dumps(SCRIPT).encode(), "test"))

    def close(self) -> None:
        pass


class Room:
    """A desk over a home of its own, for panels by themselves. It notes what they ask of the window."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        self.qtbot, self.workspace, self.desk, self.folder = qtbot, workspace, desk, folder
        self.shown: list[QWidget] = []
        self.went: list[Place] = []
        self.failed: list[BaseException] = []
        self.said: list[str] = []
        self.commanded: list[str] = []
        self.configured: list[str] = []
        self.offered: list[tuple[str, str, Callable[[], object]]] = []
        self.asked: list[tuple[str, str, Callable[[str], object]]] = []
        for name in ("went", "failed", "said", "commanded", "configured"):
            getattr(desk.requests, name).connect(getattr(self, name).append)
        desk.requests.offered.connect(lambda *offer: self.offered.append(offer))
        desk.requests.asked.connect(lambda *question: self.asked.append(question))

    def until(self, done: Callable[[], object], timeout: int = 20_000) -> None:
        self.qtbot.waitUntil(lambda: bool(done()), timeout=timeout)

    def show(self, widget: QWidget, width: int = 1000, height: int = 760) -> None:
        """Show a widget, which goes with the room."""
        self.shown.append(widget)
        widget.resize(width, height)
        widget.show()

    def setting(self, name: str) -> object:
        return self.workspace.settings.get(name)

    def write(self, title: str, *bodies: Body, **fields: Any) -> str:
        """A session with these events."""
        session = self.workspace.write(lambda operations: operations.create(title=title, **fields))
        self.append(session, *bodies)
        return session

    def append(self, session: str, *bodies: Body, turn: str = "t") -> list[str]:
        """The ids of the new events."""
        now = self.workspace.clock.now_ms()
        drafts = [
            Draft(body=one, time=now, turn=turn, agent=None if isinstance(one, UserMessage) else "scripted")
            for one in bodies
        ]
        return self.workspace.write(lambda operations: operations.append(session, drafts))

    def accept(self, button: str) -> str:
        """Press the button of the newest offer; its sentence."""
        self.until(lambda: self.offered and self.offered[-1][1] == button)
        text, _button, act = self.offered.pop()
        act()
        return text

    def close(self) -> None:
        for widget in self.shown:
            if isValid(widget):
                widget.close()
                widget.deleteLater()
        with suppress(CancelledError):  # a window ended the bridge already
            self.desk.bridge.call(self.desk.turns.close()).result(10)
        self.desk.bridge.stop()
        self.desk.themes.set_zoom(1.0)
        self.workspace.close()


class Running(Room):
    """A whole window over a home, and a hand to use it."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        self.window = MainWindow(desk, QIcon())
        self.window.conversation.answers.guard_ms = 0
        self.show(self.window, 1000, 700)
        self.window.load()

    @property
    def home(self) -> Path:
        return self.workspace.home

    @property
    def conversation(self) -> ConversationPanel:
        return self.window.conversation

    @contextmanager
    def again(self) -> Iterator[MainWindow]:
        """Another window over the same home, not yet shown; this one is closed first."""
        self.window.close()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        window = MainWindow(make_desk(application, self.workspace, Agents()), QIcon())
        try:
            yield window
        finally:
            window.close()
            window.deleteLater()

    def open(self, session: str) -> None:
        self.window.open_session(session)
        self.until(lambda: self.conversation.session == session and self.conversation.model.is_complete)

    def say(self, text: str) -> None:
        field = self.conversation.composer.field
        self.until(lambda: self.conversation.composer.agents.names)
        field.setFocus()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def texts(self) -> list[str]:
        model = self.conversation.model
        return [text for row in range(model.rowCount()) if (text := model.text(row))]

    def events(self, session: str, kind: str) -> list[Any]:
        """The bodies of a session's events of a kind."""
        return [event.body for event in self.workspace.read(lambda queries: queries.events(session, kinds=[kind]))]


@contextmanager
def open_room(
    kind: type[AnyRoom],
    qtbot: QtBot,
    workspace: Workspace,
    folder: Path,
    agents: AnyAgents | None = None,
) -> Iterator[AnyRoom]:
    """A room over an open workspace, which is closed with it. folder: where it works, or else a place for files."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    room = kind(qtbot, workspace, make_desk(application, workspace, agents or Agents()), folder)
    try:
        yield room
    finally:
        room.close()


def open_home(home: Path, clock: Clock | None = None) -> Workspace:
    """A home whose person is Ada."""
    return open_with_key(home, clock=clock or SystemClock())


def open_project(path: Path) -> tuple[Workspace, Path]:
    """A home below an empty folder, whose workspace has the folder `project` beside it."""
    folder = path / "project"
    folder.mkdir()
    workspace = open_home(path / "home")
    workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
    return workspace, folder
