"""Running a workflow in the window: a file with problems, inputs, a run in a session, answers, stopping, going on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QFileDialog, QLineEdit, QWidget

from app.agents.sandbox import bubblewrap_works
from app.background.keeper import Keeper
from app.sessions.events import PermissionRequest
from app.ui.models.sessions import DetailRole
from app.ui.places import SessionPlace
from app.ui.workflow.dialog import WorkflowDialog
from tests.ui.running import Room, Running

needs_sandbox = pytest.mark.skipif(not bubblewrap_works(), reason="commands of workflows need bubblewrap")
GREET = """name: Greet
description: Says hello.
inputs:
  who: {description: Whom to greet}
  how: {default: Hello, choices: [Hello, Bye]}
rules: {network: true}
steps:
- run: echo ${{ inputs.how }} ${{ inputs.who }} > out.txt
- prompt: Say it
- approval: Go on
- run: echo after >> out.txt
"""


def open_dialog(room: Room, text: str, name: str = "greet.yaml") -> WorkflowDialog:
    path = room.folder / name
    path.write_text(text)
    dialog = WorkflowDialog(room.desk, path)
    room.show(dialog, 620, 480)
    room.until(lambda: dialog.run.isVisible() or dialog.problems.isVisible())
    return dialog


def status(room: Room, session: str) -> str:
    return room.workspace.read(lambda queries: queries.session(session)).status


def test_problems_are_shown_with_their_lines_until_they_are_mended(room: Room) -> None:
    dialog = open_dialog(room, "name: T\nsteps:\n- rnu: x\n- {run: y, alow_failure: true}\n")
    assert dialog.about.text().startswith("2 things are wrong")
    shown = dialog.problems.toPlainText()
    assert "line 3 · steps[1]\nA step has one of" in shown
    assert "line 4 · steps[2].alow_failure\n" in shown
    assert not dialog.run.isVisible()
    (room.folder / "greet.yaml").write_text("name: Mended\nsteps:\n- run: x\n")
    dialog.again.click()
    room.until(dialog.run.isVisible)
    assert (dialog.heading.text(), dialog.problems.isVisible()) == ("Mended", False)
    (room.folder / "greet.yaml").unlink()
    dialog.again.click()
    room.until(lambda: "no such file" in dialog.said.text())


def test_inputs_are_asked_for(room: Room) -> None:
    dialog = open_dialog(room, GREET)
    assert dialog.heading.text() == "Greet"
    assert dialog.about.text() == "Says hello.\ngreet.yaml · 4 steps"
    assert "it may use the network" in dialog.wishes.text()
    who, how = dialog.fields["who"], dialog.fields["how"]
    assert isinstance(who, QLineEdit) and isinstance(how, QComboBox)
    assert (who.accessibleName(), who.accessibleDescription()) == ("who", "Whom to greet")
    assert [how.itemText(number) for number in range(how.count())] == ["Hello", "Bye"]
    assert not dialog.run.isEnabled()
    QTest.keyClicks(who, "Ada")
    assert dialog.run.isEnabled()
    dialog.again.click()
    room.until(lambda: dialog.fields["who"] is not who)
    assert dialog.fields["who"].text() == "Ada"  # type: ignore[union-attr]


def test_the_keyboard_reaches_everything_and_everything_has_a_name(room: Room) -> None:
    dialog = open_dialog(room, GREET)
    who = dialog.fields["who"]
    who.setFocus()
    QTest.keyClicks(who, "Ada")
    reached = [who]
    for _ in range(3):
        QTest.keyClick(reached[-1], Qt.Key.Key_Tab)
        reached.append(dialog.focusWidget())
    assert reached == [who, dialog.fields["how"], dialog.run, dialog.again]
    named = [widget for widget in dialog.findChildren(QWidget) if widget.focusPolicy() & Qt.FocusPolicy.TabFocus]
    shown = [widget for widget in named if widget.isVisible() and not isinstance(widget, QAbstractItemView)]
    assert all(widget.accessibleName() or getattr(widget, "text", str)() for widget in shown)


def test_a_hostile_file_is_shown_as_text(room: Room) -> None:
    name = "<img src='file:///etc/passwd'><h1>Big</h1>" + "x" * 5000
    dialog = open_dialog(room, f'name: "{name}"\ndescription: <b>bold</b>\nsteps:\n- run: x\n')
    assert dialog.heading.textFormat() == dialog.about.textFormat() == Qt.TextFormat.PlainText
    assert dialog.heading.text() == name[:120]
    assert dialog.width() == 620
    deep = open_dialog(room, "a: " + "[" * 5000, "deep.yaml")
    assert "levels deep" in deep.problems.toPlainText()


@pytest.fixture
def background(running: Running) -> Iterator[None]:
    """Somebody does the jobs of the home."""
    keeper = Keeper(running.workspace, idle_seconds=3600)

    async def end() -> None:
        keeper.end()

    work = running.desk.bridge.call(keeper.run())
    yield
    running.desk.bridge.call(end())
    work.result(30)


def state(running: Running, session: str) -> str:
    job = running.workspace.read(lambda queries: queries.job(session))
    assert job is not None
    return job.state


@needs_sandbox
@pytest.mark.usefixtures("background")
def test_a_workflow_runs_in_the_background_in_a_session_of_its_own(running: Running) -> None:
    dialog = open_dialog(running, GREET)
    who = dialog.fields["who"]
    assert isinstance(who, QLineEdit)
    who.setText("Ada; touch evil")
    dialog.run.click()
    running.until(lambda: running.conversation.session)
    session = running.conversation.session
    assert session is not None and running.went[-1] == SessionPlace(session)
    running.until(lambda: running.events(session, "permission_request"))
    assert (running.folder / "out.txt").read_text() == "Hello Ada; touch evil\n"
    running.until(lambda: status(running, session) == "waiting")
    running.until(lambda: running.window.status.agents.text() == "● 1 waits for you")
    header = running.conversation.header
    running.until(lambda: header.task.resume.isVisible())
    assert header.task.resume.text() == "Resume"  # it has no rules that could be raised
    [request] = running.events(session, "permission_request")
    assert isinstance(request, PermissionRequest) and request.title == "Go on"
    running.desk.bridge.call(running.desk.turns.answer(session, request.request_id, "once"))
    running.until(lambda: status(running, session) == "completed")
    assert (running.folder / "out.txt").read_text().endswith("after\n")
    running.until(header.task.isHidden)
    assert running.failed == []


@needs_sandbox
@pytest.mark.usefixtures("background")
def test_a_workflow_shows_its_step_is_paused_and_goes_on(running: Running) -> None:
    wait = "- {title: Wait, run: 'touch mark; until test -e ready; do sleep 0.05; done'}\n"
    dialog = open_dialog(running, f"name: Long\nsteps:\n- run: echo one >> log\n{wait}- run: echo two >> log\n")
    dialog.run.click()
    running.until((running.folder / "mark").exists)
    session = running.conversation.session
    assert session is not None
    window, header = running.window, running.conversation.header
    running.until(lambda: header.state.text() == "in the background · Wait (2 of 3)")
    running.until(lambda: window.status.agents.text() == "● 1 agent running · Wait (2 of 3)")
    running.until(lambda: "Wait (2 of 3)" in str(window.browser.model.index_of(session).data(DetailRole)))
    QTest.mouseClick(header.task.pause, Qt.MouseButton.LeftButton)
    running.until(lambda: running.events(session, "tool_result")[-1].status == "cancelled")
    assert (status(running, session), state(running, session)) == ("paused", "paused")
    (running.folder / "ready").touch()
    window.actions_of["window.continue_workflow"].trigger()
    running.until(lambda: status(running, session) == "completed")
    assert (running.folder / "log").read_text() == "one\ntwo\n"
    window.actions_of["window.continue_workflow"].trigger()
    running.until(lambda: "is completed" in window.notice.text.text())


@needs_sandbox
def test_what_cannot_begin_is_said_in_place(room: Room) -> None:
    dialog = open_dialog(room, "name: T\nsteps:\n- {prompt: x, agent: nobody}\n")
    dialog.run.click()
    room.until(lambda: "There is no agent nobody." in dialog.said.text())
    assert dialog.run.isEnabled()
    assert room.went == []


def test_the_command_chooses_a_file(running: Running) -> None:
    (running.folder / "greet.yaml").write_text(GREET)
    running.window.actions_of["window.run_workflow"].trigger()
    running.until(lambda: running.window.findChild(QFileDialog))
    chooser = running.window.findChild(QFileDialog)
    assert isinstance(chooser, QFileDialog)
    assert chooser.directory().absolutePath() == str(running.folder)
    chooser.fileSelected.emit(str(running.folder / "greet.yaml"))
    chooser.close()
    running.until(lambda: running.window.findChild(WorkflowDialog))
    dialog = running.window.findChild(WorkflowDialog)
    assert isinstance(dialog, WorkflowDialog)
    running.until(dialog.run.isVisible)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    running.until(lambda: running.window.findChild(WorkflowDialog) is None)
