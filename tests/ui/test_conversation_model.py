"""The model of one session: tail first, the rest as it is wanted, live rows, drafts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from app.sessions import events as kinds
from app.sessions.events import AgentMessage, UserMessage
from app.sessions.views import Author, Event
from app.ui.conversation.blocks import Ask, Card, Heading, Mark, Prose
from app.ui.models.conversation import ConversationModel
from app.ui.models.held_events import KEPT_EVENTS
from tests.helpers.conversations import NOW, draft, event, messages, timeline, tool


class Given:
    """A model over events, checked by Qt's own tester, with a fetch that answers when told."""

    def __init__(self, of: Sequence[Event]) -> None:
        self.of = {one.row: one for one in of}
        self.asked: list[list[int]] = []
        self.model = ConversationModel(lambda rows: self.asked.append(list(rows)), lambda: NOW)
        self.tester = QAbstractItemModelTester(self.model, QAbstractItemModelTester.FailureReportingMode.Fatal)

    def answer(self) -> None:
        for rows in self.asked:
            self.model.add_events([self.of[row] for row in rows])
        self.asked.clear()


@pytest.fixture
def thousand(qapp: QApplication) -> Given:
    given = Given(messages(1000))
    given.model.show_tail(list(given.of.values())[-80:])
    return given


def test_the_tail_is_there_at_once(thousand: Given) -> None:
    assert thousand.model.rowCount() == 80
    assert thousand.asked == []
    assert thousand.model.blocks(79, False) is not None
    assert thousand.model.last_event == "0000001000"


def test_the_timeline_comes_before_the_tail_and_after_it(thousand: Given) -> None:
    kept = thousand.model.row_id(0)
    late = event(1001, AgentMessage(text="late"))
    thousand.of[1001] = late
    thousand.model.set_timeline(timeline(list(thousand.of.values())))
    assert thousand.model.rowCount() == 1001
    assert thousand.model.row_of(kept) == 920
    assert thousand.model.blocks(0, False) is None
    assert thousand.model.is_complete


def test_an_equal_timeline_changes_nothing(thousand: Given) -> None:
    whole = timeline(list(thousand.of.values()))
    thousand.model.set_timeline(whole)
    inserted: list[object] = []
    thousand.model.rowsInserted.connect(inserted.append)
    thousand.model.modelReset.connect(lambda: inserted.append("reset"))
    thousand.model.set_timeline(whole)
    assert inserted == []


def test_events_that_came_in_the_middle_begin_anew(thousand: Given) -> None:
    whole = list(thousand.of.values())
    thousand.model.set_timeline(timeline(whole))
    middle = event(5000, UserMessage(text="from another device"))
    thousand.model.set_timeline(timeline([*whole[:990], middle, *whole[990:]]))
    assert thousand.model.rowCount() == 1001
    assert thousand.model.row_of(5000) == 990


def test_what_is_wanted_is_fetched_once_with_its_surroundings(thousand: Given) -> None:
    thousand.model.set_timeline(timeline(list(thousand.of.values())))
    thousand.model.want(100, 110)
    thousand.model.want(101, 111)
    assert len(thousand.asked) == 1
    assert set(range(101, 112)) <= set(thousand.asked[0])
    thousand.answer()
    assert thousand.model.blocks(105, False) is not None
    thousand.model.want(100, 110)
    assert thousand.asked == []


def test_a_failed_fetch_is_tried_again(thousand: Given) -> None:
    thousand.model.set_timeline(timeline(list(thousand.of.values())))
    thousand.model.want(100, 110)
    thousand.model.fetch_failed(thousand.asked.pop())
    thousand.model.want(100, 110)
    assert len(thousand.asked) == 1


def test_bodies_held_are_bounded(qapp: QApplication) -> None:
    given = Given(messages(2 * KEPT_EVENTS))
    given.model.set_timeline(timeline(list(given.of.values())))
    for row in range(0, 2 * KEPT_EVENTS, 40):
        given.model.want(row, row + 40)
        given.answer()
    here = sum(given.model.blocks(row, False) is not None for row in range(2 * KEPT_EVENTS))
    assert KEPT_EVENTS - 200 < here <= KEPT_EVENTS


def test_a_result_that_arrives_changes_the_card_of_its_call(qapp: QApplication) -> None:
    given = Given(())
    call, result = (event(row, body) for row, body in enumerate(tool("c1"), 1))
    given.model.set_live(True)
    given.model.append_events([call])
    changed: list[set[int]] = []
    given.model.contents_changed.connect(changed.append)
    given.model.append_events([result])
    assert {1, 2} in changed
    blocks = given.model.blocks(0, False) or ()
    assert [block.mark for block in blocks if isinstance(block, Card)] == [Mark.DONE]
    assert given.model.blocks(1, False) == ()


def test_only_the_turn_that_runs_is_shown_as_running(qapp: QApplication) -> None:
    given = Given(())
    call = kinds.ToolCall(call_id="old", name="run")
    given.model.append_events([event(1, call, turn="earlier"), event(2, UserMessage(text="hi"), turn="now")])
    given.model.append_events([event(3, kinds.ToolCall(call_id="new", name="run"), turn="now")])
    given.model.set_live(True)
    marks = [block.mark for row in (0, 2) for block in given.model.blocks(row, False) or () if isinstance(block, Card)]
    assert marks == [Mark.NONE, Mark.RUNNING]


def test_appending_what_is_there_already_adds_nothing(thousand: Given) -> None:
    thousand.model.append_events(list(thousand.of.values())[-5:])
    assert thousand.model.rowCount() == 80


def test_kinds_that_nobody_sees_have_no_row(qapp: QApplication) -> None:
    given = Given(())
    given.model.append_events([event(1, kinds.SessionSet(fields={"title": "x"})), event(2, kinds.Usage(input=1))])
    assert given.model.rowCount() == 0
    assert given.model.last_event == "0000000002"


def test_drafts_stand_last_and_grow(thousand: Given) -> None:
    model = thousand.model
    model.set_drafts([draft("Hel")])
    assert model.rowCount() == 81
    identifier = model.row_id(80)
    changed: list[set[int]] = []
    model.contents_changed.connect(changed.append)
    model.set_drafts([draft("Hello")])
    assert changed == [{identifier}]
    assert model.row_id(80) == identifier
    assert (model.blocks(80, False) or ())[-1] == Prose("Hello", streaming=True)
    assert model.index(80).data(Qt.ItemDataRole.AccessibleTextRole) == "Hello"
    model.append_events([event(1001, AgentMessage(text="Hello"))])
    model.set_drafts([])
    assert model.rowCount() == 81


def test_a_draft_that_became_an_event_is_recognised(thousand: Given) -> None:
    thousand.model.append_events([event(1001, AgentMessage(text="Hello world"), turn="t9")])
    assert thousand.model.has_said(draft("Hello", turn="t9"))
    assert not thousand.model.has_said(draft("Something else", turn="t9"))
    assert not thousand.model.has_said(draft("Hello", turn="t8"))


def test_a_new_speaker_s_draft_has_a_heading(qapp: QApplication) -> None:
    given = Given(())
    given.model.append_events([event(1, UserMessage(text="hi"))])
    given.model.set_drafts([draft("Hello")])
    assert isinstance((given.model.blocks(1, False) or ())[0], Heading)


def test_the_open_question_is_the_newest_without_an_answer(qapp: QApplication) -> None:
    given = Given(())
    request = kinds.PermissionRequest(request_id="r1", call_id="c1", name="run", title="Run")
    given.model.append_events([event(1, kinds.ToolCall(call_id="c1", name="run")), event(2, request)])
    assert given.model.open_request() is None
    given.model.set_live(True)
    assert given.model.open_request() == (1, "r1")
    assert any(isinstance(block, Ask) for block in given.model.blocks(1, False) or ())
    # The answer has no row and may come from another process, without a turn.
    answer = event(3, kinds.PermissionAnswer(request_id="r1", answer="once"), turn=None)
    given.model.append_events([answer])
    assert given.model.open_request() is None
    assert given.model.rowCount() == 2


def test_a_question_of_an_earlier_turn_is_no_longer_open(qapp: QApplication) -> None:
    given = Given(())
    request = kinds.PermissionRequest(request_id="r1", call_id="c1", name="run", title="Run")
    given.model.append_events([event(1, request, turn="earlier"), event(2, UserMessage(text="go on"), turn="now")])
    given.model.set_live(True)
    assert given.model.open_request() is None
    assert not any(isinstance(block, Ask) for block in given.model.blocks(0, False) or ())


def test_places_stay_with_their_content(thousand: Given) -> None:
    assert thousand.model.row_of(999_999) is None
    assert thousand.model.row_of(-5) is None
    assert thousand.model.row_ids(0, 2) == [921, 922, 923]
    assert list(thousand.model.lines(78, 79)) == [1, 7]


def test_rows_are_spoken_with_author_kind_and_state(qapp: QApplication) -> None:
    failed = kinds.CommandResult(call_id="c2", exit_code=1, stderr="no such file")
    given = Given(
        [
            event(1, UserMessage(text="Hello")),
            *(event(2 + n, body) for n, body in enumerate(tool("c1"))),
            event(4, kinds.Command(call_id="c2", command="cat x")),
            event(5, failed),
            event(6, AgentMessage(text="word " * 10_000)),
        ]
    )
    given.model.show_tail(list(given.of.values()))
    role = Qt.ItemDataRole.AccessibleTextRole
    spoken = [str(given.model.data(given.model.index(row, 0), role)) for row in range(given.model.rowCount())]
    assert spoken[0].startswith("Ana, ")
    assert spoken[0].endswith(": Hello")
    assert "scripted, " in spoken[1]
    assert spoken[1].endswith("Read, a.py · ok, done")
    assert spoken[2] == ""
    assert spoken[3].endswith("exit 1, failed")
    assert 1_000 < len(spoken[5]) <= 4_000


@pytest.mark.parametrize(
    ("author", "is_open"),
    [
        (Author("me", "phone", "Ada", None), True),
        (Author("me", "here", "Ada", None), False),
        (Author("somebody", "theirs", "Bob", None), False),
        (Author("me", "phone", "Ada", None, claimed=True), False),
    ],
)
def test_another_device_of_this_person_may_still_wait(qapp: QApplication, author: Author, is_open: bool) -> None:
    given = Given(())
    given.model.identity, given.model.device = "me", "here"
    request = kinds.PermissionRequest(request_id="r1", call_id="c1", name="run", title="Run")
    prompt = event(2, UserMessage(text="and then"), turn="from here")
    ours = Author("me", "here", "Ada", None)
    given.model.append_events(
        [
            msgspec.structs.replace(event(1, request, turn="theirs"), author=author),
            msgspec.structs.replace(prompt, author=ours),
        ]
    )
    assert (given.model.open_request() == (0, "r1")) is is_open
    assert any(isinstance(block, Ask) for block in given.model.blocks(0, False) or ()) is is_open


def test_what_answers_an_earlier_prompt_says_so(qapp: QApplication) -> None:
    given = Given(())
    call = kinds.ToolCall(call_id="c1", name="run")
    first = [event(1, UserMessage(text="first"), turn="one"), event(2, call, turn="one")]
    second = [event(3, UserMessage(text="second"), turn="two")]
    late = [
        event(4, kinds.ToolResult(call_id="c1", status="completed"), turn="one"),
        event(5, AgentMessage(text="done"), turn="one"),
        event(6, AgentMessage(text="really"), turn="one"),
        event(7, AgentMessage(text="now the other"), turn="two"),
    ]
    given.model.append_events([*first, *second, *late])
    heads = [
        next((block.detail for block in given.model.blocks(row, False) or () if isinstance(block, Heading)), None)
        for row in range(given.model.rowCount())
    ]
    assert heads == ["", "", "", None, "to “first”", None, ""]
