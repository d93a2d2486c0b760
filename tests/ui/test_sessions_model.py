"""The list of sessions and the list of search results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.sessions.views import SessionRow
from app.ui.dragging import SESSION_MIME
from app.ui.models.sessions import DetailRole, RowRole, SessionListModel, StateRole, Tab, TagsRole
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


def test_who_else_is_in_a_session_stands_in_place_of_its_people(model: SessionListModel) -> None:
    model.set_company({"A": "Bob is here", "B": "Bob is here"})
    assert model.has_company
    assert at(model, "A").data(DetailRole) == "Personal · now · Bob is here"
    assert at(model, "B").data(DetailRole) == "Personal · 2 m · waiting for you"
    model.set_company({})
    assert at(model, "A").data(DetailRole) == "Personal · now · Ana"


def test_a_copy_of_others_is_marked(model: SessionListModel) -> None:
    model.update_sessions({"A": session("A", updated=NOW, copied=True)})
    assert at(model, "A").data(DetailRole) == "Personal · read only · now · Ana"


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


DAY = 86_400_000


def rows(model: SessionListModel) -> list[str]:
    """All rows; headings in brackets."""
    found = []
    for row in range(model.rowCount()):
        index = model.index(row, 0)
        found.append(index.data() if index.data(RowRole) else f"[{index.data()}]")
    return found


def test_headings_stand_above_their_days_and_cannot_be_chosen(model: SessionListModel) -> None:
    times = {"A": NOW, "B": NOW - DAY, "C": NOW - 400 * DAY}
    model.set_sessions([session(key, title=key, updated=time) for key, time in times.items()])
    shown = rows(model)
    assert [shown[at] for at in (0, 1, 2, 3, 5)] == ["[Today]", "A", "[Yesterday]", "B", "C"]
    assert list(model.headings()) == [0, 2, 4]
    assert not model.index(0, 0).flags() & (Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)


def test_a_change_of_one_session_repaints_one_row(model: SessionListModel) -> None:
    repainted: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, _roles: repainted.append((first.row(), last.row())))
    model.modelReset.connect(lambda: repainted.append((-1, -1)))
    model.update_sessions({"B": session("B", title="Other", status="waiting", updated=NOW - 120_000)})
    row = at(model, "B").row()
    assert repainted == [(row, row)]


def test_sessions_that_change_all_the_time_do_not_take_each_others_place(model: SessionListModel) -> None:
    order = titles(model)
    model.update_sessions({"B": session("B", title="Waits", updated=NOW)})
    assert titles(model) == order, "what stands above has changed as lately"
    model.update_sessions({"C": session("C", title="Broke", updated=NOW + 1)})
    assert titles(model) == order
    later = NOW + 3_600_000
    model.update_sessions({"C": session("C", title="Broke", updated=later)})
    assert titles(model) == ["Broke", "Newest", "Waits"]
    model.update_sessions({"A": session("A", title="Newest", updated=later + 1)})
    assert titles(model) == ["Broke", "Newest", "Waits"]


def test_the_rest_of_the_list_is_added_below(model: SessionListModel) -> None:
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    first = [session("A", title="A"), session("B", title="B", updated=NOW - 1)]
    model.set_sessions(first)
    resets.clear()
    kept = QPersistentModelIndex(at(model, "B"))
    model.set_sessions([*first, *(session(f"{n:04d}", updated=NOW - n * DAY) for n in range(1, 300))])
    assert resets == []
    assert kept == at(model, "B")
    assert model.session_count() == 301


def test_a_new_day_changes_the_headings(qapp: QApplication) -> None:
    now = [NOW]
    model = SessionListModel(lambda: now[0], "Ana")
    model.set_sessions([session("A", title="A", updated=NOW - 1)])
    assert rows(model) == ["[Today]", "A"]
    now[0] += DAY
    model.refresh_ages()
    assert rows(model) == ["[Yesterday]", "A"]


_ids = st.sampled_from("ABCDEFGH")
_steps = st.lists(
    st.tuples(st.just("put"), _ids, st.integers(-1, 70 * 24), st.sampled_from(("active", "waiting")))
    | st.tuples(st.just("gone"), _ids)
    | st.tuples(st.just("tab"), st.sampled_from(list(Tab)))
    | st.tuples(st.just("busy"), st.frozensets(_ids, max_size=3)),
    max_size=30,
)


@given(_steps)
def test_any_order_of_changes_leaves_the_same_list_as_reading_it_anew(qapp: QApplication, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    model = SessionListModel(lambda: NOW, "Ana")
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    known: dict[str, SessionRow] = {}
    for step in steps:
        match step:
            case ("put", key, hours, status):
                known[key] = session(key, title=key, status=status, updated=NOW - hours * 3_600_000)
                model.update_sessions({key: known[key]})
            case ("gone", key):
                known.pop(key, None)
                model.update_sessions({key: None})
            case ("tab", tab):
                model.set_tab(tab)
            case ("busy", running):
                model.set_activity(Activity(running, frozenset()))
        _is_consistent(model)
    anew = SessionListModel(lambda: NOW, "Ana")
    anew.set_activity(model._activity)
    anew.set_sessions(known.values())
    anew.set_tab(model.tab)
    assert sorted(titles(model)) == sorted(titles(anew))
    model.set_sessions(known.values())
    assert rows(model) == rows(anew)
    del tester


def _is_consistent(model: SessionListModel) -> None:
    """Each heading once, above sessions of its span, all of which are found where they are."""
    shown = rows(model)
    headings = [row for row in shown if row.startswith("[")]
    assert len(set(headings)) == len(headings)
    assert not shown or (shown[0].startswith("[") and not shown[-1].startswith("["))
    for row, heading in enumerate(shown):
        assert (row in model.headings()) == heading.startswith("[")
        assert not (heading.startswith("[") and shown[row + 1].startswith("["))
    for key in "ABCDEFGH":
        index = model.index_of(key)
        assert index.isValid() == (key in shown)
        assert not index.isValid() or index.data() == key


def test_hostile_titles_are_one_line_without_tricks(model: SessionListModel) -> None:
    title = "\u202eevil\u202c\x1b[31m\x00 a\u200bb\n\n c\ud800 " + "x" * 1000
    model.set_sessions([session("A", title=title, tags=("t\u202ea\ng", "\u200b"))])
    index = at(model, "A")
    shown = index.data()
    assert shown.startswith("evil[31m ab c xxx")
    assert len(shown) <= 400
    assert index.data(TagsRole) == ("ta g",)
    model.set_sessions([session("A", title="👩\u200d👩\u200d👧 family")])
    assert at(model, "A").data() == "👩\u200d👩\u200d👧 family"
    model.set_sessions([session("A", title="\u200b\u202e")])
    assert at(model, "A").data() == "Untitled session"


def test_the_tip_says_what_a_session_came_to(model: SessionListModel) -> None:
    first = "A"
    assert "mended" not in at(model, first).data(Qt.ItemDataRole.ToolTipRole)
    model.summaries = {first: "The parser was mended.\u202e " + "word " * 60}
    lines = at(model, first).data(Qt.ItemDataRole.ToolTipRole).splitlines()
    assert any(line.startswith("The parser was mended.") for line in lines)
    assert max(map(len, lines)) <= 80 and "\u202e" not in "".join(lines)


def test_dragged_sessions_name_themselves(model: SessionListModel) -> None:
    data = model.mimeData([at(model, "B"), model.index(0, 0), at(model, "A")])
    assert bytes(data.data(SESSION_MIME).data()) == b"A\nB"
    assert data.text() == "@A @B"


def test_what_is_unread_is_marked_and_told(model: SessionListModel) -> None:
    model.set_sessions([session("A", unread=3), session("B", unread=3, status="failed"), session("C")])
    assert [at(model, key).data(StateRole) for key in "ABC"] == ["unread", "failed", "idle"]
    for key in "AB":
        assert "3 new" in at(model, key).data(Qt.ItemDataRole.AccessibleTextRole)
        assert "3 new" in at(model, key).data(Qt.ItemDataRole.ToolTipRole)
    assert "new" not in at(model, "C").data(Qt.ItemDataRole.AccessibleTextRole)
