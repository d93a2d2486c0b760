"""Storage in the window: sizes, space given back, backups and what hinders them, checks that mend after a yes."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPushButton

from app.ui.places import SessionPlace
from app.ui.settings.storage import CheckRow, StoragePage
from sync.clock import system_random
from sync.errors import StoreError
from sync.store import backup, keyslots
from tests.helpers.talks import talk
from tests.ui.settings_home import SettingsRoom


def add_slots(here: SettingsRoom) -> None:
    """The home was opened with a key at hand; give it a passphrase, as every real home has a slot."""
    key, database_id = here.workspace.database.identity
    slot = keyslots._make_passphrase_slot(key, database_id, b"pass", keyslots.PassphraseCost(1, 8 << 20), system_random)
    made = keyslots.make_keyslots(database_id, (slot,), key)
    keyslots.write_keyslots(here.workspace.home, made, replace=False)


def open_page(here: SettingsRoom) -> StoragePage:
    page = here.page("storage", StoragePage)
    here.until(lambda: page.sizes["Database"].text() != "…")
    return page


def test_sizes_and_largest_sessions(here: SettingsRoom) -> None:
    large, _ = talk(here.workspace, "x" * 50_000, title="Large")
    talk(here.workspace, "y", title="Small")
    page = open_page(here)
    assert page.sizes["Database"].text().endswith(("KB", "MB"))
    buttons = lambda: [b for b in page.findChildren(QPushButton) if b.property("flat")]  # noqa: E731
    here.until(lambda: len(buttons()) == 2)
    assert "Large" in buttons()[0].text() and "Small" in buttons()[1].text()
    buttons()[0].click()
    assert here.went == [SessionPlace(large)]


def test_unused_space_goes_back(here: SettingsRoom) -> None:
    here.workspace.write(lambda operations: operations.set_setting("ballast", "z" * 3_000_000))
    here.workspace.write(lambda operations: operations.set_setting("ballast", None))
    page = open_page(here)
    here.until(lambda: page.give_back.isEnabled())
    page.give_back.click()
    here.until(lambda: "went back to the disk" in page.said.text())
    assert not page.said.text().startswith("0 ")
    here.until(lambda: not page.give_back.isEnabled())
    assert page.sizes["Unused in the database"].text() == "0 B"


def test_a_backup_and_the_next_name(here: SettingsRoom) -> None:
    add_slots(here)
    page = open_page(here)
    target = here.folder / "backup"
    page.target.setText(str(target))
    page.backup.click()
    here.until(lambda: page.said.property("role") == "done")
    assert (target / "lovelace.db").exists() and str(target) in page.said.text()
    assert page.target.text() != str(target)


def test_a_backup_that_cannot_be_is_said_in_place(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_check_mends_after_a_yes_only(here: SettingsRoom) -> None:
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


def test_rebuild_after_a_yes(here: SettingsRoom) -> None:
    talk(here.workspace, "one", "two")
    page = open_page(here)
    page.rebuild.click()
    page.question.yes.click()
    here.until(lambda: "Lists and search index are new" in page.said.text())
