"""The contract of every panel in the table (`app.ui.panels.PANELS`): each is made by itself, on a real home.

A new panel adds nothing here, unless it shows a kind of place that no other does (`PLACES`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app.commands.window import COMMANDS
from app.sessions.events import (
    AgentMessage,
    Body,
    Command,
    CommandResult,
    FileChange,
    ToolCall,
    ToolResult,
    UserMessage,
)
from app.ui.panel import Panel, PanelKind
from app.ui.panels import PANELS
from app.ui.places import CommandPlace, FilePlace, PanelPlace, Place, RepositoryPlace, SearchPlace, SessionPlace
from app.ui.turns import Activity
from app.ui.words import is_foreseen
from tests.helpers.tools import no_other_tools
from tests.ui.running import Room
from tests.ui.settings_home import settings_room

DIFF = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-one\n+two\n"
BODIES: tuple[Body, ...] = (
    UserMessage(text="please"),
    ToolCall(call_id="c", name="run", tool_kind="execute", title="ls"),
    Command(call_id="c", command="ls"),
    CommandResult(call_id="c", exit_code=0, stdout="a.py\n"),
    ToolResult(call_id="c", status="completed", output="a.py"),
    FileChange(path="a.py", diff=DIFF),
    AgentMessage(text="done"),
)
UNKNOWN = "NOSUCH"
PLACES: dict[type, tuple[Place, ...]] = {
    SessionPlace: (SessionPlace(UNKNOWN), SessionPlace("{session}", UNKNOWN), SessionPlace("{session}")),
    FilePlace: (
        FilePlace(UNKNOWN, "a.py"),
        FilePlace("{session}", UNKNOWN),
        FilePlace("{session}", "a.py", UNKNOWN),
        FilePlace("{session}", "a.py"),
    ),
    CommandPlace: (CommandPlace(UNKNOWN, UNKNOWN), CommandPlace("{session}", UNKNOWN)),
    RepositoryPlace: (RepositoryPlace(UNKNOWN), RepositoryPlace("../.."), RepositoryPlace()),
    SearchPlace: (SearchPlace(""), SearchPlace('"'), SearchPlace("nothing of the kind"), SearchPlace("a\x00b")),
}
"""Of each kind of place ("{session}": one that is there): unknown ones first."""
CONTROLS = (QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QPlainTextEdit, QTabBar)
NONSENSE = (None, 7, -1.5, "x", [], [[1]], {}, {"x": None}, True)
PLUGIN = "This plugin does not support"
"""What the display of the tests says of itself."""

every_panel = pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.id)


@pytest.fixture
def room(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    no_other_tools(monkeypatch, tmp_path)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: True)
    with settings_room(qtbot, tmp_path, monkeypatch) as made:
        yield made
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def make(room: Room, kind: PanelKind) -> Panel:
    panel = kind.make(room.desk)
    room.show(panel, 560, 640)
    return panel


def settle(room: Room) -> None:
    """Wait until nothing is read or computed any more, and what came of it has been shown."""
    bridge, quiet = room.desk.bridge, [0]

    async def count() -> int:
        return len(asyncio.all_tasks()) - 1

    def take(others: int) -> None:
        quiet[0] = 0 if others else quiet[0] + 1
        if quiet[0] < 3:
            bridge.call(count(), take)

    bridge.call(count(), take)
    room.until(lambda: quiet[0] >= 3)


def assert_sentences(room: Room) -> None:
    """What went wrong is said as a sentence; nothing fell over."""
    assert [error for error in room.failed if not is_foreseen(error)] == []
    assert all(str(error).rstrip().endswith((".", ")")) for error in room.failed), room.failed


@every_panel
def test_it_shows_no_session_one_that_is_and_one_that_is_not(room: Room, kind: PanelKind) -> None:
    session, panel = room.write("One", *BODIES), make(room, kind)
    for shown in (None, session, UNKNOWN, session, None):
        panel.show_session(shown)
        settle(room)
    assert_sentences(room)
    assert panel.isVisible()


@every_panel
def test_it_follows_what_happens_to_sessions(room: Room, kind: PanelKind) -> None:
    session, panel = room.write("One", *BODIES), make(room, kind)
    for shown in (None, session):
        panel.show_session(shown)
        settle(room)
        room.append(session, *BODIES)
        for changed in (frozenset[str](), frozenset({session, UNKNOWN})):
            panel.refresh(changed)
            panel.refresh_drafts(changed)
            panel.show_activity(Activity(changed))
            panel.show_activity(Activity(changed, changed))
            panel.show_activity(Activity())
        panel.show_workspace()
        settle(room)
    assert_sentences(room)


@every_panel
def test_its_state_is_json_and_comes_back(room: Room, kind: PanelKind) -> None:
    session, panel = room.write("One", *BODIES), make(room, kind)
    panel.show_session(session)
    settle(room)
    state = panel.state()
    assert json.loads(json.dumps(state)) == state
    again = make(room, kind)
    again.restore(state)
    again.show_session(session)
    settle(room)
    assert again.state() == state


@every_panel
def test_a_state_that_makes_no_sense_does_no_harm(room: Room, kind: PanelKind) -> None:
    session, panel = room.write("One", *BODIES), make(room, kind)
    panel.show_session(session)
    settle(room)
    keys = panel.state()
    panel.restore({})
    panel.restore({"unknown": [1]})
    for value in NONSENSE:
        for key in keys:
            panel.restore({**keys, key: value})
            panel.restore({key: value})
        settle(room)
        json.dumps(panel.state())
    assert_sentences(room)


@every_panel
def test_its_handlers_are_its_commands(room: Room, kind: PanelKind) -> None:
    session, panel = room.write("One", *BODIES), make(room, kind)
    assert set(panel.handlers()) == {command.id for command in COMMANDS if command.panel == kind.id}
    for shown in (None, session):
        panel.show_session(shown)
        settle(room)
        for handler in panel.handlers().values():
            handler()
            settle(room)
    assert_sentences(room)


@every_panel
def test_unknown_places_are_said(room: Room, kind: PanelKind) -> None:
    session, panel = room.write("One", *BODIES), make(room, kind)
    for place in [place for sort in kind.places for place in PLACES[sort]]:
        told = len(room.failed) + len(room.said)
        panel.go(_filled(place, session))
        settle(room)
        if UNKNOWN in repr(place):
            assert len(room.failed) + len(room.said) > told or re.search(r"\bno\b|\bnot\b", _words(panel), re.I), place
    assert_sentences(room)


@every_panel
def test_it_is_a_place_itself(room: Room, kind: PanelKind) -> None:
    panel = make(room, kind)
    for section in ("", UNKNOWN):
        panel.go(PanelPlace(kind.id, section))
    settle(room)
    assert room.failed == []


@every_panel
def test_every_control_has_a_name(room: Room, kind: PanelKind) -> None:
    panel = make(room, kind)
    panel.show_session(room.write("One", *BODIES))
    settle(room)
    controls = [one for one in panel.findChildren(QWidget) if isinstance(one, CONTROLS)]
    own = [one for one in controls if not isinstance(one.parent(), CONTROLS) and not one.objectName().startswith("qt_")]
    assert own
    assert [one for one in own if one.isVisibleTo(panel) and not _name(one)] == []


@every_panel
def test_it_may_be_closed_while_it_reads(room: Room, kind: PanelKind) -> None:
    session, beside = room.write("One", *BODIES), make(room, kind)
    panel = kind.make(room.desk)
    panel.show()
    panel.show_session(session)
    panel.refresh(frozenset({session}))
    for place in [place for sort in kind.places for place in PLACES[sort]]:
        panel.go(_filled(place, session))
    panel.deleteLater()
    room.until(lambda: not isValid(panel))
    room.desk.themes.set_zoom(1.1)
    settle(room)
    assert isValid(beside)
    assert_sentences(room)


@every_panel
@pytest.mark.parametrize("zoom", [0.7, 2.0])
def test_it_looks_right_in_every_theme_and_size(room: Room, kind: PanelKind, zoom: float, qtlog) -> None:  # type: ignore[no-untyped-def]
    panel = make(room, kind)
    panel.show_session(room.write("One", *BODIES))
    settle(room)
    for theme in ("dark", "light"):
        room.desk.themes.choose(theme)
        room.desk.themes.set_zoom(zoom)
        settle(room)
        panel.grab()
    assert [one.message for one in qtlog.records if PLUGIN not in one.message] == []


def _filled(place: Place, session: str) -> Place:
    if isinstance(place, SessionPlace | FilePlace | CommandPlace) and place.session == "{session}":
        return type(place)(session, *[getattr(place, name) for name in place.__slots__[1:]])
    return place


def _name(widget: QWidget) -> str:
    return widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")


def _words(panel: Panel) -> str:
    return " ".join(label.text() for label in panel.findChildren(QLabel) if label.isVisible())
