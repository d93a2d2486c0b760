"""Results of a search under the titles of their sessions."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.sessions.views import SearchHit
from app.ui.models.hits import HitModel, More
from app.ui.models.sessions import DetailRole, RowRole, StateRole
from tests.helpers.conversations import NOW


def hit(session: str, event: str, *, title: str = "", kind: str = "command") -> SearchHit:
    return SearchHit(session, event, kind, NOW, title, "a ‹needle›\n here")


@pytest.fixture
def model(qapp: QApplication) -> HitModel:
    made = HitModel(lambda: NOW)
    made.tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)  # type: ignore[attr-defined]
    return made


def test_hits_stand_under_their_session(model: HitModel) -> None:
    model.set_hits([hit("S", "1", title="One"), hit("T", "2"), hit("S", "3", title="One", kind="user_message")])
    titles = [model.index(row, 0).data() for row in range(5)]
    assert titles == ["One"] * 3 + ["Untitled session"] * 2
    assert list(model.headings()) == [0, 3]
    index = model.index(1, 0)
    assert (index.data(DetailRole), index.data(StateRole)) == ("a ‹needle› here", "command")
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "command, now: a needle here"
    assert model.index(2, 0).data(StateRole) == "prompt"
    assert model.index(0, 0).data(StateRole) == "now"
    assert not model.index(0, 0).flags() & Qt.ItemFlag.ItemIsEnabled
    assert model.first_row() == 1


def test_many_hits_of_a_session_are_opened_when_wanted(model: HitModel) -> None:
    model.set_hits([hit("S", str(number)) for number in range(10)] + [hit("T", "x")])
    assert model.rowCount() == 1 + 3 + 1 + 2
    more = model.index(4, 0).data(RowRole)
    assert more == More("S", 7)
    assert model.index(4, 0).data() == "7 more in this session"
    model.open("S")
    assert model.rowCount() == 1 + 10 + 2
    model.set_hits([hit("S", str(number)) for number in range(4)])
    assert model.rowCount() == 5


def test_the_same_hits_again_change_nothing(model: HitModel) -> None:
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    for _ in range(2):
        model.set_hits([hit("S", "1")])
    assert len(resets) == 1
