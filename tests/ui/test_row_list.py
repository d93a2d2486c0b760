"""The list of rows under headings: where rows are, how keys and the mouse move in it, what stays in sight."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication
from pytestqt.qtbot import QtBot

from app.ui.browser.items import SessionItems
from app.ui.browser.row_list import RowList
from app.ui.models.sessions import RowRole, SessionListModel, Tab
from app.ui.theme import Themes
from tests.helpers.conversations import NOW, session

DAY = 86_400_000


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> Iterator[RowList]:
    """Three sessions a day for 100 days."""
    model = SessionListModel(lambda: NOW, "Ana")
    themes = Themes(qapp, "light")
    made = RowList(model, SessionItems(themes, themes), "Sessions")
    made.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    made.source = model  # type: ignore[attr-defined]
    made.themes = themes  # type: ignore[attr-defined]
    model.set_sessions([session(f"{n:04d}", title=f"S{n}", updated=NOW - n * DAY // 3) for n in range(300)])
    made.resize(280, 400)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def chosen(view: RowList) -> list[str]:
    return [index.data() for index in sorted(view.selectionModel().selectedIndexes(), key=lambda one: one.row())]


def press(view: RowList, *keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    for key in keys:
        QTest.keyClick(view, key, modifier)


def test_every_row_is_where_the_sum_of_those_above_says(view: RowList) -> None:
    model, items = view.model(), view.itemDelegate()
    top = 0
    for row in range(model.rowCount()):
        box = view.visualRect(model.index(row, 0))
        height = items.item_height if model.index(row, 0).data(RowRole) else items.heading_height  # type: ignore[attr-defined]
        assert (box.top(), box.height()) == (top, height)
        for y in (top, top + height - 1):
            view.verticalScrollBar().setValue(max(0, y - 10))
            assert view.indexAt(QPoint(5, y - view.verticalOffset())).row() == row
        view.verticalScrollBar().setValue(0)
        top += height
    assert view.verticalScrollBar().maximum() == top - view.viewport().height()
    assert not view.indexAt(QPoint(5, top + 5)).isValid()
    assert not view.indexAt(QPoint(5, -5)).isValid()


def test_keys_pass_over_headings(view: RowList) -> None:
    seen = []
    press(view, Qt.Key.Key_End, Qt.Key.Key_Home)
    for _ in range(299):
        seen += chosen(view)
        press(view, Qt.Key.Key_Down)
    assert [*seen, *chosen(view)] == [f"S{n}" for n in range(300)]
    press(view, Qt.Key.Key_Down)
    assert chosen(view) == ["S299"]
    for _ in range(299):
        press(view, Qt.Key.Key_Up)
    assert chosen(view) == ["S0"]
    press(view, Qt.Key.Key_End)
    assert chosen(view) == ["S299"]
    press(view, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
    assert chosen(view) == ["S299"]
    box = view.visualRect(view.currentIndex())
    assert view.viewport().rect().contains(box)


def test_many_are_chosen_by_keys_and_mouse(view: RowList) -> None:
    press(view, Qt.Key.Key_End, Qt.Key.Key_Home)
    for _ in range(4):
        press(view, Qt.Key.Key_Down, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert chosen(view) == [f"S{n}" for n in range(5)]

    def click(title: int, modifier: Qt.KeyboardModifier) -> None:
        index = view.source.index_of(f"{title:04d}")  # type: ignore[attr-defined]
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, view.visualRect(index).center())

    click(1, Qt.KeyboardModifier.NoModifier)
    click(3, Qt.KeyboardModifier.ControlModifier)
    assert chosen(view) == ["S1", "S3"]
    click(5, Qt.KeyboardModifier.ShiftModifier)
    assert "S4" in chosen(view)
    press(view, Qt.Key.Key_A, modifier=Qt.KeyboardModifier.ControlModifier)
    assert len(chosen(view)) == 300


def test_a_click_on_a_heading_chooses_nothing(view: RowList) -> None:
    press(view, Qt.Key.Key_End, Qt.Key.Key_Home)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(50, 5))
    assert chosen(view) == ["S0"]


def test_what_is_read_stays_where_it_is_while_sessions_change(view: RowList) -> None:
    model = view.source  # type: ignore[attr-defined]
    view.verticalScrollBar().setValue(5_000)
    read = view.indexAt(QPoint(5, 60))
    before, title = view.visualRect(read).top(), read.data()
    identifier = read.data(RowRole).id
    for number in (299, 200, 3):
        model.update_sessions({f"{number:04d}": session(f"{number:04d}", updated=NOW + 1_000_000 + number)})
    model.update_sessions({"new": session("new", updated=NOW + 5_000_000), "0150": None, "0002": None})
    assert model.index_of(identifier).data() == title
    assert view.visualRect(model.index_of(identifier)).top() == before


def test_the_first_row_in_sight_may_leave(view: RowList) -> None:
    model = view.source  # type: ignore[attr-defined]
    view.verticalScrollBar().setValue(view.visualRect(model.index_of("0100")).top())
    read = model.index_of("0104")
    before = view.visualRect(read).top()
    model.update_sessions({"0100": session("0100", updated=NOW + 1_000_000)})
    assert abs(view.visualRect(model.index_of("0104")).top() - before) <= view.itemDelegate().item_height * 1.7  # type: ignore[attr-defined]
    assert view.verticalOffset() > 1_000


def test_at_the_top_what_is_new_is_seen(view: RowList) -> None:
    view.source.update_sessions({"new": session("new", title="New", updated=NOW + 1)})  # type: ignore[attr-defined]
    assert view.verticalOffset() == 0
    assert view.indexAt(QPoint(5, 40)).data() == "New"


def test_the_chosen_session_moves_with_its_row(view: RowList) -> None:
    model = view.source  # type: ignore[attr-defined]
    view.setCurrentIndex(model.index_of("0007"))
    model.update_sessions({"0007": session("0007", title="S7", updated=NOW + 1_000_000)})
    assert chosen(view) == ["S7"]
    assert view.currentIndex().row() == 1


def test_own_keys_come_before_shortcuts_and_up_leads_out(view: RowList, qtbot: QtBot) -> None:
    done: list[str] = []
    view.keys["Del"] = lambda: done.append("Del")
    view.left_top.connect(lambda: done.append("up"))
    press(view, Qt.Key.Key_Home, Qt.Key.Key_Delete, Qt.Key.Key_Up)
    assert done == ["Del", "up"]
    with qtbot.waitSignal(view.opened) as opened:
        press(view, Qt.Key.Key_Return)
    assert opened.args[0].data() == "S0"


def test_the_menu_key_asks_at_the_current_row(view: RowList, qtbot: QtBot) -> None:
    from PySide6.QtGui import QContextMenuEvent

    view.setCurrentIndex(view.source.index_of("0001"))  # type: ignore[attr-defined]
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), view.mapToGlobal(QPoint(0, 0)))
    with qtbot.waitSignal(view.menu_wanted) as wanted:
        QApplication.sendEvent(view.viewport(), event)
    place = view.viewport().mapFromGlobal(wanted.args[0])
    assert view.visualRect(view.currentIndex()).contains(place)


def test_an_empty_list_does_nothing(view: RowList) -> None:
    view.source.set_tab(Tab.RUNNING)  # type: ignore[attr-defined]
    press(view, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Return, Qt.Key.Key_PageDown, Qt.Key.Key_End)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    assert chosen(view) == []
    assert not view.currentIndex().isValid()


def test_assistive_programs_read_rows_with_their_state(view: RowList) -> None:
    view.source.update_sessions({"0000": session("0000", title="Broke", status="failed", updated=NOW)})  # type: ignore[attr-defined]
    face = QAccessible.queryAccessibleInterface(view)
    assert face.role() == QAccessible.Role.List
    assert face.text(QAccessible.Text.Name) == "Sessions"
    texts = [face.child(number).text(QAccessible.Text.Name) for number in range(3)]
    assert texts[0] == "Today"
    assert texts[1].startswith("Broke, failed, Personal")
