"""The panel "Git" by itself on a real home and a real repository: status, staging, discarding, messages, commits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.agents.backend import AgentBackend
from app.agents.scripted import ScriptedBackend, parse_script
from app.commands.window import COMMANDS
from app.sessions.events import Checkpoint, CommandResult
from app.ui.desk import Desk
from app.ui.panels.repository import RepositoryPanel
from app.ui.places import RepositoryPlace
from app.workspace import Workspace
from tests.app.agents.repository.support import git, isolate, make_repository
from tests.ui.running import Agents, Room, Running, open_home, open_room

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on this computer")
LINES = [f"{number}\n" for number in range(40)]


class Proposing(Agents):
    """An agent that proposes this message."""

    answer = "Say thirty in words\n\nIt reads better."

    async def backend(self, name: str) -> AgentBackend:
        step = '{"fail": "No key is set."}' if self.answer == "" else f'{{"say": {self.answer!r}}}'.replace("'", '"')
        return ScriptedBackend(parse_script(f"[[{step}]]".replace("\n", "\\n").encode(), "test"))


class Shown(Room):
    """A panel on a repository."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
        self.session = self.write("Work", cwd=str(folder), agent="scripted")
        self.panel = RepositoryPanel(desk)
        QAbstractItemModelTester(self.panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal, self.panel)
        self.show(self.panel, 520, 760)

    def rows(self) -> list[str]:
        model = self.panel.model
        return [model.data(model.index(row, 0)) for row in range(model.rowCount())]

    def shows(self, *rows: str) -> None:
        self.until(lambda: self.rows() == list(rows))

    def open(self, *rows: str) -> None:
        self.panel.show_session(self.session)
        self.shows(*rows)

    def choose(self, group: str, path: str) -> None:
        row = self.panel.model.row_of(group, path)  # type: ignore[arg-type]
        assert row >= 0
        self.panel.list.setCurrentIndex(self.panel.model.index(row))
        self.until(lambda: self.panel.view.diff is not None and self.panel.view.diff.path == path)

    def run(self, command: str) -> None:
        self.panel.handlers()[command]()

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


@pytest.fixture
def shown(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    isolate(monkeypatch, tmp_path / "person")
    folder = make_repository(tmp_path / "project", a_txt="".join(LINES), b_txt="b\n")
    with open_room(Shown, qtbot, open_home(tmp_path / "home"), folder, Proposing()) as made:
        yield made


def two_hunks(shown: Shown) -> None:
    shown.put("a.txt", "".join(LINES).replace("\n3\n", "\nthree\n").replace("\n30\n", "\nthirty\n"))


def test_a_clean_repository_and_none_say_so(shown: Shown) -> None:
    shown.open()
    shown.until(lambda: "Nothing to commit" in shown.panel._empty.text())
    assert (shown.panel.bar.branch.text(), shown.panel.bar.facts.text()) == ("trunk", "clean")
    shutil.rmtree(shown.folder / ".git")
    shown.run("repository.refresh")
    shown.until(lambda: "in no git repository" in shown.panel._empty.text())
    assert not shown.panel.commit_box.isVisible()


def test_an_error_of_git_is_said_in_place(shown: Shown) -> None:
    (shown.folder / ".git" / "HEAD").write_text("nonsense")
    shown.panel.show_session(shown.session)
    shown.until(lambda: "Git says" in shown.panel._empty.text())


def test_files_in_groups_are_staged_by_keyboard_and_button(shown: Shown) -> None:
    two_hunks(shown)
    shown.put("new.txt", "new\n")
    shown.open("Changed  1", "a.txt, changed", "Untracked  1", "new.txt, new, untracked")
    shown.until(lambda: shown.panel.view.diff is not None and shown.panel.view.diff.added == 2)
    QTest.keyClick(shown.panel.list, Qt.Key.Key_Space)
    shown.shows("Staged  1", "a.txt, changed, staged", "Untracked  1", "new.txt, new, untracked")
    shown.choose("untracked", "new.txt")
    assert shown.panel.file_bar.stage.text() == "Stage"
    shown.panel.file_bar.stage.click()
    shown.shows("Staged  2", "a.txt, changed, staged", "new.txt, new, staged")
    shown.run("repository.unstage_all")
    shown.shows("Changed  1", "a.txt, changed", "Untracked  1", "new.txt, new, untracked")
    shown.run("repository.stage_all")
    shown.shows("Staged  2", "a.txt, changed, staged", "new.txt, new, staged")


def test_several_selected_files_are_staged_together(shown: Shown) -> None:
    for name in "xyz":
        shown.put(name, name)
    shown.open("Untracked  3", *(f"{name}, new, untracked" for name in "xyz"))
    shown.panel.list.selectAll()
    shown.run("repository.stage")
    shown.shows("Staged  3", *(f"{name}, new, staged" for name in "xyz"))


def test_looking_again_leaves_what_is_selected(shown: Shown) -> None:
    for name in "xyz":
        shown.put(name, name)
    shown.open("Untracked  3", *(f"{name}, new, untracked" for name in "xyz"))
    shown.panel.list.selectAll()
    shown.put("z", "more\n")
    with shown.qtbot.waitSignal(shown.panel.reader.found):
        shown.run("repository.refresh")
    assert len(shown.panel.chosen()) == 3
    shown.choose("untracked", "z")
    shown.put("z", "still more\n")
    shown.run("repository.refresh")
    shown.until(lambda: shown.panel.view.diff is not None and shown.panel.view.diff.new_text == "still more\n")


def test_a_hunk_is_staged_with_its_button_and_by_command(shown: Shown) -> None:
    two_hunks(shown)
    shown.open("Changed  1", "a.txt, changed")
    shown.until(lambda: len(shown.panel.view._controls) == 2)
    shown.panel.view.hunk_activated.emit(1, "stage")
    shown.shows("Staged  1", "a.txt, changed, staged", "Changed  1", "a.txt, changed")
    assert "+thirty" in git(shown.folder, "diff", "--cached") and "+three" in git(shown.folder, "diff")
    shown.choose("staged", "a.txt")
    shown.until(lambda: shown.panel.shown_file is not None and shown.panel.shown_file.group == "staged")
    shown.run("repository.stage_hunk")
    shown.shows("Changed  1", "a.txt, changed")


def test_discarding_asks_first_and_can_be_undone(shown: Shown) -> None:
    two_hunks(shown)
    text = (shown.folder / "a.txt").read_text()
    shown.open("Changed  1", "a.txt, changed")
    shown.run("repository.discard")
    assert "a.txt" in shown.panel.question.text.text()
    shown.panel.question.no.click()
    assert (shown.folder / "a.txt").read_text() == text
    shown.run("repository.discard")
    shown.panel.question.yes.click()
    shown.until(lambda: shown.offered)
    assert shown.offered[0][:2] == ("Discarded 1 file.", "Undo")
    assert (shown.folder / "a.txt").read_text() == "".join(LINES)
    shown.shows()
    shown.offered[0][2]()
    shown.shows("Changed  1", "a.txt, changed")
    assert (shown.folder / "a.txt").read_text() == text


def test_a_question_goes_with_the_session_it_was_asked_in(shown: Shown) -> None:
    two_hunks(shown)
    shown.open("Changed  1", "a.txt, changed")
    shown.run("repository.discard")
    assert shown.panel.question.isVisible()
    shown.panel.show_session(None)
    assert not shown.panel.question.isVisible()


def test_a_proposed_message_is_committed_and_is_in_the_session(shown: Shown) -> None:
    two_hunks(shown)
    git(shown.folder, "add", "-A")
    shown.open("Staged  1", "a.txt, changed, staged")
    box = shown.panel.commit_box
    assert (box.commit.text(), box.commit.isEnabled()) == ("Commit 1 file", False)
    box.propose.click()
    shown.until(lambda: box.summary.text() == "Say thirty in words")
    assert box.body.toPlainText() == "It reads better."
    QTest.keyClick(box.summary, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    shown.shows()
    assert git(shown.folder, "log", "-1", "--format=%B").strip() == "Say thirty in words\n\nIt reads better."
    assert (box.summary.text(), box.body.toPlainText()) == ("", "")
    assert shown.said[-1] == f"Committed as {git(shown.folder, 'rev-parse', 'HEAD')[:8]}."
    events = shown.desk.workspace.read(lambda queries: queries.events(shown.session))
    bodies = [event.body for event in events if isinstance(event.body, CommandResult | Checkpoint)]
    assert isinstance(bodies[0], CommandResult) and bodies[0].exit_code == 0
    assert isinstance(bodies[1], Checkpoint) and bodies[1].git is not None
    assert bodies[1].git.head == git(shown.folder, "rev-parse", "HEAD")


def test_what_goes_wrong_with_a_commit_or_a_proposal_is_said_in_place(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_hunks(shown)
    git(shown.folder, "add", "-A")
    hook = shown.folder / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no ticket'\nexit 1\n")
    hook.chmod(0o755)
    shown.open("Staged  1", "a.txt, changed, staged")
    box = shown.panel.commit_box
    box.summary.setText("Try")
    box.commit.click()
    shown.until(lambda: "no ticket" in box.said.text())
    assert box.summary.text() == "Try" and box.commit.isEnabled()
    monkeypatch.setattr(Proposing, "answer", "")
    box.propose.click()
    shown.until(lambda: "No key is set" in box.said.text())


def test_without_a_session_nothing_is_committed_or_discarded(shown: Shown) -> None:
    two_hunks(shown)
    git(shown.folder, "add", "-A")
    shown.put("b.txt", "c\n")
    shown.panel.show_workspace()
    shown.shows("Staged  1", "a.txt, changed, staged", "Changed  1", "b.txt, changed")
    shown.panel.commit_box.summary.setText("Try")
    assert not shown.panel.commit_box.commit.isEnabled()
    assert "Open a session" in shown.panel.commit_box.commit.accessibleDescription()
    shown.choose("changed", "b.txt")
    shown.run("repository.discard")
    assert "Open a session" in str(shown.failed[-1])


def test_a_place_shows_its_file_and_a_lock_is_told(shown: Shown) -> None:
    shown.put("b.txt", "c\n")
    two_hunks(shown)
    shown.open("Changed  2", "a.txt, changed", "b.txt, changed")
    shown.panel.go(RepositoryPlace("b.txt"))
    shown.until(lambda: shown.panel.view.diff is not None and shown.panel.view.diff.path == "b.txt")
    (shown.folder / ".git" / "index.lock").touch()
    shown.run("repository.refresh")
    shown.until(lambda: shown.panel.bar.facts.text() == "locked")
    shown.run("repository.stage")
    shown.until(lambda: shown.failed and "index.lock" in str(shown.failed[-1]))


def test_what_happens_in_the_session_is_seen(shown: Shown) -> None:
    shown.open()
    shown.put("b.txt", "c\n")
    shown.panel.refresh(frozenset({shown.session}))
    shown.shows("Changed  1", "b.txt, changed")
    assert shown.panel.file() is not None


def test_hostile_names_are_shown_harmlessly_and_copied(shown: Shown) -> None:
    shown.put("a\u202eb\nc.txt", "x\n")
    shown.open("Untracked  1", "a\u202eb\nc.txt, new, untracked")
    shown.panel.grab()
    shown.panel._copy_path()
    assert QGuiApplication.clipboard().text() == "a\u202eb\nc.txt"


def test_in_the_window_a_place_brings_the_panel_to_the_front(running: Running) -> None:
    folder = make_repository(running.home.parent / "project", a_txt="a\n")
    (folder / "a.txt").write_text("b\n")
    session = running.workspace.write(lambda operations: operations.create(title="Work", cwd=str(folder)))
    running.open(session)
    running.window.go(RepositoryPlace("a.txt"))
    panel = running.window.areas.area("right").front()
    assert isinstance(panel, RepositoryPanel)
    running.until(lambda: panel.shown_file is not None and panel.shown_file.path == "a.txt")
    assert panel.commit_box.isVisible()


def test_every_command_is_here_and_every_control_is_named(shown: Shown) -> None:
    assert {c.id for c in COMMANDS if c.panel == "repository"} == set(shown.panel.handlers())
    for button in shown.panel.findChildren(QAbstractButton):
        if button.isVisible():
            assert button.accessibleName() or button.text()
    two_hunks(shown)
    shown.open("Changed  1", "a.txt, changed")
    for theme in ("dark", "light"):
        shown.desk.themes.choose(theme)  # type: ignore[arg-type]
        shown.panel.grab()
