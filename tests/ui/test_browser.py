"""The session browser by itself, on a real home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListView
from pytestqt.qtbot import QtBot

from app.sessions.events import AgentMessage, Body, Draft, UserMessage
from app.ui.app import make_desk
from app.ui.models.sessions import RowRole
from app.ui.panels.browser import BrowserPanel
from app.ui.places import Place, SearchPlace, SessionPlace
from app.workspace import Workspace
from tests.helpers.homes import open_home


class NoAgents:
    """For panels that run none."""

    async def names(self) -> list[str]:
        return []

    async def backend(self, name: str) -> object:
        raise AssertionError(name)

    def close(self) -> None:
        pass


@dataclass
class Browsing:
    """A browser over a home, and what it asked of the window."""

    qtbot: QtBot
    workspace: Workspace
    panel: BrowserPanel
    went: list[Place] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)

    def until(self, done: Callable[[], object], timeout: int = 10_000) -> None:
        self.qtbot.waitUntil(lambda: bool(done()), timeout=timeout)

    def write(self, title: str, *bodies: Body) -> str:
        """A session with these events, newer than all before."""
        self.workspace.clock.advance(60_000)  # type: ignore[attr-defined]

        def write(operations) -> str:  # type: ignore[no-untyped-def]
            session: str = operations.create(title=title)
            now = self.workspace.clock.now_ms()
            operations.append(session, [Draft(body=body, time=now, turn="t") for body in bodies])
            return session

        return self.workspace.write(write)

    def shown(self, *titles: str) -> bool:
        model = self.panel.model
        rows = (model.index(row, 0) for row in range(model.rowCount()))
        return [index.data() for index in rows if index.data(RowRole)] == list(titles)

    def load(self, *titles: str) -> None:
        self.panel.load()
        self.until(lambda: self.shown(*titles))


@pytest.fixture
def browsing(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Browsing]:
    workspace = open_home(tmp_path / "home")
    desk = make_desk(qapp, workspace, NoAgents())  # type: ignore[arg-type]
    panel = BrowserPanel(desk, None)
    made = Browsing(qtbot, workspace, panel)
    desk.requests.went.connect(made.went.append)
    desk.requests.failed.connect(made.failed.append)
    panel.resize(280, 600)
    panel.show()
    yield made
    panel.close()
    panel.deleteLater()
    desk.bridge.stop()
    workspace.close()


def middle_click(view: QListView, row: int) -> None:
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.MiddleButton, pos=place)


def test_rows_lead_to_their_session(browsing: Browsing) -> None:
    first, second = browsing.write("First"), browsing.write("Second")
    browsing.load("Second", "First")
    view = browsing.panel.list
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(2, 0)).center())
    assert browsing.went == [SessionPlace(first)]
    middle_click(view, 1)
    QTest.keyClick(view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert browsing.went[1:] == [SessionPlace(second, beside=True), SessionPlace(first, beside=True)]
    browsing.panel.handlers()["browser.previous"]()
    assert browsing.went[3:] == [SessionPlace(second)]


def test_the_session_in_front_is_marked_and_not_opened_again(browsing: Browsing) -> None:
    first, _second = browsing.write("First"), browsing.write("Second")
    browsing.panel.show_session(first)
    browsing.load("Second", "First")
    assert browsing.panel.list.currentIndex().data() == "First"
    browsing.panel.show_session(None)
    assert browsing.went == []


def test_a_search_place_searches_and_its_hits_lead_to_events(browsing: Browsing) -> None:
    session = browsing.write("Haystack", UserMessage(text="hay"), AgentMessage(text="The needle is here"))
    browsing.panel.go(SearchPlace("needle"))
    browsing.until(lambda: browsing.panel.hits.rowCount() == 2)
    middle_click(browsing.panel.results, 1)
    [place] = browsing.went
    assert isinstance(place, SessionPlace)
    event = browsing.workspace.read(lambda queries: queries.events(session, kinds=["agent_message"]))[0]
    assert place == SessionPlace(session, event.id, beside=True)
