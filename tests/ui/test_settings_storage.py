"""Storage in the window: sizes, space given back, backups and what hinders them, checks that mend after a yes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.ui.panels.settings import SettingsPanel
from app.ui.places import PanelPlace, SessionPlace
from app.ui.settings.storage import CheckRow, StoragePage
from sync.clock import system_random
from sync.errors import StoreError
from sync.store import backup, keyslots
from tests.helpers.talks import talk
from tests.ui.settings_home import Room, room


@pytest.fixture
def here(qtbot: QtBot, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with room(qtbot, qapp, tmp_path, monkeypatch) as made:
        yield made


def add_slots(here: Room) -> None:
    """The home was opened with a key at hand; give it a passphrase, as every real home has a slot."""
    key, database_id = here.workspace.database.identity
    slot = keyslots._make_passphrase_slot(key, database_id, b"pass", keyslots.PassphraseCost(1, 8 << 20), system_random)
    made = keyslots.make_keyslots(database_id, (slot,), key)
    keyslots.write_keyslots(here.workspace.home, made, replace=False)


def open_page(here: Room) -> StoragePage:
    panel = SettingsPanel(here.desk)
    here.show(panel)
    panel.go(PanelPlace("settings", "storage"))
    page = panel.pages["storage"]
    assert isinstance(page, StoragePage)
    here.until(lambda: page.sizes["Database"].text() != "…")
    return page


def test_sizes_and_largest_sessions(here: Room) -> None:
    large, _ = talk(here.workspace, "x" * 50_000, title="Large")
    talk(here.workspace, "y", title="Small")
    page = open_page(here)
    assert page.sizes["Database"].text().endswith(("KB", "MB"))
    buttons = lambda: [b for b in page.findChildren(QPushButton) if b.property("flat")]  # noqa: E731
    here.until(lambda: len(buttons()) == 2)
    assert "Large" in buttons()[0].text() and "Small" in buttons()[1].text()
    places: list[object] = []
    here.desk.requests.went.connect(places.append)
    buttons()[0].click()
    assert places == [SessionPlace(large)]


def test_unused_space_goes_back(here: Room) -> None:
    here.workspace.write(lambda operations: operations.set_setting("ballast", "z" * 3_000_000))
    here.workspace.write(lambda operations: operations.set_setting("ballast", None))
    page = open_page(here)
    here.until(lambda: page.give_back.isEnabled())
    page.give_back.click()
    here.until(lambda: "went back to the disk" in page.said.text())
    assert not page.said.text().startswith("0 ")
    here.until(lambda: not page.give_back.isEnabled())
    assert page.sizes["Unused in the database"].text() == "0 B"


def test_a_backup_and_the_next_name(here: Room) -> None:
    add_slots(here)
    page = open_page(here)
    target = here.folder / "backup"
    page.target.setText(str(target))
    page.backup.click()
    here.until(lambda: page.said.property("role") == "done")
    assert (target / "lovelace.db").exists() and str(target) in page.said.text()
    assert page.target.text() != str(target)


def test_a_backup_that_cannot_be_is_said_in_place(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    add_slots(here)
    page = open_page(here)
    for path, sentence in (
        ("", "Name a new folder"),
        (str(here.workspace.home / "in"), "is inside"),
        ("/proc/x", "/proc"),
    ):
        page.target.setText(path)
        page.backup.click()
        here.until(lambda wanted=sentence: wanted in page.said.text() and page.backup.isEnabled())
        assert page.said.property("role") == "failed"

    def full(*_arguments: object) -> None:
        raise StoreError("The disk with /x is full. Nothing was lost; make room and try again.")

    monkeypatch.setattr(backup, "_copy_blobs", full)
    page.target.setText(str(here.folder / "full"))
    page.backup.click()
    here.until(lambda: "is full" in page.said.text() and page.backup.isEnabled())
    assert not (here.folder / "full").exists()


def test_a_check_mends_after_a_yes_only(here: Room) -> None:
    add_slots(here)
    here.workspace.home.joinpath("keyslots.json").chmod(0o644)
    page = open_page(here)
    page.check.click()
    here.until(lambda: page.rows)
    row = mode_row(page)
    assert "Others may get at" in _text(row) and "1 of" in page.said.text()
    here.until(row.mend.isVisible)
    row.mend.click()
    row.question.no.click()
    assert here.workspace.home.joinpath("keyslots.json").stat().st_mode & 0o077
    row.mend.click()
    row.question.yes.click()
    here.until(lambda: "Everything is sound. 1 mended." in page.said.text())
    assert not here.workspace.home.joinpath("keyslots.json").stat().st_mode & 0o077
    assert not mode_row(page).mend.isVisible()


def mode_row(page: StoragePage) -> CheckRow:
    return next(row for row in page.rows if row.mend.accessibleName() == "Mend modes")


def _text(row: CheckRow) -> str:
    from PySide6.QtWidgets import QLabel

    return " ".join(label.text() for label in row.findChildren(QLabel))


def test_rebuild_after_a_yes(here: Room) -> None:
    talk(here.workspace, "one", "two")
    page = open_page(here)
    page.rebuild.click()
    page.question.yes.click()
    here.until(lambda: "Lists and search index are new" in page.said.text())
