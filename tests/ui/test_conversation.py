"""The conversation as a panel by itself, on a real home: what the shell asks of it and what it asks of the shell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app.sessions.events import (
    AgentMessage,
    Body,
    Command,
    CommandResult,
    Draft,
    FileChange,
    ToolCall,
    ToolResult,
    UserMessage,
)
from app.sessions.links import SessionLink, parse_link
from app.ui.conversation.blocks import Divider
from app.ui.conversation.finding import word_pattern
from app.ui.conversation.geometry import COLUMN
from app.ui.conversation.row_menu import row_menu
from app.ui.desk import Desk
from app.ui.dragging import SESSION_MIME
from app.ui.panels.conversation import ConversationPanel
from app.ui.places import CommandPlace, FilePlace, Place, SessionPlace
from app.ui.turns import RUNNING
from app.workspace import Workspace
from tests.ui.running import Room, Running, open_project, open_room


class Shell(Room):
    """What stands for the window: it makes panels and tells them what changed."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        self.panels: list[ConversationPanel] = []
        self.hosts: list[QMainWindow] = []
        self.desk.bridge.receive("changed", lambda change: [panel.refresh(change) for panel in self.panels])
        self.desk.bridge.receive(RUNNING, lambda activity: [panel.show_activity(activity) for panel in self.panels])
        self.desk.bridge.call(self._watch())

    async def _watch(self) -> None:
        async for change in self.workspace.changes():
            self.desk.bridge.publish("changed", change.sessions | change.drafts, lambda old, new: old | new)

    def panel(self) -> ConversationPanel:
        host = QMainWindow()
        made = ConversationPanel(self.desk, host)
        made.answers.guard_ms = 0
        self.hosts.append(host)
        host.setCentralWidget(made)
        self.show(host, 800, 600)
        self.panels.append(made)
        return made

    def opened(self, *bodies: Body, title: str = "A session") -> ConversationPanel:
        panel = self.panel()
        session = self.write(title, *bodies)
        panel.show_session(session)
        self.until(lambda: panel.session == session and panel.model.is_complete)
        return panel


@pytest.fixture
def shell(qtbot: QtBot, tmp_path: Path) -> Iterator[Shell]:
    with open_room(Shell, qtbot, *open_project(tmp_path)) as made:
        yield made


def run(panel: ConversationPanel, command: str) -> None:
    panel.handlers()[f"conversation.{command}"]()


def texts(panel: ConversationPanel) -> list[str]:
    model = panel.model
    return [text for row in range(model.rowCount()) if (text := model.text(row))]


def test_devices_are_called_by_their_names(shell: Shell) -> None:
    device = shell.workspace.read(lambda queries: queries.own_device())[1]
    workspace = shell.workspace.id
    shell.workspace.write(lambda operations: operations.name_people(workspace, {device: "Laptop"}))
    panel = shell.opened(UserMessage(text="x"))
    entry = panel.model.entry(0)
    assert entry is not None and entry.device_name == "Laptop"


def test_two_tabs_show_two_sessions_and_each_prompts_its_own(shell: Shell) -> None:
    one, two = shell.opened(), shell.opened(UserMessage(text="two"))
    shell.until(lambda: one.composer.agents.names)
    one.composer.field.setPlainText("hello")
    run(one, "send")
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
    session = shell.write("Lines", *(AgentMessage(text=f"line {n}\n\nmore") for n in range(300)))
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


def test_a_tab_is_closed_while_it_reads(shell: Shell) -> None:
    session = shell.write("Lines", *(AgentMessage(text=f"line {n}") for n in range(300)))
    panel = shell.panel()
    panel.show_session(session)
    run(panel, "find")
    panel.find_bar.field.setText("line")
    run(panel, "find_next")
    shell.panels.clear()
    shell.hosts.pop().deleteLater()
    shell.until(lambda: not isValid(panel))
    shell.opened(UserMessage(text="beside"))
    assert shell.failed == []


# Leading elsewhere


DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-one\n+two\n"


def tool(call: str, *bodies: Body) -> list[Body]:
    return [
        ToolCall(call_id=call, name="bash", tool_kind="execute", input={"command": "ls"}),
        *bodies,
        ToolResult(call_id=call, status="completed", output="ok"),
    ]


def test_a_change_leads_to_its_diff_and_a_command_to_its_output(shell: Shell) -> None:
    change = FileChange(path="src/a.py", diff=DIFF, added=1, removed=1, call_id="c1")
    command = Command(call_id="c2", command="ls")
    panel = shell.opened(UserMessage(text="Do"), *tool("c1", change), *tool("c2", command))
    session = str(panel.session)
    ids = {one.kind: one.id for one in shell.workspace.read(lambda queries: queries.events(session))}
    panel.view.setFocus()
    for row in (1, 4):
        panel.view.setCurrentIndex(panel.model.index(row, 0))
        QTest.keyClick(panel.view, Qt.Key.Key_O)
    assert shell.went == [
        FilePlace(session, "src/a.py", ids["file_change"]),
        CommandPlace(session, ids["command"]),
    ]
    run(panel, "open_elsewhere")
    assert shell.went[2] == shell.went[1]


def test_the_word_at_the_right_of_a_card_is_clicked(shell: Shell) -> None:
    change = FileChange(path="src/a.py", diff=DIFF, added=1, removed=1, call_id="c1")
    panel = shell.opened(UserMessage(text="Do"), *tool("c1", change))
    top = dict(panel.view._rows.visible)[1]
    left, width = panel.view.column()
    place = QPoint(left + width - 40, top + 65)
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [type(one) for one in shell.went] == [FilePlace]
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(left + 60, top + 65))
    assert panel.view._rows.is_open(1)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("workspace-file:src/a%20b.py", FilePlace("S", "src/a b.py")),
        ("lovelace://session/ABC/DEF", SessionPlace("ABC", "DEF")),
        ("lovelace://run/rm", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
    ],
)
def test_where_links_lead(shell: Shell, monkeypatch: pytest.MonkeyPatch, address: str, place: Place | None) -> None:
    outside: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: outside.append(url.toString()))
    panel = shell.opened(UserMessage(text="x"))
    panel.deeds.follow_link(address)
    if isinstance(place, FilePlace):
        place = FilePlace(str(panel.session), place.path)
    assert shell.went == ([place] if place else [])
    assert outside == []
    panel.deeds.follow_link("https://example.org")
    assert outside == ["https://example.org"]


# Finding


def find(shell: Shell, panel: ConversationPanel, text: str) -> None:
    run(panel, "find")
    QTest.keyClicks(panel.find_bar.field, text)
    shell.until(lambda: panel.find_bar.count.text() and not panel.finder.is_looking)


def haystack(shell: Shell) -> ConversationPanel:
    bodies = [AgentMessage(text=f"line {n}{' with a needle in it' if n % 250 == 100 else ''}") for n in range(1000)]
    return shell.opened(*bodies)


def test_rows_that_are_not_here_are_found_one_after_the_other(shell: Shell) -> None:
    panel = haystack(shell)
    find(shell, panel, "needl")
    shell.until(lambda: panel.find_bar.count.text() == "4 of 4")
    seen = []
    for key, row in ((Qt.Key.Key_Return, 100), (Qt.Key.Key_F3, 350)):
        QTest.keyClick(panel.find_bar.field, key)
        shell.until(lambda row=row: panel.view.currentIndex().row() == row)
        seen.append(panel.find_bar.count.text())
    QTest.keyClick(panel.find_bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    shell.until(lambda: panel.view.currentIndex().row() == 100)
    assert seen == ["1 of 4", "2 of 4"]
    layout = panel.view._rows.layout_of(100)
    assert layout is not None
    assert layout.first_mark() is not None


def test_escape_ends_finding_where_the_find_is(shell: Shell) -> None:
    panel = haystack(shell)
    find(shell, panel, "needle")
    shell.until(lambda: panel.view.currentIndex().row() == 850)
    QTest.keyClick(panel.find_bar.field, Qt.Key.Key_Escape)
    assert not panel.find_bar.isVisible()
    assert panel.view.currentIndex().row() == 850
    layout = panel.view._rows.layout_of(850)
    assert layout is not None
    assert layout.first_mark() is None


def test_what_stands_in_a_closed_card_is_found_and_the_card_opens(shell: Shell) -> None:
    result = CommandResult(call_id="c1", exit_code=0, stdout="x\n" * 50 + "the needle\n" + "y\n" * 50)
    panel = shell.opened(
        UserMessage(text="Do"), *tool("c1", Command(call_id="c1", command="ls"), result), AgentMessage(text="Done")
    )
    find(shell, panel, "needle")
    shell.until(lambda: panel.view._rows.is_open(1))
    layout = panel.view._rows.layout_of(1)
    assert layout is not None
    top, mark = dict(panel.view._rows.visible)[1], layout.first_mark()
    assert mark is not None
    assert 0 <= top + mark < panel.view.viewport().height()


def test_a_step_leaves_the_card_that_is_shown(shell: Shell) -> None:
    call = ToolCall(call_id="c1", name="needle", tool_kind="execute", title="needle")
    command = Command(call_id="c1", command="needle")
    result = ToolResult(call_id="c1", status="completed", output="needle")
    panel = shell.opened(UserMessage(text="a needle"), call, command, result, AgentMessage(text="the needle"))
    find(shell, panel, "needle")
    shell.until(lambda: panel.find_bar.count.text() == "1 of 5" and panel.view.currentIndex().row() == 0)
    rows = []
    for _ in range(3):
        before = panel.view.currentIndex().row()
        run(panel, "find_next")
        shell.until(lambda before=before: panel.view.currentIndex().row() != before)
        rows.append(panel.view.currentIndex().row())
    assert rows == [1, 4, 0]
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_Escape)
    assert not panel.find_bar.isVisible()


def test_a_find_in_a_folded_turn_unfolds_it(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="one"), AgentMessage(text="the needle"), UserMessage(text="two"))
    run(panel, "fold_all")
    assert panel.model.folds.is_hidden(1)
    find(shell, panel, "needle")
    shell.until(lambda: not panel.model.folds.is_hidden(1))
    assert panel.view.currentIndex().row() == 1


def test_what_comes_later_is_counted(shell: Shell) -> None:
    panel = haystack(shell)
    find(shell, panel, "needle")
    shell.until(lambda: panel.find_bar.count.text() == "4 of 4")
    shell.append(str(panel.session), AgentMessage(text="one more needle"))
    shell.until(lambda: panel.find_bar.count.text() == "4 of 5")


def test_nothing_is_found(shell: Shell) -> None:
    panel = haystack(shell)
    find(shell, panel, "zebra")
    shell.until(lambda: panel.find_bar.count.text() == "Not found")
    run(panel, "find_next")
    assert not panel.find_bar.next.isEnabled()


@pytest.mark.parametrize(
    ("text", "found"),
    [("foo ba", ["foo", "bar"]), ("FOO", ["foo", "food"]), ("(", []), ("a.b", ["a", "b"]), ("é", ["é"])],
)
def test_what_is_marked(text: str, found: list[str]) -> None:
    pattern = word_pattern(text)
    words = "foo bar food xfoo a.b (é)"
    got = [] if pattern is None else [words[slice(*match.span())] for match in pattern.finditer(words)]
    assert [word for word in found if word in got or any(word.startswith(one) for one in got)] == found


# Copying


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def test_copy_as_markdown_and_the_turn_and_the_link(shell: Shell) -> None:
    panel = shell.opened(
        UserMessage(text="First"),
        AgentMessage(text="An **answer**"),
        UserMessage(text="Second"),
        AgentMessage(text="B"),
    )
    session = str(panel.session)
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(1, 0))
    run(panel, "copy_markdown")
    shell.until(lambda: "An **answer**" in clipboard())
    assert clipboard().startswith("## scripted")
    run(panel, "copy_turn")
    shell.until(lambda: "First" in clipboard())
    assert "Second" not in clipboard()
    assert clipboard().index("First") < clipboard().index("answer")
    panel.deeds.copying.link(1)
    event = panel.model.event_at(1)
    assert event is not None
    assert parse_link(clipboard()) == SessionLink(session, event.id)
    panel.deeds.copying.row(3)
    assert clipboard() == "B"


def test_a_selection_is_copied_as_markdown(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="First"), AgentMessage(text="*two*"), UserMessage(text="Third"))
    panel.view.pointing.select_all()
    run(panel, "copy_markdown")
    shell.until(lambda: "Third" in clipboard())
    assert [line for line in clipboard().splitlines() if line and line[0] != "#"] == ["First", "*two*", "Third"]


def test_a_card_is_copied_as_markdown_with_its_result(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="Do"), *tool("c1"), AgentMessage(text="Done"))
    panel.deeds.copying.as_markdown(1)
    shell.until(lambda: "bash" in clipboard())
    assert "ok" in clipboard()
    assert "Done" not in clipboard()


# Changing


def test_fork_from_here(shell: Shell) -> None:
    panel = shell.opened(*(UserMessage(text=text) for text in "abc"))
    panel.deeds.fork(1)
    shell.until(lambda: shell.went)
    (place,) = shell.went
    assert isinstance(place, SessionPlace)
    panel.go(place)
    shell.until(lambda: texts(panel) == ["a", "b"])


@pytest.mark.parametrize(("row", "left"), [(0, []), (1, ["a"])])
def test_edit_and_resend(shell: Shell, row: int, left: list[str]) -> None:
    panel = shell.opened(*(UserMessage(text=text) for text in "abc"))
    panel.deeds.resend(row)
    shell.until(lambda: shell.went)
    panel.go(shell.went[0])
    shell.until(lambda: panel.session == shell.went[0].session)  # type: ignore[union-attr]
    assert texts(panel) == left
    assert panel.composer.field.toPlainText() == "abc"[row]


def test_an_erased_entry_says_so_after_a_question(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="one"), AgentMessage(text="my secret"), UserMessage(text="three"))
    panel.deeds.ask_to_erase(1)
    ((question, button, erase),) = shell.offered
    assert "Erase" in question
    assert button == "Erase"
    assert texts(panel)[1] == "my secret"
    erase()
    shell.until(lambda: "my secret" not in texts(panel) and len(texts(panel)) == 3)
    assert "Erased" in texts(panel)[1]
    shell.until(lambda: shell.said and shell.said[-1] == "Erased")


def test_erasing_a_card_erases_all_of_its_call(shell: Shell) -> None:
    result = CommandResult(call_id="c1", exit_code=0, stdout="the secret")
    panel = shell.opened(UserMessage(text="Do"), *tool("c1", Command(call_id="c1", command="cat secret"), result))
    panel.deeds.ask_to_erase(1)
    shell.offered[0][2]()
    kinds = lambda: [event.kind for event in shell.workspace.read(lambda q: q.events(str(panel.session)))]  # noqa: E731
    shell.until(lambda: kinds().count("erased") == 4)
    shell.until(lambda: len(texts(panel)) == 2 and "Erased" in texts(panel)[1])


def test_the_menu_of_an_entry(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="Do"), *tool("c1", Command(call_id="c1", command="ls")))
    shown: list[list[str]] = []
    panel.view.menu_wanted.disconnect()
    panel.view.menu_wanted.connect(lambda row, _place: shown.append([action.text() for action in menu(row).actions()]))
    menu = lambda row: row_menu(panel.follower, panel.deeds.row_deeds(), row, panel)  # noqa: E731
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(0, 0))
    by_key = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), QPoint(0, 0))
    QGuiApplication.sendEvent(panel.view, by_key)
    assert {"Copy", "Copy as Markdown", "Copy Turn", "Copy Link", "Fork from Here", "Edit and Resend"} <= {*shown[0]}
    panel.view.setCurrentIndex(panel.model.index(1, 0))
    QGuiApplication.sendEvent(panel.view, by_key)
    assert "Open Output" in shown[1]
    assert "Edit and Resend" not in shown[1]


def test_what_a_message_says_is_remembered(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="We use tabs,\nalways."), *tool("c1", Command(call_id="c1", command="ls")))
    panel.deeds.ask_to_remember(1)
    assert shell.asked == []
    panel.deeds.ask_to_remember(0)
    [(_question, value, remember)] = shell.asked
    assert value == "We use tabs, always."
    remember("We use tabs.")
    shell.until(lambda: shell.workspace.read(lambda queries: queries.facts()))
    [row] = shell.workspace.read(lambda queries: queries.facts())
    event = panel.model.event_at(0)
    assert event is not None
    assert (row.fact.text, row.fact.session, row.fact.event) == ("We use tabs.", panel.session, event.id)


# Time


def test_go_to_a_time(shell: Shell) -> None:
    panel = shell.panel()
    session = shell.write("Empty")
    start = shell.workspace.clock.now_ms() - 4 * 86_400_000
    drafts = [
        Draft(body=AgentMessage(text=f"line {n}"), time=start + n * 60_000, turn="t", agent="a") for n in range(600)
    ]
    shell.workspace.write(lambda operations: operations.append(session, drafts))
    panel.show_session(session)
    shell.until(lambda: panel.session == session and panel.model.is_complete)
    run(panel, "go_to_time")
    ((_question, _value, action),) = shell.asked
    moment = datetime.fromtimestamp(start / 1000 + 250 * 60)
    action(f"{moment:%Y-%m-%d %H:%M}")
    shell.until(lambda: panel.view.currentIndex().row() in (250, 251))
    action("no time at all")
    assert "is not a time" in str(shell.failed[-1])


# What is new


def test_what_comes_while_nobody_looks_is_marked_as_new(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="one"))
    session = str(panel.session)
    shell.until(lambda: shell.workspace.read(lambda queries: queries.session(session)).unread == 0)
    panel.attention._keep()
    shell.qtbot.wait(200)
    panel.hide()
    shell.append(session, AgentMessage(text="two"), AgentMessage(text="three"))
    shell.until(lambda: panel._is_stale)
    assert shell.workspace.read(lambda queries: queries.session(session)).unread == 2
    panel.show()
    shell.until(lambda: texts(panel) == ["one", "two", "three"])
    assert Divider("New", is_new=True) in (panel.model.blocks(1, False) or ())
    assert Divider("New", is_new=True) not in (panel.model.blocks(2, False) or ())
    panel.attention._keep()
    shell.until(lambda: shell.workspace.read(lambda queries: queries.session(session)).unread == 0)
    panel.attention.answered()
    assert Divider("New", is_new=True) not in (panel.model.blocks(1, False) or ())


def test_what_is_new_is_marked_when_a_session_is_opened(shell: Shell) -> None:
    session = shell.write("One", UserMessage(text="one"))
    (seen,) = shell.workspace.read(lambda queries: queries.events(session, limit=1))
    shell.workspace.write(lambda operations: operations.mark_seen(session, seen.id))
    shell.append(session, AgentMessage(text="two"))
    panel = shell.panel()
    panel.show_session(session)
    shell.until(lambda: texts(panel) == ["one", "two"])
    assert Divider("New", is_new=True) in (panel.model.blocks(1, False) or ())


# Dropping


def drop(panel: ConversationPanel, data: bytes) -> None:
    mime = QMimeData()
    mime.setData(SESSION_MIME, data)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QGuiApplication.sendEvent(panel, QDragEnterEvent(QPoint(50, 100), copy, mime, left, none))
    QGuiApplication.sendEvent(panel, QDropEvent(QPointF(50, 100), copy, mime, left, none))


def test_a_session_is_dropped_into_the_prompt(shell: Shell) -> None:
    panel = shell.opened(UserMessage(text="one"))
    panel.composer.field.setPlainText("See ")
    panel.composer.field.moveCursor(QTextCursor.MoveOperation.End)
    drop(panel, b"01M8A29BNZ5Q3KDT3CA9FV83GJ")
    drop(panel, b"rm -rf /")
    drop(panel, b"\xff" * 10_000)
    assert panel.composer.field.toPlainText() == "See @01M8A29BNZ5Q3KDT3CA9FV83GJ "


def test_the_message_field_is_as_wide_as_the_column_before_there_is_one(running: Running) -> None:
    panel = running.conversation
    assert panel.session is None
    panel.view.column_changed.emit()
    running.window.resize(1300, 800)
    running.until(lambda: panel.composer.field.width() > COLUMN // 2)
