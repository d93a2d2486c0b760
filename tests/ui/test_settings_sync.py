"""Settings: how far sync is, who is there, mailboxes, how devices meet, and what of others is not shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.network import syncing
from app.sessions.events import UserMessage
from app.ui.forms import Prose
from app.ui.network import NetworkView
from app.ui.peers.card import Card
from app.ui.peers.page import CardList
from app.ui.settings.sync import ForkCard, MailboxCard, SyncPage
from sync.network.mailboxes import MailboxStatus
from sync.network.node import NodeStatus, PeerStatus
from tests.helpers.forked import fork_beside
from tests.ui.running import Running
from tests.ui.settings_home import SettingsRoom


def open_page(here: SettingsRoom) -> SyncPage:
    page = here.page("sync", SyncPage)
    here.until(lambda: page.workspaces.cards)
    return page


def words(card: Card) -> str:
    return " ".join(label.text() for label in card.findChildren(Prose) if label.text())


def texts(cards: CardList) -> list[str]:
    return [words(card) for card in cards.cards]


def show_node(here: SettingsRoom, node: NodeStatus) -> None:
    """As if the network did this."""
    here.desk.network.view = NetworkView(node, syncing.sync_state(here.workspace))
    here.desk.network.changed.emit()


def set_aside(here: SettingsRoom, session: str, state: int, reason: str = "") -> None:
    """Another entry to a session, as if it had come and not been admitted."""

    def run(operations: Any) -> None:
        with operations.engine.transaction() as tx:
            tx.connection.execute(
                "INSERT INTO entry SELECT NULL, workspace, document, device, grant_id, n + 1000, prev, "
                "randomblob(32), signature, hashes, changes, ? FROM entry WHERE document IN "
                "(SELECT row FROM document WHERE name=?) LIMIT 1",
                (state, session),
            )
            if reason:
                tx.connection.execute("INSERT INTO quarantine VALUES(last_insert_rowid(), ?)", (reason,))

    here.workspace.write(run)


def test_a_home_by_itself_says_so_calmly(here: SettingsRoom) -> None:
    page = open_page(here)
    assert "Nothing leaves this device" in page.state.text()
    assert texts(page.workspaces)[0].startswith("On this device only:")
    assert page.nobody.isVisible() and page.no_box.isVisible() and page.nothing.isVisible()
    page.now.click()
    assert "begins by itself" in page.said.text()


def test_a_mailbox_is_tried_added_and_removed(here: SettingsRoom, tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    page = open_page(here)
    page.form.uri.setText(str(tmp_path / "box"))
    page.form.test.click()
    here.until(lambda: "can be read and written" in page.form.said.text())
    assert syncing.mailboxes(here.workspace) == []
    page.form.add.click()
    here.until(lambda: page.boxes.cards)
    assert page.form.uri.text() == ""
    [card] = page.boxes.cards
    assert isinstance(card, MailboxCard) and card.shown == str(tmp_path / "box")
    card.test.click()
    here.until(lambda: card.said.text() == "It can be read and written.")
    card.remove.click()
    card.question.yes.click()
    here.until(lambda: not page.boxes.cards)
    assert "is not used any more" in page.said.text()


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("", "Name a folder"),
        ("relative", "whole path"),
        ("s3://", "bucket is missing"),
        ("nonsense://x", ""),
        ("/proc/none/there", ""),
        ("webdavs://host:port/x", "not a URI"),
    ],
)
def test_what_is_no_mailbox_is_said_in_place(here: SettingsRoom, uri: str, sentence: str) -> None:
    page = open_page(here)
    page.form.uri.setText(uri)
    page.form.add.click()
    here.until(lambda: page.form.said.property("role") == "failed")
    assert sentence in page.form.said.text() and "Something went wrong" not in page.form.said.text()
    assert page.form.add.isEnabled() and syncing.mailboxes(here.workspace) == []


def test_credentials_are_asked_where_there_are_some(here: SettingsRoom) -> None:
    form = open_page(here).form
    assert not form.user.isVisible()
    form.uri.setText("s3://bucket/x")
    assert form.user.isVisible() and form.secret.isVisible()
    form.user.setText("key")
    form.secret.setText("secret")
    assert form.described() == ("s3://bucket/x", {"access_key_id": "key", "secret_access_key": "secret"})
    form.uri.setText("/media/x")
    assert form.described() == ("/media/x", {})


def test_who_is_there_and_what_mailboxes_do(here: SettingsRoom, tmp_path: Path) -> None:
    number = syncing.add_mailbox(here.workspace, str(tmp_path), {})
    here.write("x", UserMessage(text="x"))
    page = open_page(here)
    box = MailboxStatus(number, b"", str(tmp_path), here.desk.now(), "The disk is full.", behind=2)
    peer = PeerStatus(b"\x05" * 32, 3.0, in_sync=True, program="Lovelace 1", refused="")
    show_node(here, NodeStatus((peer,), (box,)))
    here.until(lambda: page.peers.cards and "The disk is full." in texts(page.boxes)[0])
    assert texts(page.peers) == ["In sync · Lovelace 1"] and page.nobody.isHidden()
    assert "2 devices is announced" in texts(page.boxes)[0] and "reached just now" in texts(page.boxes)[0]
    assert "not yet elsewhere" in texts(page.workspaces)[0]
    show_node(here, NodeStatus(trouble="There is no network here."))
    here.until(lambda: page.nobody.isVisible())
    assert page.runs.text() == "There is no network here."


def test_sync_now_tries_the_mailbox(here: SettingsRoom, tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    here.write("x", UserMessage(text="x"))
    syncing.add_mailbox(here.workspace, str(tmp_path / "box"), {})
    page = open_page(here)
    here.desk.network.begin()
    here.until(lambda: here.desk.network.service is not None and here.desk.network.service.node is not None)
    page.now.click()
    here.until(lambda: page.said.property("role") == "done")
    assert page.said.text() == "Met 1 mailbox: all of this device is elsewhere."
    here.until(lambda: "also elsewhere" in texts(page.workspaces)[0])


def test_how_devices_meet_is_kept(here: SettingsRoom) -> None:
    page = open_page(here)
    assert page.live.isChecked() and page.lan.isChecked()
    page.lan.click()
    here.until(lambda: here.setting("network.lan") is False)
    page.live.click()
    here.until(lambda: here.setting("network.live") is False and not page.lan.isEnabled())
    page.relay.setText("nonsense")
    page.relay.editingFinished.emit()
    assert "https://" in page.relay_said.text() and here.setting("network.relay") is None
    page.relay.setText("https://relay.example/")
    page.relay.editingFinished.emit()
    here.until(lambda: here.setting("network.relay") == "https://relay.example/")


def test_what_is_not_shown_is_listed_with_author_and_reason(here: SettingsRoom) -> None:
    session = here.write("Plans", UserMessage(text="x"))
    set_aside(here, session, 1)
    set_aside(here, session, 1)
    set_aside(here, session, 2, "the author may not write here")
    page = open_page(here)
    here.until(lambda: len(page.aside.cards) == 2)
    refused, waits = texts(page.aside)
    assert refused == "1 entry to “Plans” · refused: the author may not write here"
    assert waits.startswith("2 entries to “Plans” · waits for what it builds on")


def test_the_state_in_the_status_bar_leads_there(running: Running) -> None:
    assert running.window.status.sync.accessibleName() == "Sync: On this device only"
    running.window.status.sync.click()
    panel = running.window.areas.show_kind("settings")
    assert panel.section == "sync"  # type: ignore[attr-defined]


def test_a_device_with_two_chains_is_told_and_one_is_kept(here: SettingsRoom, tmp_path: Path) -> None:
    page = open_page(here)
    assert not page.forks.cards and page.renewed.isHidden()
    fork_beside(here.workspace, tmp_path)
    page.shown()
    here.until(lambda: page.forks.cards)
    [card] = page.forks.cards
    assert isinstance(card, ForkCard) and [button.text() for button in card.keep] == ["Keep A…", "Keep B…"]
    assert "wrote two chains" in words(card) and "A · 2 entries in “Plans” · not shown here" in words(card)
    card.keep[0].click()
    assert "1 entry of the other side" in card.question.text.text() and "cannot be undone" in card.question.text.text()
    card.question.no.click()
    assert not card.row.settled
    card.keep[0].click()
    card.question.yes.click()
    here.until(lambda: "It is decided" in page.said.text())
    here.until(lambda: "decided which one counts" in words(page.forks.cards[0]))
    assert not page.forks.cards[0].keep  # type: ignore[attr-defined]
