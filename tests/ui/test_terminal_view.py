"""The view of output: follows, wraps, selects, copies, and survives what programs print."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.sessions.terminal.parser import Row
from app.sessions.terminal.pens import Pens
from app.ui.terminal import output
from app.ui.terminal.cells import Line, line_of
from app.ui.terminal.output import OutputModel
from app.ui.terminal.painting import Mark
from app.ui.terminal.reading import parse
from app.ui.terminal.view import MARGIN, TOP, OutputView
from app.ui.theme import DARK, LIGHT


def lines(*texts: str) -> list[Line]:
    return [line_of(Row(text)) for text in texts]


class Shown:
    """A view of 400 × 200 pixels."""

    def __init__(self, qtbot: QtBot) -> None:
        self.model = OutputModel()
        self.view = OutputView(self.model, LIGHT)
        qtbot.addWidget(self.view)
        self.view.resize(400, 200)
        self.view.show()
        qtbot.waitExposed(self.view)

    def show(self, *texts: str) -> None:
        made = lines(*texts)
        self.model.show(made, Pens(), max(line.width for line in made))
        self.settle()

    def settle(self) -> None:
        QApplication.processEvents()
        self.view.viewport().repaint()

    @property
    def value(self) -> int:
        return self.view.verticalScrollBar().value()

    @property
    def maximum(self) -> int:
        return self.view.verticalScrollBar().maximum()

    def point(self, row: int, column: float) -> QPoint:
        inks = self.view._inks
        y = TOP + row * inks.line_height + inks.line_height // 2 - self.value
        return QPoint(round(MARGIN + column * inks.cell), y)

    def drag(self, first: QPoint, last: QPoint) -> None:
        viewport = self.view.viewport()
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=first)
        QTest.mouseMove(viewport, last)
        from PySide6.QtCore import QEvent, QPointF
        from PySide6.QtGui import QMouseEvent

        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(last), QPointF(last), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(viewport, event)
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=last)


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    return Shown(qtbot)


def test_it_opens_at_the_end_and_follows_until_one_scrolls_up(shown: Shown) -> None:
    shown.show(*(f"line {number}" for number in range(100)))
    assert shown.value == shown.maximum > 0
    shown.model.add(lines("more"), None)
    shown.settle()
    assert shown.value == shown.maximum
    shown.view.verticalScrollBar().setValue(100)
    assert not shown.view.is_following
    shown.model.add(lines("and more"), None)
    shown.settle()
    assert shown.value == 100
    QTest.keyClick(shown.view, Qt.Key.Key_End)
    assert shown.view.is_following and shown.value == shown.maximum


def test_all_of_an_output_comes_below_the_reader(shown: Shown) -> None:
    texts = [f"line {number}" for number in range(1000)]
    shown.show(*texts[900:])
    shown.view.verticalScrollBar().setValue(shown.maximum - 300)
    row = shown.model.lines[shown.view.first_visible()].text
    shown.show(*texts)
    assert shown.model.lines[shown.view.first_visible()].text == row


def test_the_open_row_is_replaced(shown: Shown) -> None:
    shown.model.show([], Pens())
    shown.model.add([], line_of(Row("10%", (), False)))
    shown.model.add([], line_of(Row("20%", (), False)))
    assert [line.text for line in shown.model.lines] == ["20%"] and shown.model.is_open
    shown.model.add(lines("100%", "done"), None)
    assert [line.text for line in shown.model.lines] == ["100%", "done"] and not shown.model.is_open
    shown.model.add([], line_of(Row("x", (), False)))
    shown.model.add([], None)
    assert [line.text for line in shown.model.lines] == ["100%", "done"]
    assert shown.view._steps.total == 2


def test_wrapping_makes_long_lines_whole(shown: Shown) -> None:
    shown.show("x" * 1000, "end")
    columns = shown.view._columns()
    assert shown.view._steps.total == -(-1000 // columns) + 1
    assert shown.view.horizontalScrollBar().maximum() == 0
    shown.view.set_wrapped(False)
    assert shown.view._steps.total == 2
    assert shown.view.horizontalScrollBar().maximum() > 5000
    shown.view.resize(200, 200)
    shown.view.set_wrapped(True)
    assert shown.view._steps.total > -(-1000 // columns) + 1


def test_a_selection_is_copied_without_sequences(shown: Shown) -> None:
    parsed = parse(("\x1b[31mred\x1b[0m line\nsecond\nthird\n", ""))
    assert parsed is not None
    shown.model.show(parsed.lines, parsed.pens)
    shown.settle()
    shown.drag(shown.point(0, 4), shown.point(1, 3))
    assert shown.view.selected_text() == "line\nsec"
    copied: list[str] = []
    shown.view.copied.connect(copied.append)
    QTest.keyClick(shown.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied == ["line\nsec"]
    QTest.keyClick(shown.view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert shown.view.selected_text() == "red line\nsecond\nthird"


def test_lines_that_were_cut_are_copied_whole(shown: Shown) -> None:
    parsed = parse(("x" * 10_000 + "\nend", ""))
    assert parsed is not None and len(parsed.lines) == 4
    shown.model.show(parsed.lines, parsed.pens)
    shown.view.select_all()
    assert shown.view.selected_text() == "x" * 10_000 + "\nend"


def test_a_double_click_takes_a_word_and_the_keyboard_takes_rows(shown: Shown) -> None:
    shown.show("one two", "three", "four")
    QTest.mouseDClick(shown.view.viewport(), Qt.MouseButton.LeftButton, pos=shown.point(0, 5))
    assert shown.view.selected_text() == "two"
    shown.view._selection = None
    shown.view.setCurrentIndex(shown.model.index(0))
    QTest.keyClick(shown.view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert shown.view.selected_text() == "one two\nthree"


def test_rows_are_a_list_for_screen_readers(shown: Shown) -> None:
    shown.show("one", "two")
    assert shown.view.accessibleName() == "Command output"
    assert [shown.model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)] == ["one", "two"]
    assert shown.view.indexAt(shown.point(1, 0)).row() == 1
    told = QAccessible.queryAccessibleInterface(shown.view)
    assert told.role() == QAccessible.Role.List and told.text(QAccessible.Text.Name) == "Command output"
    assert [told.child(row).text(QAccessible.Text.Name) for row in range(told.childCount())] == ["one", "two"]
    assert shown.view.visualRect(shown.model.index(1)).contains(shown.point(1, 0))


def test_a_match_is_brought_into_view(shown: Shown) -> None:
    shown.show(*(f"line {number} " + "x" * 300 for number in range(500)))
    shown.view.show_match(250, 2)
    assert shown.view.visualRect(shown.model.index(250)).top() in range(200)
    shown.view.set_wrapped(False)
    shown.view.show_match(10, 300)
    assert shown.view.horizontalScrollBar().value() > 0
    assert not shown.view.is_following
    shown.view.show_match(499, 0)
    assert shown.view.is_following
    shown.view.show_found({10: [Mark(300, 305, "found")]})
    shown.settle()


def test_what_goes_on_and_on_stays_bounded(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MOST_LINES", 1000)
    monkeypatch.setattr(output, "_FORGOTTEN", 100)
    shown.model.show([], Pens())
    for number in range(50):
        shown.model.add(lines(*(f"{number}.{part}" for part in range(100))), None)
        shown.settle()
    assert len(shown.model.lines) <= 1100 and shown.model.lines[-1].text == "49.99"
    assert shown.view._steps.total == len(shown.model.lines) and shown.value == shown.maximum


HOSTILE = [
    "\x1b[31m" + "x" * 3_000_000,
    "".join(chr(code) for code in range(0x300)) * 20,
    bytes(range(256)).decode("utf-8", "replace") * 500,
    "\x1b[2J\x1b[1;1H\x1b[5B\x1b[3A\x1b[?1049h" * 2000 + "screen",
    "\u202e\u2067\u200f" * 2000 + "שלום" * 2000,
    "e" + "\u0301" * 5000,
    "\t" * 5000,
    "漢" * 5000,
    "\ud800\udfff" * 100,
    "\r".join(f"{number}%" for number in range(50_000)),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("wrapped", [True, False])
def test_hostile_output_is_painted_soon(shown: Shown, text: str, wrapped: bool) -> None:
    shown.view.set_wrapped(wrapped)
    parsed = parse((text, ""))
    assert parsed is not None
    shown.model.show(parsed.lines, parsed.pens)
    shown.settle()
    for place in (0, shown.maximum // 2, shown.maximum):
        shown.view.verticalScrollBar().setValue(place)
        begun = time.thread_time()
        shown.view.viewport().repaint()
        assert time.thread_time() - begun < 1.0
    shown.view.set_theme(DARK)


def test_any_output_can_be_painted(shown: Shown) -> None:
    pieces = st.sampled_from(
        ["\x1b[", "31m", "7m", "0m", "\x1b[1;3;4;9m", "x" * 90, "漢", "\t", "\r", "\n", "\x08", "\u202e"]
    )

    @settings(max_examples=40)
    @given(st.lists(pieces, max_size=30), st.booleans())
    def check(sent: list[str], wrapped: bool) -> None:
        parsed = parse(("".join(sent), "err"))
        assert parsed is not None
        shown.view.set_wrapped(wrapped)
        shown.model.show(parsed.lines, parsed.pens, parsed.widest, parsed.stderr)
        shown.view.select_all()
        shown.settle()

    check()
