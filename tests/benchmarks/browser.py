"""The session browser over a real store: how soon its list is painted, and how soon a keystroke has its results.

Painted: from the call that reads the list until its first rows are drawn; whole: until all sessions are in it. The
second store is the one of the benchmark `search`; a keystroke is a letter put into the field, until what it finds is
drawn. Without a display this runs on Qt's offscreen platform, which paints the same pixels into memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.benchmarks import search, sessions_list
from tests.benchmarks.figures import Figure, milliseconds, quantile
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.ui.panels.browser import BrowserPanel
    from app.workspace import Workspace

PAINTED_BAR_MS, KEY_BAR_MS, FRAME_BAR_MS = 50.0, 50.0, 16.7
OPENINGS, FRAMES, TYPED, UPDATES = 15, 200, 60, 200
PATIENCE_S = 20.0


def run(place: Place) -> Iterator[Figure]:
    """Writes both stores, and looks at each in a panel of its own."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    count, events = place.sizes.listed_sessions, place.sizes.search_events
    with place.opened("list") as workspace:
        workspace.write(lambda operations: sessions_list.write_sessions(operations, count))
    with place.opened("list") as workspace, _panel(workspace) as hand:
        yield from _list(hand, count)
    words = Words(6)
    with place.opened("search") as workspace:
        search._build(workspace, words, events)
    with place.opened("search") as workspace, _panel(workspace) as hand:
        yield from _typing(hand, words, events)


class Hand:
    """Drives one panel."""

    def __init__(self, application: QApplication, panel: BrowserPanel) -> None:
        from PySide6.QtCore import QTimer

        self._application = application
        self.panel = panel
        self._beat = QTimer(panel, interval=1)  # wakes the loop up where nothing else does
        self._beat.start()

    def until(self, done: Callable[[], object]) -> None:
        """Sleeps until something happens, so that the reading threads have the processor."""
        from PySide6.QtCore import QEventLoop

        end = time.perf_counter() + PATIENCE_S
        while not done():
            self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            if time.perf_counter() > end:
                raise TimeoutError("the browser did not get there")


@contextmanager
def _panel(workspace: Workspace) -> Iterator[Hand]:
    from PySide6.QtWidgets import QApplication

    from app.ui.agents import LateAgents
    from app.ui.app import make_desk
    from app.ui.panels.browser import BrowserPanel

    application = QApplication.instance() or QApplication(["benchmark"])
    assert isinstance(application, QApplication)
    desk = make_desk(application, workspace, LateAgents(workspace))
    panel = BrowserPanel(desk)
    try:
        panel.resize(280, 800)
        panel.show()
        yield Hand(application, panel)
    finally:
        panel.close()
        panel.deleteLater()
        desk.bridge.stop()


def _list(hand: Hand, count: int) -> Iterator[Figure]:
    panel, painted, whole = hand.panel, [], []
    hand.until(lambda: panel.model.session_count() == count)
    for _ in range(OPENINGS):
        panel.model.set_sessions([])
        begun = time.perf_counter()
        panel.load()
        hand.until(panel.model.session_count)
        panel.list.viewport().repaint()
        painted.append((time.perf_counter() - begun) * 1e3)
        hand.until(lambda: panel.model.session_count() == count)
        whole.append((time.perf_counter() - begun) * 1e3)
    note = f"p50 of {OPENINGS}; slowest {max(painted):.0f} ms"
    yield Figure(f"list of {count:,} painted", quantile(painted, 0.5), "ms", PAINTED_BAR_MS, note=note)
    yield Figure("all of them in the list", quantile(whole, 0.5), "ms", note="read beside, after the first painting")
    yield _frames(hand)
    yield _updates(hand)


def _frames(hand: Hand) -> Figure:
    bar, frames = hand.panel.list.verticalScrollBar(), []
    for number in range(FRAMES):
        begun = time.perf_counter()
        bar.setValue(number * bar.maximum() // FRAMES)
        hand.panel.list.viewport().repaint()
        frames.append((time.perf_counter() - begun) * 1e3)
    note = f"p95 {quantile(frames, 0.95):.1f} ms"
    return Figure("a frame of scrolling", quantile(frames, 0.5), "ms", FRAME_BAR_MS, note=note)


def _updates(hand: Hand) -> Figure:
    """One session after another gets an event and moves to the top."""
    import msgspec

    model, times = hand.panel.model, []
    rows = [model.index(row, 0).data(0x0100) for row in range(model.rowCount() - UPDATES, model.rowCount())]
    for number, row in enumerate(filter(None, rows)):
        newer = msgspec.structs.replace(row, updated=hand.panel.desk.now() + number)
        times.append(milliseconds(lambda newer=newer: model.update_sessions({newer.id: newer})))  # type: ignore[misc]
    return Figure(
        "one session changes", quantile(times, 0.95), "ms", 5.0, note=f"p95 of {len(times)}, on the main thread"
    )


def _typing(hand: Hand, words: Words, events: int) -> Iterator[Figure]:
    panel, times = hand.panel, []
    _type(hand, "warm")
    for word in words.draw(TYPED):
        panel.search.clear()
        for letters in range(2, min(len(word), 7) + 1):
            times.append(milliseconds(lambda text=word[:letters]: _type(hand, text)))  # type: ignore[misc]
    note = f"p95 of {len(times)} keystrokes, {events:,} events; p50 {quantile(times, 0.5):.0f} ms"
    detail = {"p50_ms": round(quantile(times, 0.5), 1), "max_ms": round(max(times), 1)}
    yield Figure("keystroke to results", quantile(times, 0.95), "ms", KEY_BAR_MS, note=note, detail=detail)


def _type(hand: Hand, text: str) -> None:
    panel = hand.panel
    panel.search.setText(text)
    hand.until(lambda: panel.searching.asked == text)
    panel.results.viewport().repaint()
