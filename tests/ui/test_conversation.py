"""The conversation as a panel by itself, on a real home: what the shell asks of it and what it asks of the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.agents.backend import AgentBackend
from app.agents.scripted import ScriptedBackend, parse_script
from app.sessions.events import AgentMessage, Body, Draft, UserMessage
from app.ui.app import make_desk
from app.ui.desk import Desk
from app.ui.panels.conversation import ConversationPanel
from app.ui.places import Place, SessionPlace
from app.ui.turns import RUNNING
from app.workspace import Credentials, Workspace


class Agents:
    """One agent that says what it was asked."""

    async def names(self) -> list[str]:
        return ["scripted"]

    async def backend(self, name: str) -> AgentBackend:
        return ScriptedBackend(parse_script(b'[[{"say": "You said: {prompt}"}]]', "test"))

    def close(self) -> None:
        pass


@dataclass
class Shell:
    """What stands for the window: it makes panels, tells them what changed, and notes what they ask for."""

    qtbot: QtBot
    workspace: Workspace
    desk: Desk
    folder: Path
    panels: list[ConversationPanel] = field(default_factory=list)
    went: list[Place] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    offered: list[tuple[str, str, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        requests = self.desk.requests
        requests.went.connect(self.went.append)
        requests.said.connect(self.said.append)
        requests.failed.connect(self.failed.append)
        requests.offered.connect(lambda *offer: self.offered.append(offer))
        self.desk.bridge.receive("changed", lambda change: [panel.refresh(change) for panel in self.panels])
        self.desk.bridge.receive(RUNNING, lambda activity: [panel.show_activity(activity) for panel in self.panels])
        self.desk.bridge.call(self._watch())

    async def _watch(self) -> None:
        async for change in self.workspace.changes():
            self.desk.bridge.publish("changed", change.sessions | change.drafts, lambda old, new: old | new)

    def panel(self) -> ConversationPanel:
        made = ConversationPanel(self.desk)
        made.answers.guard_ms = 0
        self.qtbot.addWidget(made)
        made.resize(800, 600)
        made.show()
        self.panels.append(made)
        return made

    def until(self, done: Callable[[], object], timeout: int = 10_000) -> None:
        self.qtbot.waitUntil(lambda: bool(done()), timeout=timeout)

    def opened(self, *bodies: Body, title: str = "A session") -> ConversationPanel:
        panel = self.panel()
        session = self.write(*bodies, title=title)
        panel.show_session(session)
        self.until(lambda: panel.session == session and panel.model.is_complete)
        return panel

    def write(self, *bodies: Body, title: str = "A session") -> str:
        session = self.workspace.write(lambda operations: operations.create(title=title))
        self.append(session, *bodies)
        return session

    def append(self, session: str, *bodies: Body, turn: str = "t") -> list[str]:
        now = self.workspace.clock.now_ms()
        agents = [None if isinstance(body, UserMessage) else "scripted" for body in bodies]
        drafts = [Draft(body=body, time=now, turn=turn, agent=a) for body, a in zip(bodies, agents, strict=True)]
        return self.workspace.write(lambda operations: operations.append(session, drafts))


@pytest.fixture
def shell(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "project"
    folder.mkdir()
    workspace = Workspace.open(tmp_path / "home", Credentials(passphrase=b"correct horse"), name="Ana")
    workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
    desk = make_desk(qapp, workspace, Agents())
    made = Shell(qtbot, workspace, desk, folder)
    yield made
    desk.bridge.call(desk.turns.close()).result(10)
    desk.bridge.stop()
    workspace.close()


def texts(panel: ConversationPanel) -> list[str]:
    model = panel.model
    return [text for row in range(model.rowCount()) if (text := model.text(row))]


def test_two_tabs_show_two_sessions_and_each_prompts_its_own(shell: Shell) -> None:
    one, two = shell.opened(UserMessage(text="one")), shell.opened(UserMessage(text="two"))
    shell.until(lambda: one.composer.agents.names)
    one.composer.field.setPlainText("hello")
    one.handlers()["conversation.send"]()
    shell.until(lambda: "You said: hello" in texts(one))
    assert texts(two) == ["two"]
    shell.until(lambda: not one.stop.isVisible())
    assert not two.stop.isVisible()


def test_a_hidden_tab_reads_when_it_is_shown(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="one"))
    assert panel.session is not None
    shell.qtbot.wait(200)  # what is known of the first writing has been read by then
    panel.hide()
    shell.append(panel.session, AgentMessage(text="two"))
    shell.until(lambda: panel._is_stale)
    assert texts(panel) == ["one"]
    panel.show()
    shell.until(lambda: texts(panel) == ["one", "two"])


def test_a_tab_comes_back_where_it_was(shell: Shell) -> None:
    panel = shell.opened(*(AgentMessage(text=f"line {n}\n\nmore") for n in range(400)))
    panel.view.go_to_row(50)
    panel.view.verticalScrollBar().setValue(panel.view.verticalScrollBar().value() + 7)
    shell.until(lambda: panel.model.event_id(panel.model.row_id(50)))
    state = panel.state()
    again = shell.panel()
    again.restore(state)
    shell.until(lambda: again.view._rows.visible and again.view._rows.visible[0] == (50, -7))
    assert again.state() == state


@pytest.mark.parametrize("state", [{}, {"session": None}, {"session": 7, "event": []}])
def test_a_state_that_makes_no_sense_shows_no_session(shell: Shell, state: dict[str, object]) -> None:
    panel = shell.panel()
    panel.restore(state)
    assert panel.session is None
    assert panel.state() == {"session": None}


def test_a_place_is_an_event(shell: Shell) -> None:
    session = shell.write(*(AgentMessage(text=f"line {n}\n\nmore") for n in range(300)))
    event = shell.workspace.read(lambda queries: queries.events(session))[101]
    panel = shell.panel()
    panel.go(SessionPlace(session, event.id))
    shell.until(lambda: panel.view.currentIndex().row() == 100)
    assert 100 in [row for row, _top in panel.view._rows.visible]


def test_what_is_missing_is_reported(shell: Shell) -> None:
    shell.panel().show_session("NOSUCH")
    shell.until(lambda: shell.failed)
    assert "no session NOSUCH" in str(shell.failed[0])


def test_no_session_any_more(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="one"))
    panel.show_session(None)
    assert panel.session is None
    assert panel.composer.isVisible()
