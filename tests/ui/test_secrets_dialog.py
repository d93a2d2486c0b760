"""Secrets that were kept out, in the window: placeholders, their dialog, and the setting."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.sessions.events import AgentMessage, ToolResult, UserMessage
from app.ui.conversation.markdown import parse
from app.ui.conversation.row_menu import row_menu
from app.ui.conversation.secrets_dialog import HIDDEN, SecretsDialog
from app.ui.settings.keys import KeysPage
from tests.helpers.secrets_to_plant import TOKENS
from tests.ui.running import Room, Running
from tests.ui.settings_home import SettingsRoom
from tests.ui.test_settings_storage import add_slots

TOKEN, OTHER = TOKENS["GitHub token"], TOKENS["npm token"]


def open_dialog(room: Room, session: str, number: int | None = None) -> SecretsDialog:
    dialog = SecretsDialog(room.desk, session, number)
    room.show(dialog, 520, 480)
    room.until(lambda: dialog.list.count() or dialog.said.text())
    return dialog


def shown_dialog() -> SecretsDialog | None:
    found = [one for one in QApplication.topLevelWidgets() if isinstance(one, SecretsDialog) and one.isVisible()]
    return found[-1] if found else None


def test_a_secret_is_hidden_until_it_is_revealed_or_copied(room: Room) -> None:
    session = room.write("Keys", UserMessage(text=f"{TOKEN} and {OTHER}"))
    dialog = open_dialog(room, session, 2)
    assert [dialog.list.item(row).text() for row in range(2)] == ["‹secret 1›, GitHub token", "‹secret 2›, npm token"]
    assert dialog.number == 2 and dialog.field.toPlainText() == HIDDEN
    dialog.reveal.click()
    room.until(lambda: dialog.field.toPlainText() == OTHER)
    dialog.list.setCurrentRow(0)
    assert dialog.field.toPlainText() == HIDDEN
    dialog.copy.click()
    room.until(lambda: QGuiApplication.clipboard().text() == TOKEN)
    assert dialog.field.toPlainText() == HIDDEN and dialog.said.text() == "Copied."


def test_what_is_not_here_is_said(room: Room) -> None:
    session = room.write("Keys", UserMessage(text="nothing, and ‹secret 4›"))
    dialog = open_dialog(room, session, 4)
    assert "Secret 4 is not on this device" in dialog.said.text()
    assert not dialog.reveal.isEnabled() and not dialog.harmless.isEnabled()
    assert "no secret" in open_dialog(room, session).said.text()


def test_a_click_on_a_placeholder_opens_it_and_what_is_no_secret_comes_back(running: Running) -> None:
    session = running.write("Keys", UserMessage(text=f"use {TOKEN}"), AgentMessage(text=f"`K={OTHER}` is set"))
    running.open(session)
    header = running.conversation.header
    assert header.secrets.isVisible() and header.secrets.text() == "2 secrets kept out"
    assert running.texts() == ["use ‹secret 1›", "`K=‹secret 2›` is set"]
    running.conversation.view.link_clicked.emit("kept-secret:2")
    dialog = shown_dialog()
    assert dialog is not None
    running.until(lambda: dialog.number == 2)
    dialog.harmless.click()
    running.until(lambda: running.texts() == ["use ‹secret 1›", f"`K={OTHER}` is set"])
    running.until(lambda: header.secrets.text() == "1 secret kept out")
    dialog.close()
    running.append(session, AgentMessage(text=f"again {OTHER} {TOKEN}"))
    running.until(lambda: f"again {OTHER} ‹secret 1›" in running.texts())


def test_the_menu_of_an_entry_leads_there(running: Running) -> None:
    session = running.write("Keys", UserMessage(text="none"), ToolResult(call_id="1", status="completed", output=TOKEN))
    running.append(session, AgentMessage(text=f"so {OTHER}"))
    running.open(session)
    panel = running.conversation

    def words(row: int) -> list[str]:
        menu = row_menu(panel.follower, panel.deeds.row_deeds(), row, panel)
        return [action.text() for action in menu.actions()]

    last = panel.model.rowCount() - 1
    running.until(lambda: panel.model.event_at(last) is not None)
    assert "Secrets Kept Out…" in words(last) and "Secrets Kept Out…" not in words(0)
    panel.deeds.show_secrets_of(last)
    dialog = shown_dialog()
    assert dialog is not None
    running.until(lambda: dialog.number == 2)
    dialog.close()


def test_placeholders_are_links_in_what_is_said() -> None:
    [said] = parse("a ‹secret 12› b `x=‹secret 3›`")
    assert said.html is not None
    assert '<a class="secret" href="kept-secret:12">‹secret 12›</a>' in said.html
    assert '<code>x=<a class="secret" href="kept-secret:3">‹secret 3›</a></code>' in said.html
    [other] = parse("‹secret› ‹secret x› `a‹b`")
    assert other.html is not None and "<a" not in other.html


def test_capturing_is_turned_off_in_the_settings(here: SettingsRoom) -> None:
    add_slots(here)
    page = KeysPage(here.desk)
    here.show(page)
    page.shown()
    assert page.kept_out.isChecked()
    page.kept_out.click()
    here.until(lambda: here.setting("secrets.kept_out") is False)
    session = here.write("Keys", UserMessage(text=TOKEN))
    assert here.workspace.read(lambda queries: queries.events(session, kinds=["user_message"]))[0].body.text == TOKEN
    page.kept_out.click()
    here.until(lambda: here.setting("secrets.kept_out") is None)
