"""The panel "Changes" by itself on a real home: lists, scopes, the disk, live changes, restoring and undoing it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.commands.window import COMMANDS
from app.sessions.events import AgentMessage, FileChange, UserMessage
from app.sessions.patching import apply_diff
from app.ui.desk import Desk
from app.ui.panels.diff import DiffPanel
from app.ui.places import FilePlace
from app.workspace import Workspace
from tests.helpers.changed_session import ChangedSession
from tests.ui.running import Room, Running, open_home, open_room

BEFORE = "".join(f"{number}\n" for number in range(1, 41))


class Shown(Room):
    """A panel and the session it shows."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        self.work = ChangedSession(workspace, folder)
        self.panel = DiffPanel(desk)
        QAbstractItemModelTester(self.panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal, self.panel)
        self.show(self.panel, 560, 700)

    def open(self) -> None:
        self.panel.show_session(self.work.session)
        self.until(lambda: self.panel.reader.review is not None)

    def paths(self) -> list[str]:
        model = self.panel.model
        return [model.data(model.index(row, 0)) for row in range(model.rowCount())]

    def tips(self) -> list[str]:
        model = self.panel.model
        return [model.data(model.index(row, 0), Qt.ItemDataRole.AccessibleTextRole) for row in range(model.rowCount())]

    def lines(self) -> list[str]:
        model = self.panel.view.model()
        return [model.data(model.index(row, 0)) for row in range(model.rowCount())]

    def shows(self, *lines: str) -> None:
        self.until(lambda: [line for line in self.lines() if not line.startswith(("…", "unchanged"))] == list(lines))

    def remark(self) -> str:
        diff = self.panel.view.diff
        return "" if diff is None else diff.remark

    def choose(self, path: str) -> None:
        self.until(lambda: path in self.paths())
        self.panel.list.setCurrentIndex(self.panel.model.index(self.paths().index(path), 0))
        self.until(lambda: self.panel.view.diff is not None and self.panel.view.diff.path == path)

    def run(self, command: str) -> None:
        self.panel.handlers()[command]()


@pytest.fixture
def shown(qtbot: QtBot, tmp_path: Path) -> Iterator[Shown]:
    with open_room(Shown, qtbot, open_home(tmp_path / "home"), tmp_path / "project") as made:
        yield made


def fill(work: ChangedSession) -> None:
    """Two turns over four files."""
    (work.folder / "src").mkdir()
    (work.folder / "src" / "old.py").write_text(BEFORE)
    (work.folder / "gone.txt").write_text("bye\n")
    work.begin("T1", "Make it so\nplease")
    work.put("T1", "src/old.py", BEFORE.replace("\n20\n", "\ntwenty\n").encode(), call="C1")
    work.put("T1", "new.txt", b"new\n")
    work.begin("T2", "And now the rest")
    work.put("T2", "src/old.py", BEFORE.replace("\n20\n", "\nTWENTY\nand more\n").encode())
    work.put("T2", "gone.txt", None)


def test_without_a_session_and_without_changes_it_says_what_will_be_here(shown: Shown) -> None:
    assert "Choose a session" in shown.panel._empty.text()
    shown.open()
    shown.until(lambda: "No file has been changed" in shown.panel._empty.text())
    assert shown.panel.pages.currentWidget() is shown.panel._empty


def test_every_file_with_its_counts_and_what_became_of_it(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.until(lambda: len(shown.paths()) == 3)
    assert shown.tips() == [
        "gone.txt, deleted, 0 added, 1 removed",
        "new.txt, new, 1 added, 0 removed",
        "src/old.py, 2 added, 1 removed",
    ]
    assert shown.panel.list_bar.total.text() == "3 files"
    shown.choose("src/old.py")
    shown.shows("removed line 20: 20", "added line 20: TWENTY", "added line 21: and more")
    assert shown.panel.file_bar.title.text() == "old.py"
    assert shown.panel.file_bar.counts.text() == "+2 −1"


def test_one_turn_or_one_event(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    menu = shown.panel.list_bar.scope.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [
        "Whole session",
        "And now the rest  ·  2 files",
        "Make it so  ·  2 files",
    ]
    menu.actions()[1].trigger()
    shown.until(lambda: shown.paths() == ["gone.txt", "src/old.py"])
    shown.shows("removed line 20: twenty", "added line 20: TWENTY", "added line 21: and more")
    call = shown.work.home.read(lambda q: q.events(shown.work.session, kinds=["tool_call"]))[0].id
    shown.panel.go(FilePlace(shown.work.session, event=call))
    shown.until(lambda: shown.paths() == ["src/old.py"])
    shown.shows("removed line 20: 20", "added line 20: twenty")
    assert "One change" in shown.panel.list_bar.scope.text()
    shown.panel.go(FilePlace(shown.work.session, path="new.txt"))
    shown.shows("added line 1: new")
    assert len(shown.paths()) == 3
    shown.panel.go(FilePlace(shown.work.session, event=shown.work.newest("user_message")))
    shown.until(lambda: shown.panel.scope is not None and shown.panel.scope.event is None)
    assert len(shown.paths()) == 3


def test_what_the_disk_has_now(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    (shown.work.folder / "new.txt").write_text("new\nby hand\n")
    (shown.work.folder / "src" / "old.py").unlink()
    shown.panel.reader.look_at_disk()
    shown.until(lambda: shown.panel.model.drifted("new.txt"))
    assert shown.tips()[1:] == [
        "new.txt, new, 1 added, 0 removed, changed on disk since",
        "src/old.py, 2 added, 1 removed, missing on disk",
    ]
    shown.choose("new.txt")
    shown.run("diff.on_disk")
    shown.shows("added line 2: by hand")
    shown.choose("gone.txt")
    shown.until(lambda: "no such file on either side" in shown.remark())
    shown.choose("src/old.py")
    shown.until(lambda: shown.panel.view.diff is not None and shown.panel.view.diff.deleted)


def test_changes_appear_while_they_are_made_and_the_place_stays(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    shown.panel.view.toggle_all()
    shown.panel.view.verticalScrollBar().setValue(200)
    place = shown.panel.view.place()
    shown.work.begin("T3")
    shown.work.put("T3", "src/old.py", (shown.work.folder / "src" / "old.py").read_bytes() + b"last\n")
    shown.work.put("T3", "another.txt", b"x\n")
    shown.panel.refresh(frozenset({shown.work.session}))
    shown.until(lambda: "added line 42: last" in shown.lines())
    assert shown.paths()[0] == "another.txt"
    assert shown.panel.entry() is not None
    assert shown.panel.entry().span.path == "src/old.py"
    assert shown.panel.view.place() == place


def test_what_an_agent_writes_is_seen_and_the_conversation_leads_to_it(running: Running) -> None:
    session = running.write("Tools", UserMessage(text="first"), AgentMessage(text="ok"))
    running.open(session)
    running.window.actions_of["diff.show"].trigger()
    (panel,) = [one for one in running.window.areas.panels() if isinstance(one, DiffPanel)]
    running.until(lambda: "No file has been changed" in panel._empty.text())
    running.until(lambda: running.conversation.composer.tools.isChecked())
    running.say("Write a file")
    running.until(lambda: running.conversation.model.open_request())
    running.until(lambda: running.conversation.view.hasFocus())
    QTest.keyClick(running.conversation.view, Qt.Key.Key_1)
    running.until(lambda: panel.view.diff is not None and panel.view.diff.path == "made.txt")
    assert panel.view.diff is not None
    assert panel.view.diff.new_text == "made\n"
    running.until(lambda: not running.window._activity.running)
    event = running.workspace.read(lambda queries: queries.events(session, kinds=["file_change"]))[0].id
    running.window.go(FilePlace(session, "made.txt", event))
    running.until(lambda: panel.scope is not None and panel.scope.event == event and panel.view.diff is not None)


def test_an_answer_that_comes_too_late_is_not_shown(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    held: list[tuple[Callable[[], object], Callable[[object], object]]] = []
    monkeypatch.setattr(
        type(shown.desk.bridge), "compute", lambda _self, work, then, _failed=None: held.append((work, then))
    )
    for row in (0, 1):
        shown.panel.list.setCurrentIndex(shown.panel.model.index(row, 0))
    for work, then in reversed(held):
        then(work())
    assert len(held) == 2
    assert shown.panel.view.diff is not None
    assert shown.panel.view.diff.path == shown.paths()[1]


def test_a_hidden_panel_reads_nothing_until_it_is_shown(shown: Shown) -> None:
    fill(shown.work)
    shown.panel.hide()
    shown.panel.show_session(shown.work.session)
    shown.panel.refresh(frozenset({shown.work.session}))
    shown.qtbot.wait(50)
    assert shown.panel.reader.review is None
    shown.panel.show()
    shown.until(lambda: len(shown.paths()) == 3)


def test_stepping_goes_on_in_the_next_file(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("gone.txt")
    shown.run("diff.next_change")
    shown.shows("added line 1: new")
    shown.run("diff.next_file")
    shown.shows("removed line 20: 20", "added line 20: TWENTY", "added line 21: and more")
    shown.run("diff.next_change")
    assert shown.said == ["There is no further change."]
    shown.run("diff.previous_change")
    shown.shows("added line 1: new")
    shown.run("diff.previous_file")
    shown.shows("removed line 1: bye")


def test_a_file_is_restored_and_that_is_undone(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    path = shown.work.folder / "src" / "old.py"
    path.write_text("by hand\n")
    shown.run("diff.restore_file")
    text = shown.accept("Restore")
    assert "This will write src/old.py." in text
    assert "Changed since the session last saw them: src/old.py." in text
    assert "What is there now is kept." in text
    assert "Restored 1 file." in shown_undo(shown)
    assert path.read_text() == BEFORE
    shown.accept("Undo")
    shown.until(lambda: path.read_text() == "by hand\n")
    shown.until(lambda: shown.offered and "Put back 1 file." in shown.offered[-1][0])


def shown_undo(shown: Shown) -> str:
    shown.until(lambda: shown.offered and shown.offered[-1][1] == "Undo")
    return shown.offered[-1][0]


def test_a_whole_turn_is_restored(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.until(lambda: len(shown.paths()) == 3)
    shown.panel.list_bar.scope.menu().aboutToShow.emit()
    shown.panel.list_bar.scope.menu().actions()[1].trigger()
    shown.until(lambda: len(shown.paths()) == 2)
    shown.run("diff.restore_all")
    assert "This will write gone.txt, src/old.py." in shown.accept("Restore")
    shown_undo(shown)
    assert (shown.work.folder / "gone.txt").read_text() == "bye\n"
    assert "twenty\n" in (shown.work.folder / "src" / "old.py").read_text()
    assert (shown.work.folder / "new.txt").exists()


def test_what_is_there_already_is_said(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("new.txt")
    shown.run("diff.on_disk")
    shown.run("diff.restore_file")
    shown.until(lambda: shown.said)
    assert shown.said[-1].startswith("Nothing to restore")
    assert shown.offered == []


def test_moved_files_are_one_change(shown: Shown) -> None:
    work = shown.work
    data = b"one\ntwo\n"
    before, after = work.keep(data), work.keep(b"one\nthree\n")
    work.begin("T1")
    (work.folder / "b.txt").write_bytes(b"one\nthree\n")
    work.record("T1", FileChange(path="b.txt", renamed_from="a.txt", before=before, after=after, added=1, removed=1))
    shown.open()
    shown.until(lambda: shown.tips() == ["b.txt, renamed, before a.txt, 1 added, 1 removed"])
    shown.shows("removed line 2: two", "added line 2: three")
    shown.run("diff.restore_file")
    assert "This will write a.txt and delete b.txt." in shown.accept("Restore")
    shown_undo(shown)
    assert (work.folder / "a.txt").read_bytes() == data
    assert not (work.folder / "b.txt").exists()


def test_what_is_not_known_is_said(shown: Shown) -> None:
    work = shown.work
    work.begin("T1")
    work.put("T1", "picture.png", b"\x89PNG\0\1")
    work.record("T1", FileChange(path="seen.py", diff="--- a/seen.py\n+++ b/seen.py\n", added=0))
    work.record(
        "T1", FileChange(path="told.py", diff="--- a/told.py\n+++ b/told.py\n@@ -5 +5 @@\n-a\n+b\n", added=1, removed=1)
    )
    work.record("T1", FileChange(path="big.bin", before_hash="00" * 32, after_hash="11" * 32, binary=True))
    shown.open()
    shown.choose("picture.png")
    shown.until(lambda: "This is not text" in shown.remark())
    assert "binary" in shown.tips()[1]
    shown.choose("seen.py")
    shown.until(lambda: "is not there to be compared" in shown.remark())
    shown.choose("told.py")
    shown.shows("removed line 5: a", "added line 5: b")
    assert "single changes" in shown.remark()
    shown.choose("big.bin")
    shown.until(lambda: "only its hash was kept" in shown.remark())
    shown.choose("told.py")
    shown.run("diff.restore_file")
    shown.until(lambda: shown.failed)
    assert "Not restored: told.py (its content is not known)." in str(shown.failed[-1])


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_hostile_things_on_the_disk_are_said(shown: Shown) -> None:
    work = shown.work
    work.begin("T1")
    for name in ("loop", "folder", "fifo", "secret.txt"):
        work.put("T1", name, b"text\n")
        (work.folder / name).unlink()
    (work.folder / "loop").symlink_to(work.folder / "loop")
    (work.folder / "folder").mkdir()
    os.mkfifo(work.folder / "fifo")
    (work.folder / "secret.txt").write_text("no\n")
    (work.folder / "secret.txt").chmod(0)
    shown.open()
    shown.until(lambda: shown.panel.model.drifted("loop"))
    shown.run("diff.on_disk")
    for name, why in (("loop", "link"), ("folder", "folder"), ("fifo", "no plain file")):
        shown.choose(name)
        shown.until(lambda why=why: why in shown.remark())
        shown.run("diff.open")
        assert why in str(shown.failed[-1])
    shown.choose("secret.txt")
    shown.until(lambda: shown.remark() or shown.lines())
    shown.run("diff.restore_all")
    shown.until(lambda: len(shown.failed) > 3 or shown.offered)


def test_a_thousand_files_of_one_turn(shown: Shown) -> None:
    work = shown.work
    after = work.keep(b"new\n")
    diff = "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+new\n"
    work.tell("T1", *(FileChange(path=f"d/{n:04}.txt", after=after, diff=diff, added=1) for n in range(1_000)))
    shown.open()
    shown.until(lambda: len(shown.paths()) == 1_000)
    assert shown.panel.list_bar.total.text() == "1,000 files"
    shown.panel.grab()
    shown.until(lambda: shown.panel.model.drifted("d/0999.txt"))


def test_a_session_that_is_gone_and_one_without_folders(shown: Shown, tmp_path: Path) -> None:
    fill(shown.work)
    shown.panel.show_session("01GONE")
    shown.until(lambda: "not here any more" in shown.panel._empty.text())
    shown.work.folder.rename(tmp_path / "elsewhere")
    shown.open()
    shown.choose("src/old.py")
    shown.run("diff.on_disk")
    shown.until(lambda: shown.remark() or shown.panel.view.diff.deleted)
    shown.run("diff.restore_file")
    shown.until(lambda: shown.failed or shown.offered)


def test_texts_are_found_also_where_they_are_folded(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    shown.run("diff.find")
    bar = shown.panel.find_bar
    QTest.keyClicks(bar.field, "twenty")
    assert bar.count.text() == "1 of 1"
    bar.field.setText("3")
    assert bar.count.text() == "1 of 14"
    assert shown.lines()[shown.panel.view.currentIndex().row()] == "unchanged line 3: 3"
    QTest.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert bar.count.text() == "14 of 14"
    assert shown.panel.view.selected_text() == "3"
    bar.field.setText("nowhere")
    assert bar.count.text() == "Not found"
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert not bar.isVisible()


def test_copying_and_going_to_a_line(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    shown.run("diff.copy_path")
    assert QGuiApplication.clipboard().text() == "src/old.py"
    shown.run("diff.copy_patch")
    patch = QGuiApplication.clipboard().text()
    assert apply_diff(BEFORE, patch) == BEFORE.replace("\n20\n", "\nTWENTY\nand more\n")
    shown.panel._go_to_line("7")
    assert shown.panel.view.current_line() == 7
    shown.panel._go_to_line("seven")
    assert "no number of a line" in str(shown.failed[-1])


class Opened(QObject):
    """Takes what would be opened by the system."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.paths.append(url.toLocalFile())


def test_files_are_opened_with_the_system_or_with_the_editor(shown: Shown, tmp_path: Path) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    opened = Opened()
    QDesktopServices.setUrlHandler("file", opened, "take")
    try:
        shown.run("diff.open")
        shown.run("diff.show_in_folder")
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert opened.paths == [str(shown.work.folder / "src" / "old.py"), str(shown.work.folder / "src")]
    note = tmp_path / "opened"
    script = tmp_path / "my editor"
    script.write_text(f'#!/bin/sh\necho "$@" > "{note}.part"; mv "{note}.part" "{note}"\n')
    script.chmod(0o755)
    shown.work.home.write(lambda o: o.set_setting("window.editor", f"'{script}' --line {{line}}"))
    shown.panel._go_to_line("3")
    shown.run("diff.open")
    shown.until(note.exists)
    assert note.read_text() == f"--line 3 {shown.work.folder / 'src' / 'old.py'}\n"
    shown.work.home.write(lambda o: o.set_setting("window.editor", "/no/such/editor"))
    shown.run("diff.open")
    assert "does not start" in str(shown.failed[-1])
    shown.choose("gone.txt")
    shown.run("diff.open")
    assert "no file gone.txt on the disk any more" in str(shown.failed[-1])


def test_what_was_chosen_is_remembered(shown: Shown) -> None:
    shown.run("diff.split")
    state = shown.panel.state()
    assert state["split"] is True
    other = DiffPanel(shown.desk, None)
    shown.qtbot.addWidget(other)
    for odd in ({}, {"split": "yes", "list_height": "tall"}, {"list_height": -1}):
        other.restore(odd)
    assert not other.view.is_split
    other.restore(state | {"list_height": 90})
    assert other.view.is_split
    assert other.state()["list_height"] is not None


def test_both_themes_and_other_sizes_are_taken_up(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    height = shown.panel.view.row_height
    shown.desk.themes.choose("dark")
    shown.desk.themes.set_zoom(1.5)
    try:
        assert shown.panel.view.row_height > height
        shown.panel.grab()
    finally:
        shown.desk.themes.set_zoom(1.0)
        shown.desk.themes.choose("light")


def test_everything_has_a_name_and_can_be_reached(shown: Shown) -> None:
    fill(shown.work)
    shown.open()
    shown.choose("src/old.py")
    nameless = [
        type(widget).__name__
        for widget in shown.panel.findChildren(QWidget)
        if isinstance(widget, QAbstractButton) and widget.isVisible() and not (widget.accessibleName() or widget.text())
    ]
    assert nameless == []
    shown.panel.list.setFocus()
    QTest.keyClick(shown.panel.list, Qt.Key.Key_Return)
    shown.until(shown.panel.view.hasFocus)
    assert set(shown.panel.handlers()) == {command.id for command in COMMANDS if command.panel == "diff"}
    assert shown.panel.model.rowCount(shown.panel.model.index(0, 0)) == 0
    assert shown.panel.model.data(QModelIndex()) is None
