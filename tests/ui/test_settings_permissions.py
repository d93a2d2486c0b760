"""Settings: policies are added, shown and removed; and a permission card makes one that was shown before."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.agents.policies import PolicyRule
from app.agents.policy_setting import add_rule, kept_rules
from app.sessions.events import PermissionRequest, ToolCall, UserMessage
from app.ui.settings.permissions import PermissionsPage, rule_words
from tests.ui.running import Running
from tests.ui.settings_home import SettingsRoom


def rules(here: SettingsRoom | Running) -> tuple[PolicyRule, ...]:
    return here.workspace.read(kept_rules)


def test_a_policy_is_added_and_removed(here: SettingsRoom) -> None:
    page = here.page("permissions", PermissionsPage)
    here.until(lambda: page.nothing.isVisible())
    page.ruling.setCurrentIndex(2)
    page.command.setText("git push")
    page.keep.click()
    here.until(lambda: len(page.cards) == 1)
    assert rules(here) == (PolicyRule(ruling="never", command="git push", workspace=here.workspace.id),)
    assert page.command.text() == "" and not page.nothing.isVisible()
    assert "“git push”" in rule_words(page.cards[0].rule)
    page.cards[0].remove.click()
    here.until(lambda: not page.cards and page.nothing.isVisible())
    assert rules(here) == ()


def test_what_can_be_no_policy_is_said_and_stays_in_the_fields(here: SettingsRoom) -> None:
    page = here.page("permissions", PermissionsPage)
    page.command.setText("git status; rm -rf x")
    page.keep.click()
    here.until(lambda: "one plain command" in page.said.text())
    assert page.command.text() == "git status; rm -rf x" and rules(here) == ()


def test_what_elsewhere_is_set_is_shown(here: SettingsRoom) -> None:
    page = here.page("permissions", PermissionsPage)
    here.until(lambda: page.nothing.isVisible())
    here.workspace.write(lambda operations: add_rule(operations, PolicyRule(ruling="allow", tool="write")))
    here.desk.tell_configured("permissions")
    here.until(lambda: len(page.cards) == 1)


def asked(running: Running, command: str) -> str:
    arguments = {"command": command}
    request = PermissionRequest(
        request_id="r7", call_id="c", name="run", title=command, tool_kind="execute", input=arguments
    )
    call = ToolCall(call_id="c", name="run", input=arguments)
    session = running.write("Task", UserMessage(text="Do"), call, request)
    running.workspace.write(lambda operations: operations.set_fields(session, {"status": "waiting"}))
    running.open(session)
    running.until(lambda: running.conversation.model.open_request())
    running.conversation.view.setFocus()
    return session


def test_always_here_shows_the_policy_and_then_keeps_it(running: Running) -> None:
    session = asked(running, "git status -s")
    question = running.conversation.always_here.question
    QTest.keyClick(running.conversation.view, Qt.Key.Key_4)
    running.until(lambda: question.isVisible())
    assert "begins with “git status”" in question.text.text() and rules(running) == ()
    question.no.click()
    assert rules(running) == () and running.events(session, "permission_answer") == []
    QTest.keyClick(running.conversation.view, Qt.Key.Key_4)
    running.until(lambda: question.isVisible())
    question.yes.click()
    running.until(lambda: running.events(session, "permission_answer"))
    [answer] = running.events(session, "permission_answer")
    assert answer.answer == "once"
    assert rules(running) == (
        PolicyRule(ruling="allow", tool="run", command="git status", workspace=running.workspace.id),
    )


def test_what_holds_several_commands_makes_no_policy(running: Running) -> None:
    session = asked(running, "git status; rm -rf x")
    QTest.keyClick(running.conversation.view, Qt.Key.Key_4)
    running.until(lambda: any("more than one" in str(error) for error in running.failed))
    assert not running.conversation.always_here.question.isVisible()
    assert rules(running) == () and running.events(session, "permission_answer") == []
