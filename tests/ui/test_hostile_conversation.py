"""Input that nobody should send: the conversation stays responsive and shows something that can be read.

No stretch of work on the main thread may be long. Time is measured in processor time of this thread, which a busy
machine does not stretch, and the bar is `SLICE_MS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.sessions.events import AgentMessage, AnyBody, FileChange, ToolCall, ToolResult, UserMessage
from app.ui.conversation.blocks import Card
from app.ui.conversation.content import LONG_TEXT
from app.ui.conversation.markdown import parse
from app.ui.conversation.parts import Style
from tests.helpers.conversations import draft, event, events
from tests.ui.test_view import Shown

SLICE_MS = 100.0
"""The window's own bar is 50 ms; machines of continuous integration are half as fast."""


class Slices(QObject):
    """The longest times that single rounds of Qt's event loop took of this thread's processor."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0

    def measure(self, work: Callable[[], object]) -> float:
        """Do something, then everything that follows from it, round by round."""
        self._round(work)
        for _ in range(30):
            self._round(lambda: QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 1))
        return self.longest

    def _round(self, work: Callable[[], object]) -> None:
        begun = time.thread_time()
        work()
        self.longest = max(self.longest, (time.thread_time() - begun) * 1e3)


@pytest.fixture
def shown(qtbot: QtBot, style: Style) -> Iterator[Shown]:
    made = Shown(qtbot, style, events([UserMessage(text="x")]))
    made.model.append_events([event(2, AgentMessage(text="**warm** `up`\n\n- a\n\n|a|\n|-|\n|b|"))])
    made.settle()
    made.view.viewport().grab()
    yield made


def add(shown: Shown, *bodies: AnyBody) -> float:
    """Append events and show them; the longest slice in milliseconds."""
    made = [event(row, body, turn="t1") for row, body in enumerate(bodies, 10)]
    shown.of |= {one.row: one for one in made}

    def work() -> None:
        shown.model.append_events(made)

    slices = Slices()
    slices.measure(work)
    return slices.measure(lambda: shown.view.viewport().repaint())


TEN_MEGABYTES = 10 * 1024 * 1024
LONG_TEXTS = {
    "words": "word " * (TEN_MEGABYTES // 5),
    "one line": "x" * TEN_MEGABYTES,
    "lines": "line\n" * (TEN_MEGABYTES // 5),
    "list": "- item\n" * (TEN_MEGABYTES // 7),
    "control": "\x00\x07\x1b[31m\u202e" * (TEN_MEGABYTES // 16),
}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS.keys())
def test_a_message_of_ten_megabytes(shown: Shown, text: str) -> None:
    assert add(shown, AgentMessage(text=text)) < SLICE_MS
    row = shown.model.rowCount() - 1
    blocks = shown.model.blocks(row, False)
    assert blocks is not None
    assert isinstance(blocks[-1], Card)
    assert "Show the rest" in blocks[-1].name
    assert shown.model.text(row) == text
    assert Slices().measure(lambda: shown.view.toggle(row)) < SLICE_MS
    assert Slices().measure(lambda: shown.view.show_end()) < SLICE_MS


TANGLES = {
    "brackets": "[" * LONG_TEXT,
    "images": "![" * LONG_TEXT,
    "links": "[a](b" * LONG_TEXT,
    "stars": "*a **b " * LONG_TEXT,
    "ticks": "`a`b``" * LONG_TEXT,
    "quotes": "> " * LONG_TEXT,
    "nested lists": "".join("  " * depth + "- x\n" for depth in range(200)),
    "open fence": "```python\n" + "x = 1\n" * LONG_TEXT,
    "table": "|a" * 500 + "|\n" + "|-" * 500 + "|\n" + ("|x" * 500 + "|\n") * 5,
    "tags": "<a href='javascript:x'>" * LONG_TEXT,
    "entities": "&amp;" * LONG_TEXT,
    "paths": "a/" * LONG_TEXT + "x.py",
    "addresses": "https://x.y/a(b " * LONG_TEXT,
    "references": "@01M8A29BNZ5Q3KDT3CA9FV83G " * LONG_TEXT,
}


@pytest.mark.parametrize("text", TANGLES.values(), ids=TANGLES.keys())
def test_broken_markdown(shown: Shown, text: str) -> None:
    assert add(shown, AgentMessage(text=text)) < 2 * SLICE_MS
    layout = shown.view._rows.lay_out(shown.model.rowCount() - 1)
    assert layout is not None
    assert layout.height > 10


def test_raw_html_is_text() -> None:
    (block,) = parse("<script>alert(1)</script> <img src=x onerror=y>")
    assert block.html is not None
    assert "<script" not in block.html
    assert "<img" not in block.html


@pytest.mark.parametrize(
    "text",
    [
        "مرحبا بالعالم " * 200,
        "你好世界" * 500,
        "👩‍👩‍👧‍👦" * 300,
        "a\u0301" * 2_000,
        "\u202e\u2066" * 1_000,
        "\ud7ff\ue000\ufffd\uffff\x00\x01",
        "e" + "\u0301" * 5_000,
        "\t" * 3_000,
        "\r\n\u2028\u2029\x0b\x0c" * 300,
    ],
)
def test_scripts_and_control_characters(shown: Shown, text: str) -> None:
    assert add(shown, UserMessage(text=text), AgentMessage(text=f"```\n{text}\n```")) < 2 * SLICE_MS
    for row in (2, 3):
        layout = shown.view._rows.lay_out(row)
        assert layout is not None
        for y in range(0, layout.height, 40):
            layout.text(0, layout.position_at(100, y))
    shown.view.pointing.select_all()
    assert shown.view.selected_text() is not None


def test_a_call_with_a_thousand_changed_files(shown: Shown) -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n"
    changes = [
        FileChange(path=f"src/{n:04d}.py", language="python", diff=diff, added=1, removed=1, call_id="c1")
        for n in range(1000)
    ]
    bodies = [ToolCall(call_id="c1", name="run"), *changes, ToolResult(call_id="c1", status="completed")]
    assert add(shown, *bodies) < SLICE_MS
    blocks = shown.model.blocks(2, False)
    assert blocks is not None
    assert any(isinstance(block, Card) and "1,000 files" in block.summary for block in blocks)
    assert Slices().measure(lambda: shown.view.toggle(2)) < SLICE_MS
    assert Slices().measure(lambda: shown.view.show_end()) < SLICE_MS


def test_a_turn_with_a_thousand_changes_of_its_own(shown: Shown) -> None:
    changes = [FileChange(path=f"src/{n:04d}.py", diff="", added=1, cause="command") for n in range(1000)]
    assert add(shown, *changes) < SLICE_MS
    assert Slices().measure(lambda: shown.view.fold(0)) < SLICE_MS
    assert [row for row, _top in shown.view._rows.visible] == [0]
    assert Slices().measure(lambda: shown.view.fold_all(False)) < SLICE_MS


@pytest.mark.parametrize("piece", ["word ", "line\n\n", "x", "```\n", "- item\n"])
def test_an_agent_that_floods(shown: Shown, qapp: QApplication, piece: str) -> None:
    """20,000 pieces reach the view at most 30 times a second; each look shows the whole text so far."""
    slices = Slices()
    for count in range(500, 20_001, 500):
        text = piece * count
        slices.measure(lambda text=text: shown.model.set_drafts([draft(text)]))  # type: ignore[misc]
    assert slices.longest < SLICE_MS
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
