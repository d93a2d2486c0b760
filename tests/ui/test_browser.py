"""The session browser by itself, on a real home."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QItemSelectionModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QListView
from pytestqt.qtbot import QtBot

from app.sessions.events import AgentMessage, Body, Draft, UserMessage
from app.sessions.filters import SessionFilter
from app.sessions.queries import Queries
from app.sessions.views import SessionRow
from app.ui.browser.narrowing import Kept, Narrowing, Period
from app.ui.desk import Desk
from app.ui.models.sessions import DetailRole, RowRole, StateRole, Tab
from app.ui.panels.browser import BrowserPanel
from app.ui.places import PanelPlace, SearchPlace, SessionPlace
from app.workspace import Workspace
from sync.errors import StoreError
from sync.testing import ManualClock
from tests.ui.running import Room, open_home, open_room


class Browsing(Room):
    """A browser over a home whose clock stands still."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        self.panel = BrowserPanel(desk)
        self.show(self.panel, 280, 600)

    def write(self, title: str, *bodies: Body, **fields: Any) -> str:
        """A session with these events, newer than all before."""
        self.workspace.clock.advance(60_000)  # type: ignore[attr-defined]
        return super().write(title, *bodies, **fields)

    def lists(self, *titles: str) -> bool:
        model = self.panel.model
        rows = (model.index(row, 0) for row in range(model.rowCount()))
        return [index.data() for index in rows if index.data(RowRole)] == list(titles)

    def load(self, *titles: str) -> None:
        self.panel.load()
        self.until(lambda: self.lists(*titles))

    def refresh(self, *sessions: str) -> None:
        """As the window does when these have changed."""
        self.panel.refresh(frozenset(sessions))

    def row(self, session: str) -> SessionRow:
        return self.workspace.read(lambda queries: queries.session(session))

    def rows(self, *sessions: str) -> list[SessionRow]:
        return [self.row(session) for session in sessions]

    def choose(self, *sessions: str) -> None:
        """Select these in the list."""
        flags = QItemSelectionModel.SelectionFlag
        model, selection = self.panel.model, self.panel.list.selectionModel()
        for number, session in enumerate(sessions):
            selection.setCurrentIndex(model.index_of(session), flags.Select if number else flags.ClearAndSelect)

    def press(self, button: str) -> None:
        """A button of the blank page or the question, by its label."""
        buttons = [*self.panel.blank.buttons, *self.panel.question.buttons, *self.panel.chips.buttons]
        [found] = [one for one in buttons if one.text() == button and one.isVisible()]
        found.click()


@pytest.fixture
def browsing(qtbot: QtBot, tmp_path: Path) -> Iterator[Browsing]:
    workspace = open_home(tmp_path / "home", ManualClock())
    with open_room(Browsing, qtbot, workspace, tmp_path) as made:
        yield made


def middle_click(view: QListView, row: int) -> None:
    place = view.visualRect(view.model().index(row, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.MiddleButton, pos=place)


def test_rows_lead_to_their_session(browsing: Browsing) -> None:
    first, second = browsing.write("First"), browsing.write("Second")
    browsing.load("Second", "First")
    view = browsing.panel.list
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(2, 0)).center())
    assert browsing.went == [SessionPlace(first)]
    middle_click(view, 1)
    QTest.keyClick(view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert browsing.went[1:] == [SessionPlace(second, beside=True), SessionPlace(first, beside=True)]
    browsing.panel.handlers()["browser.previous"]()
    assert browsing.went[3:] == [SessionPlace(second)]


def test_the_session_in_front_is_marked_and_not_opened_again(browsing: Browsing) -> None:
    first, _second = browsing.write("First"), browsing.write("Second")
    browsing.panel.show_session(first)
    browsing.load("Second", "First")
    assert browsing.panel.list.currentIndex().data() == "First"
    browsing.panel.show_session(None)
    assert browsing.went == []


def test_a_search_place_searches_and_its_hits_lead_to_events(browsing: Browsing) -> None:
    session = browsing.write("Haystack", UserMessage(text="hay"), AgentMessage(text="The needle is here"))
    browsing.panel.go(SearchPlace("needle"))
    browsing.until(lambda: browsing.panel.hits.rowCount() == 2)
    middle_click(browsing.panel.results, 1)
    [place] = browsing.went
    assert isinstance(place, SessionPlace)
    event = browsing.workspace.read(lambda queries: queries.events(session, kinds=["agent_message"]))[0]
    assert place == SessionPlace(session, event.id, beside=True)


# Empty states


def test_who_else_is_in_a_session_is_said(browsing: Browsing) -> None:
    session = browsing.write("Ours", UserMessage(text="x"))
    browsing.load("Ours")

    def come(operations: Any) -> None:
        with operations.engine.transaction() as tx:
            tx.connection.execute("INSERT INTO device VALUES(NULL, ?, ?, 0)", (b"\x05" * 32, b"\x06" * 32))
        workspace = operations.engine.workspace(operations.workspace).id
        operations.save_far_presence(b"\x05" * 32, workspace, session, typing=False)

    browsing.workspace.write(come)
    browsing.panel.refresh_company(frozenset({session}))
    detail = lambda: str(browsing.panel.model.index_of(session).data(DetailRole))  # noqa: E731
    browsing.until(lambda: "Somebody is here" in detail())
    browsing.workspace.write(lambda operations: operations.end_presence(b"\x05" * 32))
    browsing.panel.refresh_company(frozenset({session}))
    browsing.until(lambda: "is here" not in detail())


def test_an_empty_home_says_what_to_do(browsing: Browsing) -> None:
    browsing.until(lambda: browsing.panel.blank.isVisible())
    assert "No sessions yet" in browsing.panel.blank.text()
    browsing.press("Import from Other Tools…")
    browsing.press("New Session")
    browsing.until(lambda: len(browsing.went) == 2)
    assert browsing.went[0] == PanelPlace("settings", "import")
    [row] = browsing.workspace.read(lambda queries: queries.sessions())
    assert browsing.went[1] == SessionPlace(row.id)


@pytest.mark.parametrize("kept", [Kept.TRASH, Kept.ARCHIVE])
def test_an_empty_trash_or_archive_says_so(browsing: Browsing, kept: Kept) -> None:
    browsing.write("One")
    browsing.load("One")
    browsing.panel.handlers()[f"browser.{kept.value.lower()}"]()
    browsing.until(lambda: browsing.panel.blank.isVisible())
    assert f"The {kept.value.lower()} is empty" in browsing.panel.blank.text()
    browsing.press("Show Sessions")
    browsing.until(lambda: browsing.panel.list.isVisible())


def test_an_empty_tab_leads_back_to_all(browsing: Browsing) -> None:
    browsing.write("One")
    browsing.load("One")
    browsing.panel.tabs.buttons()[1].click()
    assert "No agent is running" in browsing.panel.blank.text()
    browsing.press("Show All")
    assert browsing.panel.list.isVisible()
    assert browsing.panel.tabs.buttons()[0].isChecked()


# Filters


def test_filters_show_as_chips_that_take_them_away(browsing: Browsing) -> None:
    panel = browsing.panel
    browsing.write("Both", agent="claude", tags=["web"])
    browsing.write("Web", tags=["web"])
    browsing.write("Plain")
    browsing.load("Plain", "Web", "Both")
    panel.narrow(Narrowing().change(tag="web", agent="claude"))
    browsing.until(lambda: browsing.lists("Both"))
    assert panel.filter_button.isChecked()
    assert [chip.accessibleName() for chip in panel.chips.buttons] == [
        "Remove filter agent: claude", "Remove filter tag: web", "Clear all filters",
    ]  # fmt: skip
    panel.chips.buttons[0].click()
    browsing.until(lambda: browsing.lists("Web", "Both"))
    panel.narrow(Narrowing().change(tag="web", status="failed"))
    browsing.until(lambda: panel.blank.isVisible())
    assert "No session matches" in panel.blank.text()
    browsing.press("Clear Filters")
    browsing.until(lambda: browsing.lists("Plain", "Web", "Both"))
    assert not panel.chips.isVisible()
    assert not panel.filter_button.isChecked()


def test_the_form_offers_what_occurs_and_holds_at_once(browsing: Browsing) -> None:
    panel = browsing.panel
    browsing.write("Old", agent="codex", tags=["x"])
    browsing.workspace.clock.advance(40 * 86_400_000)  # type: ignore[attr-defined]
    browsing.write("New", agent="claude")
    browsing.load("New", "Old")
    panel.handlers()["browser.filter"]()
    browsing.until(lambda: panel.form.boxes["agent"].count() == 3)
    box = panel.form.boxes["agent"]
    box.setCurrentIndex(box.findData("codex"))
    box.activated.emit(box.currentIndex())
    browsing.until(lambda: browsing.lists("Old"))
    panel.form.clear.click()
    browsing.until(lambda: browsing.lists("New", "Old"))
    periods = panel.form.period
    for period, titles in ((Period.WEEK, ["New"]), (Period.CUSTOM, ["New"]), (Period.ANY, ["New", "Old"])):
        periods.setCurrentIndex(periods.findText(period.value))
        periods.activated.emit(periods.currentIndex())
        browsing.until(lambda titles=titles: browsing.lists(*titles))
        assert panel.form.since.isVisible() == (period is Period.CUSTOM)
    periods.setCurrentIndex(periods.findText(Period.CUSTOM.value))
    periods.activated.emit(periods.currentIndex())
    panel.form.since.setDate(panel.form.since.date().addDays(-60))
    browsing.until(lambda: browsing.lists("New", "Old"))
    panel.form.until.setDate(panel.form.since.date().addDays(60))
    browsing.until(lambda: browsing.lists("Old"))
    assert all(widget.accessibleName() for widget in (*panel.form.boxes.values(), panel.form.since, panel.form.where))
    panel.form.close()


def test_what_does_not_pass_any_more_leaves_and_what_passes_comes(browsing: Browsing) -> None:
    first, second = browsing.write("First", tags=["a"]), browsing.write("Second")
    browsing.panel.narrow(Narrowing().change(tag="a"))
    browsing.until(lambda: browsing.lists("First"))
    browsing.workspace.write(lambda operations: operations.change_tags([first], remove=["a"]))
    browsing.workspace.write(lambda operations: operations.change_tags([second], add=["a"]))
    browsing.refresh(first, second, "NOSUCH")
    browsing.until(lambda: browsing.lists("Second"))


def test_other_workspaces_are_shown_when_wanted(browsing: Browsing) -> None:
    browsing.write("Here")
    other = browsing.workspace.write(lambda operations: operations.create_workspace("Other"))
    browsing.workspace.clock.advance(1000)  # type: ignore[attr-defined]
    there = browsing.workspace.write(lambda operations: operations.inside(other).create(title="There"))
    browsing.load("Here")
    browsing.refresh(there)
    browsing.panel.narrow(Narrowing().change(everywhere=True))
    browsing.until(lambda: browsing.lists("There", "Here"))
    browsing.panel.search.setText("there")
    browsing.until(lambda: browsing.panel.hits.rowCount() == 2)


def test_tab_and_filters_are_remembered_but_not_the_trash(browsing: Browsing) -> None:
    panel = browsing.panel
    panel.tabs.buttons()[3].click()
    panel.narrow(Narrowing(SessionFilter(tag="a", trash=True), Period.WEEK))
    kept = panel.state()
    panel.narrow(Narrowing())
    panel.restore({"tab": 7, "narrowing": {"filter": {"type": 3}, "x": 1}, "other": 1})
    assert panel._narrowing == Narrowing()
    panel.restore(kept)
    assert panel.model.tab is Tab.MINE
    assert panel._narrowing == Narrowing(SessionFilter(tag="a"), Period.WEEK)


# Search


def test_search_by_keys(browsing: Browsing) -> None:
    panel = browsing.panel
    session = browsing.write("Haystack", *(AgentMessage(text=f"needle {number}") for number in range(8)))
    browsing.load("Haystack")
    panel.search.setFocus()
    QTest.keyClicks(panel.search, "needl")
    browsing.until(lambda: panel.hits.rowCount() == 5)
    assert panel.results.isVisible()
    QTest.keyClick(panel.search, Qt.Key.Key_Return)
    newest = browsing.workspace.read(lambda queries: queries.events(session))[-1]
    assert browsing.went == [SessionPlace(session, newest.id)]
    QTest.keyClick(panel.search, Qt.Key.Key_Down)
    assert panel.results.hasFocus()
    for _ in range(3):
        QTest.keyClick(panel.results, Qt.Key.Key_Down)
    QTest.keyClick(panel.results, Qt.Key.Key_Return)
    assert panel.hits.rowCount() == 9, "the others of this session"
    assert panel.results.currentIndex().row() == 4
    QTest.keyClick(panel.results, Qt.Key.Key_Home)
    QTest.keyClick(panel.results, Qt.Key.Key_Up)
    assert panel.search.hasFocus()
    QTest.keyClick(panel.search, Qt.Key.Key_Escape)
    assert panel.search.text() == ""
    assert panel.list.isVisible()


def test_nothing_found_says_what_to_try(browsing: Browsing) -> None:
    browsing.write("One", UserMessage(text="one"))
    browsing.load("One")
    browsing.panel.search.setText("absent")
    browsing.until(lambda: browsing.panel.blank.isVisible())
    assert "Nothing found for “absent”" in browsing.panel.blank.text()
    browsing.press("Search All Workspaces")
    browsing.until(lambda: "Clear Filters" in [button.text() for button in browsing.panel.blank.buttons])


def test_archived_sessions_are_found_and_trashed_ones_only_in_the_trash(browsing: Browsing) -> None:
    archived, trashed = browsing.write("A", UserMessage(text="needle")), browsing.write("T", UserMessage(text="needle"))
    browsing.workspace.write(lambda operations: operations.set_fields(archived, {"archived": True}))
    browsing.workspace.write(lambda operations: operations.set_fields(trashed, {"trashed": True}))
    panel = browsing.panel
    panel.search.setText("needle")
    browsing.until(lambda: panel.hits.rowCount() == 2)
    assert panel.hits.index(1, 0).data(RowRole).session == archived
    panel.narrow(Narrowing().keep(Kept.TRASH))
    browsing.until(lambda: panel.hits.rowCount() and panel.hits.index(1, 0).data(RowRole).session == trashed)


def test_one_search_at_a_time_and_stale_answers_are_dropped(
    browsing: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing.write("One", UserMessage(text="alpha beta"))
    asked: list[str] = []
    gate, search = threading.Event(), Queries.search

    def slow(self: Queries, query: str, wanted: Any) -> Any:
        asked.append(query)
        gate.wait(10)
        return search(self, query, wanted)

    monkeypatch.setattr(Queries, "search", slow)
    panel = browsing.panel
    for text in ("al", "alp", "alph", "nothing", "beta"):
        panel.search.setText(text)
    browsing.until(lambda: asked)
    assert panel.hits.rowCount() == 0
    gate.set()
    browsing.until(lambda: panel.hits.rowCount() == 2)
    assert asked == ["al", "beta"]


@pytest.mark.parametrize(
    "text", ["a" * 10_000, "a b " * 2_500, '"' * 10_000, "\u202e\x00\ud800 x", "(((", "NEAR AND OR*"]
)
def test_nothing_that_is_typed_breaks_the_search(browsing: Browsing, text: str) -> None:
    browsing.panel.search.setText(text)
    browsing.until(lambda: not browsing.panel.searching.is_busy)
    assert browsing.failed == []


def test_a_search_that_fails_is_said_and_the_next_one_works(
    browsing: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing.write("One", UserMessage(text="alpha"))
    with monkeypatch.context() as broken:
        broken.setattr(Queries, "search", _damaged)
        browsing.panel.search.setText("alpha")
        browsing.until(lambda: browsing.failed)
    browsing.panel.search.setText("alph")
    browsing.until(lambda: browsing.panel.hits.rowCount() == 2)


def _damaged(*_arguments: object) -> Any:
    raise StoreError("The database is damaged.")


def test_the_list_stays_when_the_store_cannot_be_read(browsing: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    session = browsing.write("One")
    browsing.load("One")
    monkeypatch.setattr(Queries, "sessions", _damaged)
    browsing.panel.load()
    browsing.until(lambda: browsing.failed)
    browsing.refresh(session)
    browsing.until(lambda: len(browsing.failed) == 2)
    assert browsing.lists("One")
    assert browsing.panel.list.isVisible()


def test_what_changes_while_the_list_is_read_is_read_again(browsing: Browsing) -> None:
    session = browsing.write("Before")
    browsing.panel.load()
    browsing.workspace.write(lambda operations: operations.set_fields(session, {"title": "After"}))
    browsing.refresh(session)
    browsing.until(lambda: browsing.lists("After"))


def test_a_long_list_comes_in_two_pieces(browsing: Browsing) -> None:
    ids = [browsing.write(f"S{number}") for number in range(120)]
    browsing.panel.show_session(ids[0])
    browsing.panel.load()
    browsing.until(lambda: browsing.panel.model.session_count() == 120)
    assert browsing.panel.list.currentIndex().data() == "S0"
    assert browsing.went == []


# What is done with sessions


def test_many_are_archived_by_a_key_and_it_is_undone(browsing: Browsing) -> None:
    ids = [browsing.write(title) for title in ("A", "B", "C")]
    browsing.load("C", "B", "A")
    browsing.choose(ids[0], ids[2])
    went = len(browsing.went)
    QTest.keyClick(browsing.panel.list, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    browsing.until(lambda: browsing.offered)
    browsing.refresh(*ids)
    browsing.until(lambda: browsing.lists("B"))
    assert [row.archived for row in browsing.rows(*ids)] == [True, False, True]
    assert browsing.accept("Undo") == "Archived: 2 sessions."
    browsing.until(lambda: not any(row.archived for row in browsing.rows(*ids)))
    assert len(browsing.went) == went, "what is chosen after it is not opened"


def test_to_the_trash_and_back(browsing: Browsing) -> None:
    session = browsing.write("Gone")
    browsing.load("Gone")
    browsing.choose(session)
    QTest.keyClick(browsing.panel.list, Qt.Key.Key_Delete)
    browsing.until(lambda: browsing.offered)
    browsing.panel.handlers()["browser.trash"]()
    browsing.until(lambda: browsing.lists("Gone"))
    [put_back] = [one for one in _menu(browsing, session) if one.text() == "Put Back"]
    put_back.trigger()
    browsing.until(lambda: not browsing.row(session).trashed)
    browsing.until(lambda: len(browsing.offered) == 2)
    assert browsing.accept("Undo") == "Put back: “Gone”."
    browsing.until(lambda: browsing.row(session).trashed)


def _menu(browsing: Browsing, *sessions: str) -> list[Any]:
    menu = browsing.panel.deeds.menu(browsing.rows(*sessions))
    browsing.panel.kept_menu = menu  # type: ignore[attr-defined]
    return menu.actions()


def test_erasing_asks_with_what_is_lost_and_offers_an_export(
    browsing: Browsing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    panel, session = browsing.panel, browsing.write("Secret", UserMessage(text="x"))
    browsing.workspace.write(lambda operations: operations.set_fields(session, {"trashed": True}))
    panel.narrow(Narrowing().keep(Kept.TRASH))
    browsing.until(lambda: browsing.lists("Secret"))
    browsing.choose(session)
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    browsing.until(lambda: panel.question.isVisible())
    assert "Erase “Secret” for good?" in panel.question.text.text()
    assert "3 events" in panel.question.text.text()
    QTest.keyClick(panel.question, Qt.Key.Key_Escape)
    assert not panel.question.isVisible()
    panel.deeds.erase(panel.selected())
    browsing.until(lambda: panel.question.isVisible())
    target = tmp_path / "saved.json"
    monkeypatch.setattr(panel.exports, "ask", lambda rows, name, then: panel.exports.write(rows, name, target, then))
    browsing.press("Export First…")
    browsing.until(lambda: panel.question.isVisible() and target.exists())
    assert browsing.row(session).title == "Secret", "nothing is erased before the person says so again"
    browsing.press("Erase for Good")
    browsing.until(lambda: "Erased 1 session for good." in browsing.said)
    assert browsing.workspace.read(lambda queries: queries.sessions(SessionFilter(trash=True))) == []


def test_tags_of_many(browsing: Browsing) -> None:
    first, second = browsing.write("A", tags=["x"]), browsing.write("B")
    browsing.load("B", "A")
    [tags] = [action.menu() for action in _menu(browsing, first, second) if action.text() == "Tags"]
    [known] = [action for action in tags.actions() if action.text() == "x"]
    assert not known.isChecked(), "not all have it"
    known.trigger()
    browsing.until(lambda: browsing.row(second).tags == ("x",))
    browsing.until(lambda: browsing.offered)
    assert browsing.accept("Undo") == "Tagged “x”: 1 session."
    browsing.until(lambda: browsing.row(second).tags == ())
    assert browsing.row(first).tags == ("x",)
    tags.actions()[-1].trigger()
    browsing.asked[-1][2]("  new   tag ")
    browsing.until(lambda: browsing.row(second).tags == ("new tag",))
    browsing.panel.deeds.tag(browsing.rows(first, second), "new tag", on=False)
    browsing.until(lambda: browsing.row(first).tags == ("x",))


def test_a_title_is_edited_in_its_row(browsing: Browsing) -> None:
    session = browsing.write("Old name")
    browsing.load("Old name")
    browsing.choose(session)
    view = browsing.panel.list
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_F2, Qt.KeyboardModifier.NoModifier)
    override.ignore()
    QApplication.sendEvent(view, override)
    assert override.isAccepted(), "the window's own F2 waits"
    QTest.keyClick(view, Qt.Key.Key_F2)
    [editor] = view.viewport().findChildren(QLineEdit)
    assert editor.text() == "Old name"
    assert view.visualRect(view.currentIndex()).contains(editor.geometry())
    QTest.keyClicks(editor, "New name")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    browsing.until(lambda: browsing.row(session).title == "New name")
    browsing.accept("Undo")
    browsing.until(lambda: browsing.row(session).title == "Old name")
    browsing.panel.rename()
    [editor] = [one for one in view.viewport().findChildren(QLineEdit) if one.isVisible()]
    QTest.keyClicks(editor, "Never")
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert browsing.row(session).title == "Old name"


def test_the_row_stays_in_edit_while_its_session_changes(browsing: Browsing) -> None:
    session = browsing.write("Old name")
    browsing.load("Old name")
    browsing.choose(session)
    browsing.panel.rename()
    [editor] = browsing.panel.list.viewport().findChildren(QLineEdit)
    QTest.keyClicks(editor, "Half")
    browsing.workspace.clock.advance(500_000)  # type: ignore[attr-defined]
    browsing.workspace.write(lambda operations: operations.append(session, [Draft(body=UserMessage(text="x"), time=1)]))
    browsing.refresh(session)
    browsing.until(lambda: browsing.panel.model.session(session).events == 2)  # type: ignore[union-attr]
    assert editor.text() == "Half"


@pytest.mark.parametrize(("name", "suffix"), [("json", ".json"), ("markdown", ".md"), ("html", ".html")])
def test_exports_work_beside_the_window(browsing: Browsing, tmp_path: Path, name: str, suffix: str) -> None:
    ids = [browsing.write(title, UserMessage(text="hello")) for title in ("A", "B")]
    target = tmp_path / "out.json" if name == "json" else tmp_path / "out"
    target.parent.mkdir(exist_ok=True)
    if name != "json":
        target.mkdir()
    browsing.panel.exports.write(browsing.rows(*ids), name, target)
    browsing.until(lambda: browsing.offered)
    text, button, _action = browsing.offered[-1]
    assert text.startswith("Wrote ")
    assert "2 sessions" in text
    assert button == "Open Folder"
    files = [target] if name == "json" else list(target.iterdir())
    assert {path.suffix for path in files} == {suffix}
    assert len(files) == (1 if name == "json" else 2)


def test_an_export_can_be_stopped(browsing: Browsing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [browsing.write(f"S{number}", UserMessage(text="x")) for number in range(3)]
    gate = threading.Event()
    monkeypatch.setattr(browsing.panel.exports._soon, "start", browsing.panel.exports._show)
    monkeypatch.setattr(Queries, "note", lambda *_: gate.wait(10) and "")
    browsing.panel.exports.write(browsing.rows(*ids), "json", tmp_path / "all.json")
    assert browsing.panel.progress.isVisible()
    assert "Exporting 3 sessions" in browsing.panel.progress.text.text()
    browsing.panel.progress.buttons[0].click()
    gate.set()
    browsing.until(lambda: browsing.said)
    assert browsing.said == ["The export was stopped."]
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_an_export_that_cannot_be_written_says_why(browsing: Browsing, tmp_path: Path) -> None:
    session = browsing.write("A")
    browsing.panel.exports.write(browsing.rows(session), "json", tmp_path / "no" / "such" / "x.json")
    browsing.until(lambda: browsing.failed)
    assert "cannot be written" in str(browsing.failed[0])


def test_hostile_titles_are_painted_in_both_themes(browsing: Browsing) -> None:
    titles = [
        "x" * 1000,
        "\u202eabc" * 300,
        "مرحبا" * 200,
        "👩\u200d👩\u200d👧" * 300,
        "\x1b[31m\x07",
        "a\nb\u2028c",
        "\u0301" * 500,
    ]
    for title in titles:
        browsing.write(title, UserMessage(text=title), tags=[title[:200]])
    browsing.panel.load()
    browsing.until(lambda: browsing.panel.model.session_count() == len(titles))
    themes = browsing.panel.desk.themes
    for choice in ("dark", "light"):
        themes.choose(choice)
        for width in (200, 280, 700):
            browsing.panel.resize(width, 600)
            assert not browsing.panel.grab().isNull()


def test_every_control_has_a_name_and_is_reached_by_tab(browsing: Browsing) -> None:
    panel = browsing.panel
    browsing.write("One")
    browsing.load("One")
    panel.narrow(Narrowing().change(everywhere=True))
    browsing.until(lambda: browsing.lists("One"))
    panel.activateWindow()
    panel.search.setFocus()
    expected = [panel.search, panel.filter_button, panel.tabs.buttons()[0], *panel.chips.buttons, panel.list]
    seen = []
    for _ in expected:
        seen.append(QApplication.focusWidget())
        QTest.keyClick(seen[-1], Qt.Key.Key_Tab)
    assert seen == expected
    assert all(widget.accessibleName() for widget in (*expected, *panel.tabs.buttons()))
    panel.tabs.buttons()[0].setFocus()
    QTest.keyClick(panel.tabs.buttons()[0], Qt.Key.Key_Right)
    assert panel.model.tab is Tab.RUNNING, "the tabs are one stop; arrows choose"


def test_a_session_that_was_looked_at_is_no_longer_unread(browsing: Browsing) -> None:
    session = browsing.write("One", UserMessage(text="a"))
    [first, *_] = browsing.workspace.read(lambda queries: queries.events(session, kinds=["user_message"]))
    browsing.workspace.write(lambda operations: operations.mark_seen(session, first.id))
    [second] = browsing.workspace.write(
        lambda operations: operations.append(session, [Draft(body=AgentMessage(text="b"), time=1, agent="x")])
    )
    browsing.load("One")
    model = browsing.panel.model
    assert model.index_of(session).data(StateRole) == "unread"
    browsing.workspace.write(lambda operations: operations.mark_seen(session, second))
    browsing.refresh(session)
    browsing.until(lambda: model.index_of(session).data(StateRole) == "idle")
