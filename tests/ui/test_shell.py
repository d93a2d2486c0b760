"""The shell of the window: areas and tabs, places, palette, menus and keys, text size, links, workspaces, notices."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest

from app.commands.registry import COMMANDS
from app.commands.window import COMMANDS as WINDOW_COMMANDS
from app.sessions.events import AgentMessage, UserMessage
from app.sessions.links import SessionLink
from app.ui.actions import MENUS, menu_of
from app.ui.models.sessions import DetailRole
from app.ui.notifications import Notification, notifications
from app.ui.panels import PANELS
from app.ui.panels.conversation import ConversationPanel
from app.ui.places import PanelPlace, SessionPlace
from app.ui.status import activity_words
from app.ui.theme import LEAST_ZOOM, MOST_ZOOM, ui_font
from app.ui.turns import Activity
from tests.helpers.homes import open_home
from tests.helpers.links import session_of, share_at
from tests.ui.running import Running


def test_every_panel_of_the_table_can_be_shown(running: Running) -> None:
    for kind in PANELS:
        running.window.go(PanelPlace(kind.id))
        assert running.window.areas.show_kind(kind.id).isVisible()


def test_every_command_of_a_window_is_done_by_somebody(running: Running) -> None:
    kinds = {kind.id for kind in PANELS}
    for command in WINDOW_COMMANDS:
        assert command.panel in kinds or command.id in running.window._handlers
    ids = [command.id for command in (*COMMANDS, *WINDOW_COMMANDS)]
    assert len(set(ids)) == len(ids)
    assert {menu_of(command) for command in (*COMMANDS, *WINDOW_COMMANDS)} <= set(MENUS)


def test_sessions_open_beside_one_another_in_tabs(running: Running) -> None:
    first = running.write("First", UserMessage(text="one"))
    second = running.write("Second", UserMessage(text="two"))
    running.open(first)
    running.window.go(SessionPlace(second, beside=True))
    running.until(lambda: running.conversation.session == second)
    main = running.window.areas.area("main")
    running.until(lambda: [main.bar.tabText(n) for n in range(main.bar.count())] == ["First", "Second"])
    running.window.actions_of["window.next_tab"].trigger()
    assert running.conversation.session == first
    assert running.window.windowTitle().startswith("First")
    running.window.actions_of["window.close_tab"].trigger()
    assert running.conversation.session == second
    running.window.actions_of["window.close_tab"].trigger()
    assert main.bar.count() == 1


def test_tabs_and_areas_come_back(running: Running) -> None:
    first = running.write("First", UserMessage(text="one"))
    second = running.write("Second", UserMessage(text="two"))
    running.open(first)
    running.window.go(SessionPlace(second, beside=True))
    running.until(lambda: running.conversation.session == second)
    running.window.actions_of["window.left"].trigger()
    with running.again() as again:
        again.show()
        again.load()
        panels = again.areas.area("main").panels()
        running.until(lambda: [panel.session for panel in panels] == [first, second])  # type: ignore[attr-defined]
        assert again.conversation.session == second
        assert not again.areas.is_shown("left")


@pytest.mark.parametrize("state", [{"areas": {"areas": {"main": {"tabs": [{"kind": "gone"}], "front": 9}}}}, {"x": 1}])
def test_a_state_of_another_version_does_no_harm(running: Running, state: object) -> None:
    running.window.close()
    running.workspace.settings.set("window.state", state)
    with running.again() as again:
        again.show()
        again.load()
        assert isinstance(again.areas.area("main").front(), ConversationPanel)


# The palette


def choices(running: Running) -> list[tuple[str, str]]:
    return [(one.kind, one.title) for one in running.window.palette_box.model.choices]


def test_the_palette_reads_once_what_sessions_there_are(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.sessions.queries import Queries

    running.write("Lamps")
    asked: list[int] = []
    real = Queries.named_sessions
    monkeypatch.setattr(Queries, "named_sessions", lambda queries: (asked.append(1), real(queries))[1])
    palette = running.window.palette_box
    for _ in range(2):
        palette.open()
        running.until(lambda: not palette.is_looking)
        for letter in "lam":
            QTest.keyClicks(palette.field, letter)
            running.until(lambda: not palette.is_looking)
        assert ("Session", "Lamps") in choices(running)
        palette.close_palette()
    assert len(asked) == 2


def test_the_palette_finds_commands_sessions_and_text(running: Running) -> None:
    session = running.write("Rocket plans", UserMessage(text="x"), AgentMessage(text="needle here"))
    palette = running.window.palette_box
    QAbstractItemModelTester(palette.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    running.window.actions_of["window.palette"].trigger()
    running.until(lambda: ("Session", "Rocket plans") in choices(running))
    assert palette.field.hasFocus()
    QTest.keyClicks(palette.field, "needle")
    running.until(lambda: [kind for kind, _title in choices(running)] == ["Text"])
    palette.field.selectAll()
    QTest.keyClicks(palette.field, "roc")
    running.until(lambda: choices(running)[:1] == [("Session", "Rocket plans")])
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isHidden()
    running.until(lambda: running.conversation.session == session)


def test_the_palette_runs_commands(running: Running) -> None:
    palette = running.window.palette_box
    palette.open(">dark")
    assert choices(running)[0] == ("Command", "Dark Theme")
    assert {kind for kind, _title in choices(running)} == {"Command"}
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    QTest.keyClick(palette.field, Qt.Key.Key_Up)
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert running.desk.themes.choice == "dark"


def test_escape_closes_the_palette_and_stops_no_agent(running: Running) -> None:
    palette = running.window.palette_box
    palette.open("zzzzqqqq")
    running.until(lambda: not choices(running))
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.isHidden()


@pytest.mark.parametrize("text", ['"', "(((", "> ", "* OR", "x" * 10_000, "مرحبا", "a\x00b"])
def test_nothing_typed_into_the_palette_is_an_error(running: Running, text: str) -> None:
    running.window.palette_box.open(text)
    number = running.window.palette_box._number
    running.until(lambda: running.workspace.read(lambda queries: queries.last_seq()) is not None)
    assert running.window.palette_box._number == number
    assert running.window.notice.isHidden()


# Keys, size, theme


def test_chosen_shortcuts_are_in_force(running: Running) -> None:
    running.window.close()
    running.workspace.settings.set("window.shortcuts", {"window.palette": ["Ctrl+P"]})
    with running.again() as again:
        assert [one.toString() for one in again.actions_of["window.palette"].shortcuts()] == ["Ctrl+P"]


def test_text_gets_larger_and_smaller_within_bounds(running: Running) -> None:
    normal = ui_font().pointSizeF()
    running.window.actions_of["window.zoom_in"].trigger()
    assert ui_font().pointSizeF() == pytest.approx(normal * 1.1)
    assert running.window.status.zoom.text() == "110 %"
    for _ in range(30):
        running.window.actions_of["window.zoom_in"].trigger()
    assert running.desk.themes.zoom == MOST_ZOOM
    for _ in range(30):
        running.window.actions_of["window.zoom_out"].trigger()
    assert running.desk.themes.zoom == LEAST_ZOOM
    running.window.status.zoom.click()
    assert ui_font().pointSizeF() == normal
    assert not running.window.status.zoom.isVisible()


def test_every_control_of_the_shell_has_a_name(running: Running) -> None:
    from PySide6.QtWidgets import QAbstractButton, QLineEdit, QTabBar

    window = running.window
    for control in window.findChildren(QAbstractButton) + window.findChildren(QLineEdit) + window.findChildren(QTabBar):
        if control.isVisibleTo(window) and not control.objectName().startswith("qt_"):
            name = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
            assert any(letter.isalpha() for letter in name), control


# Links


def test_links_open_sessions_and_events(running: Running) -> None:
    said = [AgentMessage(text=f"answer {n}") for n in range(60)]
    session = running.write("Linked", *said)
    event = running.workspace.read(lambda queries: queries.events(session))[10].id
    running.window.come_forward([str(SessionLink(session, event))])
    running.until(lambda: running.conversation.session == session)
    running.window.actions_of["window.copy_link"].trigger()
    assert QGuiApplication.clipboard().text() == f"lovelace://session/{session}"


def test_a_link_into_another_workspace_switches_to_it(running: Running) -> None:
    here = running.workspace.id
    other = running.workspace.write(lambda operations: operations.create_workspace("Other"))
    running.workspace.use(other)
    session = running.write("Elsewhere", UserMessage(text="x"))
    running.workspace.use(here)
    running.window.open_link(str(SessionLink(session)))
    running.until(lambda: running.conversation.session == session)
    running.until(lambda: running.window.masthead.place.text().startswith("Other"))
    running.until(lambda: running.window.browser.model.session(session))


def test_a_shared_link_opens_a_session_that_can_only_be_read(running: Running, tmp_path: Path) -> None:
    other = open_home(tmp_path / "other")
    try:
        session = session_of(other, "from elsewhere", title="Shared")
        link = share_at(other, session, tmp_path / "public").text
    finally:
        other.close()
    running.window.come_forward([link or ""])
    running.until(lambda: running.conversation.session == session)
    running.until(lambda: running.window.masthead.place.text().startswith("Shared by"))
    composer = running.conversation.composer
    running.until(composer.refusal.isVisible)
    assert "read here and not changed" in composer.refusal.text()
    assert not any(one.isVisible() for one in (composer.field, composer.send, composer.tools, composer.attach))
    running.until(lambda: "read only" in running.conversation.header.state.text())
    running.until(lambda: (row := running.window.browser.model.session(session)) is not None and row.copied)
    index = running.window.browser.model.index_of(session)
    assert "read only" in str(index.data(DetailRole))
    running.window.actions_of["session.archive"].trigger()
    running.until(lambda: running.window.notice.isVisible())
    assert "read here and not changed" in running.window.notice.text.text()


@pytest.mark.parametrize("link", ["lovelace://nonsense", "http://x", "", "lovelace://session/NOSUCH"])
def test_a_bad_link_is_a_sentence(running: Running, link: str) -> None:
    running.window.come_forward([link])
    running.until(lambda: running.window.notice.isVisible())
    assert running.window.notice.text.text().endswith((".", "//"))


# Workspaces


def test_the_switcher_changes_workspace_and_what_is_shown(running: Running) -> None:
    session = running.write("Here", UserMessage(text="x"))
    running.open(session)
    running.window.deeds.run(next(one for one in COMMANDS if one.id == "workspace.create"))
    running.window.notice.field.setText("Second place")
    QTest.keyClick(running.window.notice.field, Qt.Key.Key_Return)
    running.until(lambda: running.window.masthead.place.text().startswith("Second place"))
    running.until(lambda: running.conversation.session is None)
    running.until(lambda: running.window.browser.model.rowCount() == 0)
    running.until(lambda: len(running.window.masthead.place.menu().actions()) >= 3)
    [back] = [one for one in running.window.masthead.place.menu().actions() if one.text() == "project"]
    back.trigger()
    running.until(lambda: running.window.masthead.place.text().startswith("project"))
    running.until(lambda: running.window.browser.model.session(session))


def test_the_command_to_switch_offers_the_workspaces(running: Running) -> None:
    running.workspace.write(lambda operations: operations.create_workspace("Other"))
    menu = running.window.masthead.place.menu()
    running.until(lambda: [one.text() for one in menu.actions()].count("Other") == 1)
    running.window.actions_of["workspace.switch"].trigger()
    running.until(menu.isVisible)
    assert menu.activeAction().text() == "project"
    QTest.keyClick(menu, Qt.Key.Key_Escape)


def test_a_name_given_elsewhere_is_shown(running: Running) -> None:
    session = running.write("Here", UserMessage(text="x"))
    running.until(lambda: running.window.browser.model.session(session))
    running.workspace.write(lambda operations: operations.rename_workspace(running.workspace.id, "Elsewhere"))
    running.until(lambda: running.window.masthead.place.text().startswith("Elsewhere"))
    running.until(lambda: running.window.browser.model.session(session).workspace_name == "Elsewhere")


def test_erasing_asks_first(running: Running) -> None:
    session = running.write("Secret", UserMessage(text="x"))
    running.open(session)
    running.window.actions_of["session.purge"].trigger()
    assert running.window.notice.isVisible()
    assert "Secret" in running.window.notice.text.text()
    running.window.notice.button.click()
    running.until(lambda: running.conversation.session is None)


def test_a_command_without_a_session_says_so(running: Running) -> None:
    running.window.actions_of["session.archive"].trigger()
    assert running.window.status.message.text() == "Open a session first."


# Agents that wait and end


def test_what_is_notified() -> None:
    running, waiting = Activity(frozenset("ab")), Activity(frozenset("ab"), frozenset("a"))
    assert notifications(running, waiting) == [Notification("a", "waits for you", True)]
    assert notifications(waiting, Activity(frozenset("a"), frozenset("a"))) == [Notification("b", "has ended", False)]
    assert notifications(Activity(), running) == []
    working = Activity(background={"c": "Check: pytest"})
    assert notifications(working, Activity()) == [Notification("c", "has ended", False)]
    assert notifications(working, Activity(waiting=frozenset("c"))) == [Notification("c", "waits for you", True)]


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        (Activity(), "○ No agent running"),
        (Activity(frozenset("a")), "● 1 agent running"),
        (Activity(background={"a": "Do the task (1 of 2)"}), "● 1 agent running · Do the task (1 of 2)"),
        (Activity(frozenset("a"), background={"b": "x"}), "● 2 agents running"),
        (Activity(frozenset("abc"), frozenset("a")), "● 1 waits for you · 2 agents running"),
        (Activity(frozenset("ab"), frozenset("ab")), "● 2 wait for you"),
    ],
)
def test_the_status_bar_counts_agents(activity: Activity, words: str) -> None:
    assert activity_words(activity) == words


def test_going_to_those_that_wait_goes_around(running: Running) -> None:
    one, two = (running.write(title, UserMessage(text="x")) for title in "ab")
    running.window._show_activity(Activity(frozenset({one, two}), frozenset({one, two})))
    seen = []
    for _ in range(2):
        running.window.status.agents.click()
        running.until(lambda: running.conversation.session in {one, two} - set(seen))
        seen.append(running.conversation.session)
    assert set(seen) == {one, two}


def test_the_tools_area_makes_room_for_pages_without_a_session(running: Running) -> None:
    window = running.window
    running.open(running.write("Here", UserMessage(text="x")))
    window.actions_of["window.right"].trigger()
    right = window.areas.area("right")
    assert right.isVisible()
    window.go(PanelPlace("settings"))
    assert not right.isVisible()
    assert "right" in window.areas.state()["shown"]
    window.actions_of["window.previous_tab"].trigger()
    assert right.isVisible()
    window.go(PanelPlace("settings"))
    window.actions_of["window.right"].trigger()
    assert not window.areas.is_shown("right")
