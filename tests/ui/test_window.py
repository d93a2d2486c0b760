"""The whole window on a real home: open, read, search, prompt, approve, stop; what other processes write appears."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from app.agents.backend import AgentBackend
from app.commands import sessions as commands
from app.errors import NotFound, UserError
from app.sessions.events import AgentMessage, Draft, PermissionAnswer, PermissionRequest, ToolCall, UserMessage
from app.sessions.views import SessionRow
from app.ui.models.sessions import Tab
from app.ui.places import PanelPlace
from app.ui.turns import PROPOSED
from tests.ui import running as running_window
from tests.ui.running import Running, open_home


def test_an_empty_home_says_what_to_do(running: Running) -> None:
    browser = running.window.browser
    running.until(lambda: browser.blank.isVisible())
    assert "Ctrl+N" in browser.blank.text()


def test_read_a_session(running: Running) -> None:
    session = running.write("First", UserMessage(text="Hello"), AgentMessage(text="Hi **there**"))
    running.until(lambda: running.window.browser.model.session_count() == 1)
    running.open(session)
    assert running.texts() == ["Hello", "Hi **there**"]
    assert running.conversation.title.text() == "First"
    assert running.window.windowTitle().startswith("First")


def test_prompt_and_answer(running: Running) -> None:
    running.window.actions_of["session.new"].trigger()
    running.until(lambda: running.conversation.session)
    session = running.conversation.session
    running.say("What is this?")
    running.until(lambda: "You said: What is this?" in running.texts())
    running.until(lambda: not running.window._activity.running)
    assert len(running.events(session, "agent_message")) == 1
    assert running.conversation.composer.field.toPlainText() == ""
    running.until(lambda: running.conversation.title.text() == "What is this?")


def test_shift_enter_begins_a_line(running: Running) -> None:
    field = running.conversation.composer.field
    before = field.height()
    QTest.keyClicks(field, "one")
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(field, "two")
    assert field.toPlainText() == "one\ntwo"
    assert field.height() > before


@pytest.mark.parametrize(
    ("key", "status", "made"), [(Qt.Key.Key_1, "completed", True), (Qt.Key.Key_N, "denied", False)]
)
def test_approve_a_tool_by_key(running: Running, tmp_path: Path, key: Qt.Key, status: str, made: bool) -> None:
    session = running.write("Tools", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    running.until(lambda: running.conversation.model.open_request())
    running.until(lambda: running.conversation.view.hasFocus())
    assert "waits for you" in running.window.status.message.text()
    assert not (tmp_path / "project" / "made.txt").exists()
    QTest.keyClick(running.conversation.view, key)
    running.until(lambda: "Written." in running.texts())
    running.until(lambda: not running.window._activity.running)
    assert (tmp_path / "project" / "made.txt").exists() is made
    assert [body.status for body in running.events(session, "tool_result")] == [status]
    assert running.conversation.model.open_request() is None


def test_keys_typed_for_something_else_answer_nothing(running: Running) -> None:
    running.conversation.answers.guard_ms = 60_000
    session = running.write("Tools", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    running.until(lambda: running.conversation.view.hasFocus())
    QTest.keyClick(running.conversation.view, Qt.Key.Key_Y)
    running.qtbot.wait(100)
    assert running.events(session, "permission_answer") == []


def test_who_is_writing_keeps_the_keyboard(running: Running) -> None:
    session = running.write("Tools", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    QTest.keyClicks(running.conversation.composer.field, "1 more thing")
    running.until(lambda: running.conversation.model.open_request())
    running.qtbot.wait(100)
    assert running.conversation.composer.field.hasFocus()
    assert running.events(session, "permission_answer") == []


def test_approve_by_mouse(running: Running, tmp_path: Path) -> None:
    session = running.write("Tools", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    running.until(lambda: running.conversation.model.open_request())
    view = running.conversation.view
    row = running.conversation.model.open_request()[0]
    running.until(lambda: row in dict(view._rows.visible) and view._rows.heights[row] > 80)
    running.qtbot.wait(50)
    bottom = dict(view._rows.visible)[row] + view._rows.heights[row]
    place = QPoint(view.column()[0] + 60, bottom - 28)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    running.until(lambda: (tmp_path / "project" / "made.txt").exists())
    running.until(lambda: not running.window._activity.running)


@pytest.mark.parametrize(("source", "asked"), [("claude:S:1/1", True), (None, False)])
def test_only_own_answers_hold_for_the_whole_session(running: Running, source: str | None, asked: bool) -> None:
    session = running.write("Before", UserMessage(text="first"))
    request = PermissionRequest(request_id="r0", call_id="c0", name="write", title="Write", tool_kind="edit")
    answer = PermissionAnswer(request_id="r0", answer="always")
    now = running.workspace.clock.now_ms()
    drafts = [Draft(body=body, time=now, turn="t0", source=source) for body in (request, answer)]
    running.workspace.write(lambda operations: operations.append(session, drafts))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    if asked:
        running.until(lambda: running.conversation.model.open_request())
        running.window.actions_of["conversation.stop"].trigger()
    else:
        running.until(lambda: "Written." in running.texts())
    running.until(lambda: not running.window._activity.running)
    assert len(running.events(session, "permission_request")) == (2 if asked else 1)


def test_a_busy_session_takes_no_second_prompt(running: Running) -> None:
    session = running.write("Busy", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    running.until(lambda: running.conversation.model.open_request())
    running.conversation.prompting.submit("again")
    running.until(lambda: running.window.notice.isVisible())
    assert "still answering" in running.window.notice.text.text()
    assert len(running.events(session, "user_message")) == 2


def test_without_tools_nothing_is_written(running: Running, tmp_path: Path) -> None:
    session = running.write("Tools", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.conversation.composer.tools.click()
    running.conversation.refresh(frozenset({session}))
    running.qtbot.wait(150)
    running.say("Write a file")
    running.until(lambda: "Written." in running.texts())
    assert not (tmp_path / "project" / "made.txt").exists()


def test_a_session_that_has_not_begun_says_what_to_do(running: Running) -> None:
    running.window.actions_of["session.new"].trigger()
    panel = running.conversation
    running.until(lambda: panel.session and panel._pages.currentWidget() is panel._beginning)
    running.say("Hello")
    running.until(lambda: panel._pages.currentWidget() is panel.view)
    running.until(lambda: not running.window._activity.running)


def test_stop_by_escape_keeps_what_was_said(running: Running) -> None:
    said = [body for n in range(2) for body in (UserMessage(text=f"{n}"), AgentMessage(text="ok"))]
    session = running.write("Slow", *said)
    running.open(session)
    running.say("Go on")
    running.until(lambda: any(text.startswith("Slow") for text in running.texts()))
    assert running.conversation.stop.isVisible()
    QTest.keyClick(running.window, Qt.Key.Key_Escape)
    running.until(lambda: not running.window._activity.running)
    (last,) = running.events(session, "agent_message")[2:]
    assert isinstance(last, AgentMessage)
    assert last.interrupted
    assert last.text.strip() == "Slow"
    running.until(lambda: not running.conversation.stop.isVisible())


def test_an_agent_that_fails_is_said_in_the_window_and_the_session(running: Running) -> None:
    said = [body for n in range(3) for body in (UserMessage(text=f"{n}"), AgentMessage(text="ok"))]
    running.open(running.write("Fails", *said))
    running.say("Go on")
    running.until(lambda: running.window.notice.isVisible())
    assert running.window.notice.text.text() == "The model server is gone."
    running.until(lambda: "The model server is gone." in running.texts())


def test_what_another_process_writes_appears(running: Running) -> None:
    session = running.write("Shared", UserMessage(text="Here"))
    running.open(session)
    other = open_home(running.home)
    try:
        draft = Draft(body=AgentMessage(text="From elsewhere"), time=other.clock.now_ms(), turn="x", agent="scripted")
        other.write(lambda operations: operations.append(session, [draft]))
        running.until(lambda: "From elsewhere" in running.texts())
        other.use(running.workspace.id)
        made = other.write(lambda operations: operations.create(title="Made elsewhere"))
        running.until(lambda: running.window.browser.model.session(made))
    finally:
        other.close()


def test_a_streamed_text_of_another_process_is_shown_while_it_grows(running: Running) -> None:
    session = running.write("Shared", UserMessage(text="Here"))
    running.open(session)
    for text in ("Stre", "Streaming"):
        running.workspace.write(
            lambda operations, t=text: operations.save_draft(session, "t9", "agent_message", t, "a")
        )
        running.until(lambda t=text: running.texts()[-1] == t)
    running.until(lambda: running.conversation.header.state.text() == "running elsewhere")
    running.workspace.write(lambda operations: operations.clear_draft(session, "t9"))
    running.until(lambda: running.texts() == ["Here"])


def test_a_question_of_another_process_is_answered_into_the_session(running: Running) -> None:
    call = ToolCall(call_id="c", name="run", input={"command": "ls"})
    request = PermissionRequest(request_id="r7", call_id="c", name="run", title="ls", tool_kind="execute")
    session = running.write("Task", UserMessage(text="Do"), call, request)
    running.workspace.write(lambda operations: operations.set_fields(session, {"status": "waiting"}))
    running.open(session)
    running.until(lambda: running.conversation.model.open_request())
    running.conversation.view.setFocus()
    QTest.keyClick(running.conversation.view, Qt.Key.Key_A)
    running.until(lambda: running.events(session, "permission_answer"))
    (answer,) = running.events(session, "permission_answer")
    assert (answer.request_id, answer.answer) == ("r7", "always")  # type: ignore[attr-defined]


def test_search_jumps_to_the_event(running: Running) -> None:
    filler = [
        body for n in range(300) for body in (UserMessage(text=f"question {n}"), AgentMessage(text=f"answer {n}"))
    ]
    bodies = [*filler[:100], AgentMessage(text="The needle is here"), *filler[100:]]
    session = running.write("Haystack", *bodies)
    browser = running.window.browser
    QTest.keyClicks(browser.search, "n")
    assert not browser._is_searching()
    QTest.keyClicks(browser.search, "eedl")
    running.until(lambda: browser.hits.rowCount() == 2)
    QTest.keyClick(browser.search, Qt.Key.Key_Return)
    running.until(lambda: running.conversation.session == session)
    view, model = running.conversation.view, running.conversation.model
    running.until(lambda: any("needle" in str(model.text(row)) for row, _top in view._rows.visible))
    QTest.keyClick(browser.search, Qt.Key.Key_Escape)
    assert browser.search.text() == ""


def test_nothing_that_is_typed_breaks_the_search(running: Running) -> None:
    browser = running.window.browser
    for text in ('"', "AND OR", "(((", "*?:", "ünïcödé", "a" * 500):
        browser.search.setText(text)
        browser._search()
    running.qtbot.wait(150)
    assert not running.window.notice.isVisible()


def test_places_are_kept_between_sessions(running: Running) -> None:
    filler = [AgentMessage(text=f"line {n}\n\nmore") for n in range(400)]
    first = running.write("Long", *filler)
    second = running.write("Short", UserMessage(text="x"))
    running.open(first)
    running.conversation.view.go_to_row(50)
    running.open(second)
    running.open(first)
    running.until(lambda: running.conversation.view._rows.visible[0][0] == 50)


def test_copying_everything_reads_what_is_not_here(running: Running) -> None:
    filler = [UserMessage(text=f"line {n}") for n in range(1200)]
    running.open(running.write("Long", *filler))
    view = running.conversation.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    clipboard = QGuiApplication.clipboard()
    expected = "\n\n".join(f"line {n}" for n in range(1200))
    running.until(lambda: clipboard.text() == expected)


def test_archive_can_be_undone(running: Running) -> None:
    session = running.write("Old", UserMessage(text="x"))
    running.open(session)
    QTest.keyClick(running.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    running.until(lambda: running.window.browser.model.session(session) is None)
    running.until(lambda: running.window.notice.isVisible())
    running.window.notice.button.click()
    running.until(lambda: running.window.browser.model.session(session))


def test_rename(running: Running) -> None:
    running.open(running.write("Old", UserMessage(text="x")))
    QTest.keyClick(running.window, Qt.Key.Key_F2)
    notice = running.window.notice
    assert notice.field.text() == "Old"
    notice.field.setText("New")
    QTest.keyClick(notice.field, Qt.Key.Key_Return)
    running.until(lambda: running.conversation.title.text() == "New")


def test_pause_and_resume(running: Running) -> None:
    session = running.write("Busy", UserMessage(text="x"))
    running.open(session)
    for command, status in ((commands.PAUSE.id, "paused"), (commands.RESUME.id, "active")):
        running.window.actions_of[command].trigger()
        running.until(lambda status=status: _row(running, session).status == status)


def _row(running: Running, session: str) -> SessionRow:
    return running.workspace.read(lambda queries: queries.session(session))


def test_a_session_that_is_purged_leaves_the_window(running: Running) -> None:
    session = running.write("Gone soon", UserMessage(text="x"))
    running.open(session)
    running.workspace.write(lambda operations: operations.purge([session]))
    running.until(lambda: running.conversation.session is None)
    running.until(lambda: running.window.browser.model.rowCount() == 0)


def test_the_agent_names_the_session(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_window, "SCRIPT", [[{"say": "Hello."}, {"title": "A greeting"}]])
    session = running.workspace.write(lambda operations: operations.create())
    running.open(session)
    running.say("Hi there")
    running.until(lambda: running.conversation.title.text() == "A greeting")


def test_tools_whose_folder_is_gone(running: Running, tmp_path: Path) -> None:
    session = running.write("Tools", UserMessage(text="x"))
    (tmp_path / "project").rmdir()
    running.open(session)
    assert not running.conversation.composer.tools.isEnabled()
    assert "workspace relink" in running.conversation.composer.tools.toolTip()
    with pytest.raises(UserError, match="workspace relink"):
        running.desk.bridge.call(running.desk.turns.prompt(session, "scripted", "x", tools=True)).result(10)


def test_tabs_filter_and_say_when_they_are_empty(running: Running) -> None:
    running.write("One", UserMessage(text="x"))
    browser = running.window.browser
    running.until(lambda: browser.model.session_count() == 1)
    browser.tabs.buttons()[2].click()
    assert browser.model.tab is Tab.WAITING
    assert browser.blank.text().startswith("Nothing waits for you.")
    browser.tabs.buttons()[3].click()
    assert browser.list.isVisible()


def test_errors_are_sentences(running: Running) -> None:
    running.window.open_session("NOSUCH")
    running.until(lambda: running.window.notice.isVisible())
    assert "no session NOSUCH" in running.window.notice.text.text()
    running.window.report(NotFound("x"))
    running.window.report(RuntimeError("odd"))
    assert "RuntimeError: odd" in running.window.notice.text.text()


def test_the_window_comes_back_as_it_was(running: Running) -> None:
    session = running.write("Last", UserMessage(text="x"))
    running.open(session)
    running.window.resize(760, 560)
    running.window._choose_theme("dark")
    running.until(lambda: running.workspace.settings.get("window.theme") == "dark")
    with running.again() as again:
        assert (again.width(), again.height()) == (760, 560)
        assert again._desk.themes.choice == "dark"
        again.load()
        running.until(lambda: again.conversation.session == session)


def test_a_session_that_is_archived_or_rests_is_summed_up(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    async def sum_up(_store: object, session: str, backend: AgentBackend) -> None:
        asked.append((session, backend.name))

    monkeypatch.setattr("app.agents.session_summary.sum_up", sum_up)
    session = running.write("Old", UserMessage(text="x"), agent="scripted")
    running.write("Foreign", UserMessage(text="x"), agent="somebody else")
    browser = running.window.browser
    running.until(lambda: browser.model.rowCount() == 3)
    browser.deeds.archive(running.workspace.read(lambda queries: queries.sessions()))
    running.until(lambda: asked == [(session, "scripted")])
    monkeypatch.setattr("app.ui.turns.REST_SECONDS", 0.0)
    running.open(running.write("New"))
    running.say("Hello")
    running.until(lambda: len(asked) == 2)


def test_what_an_agent_proposes_to_remember_is_told(running: Running) -> None:
    running.desk.bridge.publish(PROPOSED, "hal")
    assert "hal proposes" in running.accept("Look")
    running.until(lambda: PanelPlace("settings", "memory") in running.went)
