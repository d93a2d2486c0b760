"""What is drawn anew when rows move, grow or change: afterwards the picture is what drawing all of it would give."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.sessions.events import AgentMessage, UserMessage
from app.sessions.views import Event
from app.ui.conversation.parts import Style
from app.ui.conversation.repainting import Repaint, Shown, repaint
from tests.helpers.conversations import draft, events, messages, tool
from tests.ui.test_view import Shown as View

HEIGHT = 40
BLANK = (-1, -1, -1)


def picture(rows: Sequence[Shown]) -> list[tuple[int, int, int]]:
    """A viewport of lines: of which row, how far below its top, in which version of its text."""
    lines = [BLANK] * HEIGHT
    for row in rows:
        versions = row.layout
        assert isinstance(versions, list)
        for y in range(max(0, row.top), min(HEIGHT, row.top + row.height)):
            lines[y] = (row.identifier, y - row.top, versions[y - row.top])
    return lines


@st.composite
def two_pictures(draw: st.DrawFn) -> tuple[list[Shown], list[Shown]]:
    """Rows of which some stay, some grow from a point on, some go and some come; all moved."""
    rows = [(number, draw(st.integers(1, 12))) for number in range(draw(st.integers(0, 12)))]
    layouts: dict[int, list[int]] = {}
    before, after = [], []
    top = draw(st.integers(-8, 8))
    for number, height in rows:
        layouts[number] = [0] * height
        before.append(Shown(number, top, height, layouts[number][:], height))
        top += height
    top = draw(st.integers(-8, 8))
    for row in before:
        what = draw(st.sampled_from(["stays", "stays", "stays", "grows", "changes", "goes", "comes"]))
        old = row.layout
        assert isinstance(old, list)
        new, layout, same = old, old, row.height
        if what == "goes":
            continue
        if what == "comes":
            extra = draw(st.integers(1, 6))
            after.append(Shown(100 + row.identifier, top, extra, [0] * extra, extra))
            top += extra
        if what == "changes":
            layout = new = [1] * draw(st.integers(1, 12))
            same = len(new)
        if what == "grows":
            same = draw(st.integers(0, row.height))
            new = old[:same] + [1] * draw(st.integers(0, 12))
            new = new or [1]
            layout = old
        after.append(Shown(row.identifier, top, len(new), (layout, new), same))
        top += len(new)
    return before, after


@given(two_pictures())
def test_moving_and_drawing_strips_gives_the_whole_picture(pair: tuple[list[Shown], list[Shown]]) -> None:
    before, tagged = pair
    # `layout` is compared by identity; what it draws now stands beside it.
    now = [row._replace(layout=row.layout[0]) if isinstance(row.layout, tuple) else row for row in tagged]
    drawn = [row._replace(layout=row.layout[1]) if isinstance(row.layout, tuple) else row for row in tagged]
    shown, fresh = picture(before), picture(drawn)
    shift, strips = repaint(before, now, HEIGHT)
    lines = [shown[y - shift] if 0 <= y - shift < HEIGHT else fresh[y] for y in range(HEIGHT)]
    for top, bottom in strips:
        assert 0 <= top < bottom <= HEIGHT
        lines[top:bottom] = fresh[top:bottom]
    assert lines == fresh


def test_scrolling_draws_nothing_that_was_there() -> None:
    layouts = [object() for _ in range(5)]
    before = [Shown(number, number * 10, 10, layouts[number], 10) for number in range(4)]
    now = [Shown(number, number * 10 - 5, 10, layouts[number], 10) for number in range(5)]
    assert repaint(before, now, HEIGHT) == Repaint(-5, ((35, 40),))


def test_a_growing_text_draws_its_end() -> None:
    layout = object()
    before = [Shown(1, 0, 30, layout, 30)]
    assert repaint(before, [Shown(1, 0, 34, layout, 26)], HEIGHT) == Repaint(0, ((26, 40),))
    assert repaint(before, [Shown(1, -10, 50, layout, 26)], HEIGHT) == Repaint(-10, ((16, 40),))


def test_all_is_drawn_where_nothing_stays() -> None:
    before = [Shown(1, 0, 40, object(), 40)]
    assert repaint(before, [Shown(1, 0, 40, object(), 40)], HEIGHT) == Repaint(0, ((0, HEIGHT),))
    assert repaint([], [], HEIGHT) == Repaint(0, ((0, HEIGHT),))


# On the screen


def made(qtbot: QtBot, style: Style, of: Sequence[Event]) -> View:
    """A view that is drawn anew when colours have come, as its panel sees to."""
    shown = View(qtbot, style, of)
    style.lexer.arrived.connect(shown.view.viewport().update)
    shown.view.viewport().update()
    return shown


def on_screen(shown: View) -> QImage:
    """What the window shows, as it came to be there by moving and drawing strips."""
    view = shown.view
    place = view.viewport().mapTo(view.window(), view.viewport().rect().topLeft())
    whole = view.window().screen().grabWindow(view.window().winId())
    return whole.copy(place.x(), place.y(), view.viewport().width(), view.viewport().height()).toImage()


def drawn_anew(shown: View) -> QImage:
    return shown.view.viewport().grab().toImage()


def assert_same(qtbot: QtBot, style: Style, shown: View) -> None:
    qtbot.waitUntil(lambda: not style.lexer.is_busy and not shown.view._arrange_soon.isActive())
    shown.settle()
    one, other = (image.convertToFormat(QImage.Format.Format_RGB32) for image in (on_screen(shown), drawn_anew(shown)))
    assert one.size() == other.size()
    assert one == other


@pytest.mark.parametrize("seed", range(3))
def test_the_screen_is_right_after_scrolling_and_opening_cards(qtbot: QtBot, style: Style, seed: int) -> None:
    bodies = [UserMessage(text="Go on."), AgentMessage(text="- one\n- two\n\n```python\nx = 1\n```\n\nDone. " * 3)]
    of = events([body for number in range(60) for body in (*bodies, *tool(f"call{number}", output="a\nb\nc"))])
    shown = made(qtbot, style, of)
    shown.view.setFocus()
    moves, bar = random.Random(seed), shown.view.verticalScrollBar()
    for _ in range(25):
        match moves.choice(["scroll", "scroll", "scroll", "jump", "toggle", "key", "select"]):
            case "scroll":
                bar.setValue(bar.value() + moves.randint(-300, 300))
            case "jump":
                bar.setValue(moves.randint(0, bar.maximum()))
            case "key":
                QTest.keyClick(shown.view, moves.choice((Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageUp)))
            case "select":
                shown.drag(QPoint(100, moves.randint(0, 480)), QPoint(300, moves.randint(0, 480)))
            case _:
                shown.view.toggle(moves.choice(shown.rows()))
        assert_same(qtbot, style, shown)


@pytest.mark.parametrize(
    "text",
    [
        "plain words that go on and on, " * 60,
        "plain words that go on until the lines above the last ones stay as they are, " * 60,
        "**bold** and `code` and *more* of it: " * 40,
        "- a list\n- that grows\n  - inward\n" * 12,
        "| a | b |\n|---|---|\n" + "| cell | a longer cell |\n" * 12,
        "First.\n\n```python\nfor one in many:\n    print(one)\n```\n\n> Quoted\n\n# Heading\n\nLast. " * 4,
    ],
)
def test_the_screen_is_right_while_a_text_streams(qtbot: QtBot, style: Style, text: str) -> None:
    shown = made(qtbot, style, messages(30))
    for end in [*range(1, len(text), 67), len(text)]:
        shown.model.set_drafts([draft(text[:end])])
        shown.settle()
        assert_same(qtbot, style, shown)
