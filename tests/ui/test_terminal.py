"""The terminal panel in the window on a real home: what agents and others run, and the person's own commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QMainWindow, QWidget
from shiboken6 import isValid

from app.commands.window import COMMANDS
from app.sessions.events import Body, Command, CommandResult, ToolCall, ToolResult
from app.sessions.queries import Queries
from app.sessions.views import CommandRow
from app.ui.panels.terminal import TerminalPanel
from app.ui.places import CommandPlace, PanelPlace
from app.ui.terminal import follower
from app.ui.terminal.follower import CommandFollower
from app.ui.theme import DARK
from app.workspace import Workspace
from tests.app.agents.support import alive
from tests.ui.running import Running, open_home


def call(number: int, command: str = "", **result: object) -> list[Body]:
    name = f"c{number}"
    bodies: list[Body] = [
        ToolCall(call_id=name, name="run"), Command(call_id=name, command=command or f"run {number}", cwd="src")
    ]  # fmt: skip
    if result:
        bodies += [CommandResult(call_id=name, **result), ToolResult(call_id=name, status="completed")]  # type: ignore[arg-type]
    return bodies


class Terminal:
    """The panel, and a hand to use it."""

    def __init__(self, running: Running, session: str) -> None:
        self.running, self.session, self.workspace = running, session, running.workspace
        running.open(session)
        running.window.go(PanelPlace("terminal"))
        panel = running.window.areas.show_kind("terminal")
        assert isinstance(panel, TerminalPanel)
        self.panel = panel
        self.until(lambda: panel.follower.session == session and panel._empty.text())

    def until(self, done: Callable[[], object]) -> None:
        self.running.until(done)

    @property
    def text(self) -> str:
        return self.panel.output.text(0, len(self.panel.output.lines))

    @property
    def shown(self) -> str:
        row = self.panel.follower.row
        return "" if row is None else row.command

    @property
    def facts(self) -> str:
        return self.panel.header.facts.text()

    def type(self, command: str) -> None:
        field = self.panel.run_line.field
        self.until(field.isEnabled)
        field.setFocus()
        QTest.keyClicks(field, command)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def find(self, event_of: str, kind: str = "tool_call") -> str:
        events = self.workspace.read(lambda q: q.events(self.session, kinds=[kind]))
        return next(event.id for event in events if event.body.call_id == event_of)  # type: ignore[union-attr]


@pytest.fixture
def make(running: Running) -> Callable[..., Terminal]:
    return lambda *bodies: Terminal(running, running.write("T", *bodies))


def other_process(running: Running) -> Workspace:
    return open_home(running.home)


def save(workspace: Workspace, session: str, *pieces: tuple[int, str]) -> None:
    workspace.write(lambda operations: operations.save_output(session, "t", "c1", pieces, "scripted"))


def test_the_newest_command_is_shown_with_its_colours_gone_from_the_text(make: Callable[..., Terminal]) -> None:
    terminal = make(
        *call(1, exit_code=0, stdout="one\n"),
        *call(2, exit_code=3, stdout="\x1b[31mtwo\x1b[0m\n", stderr="oh no\n", duration_ms=3200),
    )
    terminal.until(lambda: terminal.text == "two\noh no\n")
    assert terminal.shown == "run 2" and terminal.panel.output.stderr == 1
    assert terminal.facts.startswith("exit 3 · 3.2 s") and "in src · by scripted" in terminal.facts
    model = terminal.panel.follower.model
    assert [model.index(row).data() for row in range(2)] == ["run 1: exit 0", "run 2: exit 3"]


def test_a_place_leads_to_a_command_by_its_call_or_its_own_event(make: Callable[..., Terminal]) -> None:
    terminal = make(*(body for n in range(60) for body in call(n, exit_code=0, stdout=f"out {n}\n")))
    for number, kind in ((50, "tool_call"), (3, "command"), (7, "command_result")):
        terminal.running.window.go(CommandPlace(terminal.session, terminal.find(f"c{number}", kind)))
        terminal.until(lambda n=number: terminal.text == f"out {n}\n")
        assert terminal.shown == f"run {number}"
        assert terminal.panel.list.currentIndex().data() == f"run {number}: exit 0"


def test_older_commands_come_when_one_scrolls_up(make: Callable[..., Terminal]) -> None:
    terminal = make(*(body for n in range(100) for body in call(n, exit_code=0)))
    model, bar = terminal.panel.follower.model, terminal.panel.list.verticalScrollBar()
    terminal.until(lambda: model.rowCount() == 40 and bar.maximum() > 0)
    for count in (80, 100):
        bar.setValue(bar.maximum())
        bar.setValue(bar.minimum())
        terminal.until(lambda n=count: model.rowCount() == n)
    assert model.rows[0].command == "run 0" and terminal.shown == "run 99"


def test_output_of_another_process_is_live_within_150_ms(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1))
    other = other_process(terminal.running)
    try:
        save(other, terminal.session, (0, ""))
        terminal.until(lambda: terminal.facts.startswith("running"))
        spent = []
        whole = ""
        for number in range(12):
            whole += f"line {number}\n"
            begun = time.perf_counter()
            save(other, terminal.session, (0, whole))
            terminal.until(lambda: terminal.text == whole)  # noqa: B023
            spent.append(time.perf_counter() - begun)
        assert sorted(spent)[6] < 0.15, spent
        save(other, terminal.session, (0, whole), (1, "\r10%"))
        save(other, terminal.session, (1, "\r10%\r20%"))
        terminal.until(lambda: terminal.text.endswith("20%"))
        save(other, terminal.session, (30, "later\n"))
        terminal.until(lambda: terminal.text.endswith("… the beginning was left out …\nlater\n"))
        result = CommandResult(call_id="c1", exit_code=0, stdout="all\n", duration_ms=1)
        other.write(lambda operations: operations.append(terminal.session, [draft(other, result)]))
        terminal.until(lambda: terminal.text == "all\n" and terminal.facts.startswith("exit 0"))
    finally:
        other.close()


def draft(workspace: Workspace, body: Body) -> object:
    from app.sessions.events import Draft

    return Draft(body=body, time=workspace.clock.now_ms(), turn="t", agent="scripted")


def test_what_an_agent_runs_is_live(make: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    script = [[{"tool": "run", "input": {"command": "echo begun; sleep 0.5; echo done"}}, {"say": "Ran."}]]
    monkeypatch.setattr("tests.ui.running.SCRIPT", script)
    terminal = make()
    terminal.running.say("go")
    conversation = terminal.running.conversation
    terminal.until(lambda: conversation.model.open_request() is not None)
    QTest.keyClick(conversation.view, Qt.Key.Key_1)
    terminal.until(lambda: terminal.text == "begun\n" and terminal.facts.startswith("running"))
    assert terminal.panel.follower.row is not None and not terminal.panel.header.stop.isVisible()
    terminal.until(lambda: terminal.text == "begun\ndone\n" and terminal.facts.startswith("exit 0"))
    assert "by scripted" in terminal.facts


def test_new_commands_are_shown_unless_another_was_chosen(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0, stdout="one"), *call(2, exit_code=0, stdout="two"))
    terminal.until(lambda: terminal.shown == "run 2")

    def append(*bodies: Body) -> None:
        drafts = [draft(terminal.workspace, body) for body in bodies]
        terminal.workspace.write(lambda operations: operations.append(terminal.session, drafts))  # type: ignore[arg-type]

    append(*call(3, exit_code=0, stdout="three"))
    terminal.until(lambda: terminal.text == "three")
    terminal.panel.handlers()["terminal.previous"]()
    terminal.until(lambda: terminal.text == "two")
    append(*call(4, exit_code=0, stdout="four"))
    terminal.until(lambda: terminal.panel.follower.model.rowCount() == 4)
    assert terminal.shown == "run 2"


def test_an_own_command_streams_and_is_stopped_with_all_it_started(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0, stdout="one"))
    terminal.type("echo begun; sleep 1000 & echo $! > pid; sleep 1000")
    terminal.until(lambda: terminal.text == "begun\n")
    row = terminal.panel.follower.row
    assert row is not None and row.author.agent is None and row.author.name == "Ada"
    assert terminal.panel.header.stop.isVisible() and "by you" in terminal.facts
    begun = time.perf_counter()
    QTest.keyClick(terminal.panel.run_line.field, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    terminal.until(lambda: terminal.facts.startswith("ended by SIGTERM"))
    assert time.perf_counter() - begun < 1.5
    pid = (terminal.running.folder / "pid").read_text().strip()
    assert not alive(int(pid))
    assert not terminal.panel.header.stop.isVisible() and terminal.text == "begun\n"
    assert terminal.panel.desk.own_commands._stops == {}


def test_what_runs_when_the_window_closes_is_ended_and_kept(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0))
    terminal.type("echo begun; sleep 1000")
    terminal.until(lambda: terminal.text == "begun\n")
    terminal.running.window.close()
    row = terminal.workspace.read(lambda q: q.commands(terminal.session))[-1]
    assert (row.signal, row.running) == ("SIGKILL", False)


def test_earlier_commands_come_back_with_the_arrows(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0))
    for command in ("echo a", "echo b"):
        terminal.type(command)
        terminal.until(lambda c=command: terminal.text == c[-1] + "\n")
    field = terminal.panel.run_line.field
    QTest.keyClicks(field, "draft")
    seen = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(field, key)
        seen.append(field.text())
    assert seen == ["echo b", "echo a", "echo a", "echo b", "draft"]


def test_a_folder_that_is_gone_is_a_sentence(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0))
    field = terminal.panel.run_line.field
    terminal.until(field.isEnabled)
    (terminal.running.folder).rmdir()
    terminal.type("true")
    terminal.until(lambda: "is gone" in terminal.running.window.notice.text.text())
    terminal.panel.show_workspace()
    terminal.until(lambda: not field.isEnabled())
    assert "is gone" in field.placeholderText()


def test_finding_goes_from_match_to_match(make: Callable[..., Terminal]) -> None:
    terminal = make(
        *call(1, exit_code=0, stdout="\n".join(f"line {n} {'Error' * (n % 100 == 0)}" for n in range(1000)))
    )
    panel = terminal.panel
    terminal.until(lambda: len(panel.output.lines) == 1000)
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert panel.find_bar.isVisible() and panel.find_bar.field.hasFocus()
    QTest.keyClicks(panel.find_bar.field, "error")
    terminal.until(lambda: panel.find_bar.count.text() == "1 of 10")
    QTest.keyClick(panel.find_bar.field, Qt.Key.Key_F3)
    assert panel.find_bar.count.text() == "2 of 10"
    QTest.keyClick(panel.find_bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(panel.find_bar.field, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert panel.find_bar.count.text() == "10 of 10"
    assert panel.view.visualRect(panel.output.index(900)).top() < panel.view.viewport().height()
    QTest.keyClicks(panel.find_bar.field, "xx")
    terminal.until(lambda: panel.find_bar.count.text() == "nothing found")
    QTest.keyClick(panel.find_bar.field, Qt.Key.Key_Escape)
    assert not panel.find_bar.isVisible() and panel.view._found == {}


def test_copying(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, "make all", exit_code=0, stdout="\x1b[1mdone\x1b[0m\n"))
    terminal.until(lambda: terminal.text == "done\n")
    handlers, clipboard = terminal.panel.handlers(), QGuiApplication.clipboard()
    handlers["terminal.copy_command"]()
    assert clipboard.text() == "make all"
    handlers["terminal.copy_output"]()
    assert clipboard.text() == "done\n"


def test_a_long_output_shows_its_end_first_and_then_all(make: Callable[..., Terminal]) -> None:
    text = "".join(f"\x1b[3{n % 8}mline {n}\x1b[0m\n" for n in range(60_000))
    terminal = make(*call(1, exit_code=0, stdout=text))
    output = terminal.panel.output
    terminal.until(lambda: output.lines and output.lines[-1].text == "line 59999")
    assert len(output.lines) < 60_000
    terminal.until(lambda: len(output.lines) == 60_000)
    assert output.lines[0].text == "line 0" and terminal.panel.view.is_following


def test_empty_states_say_what_to_do(make: Callable[..., Terminal]) -> None:
    terminal = make()
    panel = terminal.panel
    terminal.until(lambda: "No commands yet" in panel._empty.text() and panel._empty.isVisible())
    panel.show_session(None)
    assert "Choose a session" in panel._empty.text() and not panel.run_line.isVisible()
    panel.show_session(terminal.session)
    terminal.type("true")
    terminal.until(lambda: panel._silence.isVisible() and panel._silence.text() == "It printed nothing.")


def test_a_command_is_shown_that_runs_while_the_session_is_read(
    make: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = make()
    terminal.until(terminal.panel.run_line.field.isEnabled)
    read_commands = Queries.commands

    def read_too_early(queries: Queries, session: str, **more: Any) -> list[CommandRow]:
        rows = read_commands(queries, session, **more)
        monkeypatch.undo()
        terminal.running.append(session, *call(1, exit_code=0, stdout="one"))
        return rows

    monkeypatch.setattr(Queries, "commands", read_too_early)
    terminal.panel.show_session(None)
    terminal.panel.show_session(terminal.session)
    terminal.until(lambda: terminal.text == "one")


def test_news_waits_for_the_session_to_be_read(make: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make()
    terminal.until(terminal.panel.run_line.field.isEnabled)
    read_opening, was_read, goes_on, openings = follower.read_opening, Event(), Event(), []

    def read_slowly(*arguments: Any) -> follower.Opening:
        opening = read_opening(*arguments)
        was_read.set()
        assert goes_on.wait(20)
        return opening

    monkeypatch.setattr(follower, "read_opening", read_slowly)
    terminal.panel.follower.opened.connect(openings.append)
    terminal.panel.show_session(None)
    terminal.panel.show_session(terminal.session)
    terminal.until(was_read.is_set)
    terminal.running.append(terminal.session, *call(1, exit_code=0, stdout="one"))
    terminal.until(lambda: terminal.panel.follower._again)
    goes_on.set()
    terminal.until(lambda: terminal.text == "one")
    assert [opening.rows for opening in openings] == [[]]


def test_a_purged_session_is_shown_no_more(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0, stdout="one"))
    terminal.until(lambda: terminal.text == "one")
    terminal.workspace.write(lambda operations: operations.purge([terminal.session]))
    terminal.until(lambda: terminal.panel.follower.row is None)


def test_it_is_closed_while_it_reads(make: Callable[..., Terminal]) -> None:
    text = "".join(f"line {number}\n" for number in range(60_000))
    terminal = make(*call(1, exit_code=0, stdout=text), *call(2))
    host = QMainWindow()
    panel = TerminalPanel(terminal.running.desk, host)
    host.setCentralWidget(panel)
    host.show()
    panel.go(CommandPlace(terminal.session, terminal.find("c1")))
    terminal.until(lambda: panel.output.lines)
    panel.find_bar.open_bar("line")
    panel.run("echo begun; sleep 0.2")
    panel.follower._read()
    host.deleteLater()
    terminal.until(lambda: not isValid(panel))
    terminal.until(lambda: not terminal.running.desk.own_commands._stops)
    assert not terminal.running.failed


def test_hidden_it_reads_nothing(make: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make(*call(1, exit_code=0, stdout="one"))
    terminal.until(lambda: terminal.text == "one")
    other = terminal.running.write("Other", *call(1, exit_code=0, stdout="other"))
    terminal.panel.hide()
    opened: list[object] = []
    monkeypatch.setattr(CommandFollower, "open", lambda self, *session: opened.append(session))
    terminal.panel.show_session(other)
    assert not opened
    monkeypatch.undo()
    terminal.panel.show()
    terminal.until(lambda: terminal.text == "other")


def test_everything_has_a_name_and_the_theme_is_followed(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0, stdout="one"))
    terminal.until(lambda: terminal.text == "one")
    panel = terminal.panel
    controls = [w for w in panel.findChildren(QWidget) if isinstance(w, QAbstractButton | QLineEdit | QComboBox)]
    assert len(controls) > 8
    nameless = [w for w in controls if not (w.accessibleName() or getattr(w, "text", str)())]
    assert not nameless
    assert (panel.list.accessibleName(), panel.view.accessibleName()) == ("Commands", "Command output")
    terminal.running.desk.themes.choose("dark")
    assert panel.view._theme is DARK
    terminal.running.desk.themes.choose("light")


def test_the_panel_does_all_of_its_commands(make: Callable[..., Terminal]) -> None:
    terminal = make(*call(1, exit_code=0))
    terminal.until(lambda: terminal.shown)
    declared = {command.id for command in COMMANDS if command.panel == "terminal"}
    assert declared == set(terminal.panel.handlers())
    for act in terminal.panel.handlers().values():
        act()
    state = terminal.panel.state()
    terminal.panel.restore(state)
    terminal.panel.restore({"list": "nonsense"})
