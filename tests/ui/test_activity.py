"""The panel "Activity" by itself on a real home: figures, rows, going, live, many events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from app.commands.window import COMMANDS
from app.sessions.events import (
    Body,
    Command,
    CommandResult,
    Draft,
    FileChange,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
)
from app.ui.activity.figures import short
from app.ui.desk import Desk
from app.ui.panels.activity import ActivityPanel
from app.ui.places import CommandPlace, FilePlace, SessionPlace
from app.ui.turns import Activity as Running
from app.workspace import Workspace
from tests.ui.running import Room, open_home, open_room

START = 1_790_000_000_000


class Shown(Room):
    """A panel and the session it shows."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        self.session = self.write("Work")
        self.panel = ActivityPanel(desk)
        QAbstractItemModelTester(self.panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal, self.panel)
        self.show(self.panel, 560, 760)

    def tell(self, turn: str, *events: tuple[int, Body]) -> None:
        drafts = [
            Draft(body=b, time=START + t, turn=turn, agent=None if isinstance(b, UserMessage) else "claude")
            for t, b in events
        ]
        self.desk.workspace.write(lambda operations: operations.append(self.session, drafts))

    def rows(self) -> list[str]:
        model = self.panel.model
        return [model.data(model.index(row)) for row in range(model.rowCount())]

    def figures(self) -> dict[str, str]:
        return {word.text(): figure.text() for figure, word in self.panel.figures._labels if not word.isHidden()}

    def choose(self, row: int) -> None:
        self.panel.view.setCurrentIndex(self.panel.model.index(row))


@pytest.fixture
def shown(qtbot: QtBot, tmp_path: Path) -> Iterator[Shown]:
    with open_room(Shown, qtbot, open_home(tmp_path / "home"), tmp_path) as made:
        yield made


def fill(shown: Shown) -> None:
    shown.tell(
        "t1",
        (0, UserMessage(text="First")),
        (1_000, ToolCall(call_id="a", name="edit", title="Edit a.py")),
        (3_000, ToolResult(call_id="a", status="completed")),
        (3_000, FileChange(path="src/a.py", added=3, removed=1)),
        (4_000, Usage(input=12_345, output=800, cost=0.25)),
    )
    shown.tell(
        "t2",
        (10_000, UserMessage(text="Second")),
        (11_000, Command(call_id="b", command="make test")),
        (15_000, CommandResult(call_id="b", exit_code=2)),
    )


FOLDED = "First, 4.0 s, 1 step, folded"
OPENED = ["Second, 5.0 s, 1 step, 1 failed, open", "make test: command, 4.0 s, failed"]


def test_without_a_session_and_without_events_it_says_what_will_be_here(shown: Shown) -> None:
    assert "Choose a session" in shown.panel._empty.text()
    shown.panel.show_session(shown.session)
    shown.until(lambda: "Nothing has been asked" in shown.panel._empty.text())


def test_figures_rows_and_files(shown: Shown) -> None:
    fill(shown)
    shown.panel.show_session(shown.session)
    shown.until(lambda: shown.rows() == [FOLDED, *OPENED])
    figures = shown.figures()
    assert (figures["turns"], figures["tool calls"], figures["failed"]) == ("2", "2", "1")
    assert shown.panel.files_heading.text() == "1 file changed"
    assert (figures["tokens in + out"], figures["cost"], figures["tools"]) == ("12k + 800", "$0.25", "6.0 s")
    assert shown.panel.files_model.data(shown.panel.files_model.index(0)) == "src/a.py, 3 added, 1 removed"
    for theme in ("dark", "light"):
        shown.desk.themes.choose(theme)  # type: ignore[arg-type]
        shown.panel.grab()


def test_the_keyboard_opens_folds_zooms_and_goes(shown: Shown) -> None:
    fill(shown)
    shown.panel.show_session(shown.session)
    shown.until(lambda: len(shown.rows()) == 3)
    view = shown.panel.view
    view.setFocus()
    shown.choose(2)
    assert shown.panel.told.text() == OPENED[1]
    QTest.keyClick(view, Qt.Key.Key_Return)
    shown.choose(0)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert len(shown.rows()) == 4 and shown.rows()[1].startswith("Edit a.py: tool, 2.0 s")
    shown.choose(1)
    QTest.keyClick(view, Qt.Key.Key_Return)
    command, tool = shown.went
    assert isinstance(command, CommandPlace) and isinstance(tool, SessionPlace)
    assert tool.event == shown.panel.model.event_at(1)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert len(shown.rows()) == 3 and view.currentIndex().row() == 0
    QTest.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom > 1 and view.horizontalScrollBar().maximum() > 0
    QTest.keyClick(view, Qt.Key.Key_0)
    assert view.zoom == 1 and view.horizontalScrollBar().maximum() == 0
    shown.panel.files.activated.emit(shown.panel.files_model.index(0))
    assert shown.went[-1] == FilePlace(shown.session, "src/a.py")


def test_the_pointer_tells_and_double_click_goes(shown: Shown) -> None:
    fill(shown)
    shown.panel.show_session(shown.session)
    shown.until(lambda: len(shown.rows()) == 3)
    view, viewport = shown.panel.view, shown.panel.view.viewport()
    at = view.visualRect(shown.panel.model.index(0)).center()
    QTest.mouseMove(viewport, at)
    shown.until(lambda: shown.panel.told.text() == FOLDED)
    QTest.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=at)
    assert shown.went == [SessionPlace(shown.session, shown.panel.model.event_at(0))]
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=view.visualRect(shown.panel.model.index(0)).topLeft())
    shown.until(lambda: len(shown.rows()) == 4)


def test_it_follows_what_comes_and_keeps_what_is_open(shown: Shown) -> None:
    fill(shown)
    shown.panel.show_session(shown.session)
    shown.until(lambda: len(shown.rows()) == 3)
    shown.panel.handlers()["activity.unfold"]()
    shown.choose(1)
    event = shown.panel.model.event_at(1)
    shown.tell("t2", (20_000, ToolCall(call_id="c", name="read")))
    shown.panel.refresh(frozenset({shown.session}))
    shown.until(lambda: len(shown.rows()) == 5)
    assert shown.rows()[-1] == "read: tool, 0 ms, no result"
    assert shown.panel.model.event_at(shown.panel.view.currentIndex().row()) == event
    shown.panel.show_activity(Running(frozenset({shown.session})))
    assert shown.panel._tick.isActive() and shown.panel._tick.interval() >= 500
    shown.until(lambda: "running" in shown.rows()[-1])
    shown.panel.show_activity(Running())
    shown.until(lambda: "no result" in shown.rows()[-1])
    assert not shown.panel._tick.isActive()


def test_a_session_of_many_events_does_not_hold_up_the_window(shown: Shown) -> None:
    for turn in range(40):
        events: list[tuple[int, Body]] = [(turn * 1000, UserMessage(text=f"Turn {turn}"))]
        for call in range(50):
            events += [
                (turn * 1000 + call, ToolCall(call_id=f"{turn}.{call}", name="edit")),
                (turn * 1000 + call + 1, ToolResult(call_id=f"{turn}.{call}", status="completed")),
            ]
        shown.tell(f"t{turn}", *events)
    shown.panel.show_session(shown.session)
    shown.until(lambda: shown.figures().get("tool calls") == "2,000")
    begun = time.thread_time()
    shown.panel.handlers()["activity.unfold"]()
    shown.panel.grab()
    assert time.thread_time() - begun < 0.5 and len(shown.rows()) == 2_040


def test_every_command_is_here(shown: Shown) -> None:
    assert {c.id for c in COMMANDS if c.panel == "activity"} == set(shown.panel.handlers())


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (999, "999"), (1_234, "1.2k"), (45_678, "45k"), (3.4e6, "3.4M")])
def test_tokens_are_told_in_short(count: float, text: str) -> None:
    assert short(int(count)) == text
