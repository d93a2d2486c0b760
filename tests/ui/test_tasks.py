"""Tasks in the window: begun with rules, seen while they go on elsewhere, paused, resumed, taken over, stopped."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.agents.rules import TASK_RULES, Rules
from app.commands import sessions as commands
from app.sessions.events import Conclusion, Draft
from app.sessions.jobs import Job
from app.ui.models.sessions import DetailRole, StateRole
from app.ui.panels.conversation import WORKING
from app.ui.places import SessionPlace
from app.ui.status import activity_tip
from app.ui.tasks.commands import offered_commands
from app.ui.tasks.dialog import NewTaskDialog, ResumeDialog
from app.ui.tasks.rules_form import RulesForm
from app.ui.turns import Activity
from tests.ui.running import Room, Running


def add_job(room: Room, title: str = "Tidy the shed", **rules: Any) -> str:
    """A session with a job that nobody has begun."""
    session = room.write(title, type="agent", agent="scripted")
    values = msgspec.to_builtins(Rules(**rules))
    room.workspace.write(lambda operations: operations.add_job(session, title, "scripted", values, [str(room.folder)]))
    return session


def job(room: Room, session: str) -> Job | None:
    return room.workspace.read(lambda queries: queries.job(session))


def run_elsewhere(room: Room, session: str, step: str = "Check: pytest") -> None:
    """As a process that does it, which shows its step."""
    room.workspace.write(lambda operations: operations.begin_job(session))
    room.workspace.write(lambda operations: operations.note_step(session, step, 1, 3, 0))


def reach_limit(room: Room, session: str) -> None:
    draft = Draft(body=Conclusion(text="The agent has used its steps.", outcome="waiting"), time=1)
    room.workspace.write(
        lambda operations: operations.conclude_job(session, [draft], "waiting", "It has used its steps. Resume it.")
    )
    room.workspace.write(lambda operations: operations.set_fields(session, {"status": "waiting"}))
    room.workspace.write(lambda operations: operations.release(session))


# the form of rules


@pytest.mark.parametrize(
    "rules",
    [
        TASK_RULES,
        Rules(),
        Rules(tools=("read",), paths=("src/**", "*.md"), seconds=61.5, tokens=1, network=True),
        Rules(tools=("list", "edit", "run"), commands=("git diff", "ls"), steps=10_000, network=True, checks=("true",)),
    ],
)
def test_a_form_that_nobody_changes_changes_no_rule(qtbot: Any, rules: Rules) -> None:
    form = RulesForm()
    qtbot.addWidget(form)
    form.show_rules(rules)
    same = form.rules()
    assert set(same.tools) == set(rules.tools)
    assert msgspec.structs.replace(same, tools=rules.tools) == msgspec.structs.replace(
        rules, network=rules.network and "run" in rules.tools
    )


def test_what_the_person_says_is_in_the_rules(qtbot: Any) -> None:
    form = RulesForm()
    qtbot.addWidget(form)
    form.steps.setText("7")
    form.minutes.setText("2")
    form.thousands.setText("")
    form.commands.setPlainText(" python3 \n\n git  diff ")
    form.paths.setText("src/** docs/*.md")
    form.network.setChecked(True)
    rules = form.rules()
    assert (rules.steps, rules.seconds, rules.tokens) == (7, 120, TASK_RULES.tokens)
    assert (rules.commands, rules.paths, rules.network) == (("python3", "git diff"), ("src/**", "docs/*.md"), True)
    form.runs.setChecked(False)
    form.changes.setChecked(False)
    assert (form.rules().tools, form.rules().network) == (("list", "read", "search", "remember"), False)


# beginning one


def test_a_new_task_is_a_job_with_its_rules(room: Room) -> None:
    dialog = NewTaskDialog(room.desk)
    room.show(dialog, 620, 560)
    room.until(dialog.start.isEnabled)
    dialog.begin()
    assert "Say what is to be done" in dialog.said.text()
    dialog.text.setPlainText("Tidy the shed")
    dialog.checks.setPlainText("test -e shed\n")
    QTest.mouseClick(dialog.more, Qt.MouseButton.LeftButton)
    assert dialog.rules.isVisible()
    dialog.rules.steps.setText("5")
    QTest.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    room.until(lambda: room.went)
    [place] = room.went
    assert isinstance(place, SessionPlace)
    made = job(room, place.session)
    assert made is not None
    assert (made.text, made.agent, made.state, made.folders) == (
        "Tidy the shed", "scripted", "ready", (str(room.folder),),
    )  # fmt: skip
    assert (made.rules["steps"], made.rules["checks"]) == (5, ["test -e shed"])
    row = room.workspace.read(lambda queries: queries.session(place.session))
    assert (row.type, row.title, row.cwd) == ("agent", "Tidy the shed", str(room.folder))
    again = NewTaskDialog(room.desk)
    room.show(again)
    room.until(lambda: again.rules.steps.text() == "5")


def test_a_workspace_without_a_folder_says_so(here: Any) -> None:
    dialog = NewTaskDialog(here.desk)
    here.show(dialog)
    here.until(lambda: "Bind one" in dialog.said.text())
    assert not dialog.start.isEnabled()


# while it goes on elsewhere


def test_a_task_shows_in_list_header_and_status_bar(running: Running) -> None:
    session = add_job(running)
    run_elsewhere(running, session)
    running.open(session)
    window, header = running.window, running.conversation.header
    running.until(lambda: "Check: pytest" in window.status.agents.text())
    assert window.status.agents.text() == "● 1 agent running · Check: pytest (2 of 3)"
    index = window.browser.model.index_of(session)
    running.until(lambda: "Check: pytest (2 of 3)" in str(index.data(DetailRole)))
    assert index.data(StateRole) == "running"
    running.until(lambda: header.state.text() == "in the background · Check: pytest (2 of 3)")
    assert [button.isVisible() for button in (header.task.pause, header.task.resume, header.task.stop)] == [
        True, False, True,
    ]  # fmt: skip
    assert not header.stop.isVisible()
    assert running.conversation.composer.refusal.text() == WORKING
    running.until(lambda: "Tidy the shed: Check: pytest (2 of 3)" in window.status.agents.toolTip())


def test_pausing_resuming_and_stopping_from_the_header(running: Running) -> None:
    session = add_job(running)
    run_elsewhere(running, session)
    running.open(session)
    task = running.conversation.header.task
    running.until(task.pause.isVisible)
    QTest.mouseClick(task.pause, Qt.MouseButton.LeftButton)
    running.until(task.resume.isVisible)
    assert job(running, session).state == "paused"  # type: ignore[union-attr]
    running.until(lambda: not running.conversation.composer.refusal.isVisible())
    running.until(lambda: running.window.status.agents.text() == "○ No agent running")
    QTest.mouseClick(task.resume, Qt.MouseButton.LeftButton)
    running.until(task.pause.isVisible)
    QTest.mouseClick(task.stop, Qt.MouseButton.LeftButton)
    running.until(task.isHidden)
    assert job(running, session).state == "ended"  # type: ignore[union-attr]


def test_taking_over_lets_the_person_write(running: Running) -> None:
    session = add_job(running)
    run_elsewhere(running, session)
    running.open(session)
    task = running.conversation.header.task
    running.until(task.take_over.isVisible)
    QTest.mouseClick(task.take_over, Qt.MouseButton.LeftButton)
    running.until(task.isHidden)
    running.until(lambda: running.conversation.composer.field.isEnabled())
    assert job(running, session) is None
    running.workspace.write(lambda operations: operations.release(session))
    running.say("Hello")
    running.until(lambda: "You said: Hello" in running.texts())


def test_while_another_process_runs_the_session_nothing_is_asked_here(running: Running) -> None:
    session = running.write("Busy")
    running.workspace.write(lambda operations: operations.claim(session))
    running.open(session)
    running.say("Hello")
    running.until(lambda: "in another program of yours" in running.window.notice.text.text())
    assert running.events(session, "user_message") == []


def test_a_limit_is_raised_in_a_dialog(running: Running) -> None:
    session = add_job(running, steps=3, checks=("true",))
    run_elsewhere(running, session)
    running.open(session)
    reach_limit(running, session)
    task = running.conversation.header.task
    running.until(task.resume.isVisible)
    assert task.resume.text() == "Resume…"
    running.until(lambda: running.window.status.agents.text() == "● 1 waits for you")
    QTest.mouseClick(task.resume, Qt.MouseButton.LeftButton)
    [dialog] = [child for child in running.window.children() if isinstance(child, ResumeDialog)]
    assert "used its steps" in " ".join(label.text() for label in dialog.findChildren(QLabel))
    dialog.rules.steps.setText("30")
    QTest.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    running.until(lambda: (found := job(running, session)) is not None and found.state == "ready")
    found = job(running, session)
    assert found is not None and (found.rules["steps"], found.rules["checks"]) == (30, ["true"])


def test_the_menu_of_a_row_offers_what_makes_sense(running: Running) -> None:
    session = add_job(running)
    plain = running.write("Plain")
    running.until(lambda: session in running.desk.jobs.view.jobs)
    browser = running.window.browser
    running.until(lambda: browser.model.session(session) and browser.model.session(plain))

    def titles(*ids: str) -> list[str]:
        rows = [row for one in ids if (row := browser.model.session(one)) is not None]
        menu = browser.deeds.menu(rows)
        found = [action.text() for action in menu.actions()]
        menu.deleteLater()
        return found

    assert [
        title for title in titles(session) if title in ("Pause", "Resume", "Take Over by Hand", "Stop the Task")
    ] == [
        "Pause",
        "Take Over by Hand",
        "Stop the Task",
    ]
    assert "Pause" not in titles(plain) and "Pause" not in titles(plain, session)


def test_what_is_offered_follows_the_state() -> None:
    def offered(*states: str) -> list[str]:
        jobs = [
            Job(session="s", workspace="w", title="", text="", agent="", rules={}, folders=(), state=state)  # type: ignore[arg-type]
            for state in states
        ]
        return [command.id for command in offered_commands(jobs)]

    both = [commands.TAKE_OVER.id, commands.STOP.id]
    assert offered("ready") == [commands.PAUSE.id, *both]
    assert offered("paused", "waiting") == [commands.RESUME.id, *both]
    assert offered("paused", "ready") == both


def test_a_step_cannot_be_markup() -> None:
    tip = activity_tip(Activity(background={"s": "<img src='file:///etc/passwd'>"}), {"s": "<b>x</b>"})
    assert "<img" not in tip and "&lt;img" in tip and "<b>" not in tip


# the process that does them


def test_the_window_sees_to_it_that_somebody_does_them(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr("app.background.starting.see_to_jobs", started.append)
    session = add_job(running)
    running.until(lambda: session in running.desk.jobs.view.jobs)
    assert not started  # before the window stands nothing is started
    running.desk.jobs.begin()
    running.until(lambda: started)
    run_elsewhere(running, session)
    running.until(lambda: session in running.desk.jobs.view.running)
