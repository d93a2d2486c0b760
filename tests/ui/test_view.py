"""The conversation view: geometry, the reader's place, keys, selection, cards, streaming."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QImage, QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView
from pytestqt.qtbot import QtBot

from app.sessions import events as kinds
from app.sessions.events import AgentMessage, UserMessage
from app.sessions.views import Event
from app.ui.conversation.layout import ProsePart
from app.ui.conversation.parts import Style
from app.ui.conversation.view import ConversationView
from app.ui.models.conversation import ConversationModel
from tests.helpers.conversations import NOW, draft, event, events, messages, timeline, tool


class Shown:
    """A view over events, whose fetches are answered at once or when told."""

    def __init__(
        self, qtbot: QtBot, style: Style, of: Sequence[Event], *, tail: int = 80, at_once: bool = True
    ) -> None:
        self.of = {one.row: one for one in of}
        self.waiting: list[list[int]] = []
        self.at_once = at_once
        self.model = ConversationModel(self.fetch, lambda: NOW)
        self.view = ConversationView(self.model, style)
        qtbot.addWidget(self.view)
        self.view.resize(700, 500)
        self.view.show()
        self.model.show_tail(list(of)[-tail:])
        self.model.set_timeline(timeline(of))
        self.settle()

    def fetch(self, rows: Sequence[int]) -> None:
        self.waiting.append(list(rows))
        if self.at_once:
            self.answer()

    def answer(self) -> None:
        while self.waiting:
            rows = self.waiting.pop()
            self.model.add_events([self.of[row] for row in rows if row in self.of])

    def settle(self) -> None:
        for _ in range(4):
            QGuiApplication.processEvents()

    def rows(self) -> list[int]:
        return [row for row, _top in self.view._rows.visible]

    def top_of(self, row: int) -> int:
        return dict(self.view._rows.visible)[row]

    def click(self, x: int, y: int) -> None:
        QTest.mouseClick(self.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, y))
        self.settle()

    def drag(self, start: QPoint, end: QPoint) -> None:
        QTest.mousePress(self.view.viewport(), Qt.MouseButton.LeftButton, pos=start)
        left, none, plain = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(end), QPointF(end), none, left, plain)
        QGuiApplication.sendEvent(self.view.viewport(), move)
        QTest.mouseRelease(self.view.viewport(), Qt.MouseButton.LeftButton, pos=end)
        self.settle()


@pytest.fixture
def long(qtbot: QtBot, style: Style) -> Iterator[Shown]:
    yield Shown(qtbot, style, messages(3000))


def test_opens_at_the_end(long: Shown) -> None:
    assert long.rows()[-1] == 2999
    bar = long.view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 10_000


def test_only_what_is_near_is_laid_out(long: Shown) -> None:
    assert len(long.view._rows._layouts) < 100


def test_the_end_is_followed_while_it_is_in_sight(long: Shown) -> None:
    long.model.append_events([event(9001, AgentMessage(text="new"))])
    long.settle()
    assert long.rows()[-1] == 3000
    long.view.verticalScrollBar().setValue(5000)
    long.model.append_events([event(9002, AgentMessage(text="newer"))])
    long.settle()
    assert 3001 not in long.rows()
    long.view.show_end()
    assert long.rows()[-1] == 3001


def test_scrolling_to_the_end_by_hand_follows_again(long: Shown) -> None:
    told: list[bool] = []
    long.view.following_changed.connect(told.append)
    bar = long.view.verticalScrollBar()
    bar.setValue(4000)
    bar.setValue(bar.maximum())
    assert told == [False, True]


def test_what_is_measured_above_never_moves_the_text(long: Shown) -> None:
    long.view.go_to_row(1500)
    row, top = long.view._rows.visible[0]
    for above in range(1400, 1500):
        long.view._rows.lay_out(above)
    long.view._arrange()
    assert long.view._rows.visible[0] == (row, top)


def test_rows_that_come_before_never_move_the_text(qtbot: QtBot, style: Style) -> None:
    of = messages(500)
    shown = Shown(qtbot, style, of[-100:])
    shown.view.go_to_row(50)
    seen, top = shown.model.row_id(shown.rows()[0]), shown.view._rows.visible[0][1]
    shown.of = {one.row: one for one in of}
    shown.model.set_timeline(timeline(of))
    shown.settle()
    assert (shown.model.row_id(shown.rows()[0]), shown.view._rows.visible[0][1]) == (seen, top)


def test_scrolling_line_by_line_up_reaches_the_start_and_down_the_end(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, messages(120))
    bar = shown.view.verticalScrollBar()
    for _ in range(2000):
        bar.setValue(bar.value() - 40)
        if bar.value() == 0:
            break
    assert shown.view._rows.visible[0] == (0, 0)
    for _ in range(2000):
        bar.setValue(bar.value() + 40)
        if bar.value() == bar.maximum():
            break
    assert shown.rows()[-1] == 119


def test_every_scroll_position_shows_the_rows_in_order_without_gaps(long: Shown) -> None:
    bar = long.view.verticalScrollBar()
    for value in range(0, bar.maximum(), 7919):
        bar.setValue(value)
        bottom = None
        for row, top in long.view._rows.visible:
            assert bottom is None or top == bottom
            bottom = top + long.view._rows.heights[row]
        assert bottom is not None
        assert bottom >= long.view.viewport().height() - 20


def test_rows_that_are_not_here_yet_are_placeholders_then_text(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, messages(3000), at_once=False)
    shown.view.verticalScrollBar().setValue(3000)
    shown.settle()
    assert shown.model.blocks(shown.rows()[0], False) is None
    row = shown.view._rows.visible[0][0]
    shown.view.viewport().grab()
    shown.answer()
    shown.settle()
    assert shown.rows()[0] == row
    assert shown.model.blocks(row, False) is not None


def test_keys(long: Shown) -> None:
    view = long.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Home)
    long.settle()
    assert view._rows.visible[0] == (0, 0)
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.currentIndex().row() == 2
    QTest.keyClick(view, Qt.Key.Key_PageDown)
    assert view._rows.visible[0][0] > 0
    QTest.keyClick(view, Qt.Key.Key_End)
    long.settle()
    assert view.currentIndex().row() == 2999
    assert long.rows()[-1] == 2999


def test_moving_skips_rows_that_are_part_of_another_card(qtbot: QtBot, style: Style) -> None:
    of = events([UserMessage(text="a"), *tool("c1"), AgentMessage(text="b")])
    shown = Shown(qtbot, style, of)
    shown.view.setCurrentIndex(shown.model.index(1, 0))
    QTest.keyClick(shown.view, Qt.Key.Key_Down)
    assert shown.view.currentIndex().row() == 3


def test_steps_between_turns(long: Shown) -> None:
    long.view.go_to_row(100)
    long.view.step_turn(1)
    assert long.view._rows.visible[0] == (102, 0)
    long.view.step_turn(-1)
    assert long.view._rows.visible[0] == (100, 0)
    long.view.verticalScrollBar().setValue(long.view.verticalScrollBar().value() + 5)
    long.view.step_turn(-1)
    assert long.view._rows.visible[0] == (100, 0)


def test_a_place_is_found_again(long: Shown) -> None:
    long.view.go_to_row(700)
    place = long.view.place()
    long.view.show_end()
    assert long.view.place() is None
    assert long.view.go_to_place(place)
    assert long.view._rows.visible[0] == (700, 0)
    assert not long.view.go_to_place((123_456, 0))


def test_showing_a_row_marks_it(long: Shown) -> None:
    long.view.show_row(1234)
    long.settle()
    assert 1234 in long.rows()
    assert long.view.currentIndex().row() == 1234


def test_geometry_for_accessibility(long: Shown) -> None:
    row, top = long.view._rows.visible[1]
    index = long.model.index(row, 0)
    box = long.view.visualRect(index)
    assert box.top() == top
    assert long.view.indexAt(box.center()).row() == row
    long.view.scrollTo(long.model.index(10, 0))
    assert long.view.visualRect(long.model.index(10, 0)).top() >= 0
    long.view.scrollTo(long.model.index(2000, 0), QAbstractItemView.ScrollHint.EnsureVisible)
    assert 2000 in long.rows()


def test_a_selection_across_rows_is_copied(qtbot: QtBot, style: Style) -> None:
    of = events([UserMessage(text="First words"), AgentMessage(text="Middle **bold**"), UserMessage(text="Last words")])
    shown = Shown(qtbot, style, of)
    left = shown.view.column()[0]
    first, last = shown.top_of(0) + 55, shown.top_of(2) + 55
    shown.drag(QPoint(left, first), QPoint(left + 31, last))
    shown.view.setFocus()
    text = shown.view.selected_text() or ""
    assert text.startswith("First words\n\nMiddle **bold**\n\nLast")
    assert len(text) < len("First words\n\nMiddle **bold**\n\nLast words")
    copied: list[str] = []
    shown.view.copied.connect(copied.append)
    QTest.keySequence(shown.view, QKeySequence(QKeySequence.StandardKey.Copy))
    assert copied == [text]


def test_everything_can_be_selected_and_what_is_not_here_is_asked_for(long: Shown) -> None:
    long.view.setFocus()
    QTest.keySequence(long.view, QKeySequence(QKeySequence.StandardKey.SelectAll))
    assert long.view.selected_text() is None
    wanted: list[bool] = []
    long.view.copy_wanted.connect(lambda: wanted.append(True))
    QTest.keySequence(long.view, QKeySequence(QKeySequence.StandardKey.Copy))
    assert wanted == [True]


def test_a_double_click_selects_a_word(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, events([UserMessage(text="alpha beta_2 gamma")]))
    x = shown.view.column()[0] + 50
    point = QPoint(x, shown.top_of(0) + 55)
    QTest.mouseDClick(shown.view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert shown.view.selected_text() == "beta_2"


def test_code_is_selected_by_characters(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, events([AgentMessage(text="```\nabc\ndef\n```")]))
    layout = shown.view._rows.lay_out(0)
    assert layout is not None
    code = layout.text(0, layout.length)
    assert code.endswith("abc\ndef")
    shown.drag(QPoint(shown.view.column()[0] + 12, 70), QPoint(690, 95))
    assert shown.view.selected_text() == "abc\ndef"


def test_a_card_opens_and_closes_in_place(qtbot: QtBot, style: Style) -> None:
    of = [*messages(40), *(event(9000 + n, body) for n, body in enumerate(tool("c1", output="one\ntwo\nthree")))]
    shown = Shown(qtbot, style, of)
    row = shown.rows()[-2]
    top = shown.top_of(row)
    before = shown.view._rows.heights[row]
    shown.click(shown.view.column()[0] + 60, top + 20)
    assert shown.view._rows.heights[row] > before
    assert shown.top_of(row) == top
    layout = shown.view._rows.lay_out(row)
    assert layout is not None
    assert "one\ntwo\nthree" in layout.text(0, layout.length)
    shown.click(shown.view.column()[0] + 60, top + 20)
    assert shown.view._rows.heights[row] == before


def test_a_card_opens_by_key(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, events([UserMessage(text="x"), *tool("c1", output="a\nb")]))
    shown.view.setCurrentIndex(shown.model.index(1, 0))
    before = shown.view._rows.heights[1]
    QTest.keyClick(shown.view, Qt.Key.Key_Return)
    assert shown.view._rows.heights[1] > before


def test_a_link_is_told_not_opened_by_dragging(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, events([UserMessage(text="https://example.org/long/path")]))
    told: list[str] = []
    shown.view.link_clicked.connect(told.append)
    left, y = shown.view.column()[0], shown.top_of(0) + 55
    shown.drag(QPoint(left + 5, y), QPoint(left + 80, y))
    assert told == []
    shown.click(left + 20, y)
    assert told == ["https://example.org/long/path"]


def test_the_buttons_of_a_question(qtbot: QtBot, style: Style) -> None:
    request = kinds.PermissionRequest(request_id="r1", call_id="c", name="run", title="Run", input={"command": "ls"})
    shown = Shown(qtbot, style, events([UserMessage(text="x"), request]))
    shown.model.set_live(True)
    shown.settle()
    told: list[tuple[str, str]] = []
    shown.view.answered.connect(lambda *answer: told.append(answer))
    bottom = shown.top_of(1) + shown.view._rows.heights[1]
    for x in (50, 200, 340, 450):
        shown.click(shown.view.column()[0] + x, bottom - 28)
    assert told == [("r1", "once"), ("r1", "always"), ("r1", "reject"), ("r1", "policy")]


def test_streamed_text_parses_only_its_tail(qtbot: QtBot, style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.ui.conversation import markdown

    parsed: list[int] = []
    real = markdown.parse

    def parse(text: str) -> list[markdown.MarkdownBlock]:
        parsed.append(len(text))
        return real(text)

    monkeypatch.setattr(markdown, "parse", parse)
    shown = Shown(qtbot, style, events([UserMessage(text="x")]))
    text = ""
    for number in range(60):
        text += f"Paragraph {number} with some words in it.\n\n"
        shown.model.set_drafts([draft(text)])
        shown.settle()
    assert max(parsed[10:]) < 200
    layout = shown.view._rows.lay_out(1)
    assert layout is not None
    assert "Paragraph 0 " in layout.text(0, layout.length)
    assert "Paragraph 59" in layout.text(0, layout.length)


@pytest.mark.parametrize("step", [1, 7, 40])
def test_streaming_ends_like_parsing_the_whole(style: Style, step: int) -> None:
    text = "# Title\n\nWords *and* more\n\n```py\nx = 1\n\ny = 2\n```\n\n1. one\n2. two\n\n   more\n\n> quote\n\nEnd."
    whole, streamed = ProsePart(style, text, muted=False), ProsePart(style, "", muted=False)
    for end in range(step, len(text) + step, step):
        streamed.update(text[:end])
    for part in (whole, streamed):
        part.resize(500)
    assert streamed.text(0, streamed.length) == whole.text(0, whole.length)


def test_a_long_paragraph_that_grows_lays_out_only_its_last_lines(style: Style) -> None:
    words = [f"word{number}" for number in range(900)]
    whole, streamed = ProsePart(style, " ".join(words), muted=False), ProsePart(style, "", muted=False)
    whole.resize(500)
    for end in range(3, len(words) + 3, 3):
        streamed.update(" ".join(words[:end]))
        streamed.resize(500)
        assert len(streamed.children[-1].text(0, 10_000)) < 2_000
    assert len(streamed.children) > 3
    assert streamed.length == whole.length
    assert abs(streamed.height - whole.height) <= len(streamed.children)
    assert streamed.text(0, streamed.length).replace("\n", " ") == whole.text(0, whole.length)
    streamed.resize(300)
    whole.resize(300)
    assert len(streamed.children) == 1
    assert (streamed.height, streamed.text(0, streamed.length)) == (whole.height, whole.text(0, whole.length))
    streamed.update("Something else. " * 30)
    streamed.resize(300)
    assert streamed.text(0, 15) == "Something else."


def test_a_draft_follows_the_end_and_becomes_the_message(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, messages(100))
    shown.model.set_drafts([draft("word " * 200)])
    shown.settle()
    assert shown.rows()[-1] == 100
    shown.model.append_events([event(9001, AgentMessage(text="word " * 200))])
    shown.model.set_drafts([])
    shown.settle()
    assert shown.rows()[-1] == 100
    assert shown.model.row_id(100) == 9001


def test_wide_code_scrolls_sideways(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, events([AgentMessage(text="```\n" + "x" * 400 + "\n```")]))
    before = shown.view.viewport().grab().toImage()
    point = QPointF(shown.view.column()[0] + 50, 70)
    none = Qt.MouseButton.NoButton
    wheel = QWheelEvent(
        point,
        point,
        QPoint(0, 0),
        QPoint(-240, 0),
        none,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QGuiApplication.sendEvent(shown.view.viewport(), wheel)
    assert shown.view.viewport().grab().toImage() != before


def test_typing_does_not_search_the_rows(long: Shown) -> None:
    before = long.view.currentIndex().row()
    QTest.keyClicks(long.view, "question")
    assert long.view.currentIndex().row() == before


def test_a_narrow_view_still_lays_out(long: Shown) -> None:
    long.view.resize(140, 200)
    long.settle()
    assert long.rows()[-1] == 2999
    image: QImage = long.view.grab().toImage()
    assert image.width() == 140


def test_a_turn_folds_and_unfolds_where_it_is(long: Shown) -> None:
    long.view.go_to_row(1500)
    long.view.fold(1500)
    long.settle()
    assert long.view._rows.visible[0] == (1500, 0)
    assert 1501 not in long.rows()
    assert 1502 in long.rows()
    assert long.view._rows.heights[1501] == 0
    long.view.fold(1500)
    assert 1501 in long.rows()


def test_all_turns_fold_and_the_one_in_sight_stays_in_sight(long: Shown) -> None:
    long.view.go_to_row(1501)
    long.view.fold_all(True)
    long.settle()
    assert long.view._rows.visible[0] == (1500, 0)
    assert all(row % 2 == 0 for row in long.rows())
    bar = long.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert long.rows()[-1] == 2998
    bar.setValue(0)
    assert long.rows()[0] == 0
    long.view.fold_all(False)
    assert long.rows()[:2] == [0, 1]


def test_what_comes_into_a_folded_turn_stays_hidden(long: Shown) -> None:
    long.view.fold(2998)
    long.model.append_events([event(9001, AgentMessage(text="hidden"))])
    long.model.append_events([event(9002, UserMessage(text="shown"))])
    long.view.show_end()
    long.settle()
    assert 3000 not in long.rows()
    assert long.rows()[-1] == 3001


def test_folding_by_key_and_by_the_angle(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, messages(6))
    shown.view.setFocus()
    shown.view.setCurrentIndex(shown.model.index(1, 0))
    QTest.keyClick(shown.view, Qt.Key.Key_Left)
    assert 1 not in shown.rows()
    assert shown.view.currentIndex().row() == 0
    QTest.keyClick(shown.view, Qt.Key.Key_Down)
    assert shown.view.currentIndex().row() == 2
    QTest.keyClick(shown.view, Qt.Key.Key_Up)
    QTest.keyClick(shown.view, Qt.Key.Key_Right)
    assert 1 in shown.rows()
    left, width = shown.view.column()
    shown.click(left + width - 5, shown.top_of(2) + 30)
    assert 3 not in shown.rows()


def test_code_is_copied_by_its_button(qtbot: QtBot, style: Style) -> None:
    shown = Shown(qtbot, style, events([AgentMessage(text="```\nabc\ndef\n```")]))
    copied: list[str] = []
    shown.view.copied.connect(copied.append)
    left, width = shown.view.column()
    shown.click(left + width - 16, 66)
    assert copied == ["abc\ndef"]


def test_rows_are_a_list_for_screen_readers(long: Shown) -> None:
    interface = QAccessible.queryAccessibleInterface(long.view)
    assert interface.text(QAccessible.Text.Name) == "Conversation"
    assert interface.role() == QAccessible.Role.List
    assert interface.childCount() == 3000
    last = interface.child(2999)
    assert "scripted, " in last.text(QAccessible.Text.Name)
    assert "Answer 2999" in last.text(QAccessible.Text.Name)
    assert not last.rect().isEmpty()
