"""Settings: devices are listed, renamed, revoked and paired, from both sides; the recovery code goes on paper."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit

from app.network import devices, meeting, recovery
from app.ui.settings.devices import DeviceCard, DevicesPage
from app.workspace import Workspace
from sync.protocol.pairing_code import Ticket, read_ticket
from tests.sync.repository.peers import let_in
from tests.ui.peers_home import Neighbours, neighbours
from tests.ui.settings_home import SettingsRoom


@pytest.fixture
def others(here: SettingsRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neighbours]:
    with neighbours(here, tmp_path, monkeypatch) as made:
        yield made


def open_page(here: SettingsRoom) -> DevicesPage:
    page = here.page("devices", DevicesPage)
    here.until(lambda: page.cards)
    return page


def card(page: DevicesPage, name: str) -> DeviceCard:
    return next(one for one in page.cards if one.row.name == name)


def paired(here: SettingsRoom, others: Neighbours) -> Workspace:
    """Another device of this person, called Laptop."""
    laptop = others.home("laptop")
    shown: list[Ticket] = []
    offer = here.desk.bridge.call(meeting.offer_pairing(laptop, shown.append))
    here.until(lambda: shown)
    others.run(meeting.accept_pairing(here.workspace, shown[0]))
    here.until(offer.done)
    devices.rename(here.workspace, others.device(laptop).hex(), "Laptop")
    return laptop


def test_this_device_is_marked_and_the_key_on_paper_listed(here: SettingsRoom) -> None:
    page = open_page(here)
    first, paper = page.cards
    assert first.row.this and first.accessibleName().endswith("this device")
    assert not hasattr(first, "revoke")
    assert paper.row.state == "paper" and not isinstance(paper.title, QLineEdit)


def test_a_new_device_shows_its_code_and_tells_what_came(here: SettingsRoom, others: Neighbours) -> None:
    page, desktop = open_page(here), others.home("desktop", "Grace")
    page.offer.begin.click()
    here.until(page.offer.box.isVisible)
    ticket = read_ticket(page.offer.ticket.text())
    assert str(ticket.code) == page.offer.code.text() and ticket.address
    assert len(page.offer.qr.matrix) > 20
    page.offer.ticket.copy.click()
    assert QGuiApplication.clipboard().text() == page.offer.ticket.text()
    others.run(meeting.accept_pairing(desktop, ticket))
    here.until(lambda: page.offer.said.property("role") == "done")
    assert "device of Grace now. 1 workspace came along" in page.offer.said.text()
    assert page.offer.ticket.text() == "" and page.offer.box.isHidden()
    assert {"folders", "name"} <= set(here.configured)
    assert here.workspace.id == desktop.id
    here.until(lambda: len([one for one in page.cards if one.row.state == "active"]) == 2)


def test_waiting_with_a_code_is_cancelled(here: SettingsRoom, others: Neighbours) -> None:
    page, desktop = open_page(here), others.home("desktop")
    page.offer.begin.click()
    here.until(page.offer.box.isVisible)
    ticket = read_ticket(page.offer.ticket.text())
    page.offer.cancel.click()
    assert page.offer.begin.isVisible() and "Cancelled" in page.offer.said.text()
    with pytest.raises(Exception, match="not"):
        others.run(meeting.accept_pairing(desktop, ticket))
    assert page.offer.said.text().startswith("Cancelled")


def test_the_code_of_another_device_is_accepted(here: SettingsRoom, others: Neighbours) -> None:
    page, laptop = open_page(here), others.home("laptop", "nobody")
    shown: list[Ticket] = []
    offer = here.desk.bridge.call(meeting.offer_pairing(laptop, shown.append))
    here.until(lambda: shown)
    page.accept.code.setText(str(shown[0]))
    page.accept.pair.click()
    here.until(lambda: page.accept.said.property("role") == "done")
    assert "is yours now" in page.accept.said.text() and page.accept.code.text() == ""
    here.until(lambda: len([one for one in page.cards if one.row.state == "active"]) == 2)
    here.until(offer.done)
    assert offer.result().name == "Ada"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "26 letters"),
        ("ABCD", "26 letters"),
        ("https://x/#y", "neither"),
        ("lovelace://pair/#" + "A" * 26 + ".!", "damaged"),
        ("lovelace://pair/#" + "A" * 9000, "too long"),
    ],
)
def test_what_is_no_code_is_said_in_place(here: SettingsRoom, text: str, sentence: str) -> None:
    page = open_page(here)
    page.accept.code.setText(text)
    page.accept.pair.click()
    assert sentence in page.accept.said.text() and page.accept.stop.isHidden()


def test_a_device_is_renamed_in_place(here: SettingsRoom, others: Neighbours) -> None:
    paired(here, others)
    page = open_page(here)
    field = card(page, "Laptop").title
    assert isinstance(field, QLineEdit)
    field.setText("  Small   laptop ")
    field.editingFinished.emit()
    here.until(lambda: any(one.row.name == "Small laptop" for one in page.cards))
    field = card(page, "Small laptop").title
    assert isinstance(field, QLineEdit)
    field.setText(" ")
    field.editingFinished.emit()
    assert card(page, "Small laptop").said.text() == "A device needs a name."


@pytest.mark.parametrize("stolen", [False, True])
def test_a_device_is_revoked_as_lost_or_stolen(here: SettingsRoom, others: Neighbours, stolen: bool) -> None:
    paired(here, others)
    page = open_page(here)
    one = card(page, "Laptop")
    one.revoke.click()
    assert "Stolen: somebody else may be using it" in one.question.text.text()
    assert one.is_busy() and one.question.no.hasFocus()
    (one.stolen if stolen else one.question.yes).click()
    here.until(lambda: card(page, "Laptop").row.state == ("stolen" if stolen else "lost"))
    assert "change their credentials" in page.said.text()
    assert not hasattr(card(page, "Laptop"), "revoke")


def test_keeping_a_device_changes_nothing(here: SettingsRoom, others: Neighbours) -> None:
    paired(here, others)
    page = open_page(here)
    one = card(page, "Laptop")
    one.revoke.click()
    one.question.no.click()
    assert not one.is_busy() and one.row.state == "active"


def test_the_recovery_code_is_kept_on_paper_only_once_it_is_typed_again(here: SettingsRoom) -> None:
    page = open_page(here)
    here.until(page.write_down.isVisible)
    assert page.code.text() == ""
    page.write_down.click()
    code = page.code.text()
    assert len(code) > 20
    page.typed.setText("AAAA")
    page.is_written.click()
    here.until(page.paper_said.isVisible)
    assert page.paper_said.property("role") == "failed" and page.code.text() == code
    page.typed.setText(code)
    page.is_written.click()
    here.until(lambda: page.paper_said.property("role") == "done")
    assert page.code.text() == "" and page.write_down.isHidden()
    here.until(lambda: page.kept == "")


def test_the_code_on_paper_brings_a_person_back(here: SettingsRoom, others: Neighbours) -> None:
    lost = others.home("lost", "Grace")
    code = recovery.kept_code(lost)
    assert code is not None
    page = open_page(here)
    page.come_back.code.setText("AAAA")
    page.come_back.come.click()
    page.come_back.question.yes.click()
    here.until(lambda: page.come_back.said.property("role") == "failed")
    page.come_back.code.setText(code)
    page.come_back.come.click()
    page.come_back.question.yes.click()
    here.until(lambda: "device of yours now" in page.come_back.said.text())
    own = [home.read(lambda queries: queries.own_device())[0] for home in (here.workspace, lost)]
    assert own[0] == own[1] and page.come_back.code.text() == ""


def test_the_address_of_this_device_is_copied(here: SettingsRoom) -> None:
    page = open_page(here)
    page.cards[0].address.click()
    here.until(lambda: here.said == ["The address is copied."])
    assert len(QGuiApplication.clipboard().text()) > 20


def test_looks_that_are_wanted_while_one_takes_long_become_one(
    here: SettingsRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, gate, order = open_page(here), threading.Event(), []
    page._again.stop()
    here.until(lambda: not page._is_looking)
    page.look(lambda: gate.wait(10), lambda _found: order.append("first"))
    for _ in range(3):
        page.look(lambda: order.append("never"), lambda _found: None)
    monkeypatch.setattr(page, "shown", lambda: order.append("again"))
    gate.set()
    here.until(lambda: len(order) > 1)
    assert order == ["first", "again"]


def test_workspaces_of_others_are_named_before_they_are_left(here: SettingsRoom, others: Neighbours) -> None:
    grace = others.home("grace", "Grace")
    host = grace.with_engine(lambda engine: engine)
    here.workspace.with_engine(lambda engine: let_in(host, engine, bytes.fromhex(grace.id)))
    page = here.page("devices", DevicesPage)
    page.offer.begin.click()
    here.until(page.offer.question.isVisible)
    assert "Others own" in page.offer.question.text.text() and page.offer.box.isHidden()
    page.offer.question.no.click()
    assert page.offer.box.isHidden() and page.offer.begin.isEnabled()
    page.offer.begin.click()
    here.until(page.offer.question.isVisible)
    page.offer.question.yes.click()
    here.until(page.offer.box.isVisible)
    page.offer.cancel.click()
