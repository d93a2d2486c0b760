"""Sharing a session by a link, and the links that were made: in the dialog of a session and in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.commands.sessions import DELETE
from app.network import syncing
from app.sessions.events import UserMessage
from app.sessions.link_views import LinkRow
from app.ui.peers.links import LinkCard
from app.ui.peers.share_dialog import ELSEWHERE, MAILBOX, ShareDialog
from app.ui.settings.links import LinksPage
from tests.helpers.links import open_text, texts_of
from tests.ui.running import Room, Running, open_home
from tests.ui.settings_home import SettingsRoom


def open_dialog(room: Room, session: str, title: str = "Plans") -> ShareDialog:
    dialog = ShareDialog(room.desk, session, title)
    room.show(dialog, 620, 680)
    room.until(lambda: dialog.links.cards or dialog.links.nothing.isVisible())
    return dialog


def publish(room: Room, dialog: ShareDialog, folder: Path) -> str:
    """A link whose copy lies in a folder."""
    folder.mkdir(exist_ok=True)
    dialog.where.setCurrentText(ELSEWHERE)
    dialog.place.setText(str(folder))
    before = len(dialog.links.cards)
    dialog.make.click()
    room.until(lambda: len(dialog.links.cards) == before + 1)
    return dialog.link.text()


def test_a_link_at_a_folder_opens_elsewhere_and_is_revoked(room: Room, tmp_path: Path) -> None:
    session = room.write("Plans", UserMessage(text="Secret plans"))
    dialog = open_dialog(room, session)
    text = publish(room, dialog, tmp_path / "public")
    dialog.link.copy.click()
    assert QGuiApplication.clipboard().text() == text and text.startswith("lovelace://session/#")
    other = open_home(tmp_path / "other")
    try:
        assert texts_of(other, open_text(other, text).session) == ["Secret plans"]
    finally:
        other.close()
    [card] = dialog.links.cards
    assert "ends " in _words(card) and str(tmp_path / "public") in _words(card)
    card.revoke.click()
    assert "Who has opened it keeps what they read" in card.question.text.text()
    card.question.yes.click()
    room.until(lambda: dialog.links.cards[0].row.state == "revoked")
    assert dialog.links.said.text() == "The link is revoked."
    assert not [path for path in (tmp_path / "public").rglob("*") if path.is_file()]


def test_a_live_link_says_when_it_cannot_say_where_this_device_is(room: Room) -> None:
    dialog = open_dialog(room, room.write("Plans", UserMessage(text="x")))
    dialog.once.click()
    dialog.ends.setCurrentText("never")
    dialog.make.click()
    room.until(lambda: dialog.links.cards)
    assert "not connected now" in dialog.said.text()
    assert "never ends · one device, once · by this device" in _words(dialog.links.cards[0])


def test_once_needs_this_device(room: Room) -> None:
    dialog = open_dialog(room, room.write("Plans", UserMessage(text="x")))
    dialog.once.click()
    dialog.where.setCurrentText(ELSEWHERE)
    assert not dialog.once.isEnabled() and not dialog.once.isChecked()
    assert dialog.place.isVisible() and dialog.url.isVisible()


def test_a_mailbox_that_anybody_can_read_is_the_first_choice(room: Room) -> None:
    syncing.add_mailbox(room.workspace, "webdav://127.0.0.1:9/box", {})
    dialog = open_dialog(room, room.write("Plans", UserMessage(text="x")))
    room.until(lambda: dialog.where.currentText() == MAILBOX)
    assert not dialog.place.isVisible() and not dialog.url.isVisible() and not dialog.once.isEnabled()
    assert dialog.where.currentData() == ("webdav://127.0.0.1:9/box/links", "http://127.0.0.1:9/box/links")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("", "Name the folder"), ("s3://bucket/x", "without credentials"), ("/proc/nothing/here", "Nothing was shared")],
)
def test_what_cannot_be_published_is_said_in_place(room: Room, place: str, sentence: str) -> None:
    dialog = open_dialog(room, room.write("Plans", UserMessage(text="x")))
    dialog.where.setCurrentText(ELSEWHERE)
    dialog.place.setText(place)
    dialog.make.click()
    room.until(lambda: dialog.said.property("role") == "failed")
    assert sentence in dialog.said.text() and dialog.make.isEnabled()


def test_a_copy_of_others_is_not_shared_on(room: Room, tmp_path: Path) -> None:
    other = open_home(tmp_path / "other")
    try:
        from tests.helpers.links import session_of, share_at

        link = share_at(other, session_of(other, "theirs"), tmp_path / "public").text
    finally:
        other.close()
    opened = open_text(room.workspace, link)
    dialog = open_dialog(room, opened.session)
    dialog.make.click()
    room.until(lambda: dialog.said.property("role") == "failed")
    assert "Pass that link on instead" in dialog.said.text()


def test_the_page_lists_all_links_also_of_deleted_sessions(here: SettingsRoom, tmp_path: Path) -> None:
    gone, kept = (here.write(name, UserMessage(text="x")) for name in ("Gone", "Kept"))
    for session in (gone, kept):
        publish(here, open_dialog(here, session), tmp_path / session[:8])
    here.workspace.write(lambda operations: DELETE.run(operations, [gone], ""))
    page = here.page("links", LinksPage)
    here.until(lambda: len(page.cards) == 2)
    by_title = {card.row.title: card for card in page.cards}
    assert by_title["Gone"].row.state == "deleted" and by_title["Kept"].row.state == "active"
    by_title["Gone"].revoke.click()
    by_title["Gone"].question.yes.click()
    here.until(lambda: any(card.row.state == "revoked" for card in page.cards))


def test_the_dialog_opens_from_the_command_and_the_list(running: Running) -> None:
    running.window.actions_of["conversation.share"].trigger()
    assert dialogs(running.window) == []
    running.open(running.write("Plans", UserMessage(text="x")))
    running.window.actions_of["conversation.share"].trigger()
    [dialog] = dialogs(running.window)
    assert dialog.windowTitle() == "Share “Plans”"
    dialog.close()
    running.until(lambda: dialogs(running.window) == [])
    running.until(lambda: running.window.browser.selected())
    menu = running.window.browser.deeds.menu(running.window.browser.selected())
    next(action for action in menu.actions() if action.text() == "Share by Link…").trigger()
    [dialog] = dialogs(running.window)
    dialog.close()


def test_of_many_links_the_newest_are_shown_first(here: SettingsRoom) -> None:
    page = here.page("links", LinksPage)
    rows = [link_row(number) for number in range(50)]
    page.links._show(rows, here.desk.now())
    assert len(page.cards) == 20
    assert page.links.list.more is not None and page.links.list.more.text() == "Show 20 of 30 more"
    page.links.list.more.click()
    assert [card.row for card in page.cards] == rows[:40]


def link_row(number: int) -> LinkRow:
    times = (0, None, False, None, None, None)
    return LinkRow(f"{number:064x}", "s", "Title", "w", "active", *times, (), (), "lovelace://session/#x")


def dialogs(window: QWidget) -> list[ShareDialog]:
    return [child for child in window.findChildren(ShareDialog) if child.isVisible()]


def _words(card: LinkCard) -> str:
    from app.ui.forms import Prose

    return " ".join(label.text() for label in card.findChildren(Prose))
