"""What a server asks for in the middle of an agent's call: shown as a form, sent as values, or declined."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit

from app.sessions.events import PermissionRequest, ToolCall, UserMessage
from app.ui.conversation.blocks import Code
from app.ui.conversation.card_texts import form_body
from app.ui.mcp.form_dialog import FormDialog
from tests.ui.running import Running

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "description": "As on the badge"},
        "age": {"type": "integer", "title": "Age"},
    },
    "required": ["name"],
}
TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT" + "1vW4yZ7bC0eF3hJ6"


def asked(running: Running) -> str:
    """A session with a form that waits."""
    given = {"message": "Who are you?", "schema": SCHEMA}
    request = PermissionRequest(
        request_id="r7", call_id="c", name="elicitation", title="demo asks for values: Who are you?", input=given
    )
    session = running.write("Task", UserMessage(text="Do"), ToolCall(call_id="c", name="mcp__demo__greet"), request)
    running.workspace.write(lambda operations: operations.set_fields(session, {"status": "waiting"}))
    running.open(session)
    running.until(lambda: running.conversation.model.open_request())
    running.conversation.view.setFocus()
    return session


def dialogs(running: Running) -> list[FormDialog]:
    return [one for one in running.window.findChildren(FormDialog) if one.isVisible()]


def open_form(running: Running) -> FormDialog:
    QTest.keyClick(running.conversation.view, Qt.Key.Key_1)
    running.until(lambda: dialogs(running))
    [dialog] = dialogs(running)
    return dialog


def test_what_is_filled_in_is_the_answer(running: Running) -> None:
    session = asked(running)
    running.until(lambda: "1 fill in · 3 decline" in running.window.status.message.text())
    dialog = open_form(running)
    name, age = dialog.form.controls["name"], dialog.form.controls["age"]
    assert isinstance(name, QLineEdit) and isinstance(age, QLineEdit)
    age.setText("old")
    dialog.send.click()
    assert "Name" in dialog.said.text() or "Age" in dialog.said.text()
    assert running.events(session, "permission_answer") == []
    name.setText(TOKEN)
    age.setText("7")
    dialog.send.click()
    running.until(lambda: running.events(session, "permission_answer"))
    [answer] = running.events(session, "permission_answer")
    assert (answer.answer, answer.values) == ("once", {"name": "‹secret 1›", "age": 7})
    running.until(lambda: not dialogs(running))


def test_who_waits_for_it_gets_the_secret(running: Running) -> None:
    from app.agents.recorder import stored_answer

    session = asked(running)
    values = {"name": TOKEN}
    running.workspace.write(lambda operations: operations.answer(session, "r7", "once", values))
    request = running.conversation.model.request("r7")
    assert request is not None
    answered = running.desk.bridge.call(stored_answer(running.workspace, session, request)).result(20)
    assert (answered.answer.values, answered.recorded) == (values, True)


def test_it_is_closed_and_declined(running: Running) -> None:
    session = asked(running)
    open_form(running).later.click()
    running.until(lambda: not dialogs(running))
    assert running.events(session, "permission_answer") == []
    open_form(running)
    running.conversation.view.setFocus()
    assert len(dialogs(running)) == 1
    QTest.keyClick(dialogs(running)[0], Qt.Key.Key_Escape)
    running.until(lambda: not dialogs(running))
    QTest.keyClick(running.conversation.view, Qt.Key.Key_3)
    running.until(lambda: running.events(session, "permission_answer"))
    [answer] = running.events(session, "permission_answer")
    assert (answer.answer, answer.values) == ("reject", None)


def test_a_hostile_form_is_shown_as_text(running: Running) -> None:
    schema = {"properties": {"x\u202e": {"type": "string", "title": "<img src=x>\u202e\n\n" + "y" * 500}}}
    [shown] = form_body(schema)
    assert isinstance(shown, Code) and "\u202e" not in shown.text and "<img src=x>" in shown.text
    given = {"message": "m", "schema": schema}
    request = PermissionRequest(request_id="r", call_id="c", name="elicitation", title="<b>x</b>", input=given)
    dialog = FormDialog(request, lambda _values: None, running.window)
    dialog.show()
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in dialog.findChildren(QLabel))
    assert dialog.width() <= 700
    dialog.close()
