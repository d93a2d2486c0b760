"""Shortcuts and folders in the settings."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.agents.registry import AgentConfig
from app.commands.shortcuts import default_shortcuts, effective_shortcuts
from app.ui.panels.settings import SettingsPanel
from app.ui.settings.folders import FoldersPage, WorkspaceCard
from app.ui.settings.shortcuts import ShortcutsPage
from app.ui.window import MainWindow
from tests.ui.settings_home import SettingsRoom


def in_force(here: SettingsRoom, command: str) -> tuple[str, ...]:
    return effective_shortcuts(default_shortcuts(), here.desk.setting("shortcuts"))[command]


# shortcuts


def shortcuts_page(here: SettingsRoom) -> ShortcutsPage:
    page = here.page("shortcuts", ShortcutsPage)
    return page


def press(page: ShortcutsPage, key: Qt.Key, held: Qt.KeyboardModifier) -> None:
    page.keys.setFocus()
    QTest.keyClick(page.keys, key, held)


def row_of(page: ShortcutsPage, command: str) -> list[str]:
    page.choose(command)
    row = page.table.currentIndex().row()
    return [str(page.shown_rows.index(row, column).data()) for column in range(3)]


def test_every_command_is_in_the_table_and_can_be_searched(here: SettingsRoom) -> None:
    page = shortcuts_page(here)
    assert page.model.rowCount() == len(default_shortcuts())
    page.filter.setText("ctrl+n")
    assert page.shown_rows.rowCount() == 1 and "New Session" in str(page.shown_rows.index(0, 0).data())
    page.filter.setText("no such thing")
    assert page.command is None and not page.keys.isEnabled()


def test_keys_are_pressed_take_effect_and_are_kept(here: SettingsRoom) -> None:
    page, told = shortcuts_page(here), here.configured
    page.choose("session.fork")
    press(page, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    here.until(lambda: in_force(here, "session.fork") == ("Ctrl+Alt+Y",))
    here.until(lambda: told == ["shortcuts"])
    assert row_of(page, "session.fork")[1:] == ["Ctrl+Alt+Y", "changed"]
    page.default.click()
    here.until(lambda: here.setting("window.shortcuts") is None)
    page.none.click()
    here.until(lambda: in_force(here, "session.fork") == ())
    page.reset.click()
    page.question.yes.click()
    here.until(lambda: in_force(here, "session.fork") == ("Ctrl+Shift+D",))


def test_a_key_of_another_command_goes_over_and_that_is_said(here: SettingsRoom) -> None:
    page = shortcuts_page(here)
    page.choose("session.fork")
    press(page, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    here.until(lambda: "also wanted by New Session" in page.said.text())
    assert in_force(here, "session.fork") == ("Ctrl+N",) and in_force(here, "session.new") == ()
    assert row_of(page, "session.new")[1:] == ["", "lost to another"]


def test_a_setting_that_is_nonsense_is_no_trouble(here: SettingsRoom) -> None:
    here.workspace.settings.set("window.shortcuts", [1, {"a": None}])
    page = shortcuts_page(here)
    assert row_of(page, "session.new")[1] == "Ctrl+N"


# folders


def folders_page(here: SettingsRoom) -> FoldersPage:
    page = here.page("folders", FoldersPage)
    here.until(lambda: page.cards)
    return page


def words(card: WorkspaceCard) -> str:
    return " ".join(label.text() for label in card.findChildren(QLabel))


def test_a_folder_that_moved_is_relinked(here: SettingsRoom) -> None:
    old, new = here.folder / "old", here.folder / "new"
    old.mkdir()
    here.workspace.write(lambda operations: operations.bind_folder(here.workspace.id, old))
    old.rename(new)
    page = folders_page(here)
    assert not page.cards[0].relink.isHidden() and "not there" in words(page.cards[0])
    page.cards[0].relink_folder(new)
    here.until(lambda: page.cards[0].row.folders == (str(new),))
    assert page.cards[0].relink.isHidden()
    page.cards[0].relink_folder(new)
    here.until(lambda: "No folder of the workspace has vanished" in page.cards[0].said.text())


def test_workspaces_are_made_named_and_given_folders(here: SettingsRoom) -> None:
    page, told = folders_page(here), here.configured
    page.name.setText("Second")
    QTest.keyClick(page.name, Qt.Key.Key_Return)
    here.until(lambda: len(page.cards) == 2)
    page.cards[1].name.setText("Renamed")
    page.cards[1].name.editingFinished.emit()
    here.until(lambda: page.cards[1].row.name == "Renamed")
    page.cards[1].name.setText(" ")
    page.cards[1].name.editingFinished.emit()
    assert "needs a name" in page.cards[1].said.text() and page.cards[1].name.text() == "Renamed"
    page.cards[1].bind_folder(here.folder)
    here.until(lambda: page.cards[1].row.folders == (str(here.folder),))
    folder = here.folder / "third"
    folder.mkdir()
    page.open_folder(folder)
    here.until(lambda: len(page.cards) == 3 and page.cards[2].row.name == "third")
    assert set(told) == {"folders"}


# in the window


def test_the_window_shows_them_and_takes_changes_at_once(here: SettingsRoom) -> None:
    window = MainWindow(here.desk, QIcon())
    here.show(window)
    window.load()
    window.actions_of["window.settings"].trigger()
    panel = window.areas.area("main").front()
    assert isinstance(panel, SettingsPanel) and panel.section == "agents"
    here.until(lambda: window.conversation.composer.agents.names == ("local", "scripted"))
    agents = here.desk.bridge.call(here.desk.turns.agents.registry()).result(10)
    script = here.folder / "s.json"
    script.write_text('[[{"say": "x"}]]')
    here.desk.bridge.call(agents.add(AgentConfig(name="mine", kind="scripted", script=str(script)))).result(10)
    here.desk.requests.configured.emit("agents")
    here.until(lambda: window.conversation.composer.agents.names == ("mine", "local", "scripted"))
    window.actions_of["window.shortcuts"].trigger()
    page = panel.pages["shortcuts"]
    assert panel.section == "shortcuts" and isinstance(page, ShortcutsPage)
    page.choose("session.fork")
    press(page, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    here.until(lambda: window.actions_of["session.fork"].shortcut().toString() == "Ctrl+Alt+Y")
