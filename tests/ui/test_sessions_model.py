"""The list of sessions and the list of search results."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.ui.models.sessions import DetailRole, RowRole, SessionListModel, StateRole, Tab
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
    """Of the sessions; headings are left out."""
    return [index.data() for row in range(model.rowCount()) if (index := model.index(row, 0)).data(RowRole)]


def at(model: SessionListModel, identifier: str):  # type: ignore[no-untyped-def]
    return model.index_of(identifier)


def test_newest_first_with_state_and_detail(model: SessionListModel) -> None:
    assert titles(model) == ["Newest", "Waits", "Broke"]
    assert [at(model, key).data(StateRole) for key in "ABC"] == ["idle", "waiting", "failed"]
    assert at(model, "A").data(DetailRole) == "Personal · now · Ana"
    assert at(model, "B").data(DetailRole) == "Personal · 2 m · waiting for you"
    assert "Broke, failed" in at(model, "C").data(Qt.ItemDataRole.AccessibleTextRole)


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
    kept = QPersistentModelIndex(at(model, "C"))
    model.update_sessions({"C": session("C", title="Again", updated=NOW)})
    assert titles(model) == ["Again", "Newest", "Waits"]
    assert kept == at(model, "C")
    assert kept.row() == 1


def test_what_is_not_meant_any_more_leaves(model: SessionListModel) -> None:
    model.update_sessions({"A": None, "B": None, "C": None})
    assert titles(model) == []
    assert model.is_empty()
    assert model.rowCount() == 0
