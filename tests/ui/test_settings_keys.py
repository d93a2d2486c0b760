"""Keys in the window: ways are added, changed and taken away; secrets do not stay on the page."""

from __future__ import annotations

import pytest

from app.ui.panels.settings import SettingsPanel
from app.ui.places import PanelPlace
from app.ui.settings.keys import KeysPage
from sync.errors import LockedError
from sync.store import keyring_slot, keyslots
from tests.ui.settings_home import SettingsRoom
from tests.ui.test_settings_storage import add_slots

CHEAP = keyslots.PassphraseCost(1, 8 << 20)


@pytest.fixture
def here(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> SettingsRoom:
    monkeypatch.setattr(keyslots, "DEFAULT_COST", CHEAP)
    monkeypatch.setattr(keyring_slot, "find_keyrings", lambda: [here.ring])
    add_slots(here)
    return here


def open_page(here: SettingsRoom) -> tuple[SettingsPanel, KeysPage]:
    panel = SettingsPanel(here.desk)
    here.show(panel)
    panel.go(PanelPlace("settings", "keys"))
    page = panel.pages["keys"]
    assert isinstance(page, KeysPage)
    here.until(lambda: page.rows)
    return panel, page


def kinds(here: SettingsRoom) -> set[str]:
    return set(keyslots.slot_kinds(here.workspace.home))


def opens(here: SettingsRoom, secret: str) -> bool:
    try:
        keyslots.unlock(here.workspace.home, passphrase=secret.encode())
    except LockedError:
        return False
    return True


def test_the_only_way_stays(here: SettingsRoom) -> None:
    _panel, page = open_page(here)
    assert [row.accessibleName() for row in page.rows] == ["Passphrase"]
    assert not page.rows[0].remove.isEnabled() and "only one way" in page.state.text()


def test_the_passphrase_is_changed_with_the_right_one_only(here: SettingsRoom) -> None:
    _panel, page = open_page(here)
    page.new.setText("better")
    page.again.setText("bitter")
    page.change.click()
    assert "differ" in page.passphrase_said.text()
    page.again.setText("better")
    page.current.setText("wrong")
    page.change.click()
    here.until(lambda: "The passphrase is wrong" in page.passphrase_said.text())
    assert opens(here, "pass") and page.new.text() == "better"
    page.current.setText("pass")
    page.change.click()
    here.until(lambda: "is set" in page.passphrase_said.text())
    assert opens(here, "better") and not opens(here, "pass")
    assert [field.text() for field in (page.current, page.new, page.again)] == ["", "", ""]
    page.current.setText("better")
    page.change.click()
    here.until(lambda: "is empty" in page.passphrase_said.text())


def test_a_recovery_code_counts_once_it_was_typed_again(here: SettingsRoom) -> None:
    panel, page = open_page(here)
    page.make.click()
    here.until(lambda: page.code.text())
    code = page.code.text()
    assert page.code.isVisible() and "recovery" not in kinds(here)
    page.typed.setText("nonsense")
    page.keep.click()
    here.until(lambda: "not the code" in page.recovery_said.text())
    assert not opens(here, code)
    page.typed.setText(code.lower().replace("-", " "))
    page.keep.click()
    here.until(lambda: "opens your sessions now" in page.recovery_said.text())
    assert opens(here, code) and page.code.text() == page.typed.text() == "" and not page.code.isVisible()
    page.make.click()
    here.until(lambda: page.code.text())
    panel.go(PanelPlace("settings", "appearance"))
    assert page.code.text() == ""
    assert opens(here, code)


def test_the_keyring_is_added_and_ways_are_taken_away_after_a_yes(here: SettingsRoom) -> None:
    _panel, page = open_page(here)
    page.keyring.click()
    here.until(lambda: len(page.rows) == 2)
    assert kinds(here) == {"keyring", "passphrase"} and here.ring.kept
    assert "without asking" in page.state.text() and not page.keyring.isVisible()
    row = next(row for row in page.rows if row.accessibleName() == "Passphrase")
    row.remove.click()
    row.question.no.click()
    assert kinds(here) == {"keyring", "passphrase"}
    row.remove.click()
    row.question.yes.click()
    here.until(lambda: [row.accessibleName() for row in page.rows] == ["This computer’s keyring"])
    assert kinds(here) == {"keyring"} and page.change.text() == "&Add a passphrase" and not page.current.isVisible()


def test_without_a_keyring_the_reason_is_said(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> list[object]:
        raise LockedError("This computer has no keyring.")

    monkeypatch.setattr(keyring_slot, "find_keyrings", none)
    _panel, page = open_page(here)
    page.keyring.click()
    here.until(lambda: "no keyring" in page.said.text())
    assert kinds(here) == {"passphrase"}


def test_a_damaged_key_file_is_said(here: SettingsRoom) -> None:
    here.workspace.home.joinpath("keyslots.json").write_text("{")
    panel = SettingsPanel(here.desk)
    here.show(panel)
    panel.go(PanelPlace("settings", "keys"))
    page = panel.pages["keys"]
    assert isinstance(page, KeysPage)
    here.until(lambda: page.said.property("role") == "failed")
