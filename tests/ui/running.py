"""A whole window on a real home for tests, with an agent that plays a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.agents.backend import AgentBackend
from app.agents.scripted import ScriptedBackend, parse_script
from app.errors import UserError
from app.sessions.events import Body, Draft, UserMessage
from app.ui.desk import Desk
from app.ui.window import MainWindow
from app.workspace import Workspace
from sync.clock import SystemClock
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


@dataclass
class Running:
    """A window over a home, and a hand to use it."""

    qtbot: QtBot
    workspace: Workspace
    desk: Desk
    window: MainWindow
    home: Path

    @property
    def conversation(self):  # type: ignore[no-untyped-def]
        return self.window.conversation

    def until(self, done: Callable[[], object], timeout: int = 10_000) -> None:
        self.qtbot.waitUntil(lambda: bool(done()), timeout=timeout)

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

    def events(self, session: str, kind: str) -> list[Body]:
        return [event.body for event in self.workspace.read(lambda q: q.events(session, kinds=[kind]))]  # type: ignore[misc]


def open_home(home: Path) -> Workspace:
    return open_with_key(home, clock=SystemClock())


def write_session(workspace: Workspace, title: str, *bodies: Body) -> str:
    def write(operations) -> str:  # type: ignore[no-untyped-def]
        session: str = operations.create(title=title)
        now = workspace.clock.now_ms()
        drafts = [
            Draft(body=b, time=now, turn="t", agent=None if isinstance(b, UserMessage) else "scripted") for b in bodies
        ]
        operations.append(session, drafts)
        return session

    return workspace.write(write)
