"""The view of a change: rows, folds, moving, selecting, copying, hunk buttons, hostile contents, accessibility."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAccessible, QColor, QImage
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from app.sessions.line_diff import FileDiff, diff_of_contents, diff_of_patch
from app.sessions.patching import apply_diff
from app.ui.conversation.lexing import Lexer, Spans
from app.ui.conversation.parts import Style
from app.ui.diff.buttons import HunkControls
from app.ui.diff.lines import shown_text, unit
from app.ui.diff.view import DiffView
from app.ui.theme import DARK, LIGHT

BEFORE = "".join(f"line {number}\n" for number in range(1, 61))
AFTER = BEFORE.replace("line 20\n", "line twenty\nand more\n").replace("line 50\n", "")


def change(before: str | None = BEFORE, after: str | None = AFTER, path: str = "made.txt") -> FileDiff:
    return diff_of_contents(
        path, None if before is None else before.encode(), None if after is None else after.encode()
    ).worked_out()


@pytest.fixture
def view(qtbot: QtBot, style: Style) -> DiffView:
    made = DiffView(style)
    qtbot.addWidget(made)
    made.resize(600, 400)
    QAbstractItemModelTester(made.model(), QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.show()
    return made


def texts(view: DiffView) -> list[str]:
    model = view.model()
    return [model.data(model.index(row, 0)) for row in range(model.rowCount())]


def copied(view: DiffView) -> str:
    got: list[str] = []
    view.copied.connect(got.append)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    return "".join(got)


def test_rows_say_what_they_are(view: DiffView) -> None:
    view.show_diff(change())
    said = texts(view)
    assert said[0] == "… 16 unchanged lines line 16"
    assert said[1:6] == [
        "unchanged line 17: line 17",
        "unchanged line 18: line 18",
        "unchanged line 19: line 19",
        "removed line 20: line 20",
        "added line 20: line twenty",
    ]
    view.set_split(True)
    assert "removed line 20: line 20; added line 20: line twenty" in texts(view)


def test_a_fold_opens_by_mouse_and_by_key(view: DiffView) -> None:
    view.show_diff(change())
    count = view.model().rowCount()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(100, view.top_of(0) + 4))
    assert view.model().rowCount() == count + 15
    fold = next(row for row, text in enumerate(texts(view)) if text.startswith("…"))
    view.go_to_row(fold)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert len([text for text in texts(view) if text.startswith("…")]) == 1
    view.toggle_all()
    view.toggle_all()
    assert view.model().rowCount() == count


def test_changes_are_stepped_through_and_their_end_is_told(view: DiffView) -> None:
    view.show_diff(change())
    ended: list[int] = []
    view.ended.connect(ended.append)
    assert texts(view)[view.currentIndex().row()].startswith("removed line 20")
    view.step_change(1)
    assert texts(view)[view.currentIndex().row()] == "removed line 50: line 50"
    view.step_change(1)
    assert ended == [1]
    view.step_change(-1)
    view.step_change(-1)
    assert ended == [1, -1]
    assert texts(view)[view.currentIndex().row()].startswith("removed line 20")


def test_a_line_is_gone_to_also_where_it_is_folded(view: DiffView) -> None:
    view.show_diff(change())
    for number in (5, 20, 59, 9_999):
        view.go_to_line(number)
        assert view.currentIndex().row() in view.visible_rows()
    view.go_to_line(5)
    assert texts(view)[view.currentIndex().row()] == "unchanged line 5: line 5"


@pytest.mark.parametrize("split", [False, True])
def test_everything_copied_is_the_file(view: DiffView, split: bool) -> None:
    view.show_diff(change())
    view.set_split(split)
    QTest.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    text = copied(view)
    if split:
        assert text == AFTER
    else:
        assert text == BEFORE.replace("line 20\n", "line 20\nline twenty\nand more\n")


def test_lines_selected_by_key_are_copied_as_text_and_as_a_patch(view: DiffView) -> None:
    view.show_diff(change())
    removed = view.rows.changes[0]
    view.go_to_row(removed)
    for _ in range(2):
        QTest.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert copied(view) == "line 20\nline twenty\nand more\n"
    assert apply_diff(BEFORE, view.selected_patch()) == BEFORE.replace("line 20\n", "line twenty\nand more\n")
    QTest.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert apply_diff(BEFORE, view.selected_patch()) == BEFORE.replace("line 20\n", "line twenty\n")


def test_words_are_selected_and_dragging_stays_on_its_side(view: DiffView) -> None:
    view.resize(1000, 400)
    view.show_diff(change())
    view.set_split(True)
    row = view.rows.changes[0]
    y = view.top_of(row) + view.row_height // 2
    left, right = view._columns()
    digit = view._style.mono_metrics.horizontalAdvance("0")
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(right.text + 6 * digit), y))
    assert copied(view) == "twenty"
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(left.text + 5 * digit), y))
    QTest.mouseMove(view.viewport(), QPoint(900, y))
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(900, y))
    assert view.selected_text() == "20"


def test_without_a_selection_the_current_row_and_its_hunk_are_copied(view: DiffView) -> None:
    view.show_diff(change())
    view.go_to_row(view.rows.changes[1])
    assert copied(view) == "line 50\n"
    assert apply_diff(BEFORE, view.selected_patch()) == BEFORE.replace("line 50\n", "")


def test_hunks_have_the_buttons_of_the_owner(view: DiffView, qtbot: QtBot) -> None:
    view.show_diff(change())
    pressed: list[tuple[int, str]] = []
    view.hunk_activated.connect(lambda hunk, name: pressed.append((hunk, name)))
    view.set_controls({0: HunkControls(actions=(("stage", "Stage"),)), 1: HunkControls("staged")})
    rows = [row for row in range(len(view.rows)) if view.rows[row].run.hunk >= 0]
    assert [texts(view)[row].rpartition("lines ")[2] for row in rows] == ["line 16, can be: Stage", "line 46, staged"]
    for row in rows:
        y = view.top_of(row) + view.row_height // 2
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(view.viewport().width() - 40, y))
    assert pressed == [(0, "stage")]
    view.go_to_row(view.rows.changes[1])
    assert view.current_hunk() == 1


def test_a_file_with_one_side_has_one_column(view: DiffView) -> None:
    view.set_split(True)
    for before, after, columns in ((BEFORE, AFTER, 2), (None, AFTER, 1), (BEFORE, None, 1)):
        view.show_diff(change(before, after))
        assert len(view._columns()) == columns
        assert view.is_split


def test_a_newer_change_keeps_the_place_and_what_was_opened(view: DiffView) -> None:
    view.show_diff(change())
    view.toggle_all()
    view.verticalScrollBar().setValue(500)
    place = view.place()
    view.show_diff(change(after="a\nb\n" + AFTER), keep_place=True)
    assert view.place() == place
    assert not any(text.startswith("…") for text in texts(view)[:20])
    view.show_diff(change(after="new\n"), keep_place=True)
    view.show_diff(None, keep_place=True)
    assert view.model().rowCount() == 0


def test_unified_and_split_show_the_same_place(view: DiffView) -> None:
    view.show_diff(change())
    view.toggle_all()
    view.verticalScrollBar().setValue(450)
    place = view.place()
    view.set_split(True)
    assert view.place() == place
    view.set_split(False)
    assert view.place() == place


def test_both_themes_paint_tints_marks_and_colours(view: DiffView, style: Style) -> None:
    before, after = "def f():\n    return 'one thing'\n", "def f():\n    return 'one other thing'\n"
    for theme in (LIGHT, DARK):
        view.set_style(Style(theme, style.lexer))
        view.show_diff(change(before, after, "made.py"))
        view.grab()  # the lexer is asked
        seen = colors(view.grab().toImage())
        for name in ("base", "added", "removed", "added_mark"):
            assert QColor(getattr(theme, name)).rgb() in seen, name
        assert QColor(theme.syntax.keyword).rgb() in seen


def colors(image: QImage) -> set[int]:
    return {image.pixel(x, y) for x in range(image.width()) for y in range(min(120, image.height()))}


def test_colours_come_later(qtbot: QtBot, style: Style) -> None:
    waiting: list[tuple[Callable[[], Spans], Callable[[Spans], object]]] = []
    lexer = Lexer(lambda function, then: waiting.append((function, then)))
    late = DiffView(Style(LIGHT, lexer))
    qtbot.addWidget(late)
    late.resize(500, 200)
    late.show_diff(change(None, "def f():\n    return 1\n", "made.py"))
    late.show()
    keyword = QColor(LIGHT.syntax.keyword).rgb()
    assert keyword not in colors(late.grab().toImage())
    for function, then in waiting:
        then(function())
    assert keyword in colors(late.grab().toImage())


HOSTILE = [
    change(None, "x" * 10_000_000),
    change("a\r\nb\nc", "a\nb\r\nc\n"),
    change("\x00\x01\x1b[31m\x7f\n".replace("\x00", ""), "\u202eevil\u2066 \ufeff\u200f\n"),
    change("שלום עולם\n", "שלום עולם, مرحبا\n"),
    change("😀 = 1\n" * 3, "😀😀 = 12\n" * 2),
    change("\n" * 500, "\n" * 499 + "\f\v\x85\u2028\n"),
    change(None, ""),
    diff_of_contents("f", b"\0\1", b"\0\2"),
    diff_of_contents("f", None, None),
    diff_of_patch("f", "@@ -1 +1 @@\n-a\n+b\n@@ -7,2 +7,2 @@\n-a\n+b\n c\nBinary files differ\n", "Not all is known."),
    diff_of_patch("f", "@@ nonsense\n" * 10),
]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("diff", HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
def test_hostile_contents_are_shown(view: DiffView, diff: FileDiff, split: bool) -> None:
    view.set_split(split)
    view.show_diff(diff)
    view.grab()
    view.select_all()
    view.toggle_all()
    view.grab()
    view.selected_text()
    view.selected_patch()
    for position in (QPoint(0, 0), QPoint(120, 30), QPoint(590, 390)):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=position)
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=position)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_Right, Qt.Key.Key_Home):
        QTest.keyClick(view, key)
    view.step_change(1)
    view.go_to_line(1)
    view.grab()


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert shown_text("a\x1b\u202eb\r\n") == "a␛\ufffdb"
    assert shown_text("a\r\n", ends=True) == "a␍"
    assert shown_text("a\rb\n") == "a␍b"
    assert shown_text("x" * 5_000).endswith("3,000 more characters")
    assert unit("a😀b", 2) == 3


def test_characters_beyond_the_basic_plane_are_selected_whole(view: DiffView) -> None:
    view.show_diff(change(None, "😀😀 word\n"))
    column = view._columns()[0]
    digit = view._style.mono_metrics.horizontalAdvance("0")
    line = view._lines.line(view.rows[0], 1)
    QTest.mouseDClick(
        view.viewport(),
        Qt.MouseButton.LeftButton,
        pos=QPoint(round(column.text + line.x_of(4) + digit / 4), view.top_of(0) + 4),
    )
    assert view.selected_text() == "word"


def test_long_lines_are_scrolled_to(view: DiffView) -> None:
    view.show_diff(change(None, "short\n" + "\t" * 20 + "long" * 50 + "\n"))
    assert view.horizontalScrollBar().maximum() > 1_000
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.horizontalScrollBar().value() > 0


def test_rows_are_a_list_for_screen_readers(view: DiffView) -> None:
    view.show_diff(change())
    interface = QAccessible.queryAccessibleInterface(view)
    assert interface.text(QAccessible.Text.Name) == "Changes of a file"
    assert interface.role() == QAccessible.Role.List
    rows = interface.childCount()
    assert rows >= view.model().rowCount()
    assert interface.child(1).text(QAccessible.Text.Name).startswith("unchanged line 17")
    assert view.indexAt(QPoint(10, view.top_of(2) + 2)).row() == 2
    assert view.visualRect(QModelIndex()).isEmpty()
