"""The list of sessions and the list of search results."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.sessions.views import SearchHit
from app.ui.models.sessions import DetailRole, SearchModel, SessionListModel, StateRole, Tab
from app.ui.turns import Activity
from tests.helpers.conversations import NOW, session


@pytest.fixture
def model(qapp: QApplication) -> SessionListModel:
    made = SessionListModel(lambda: NOW, "Ana")
    made.tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)  # type: ignore[attr-defined]
    made.set_sessions(
        [
            session("A", title="Newest", updated=NOW - 1000),
            session("B", title="Waits", status="waiting", updated=NOW - 120_000),
            session("C", title="Broke", status="failed", updated=NOW - 7_200_000, authors=("Jo",)),
        ]
    )
    return made


def titles(model: SessionListModel) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_newest_first_with_state_and_detail(model: SessionListModel) -> None:
    assert titles(model) == ["Newest", "Waits", "Broke"]
    assert [model.index(row, 0).data(StateRole) for row in range(3)] == ["idle", "waiting", "failed"]
    assert model.index(0, 0).data(DetailRole) == "Personal · now · Ana"
    assert model.index(1, 0).data(DetailRole) == "Personal · 2 m · waiting for you"
    assert "Broke, failed" in model.index(2, 0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_tabs(model: SessionListModel) -> None:
    model.set_tab(Tab.WAITING)
    assert titles(model) == ["Waits"]
    model.set_tab(Tab.MINE)
    assert titles(model) == ["Newest", "Waits"]
    model.set_tab(Tab.RUNNING)
    assert titles(model) == []
    model.set_activity(Activity(frozenset({"A", "C"}), frozenset({"C"})))
    assert titles(model) == ["Newest"]
    model.set_tab(Tab.WAITING)
    assert titles(model) == ["Waits", "Broke"]


def test_one_that_changed_moves_up_and_keeps_its_selection(model: SessionListModel) -> None:
    kept = QPersistentModelIndex(model.index(2, 0))
    model.update_sessions({"C": session("C", title="Again", updated=NOW)})
    assert titles(model) == ["Again", "Newest", "Waits"]
    assert kept.row() == 0


def test_what_is_archived_deleted_or_gone_leaves(model: SessionListModel) -> None:
    model.update_sessions({"A": session("A", archived=True), "B": session("B", trashed=True), "C": None})
    assert titles(model) == []
    assert model.is_empty()


def test_ten_thousand(qapp: QApplication) -> None:
    model = SessionListModel(lambda: NOW, "Ana")
    model.set_sessions([session(f"{n:05d}", updated=NOW - n) for n in range(10_000)])
    assert model.rowCount() == 10_000
    assert model.index_of("09999").row() == 9_999


def test_hits(qapp: QApplication) -> None:
    model = SearchModel(lambda: NOW)
    model.set_hits([SearchHit("S", "E", "command", NOW, "", "a ‹needle›\n here")])
    index = model.index(0, 0)
    assert (index.data(), index.data(DetailRole), index.data(StateRole)) == ("Untitled", "a ‹needle› here", "now")
