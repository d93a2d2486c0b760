"""The conversation of 100,000 events in the real window over the real store: how soon it is painted, how it scrolls.

Painted: from the call that opens the session until its last events stand in the view, all of them laid out and drawn.
A frame: one scroll step with its layout and painting, with the event loop turning between two, as on a screen.
Without a display this runs on Qt's offscreen platform, which paints the same pixels into memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.long_session import write_session
from tests.benchmarks.place import Place

PAINTED_BAR_MS, FRAME_BAR_MS = 50.0, 16.7
OPENINGS, FRAMES, STEPS = 15, 250, (60, 400, -60)
PATIENCE_S = 20.0


def run(place: Place) -> Iterator[Figure]:
    """Writes the session, then opens, scrolls and streams."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    count = place.sizes.session_events
    with place.opened() as workspace:
        session = workspace.write(lambda operations: write_session(operations, count))
        other = workspace.write(lambda operations: write_session(operations, 400))
    with place.opened() as workspace:
        from PySide6.QtWidgets import QApplication

        from app.ui.agents import LateAgents
        from app.ui.app import make_desk
        from app.ui.window import MainWindow

        application = QApplication.instance() or QApplication(["benchmark"])
        assert isinstance(application, QApplication)
        window = MainWindow(make_desk(application, workspace, LateAgents(workspace)), application.windowIcon())
        try:
            window.resize(1200, 800)
            window.show()
            measure = Measure(application, window)
            yield from measure.openings(session, other, count)
            yield from measure.scrolling()
        finally:
            window.close()


class Measure:
    """Drives one window by hand."""

    def __init__(self, application: object, window: object) -> None:
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication

        from app.ui.window import MainWindow

        assert isinstance(application, QApplication)
        assert isinstance(window, MainWindow)
        self._application = application
        self._beat = QTimer(window, interval=2)  # wakes the loop up where nothing else does
        self._beat.start()
        self._panel = window.conversation
        self._view = window.conversation.view

    def openings(self, session: str, other: str, count: int) -> Iterator[Figure]:
        """Opens the long session again and again, with a short one between."""
        painted, whole = [], []
        self._open(other, 400)
        for _ in range(OPENINGS):
            times = self._open(session, count)
            painted.append(times[0])
            whole.append(times[1])
            self._open(other, 400)
        self._open(session, count)
        detail = {"p95_ms": round(quantile(painted, 0.95), 1), "first_ms": round(painted[0], 1)}
        note = f"p50 of {OPENINGS}; slowest {max(painted):.0f} ms"
        yield Figure(
            f"content of {count:,} painted", quantile(painted, 0.5), "ms", PAINTED_BAR_MS, note=note, detail=detail
        )
        yield Figure("whole timeline known", quantile(whole, 0.5), "ms", note="loaded beside, after the first painting")

    def scrolling(self) -> Iterator[Figure]:
        """Scrolls at three speeds from the middle."""
        for step in STEPS:
            bar = self._view.verticalScrollBar()
            bar.setValue(int(bar.maximum() * 0.4))
            self._turn(0.3)
            frames, blank = self._frames(step)
            late = sum(frame > FRAME_BAR_MS for frame in frames)
            detail = {"p95_ms": round(quantile(frames, 0.95), 2), "late": late, "blank": blank}
            note = f"p95 {detail['p95_ms']} ms; {late} of {FRAMES} over 16.7 ms; {blank} with a row still loading"
            yield Figure(
                f"frame, {step:+d} px a step", quantile(frames, 0.5), "ms", FRAME_BAR_MS, note=note, detail=detail
            )

    def _frames(self, step: int) -> tuple[list[float], int]:
        bar, frames, blank = self._view.verticalScrollBar(), [], 0
        for _ in range(FRAMES):
            begun = time.perf_counter()
            bar.setValue(bar.value() + step)
            self._view.viewport().repaint()
            frames.append((time.perf_counter() - begun) * 1e3)
            blank += not self._is_settled()
            while time.perf_counter() - begun < 0.0137:
                self._rest()
        return frames, blank

    def _open(self, session: str, count: int) -> tuple[float, float]:
        """(milliseconds until painted, until every row is known)."""
        begun = time.perf_counter()
        self._panel.show_session(session)
        self._until(lambda: self._panel.session == session and self._is_settled())
        self._view.viewport().repaint()
        painted = time.perf_counter() - begun
        self._until(lambda: self._panel.model.is_complete)
        whole = time.perf_counter() - begun
        assert self._panel.model.rowCount() >= count
        self._turn(0.2)
        return painted * 1e3, whole * 1e3

    def _is_settled(self) -> bool:
        """Whether every visible row is drawn from its event."""
        return all(self._panel.model.blocks(row, False) is not None for row, _top in self._view._rows.visible)

    def _until(self, done: object) -> None:
        end = time.perf_counter() + PATIENCE_S
        while not done():  # type: ignore[operator]
            self._rest()
            if time.perf_counter() > end:
                raise TimeoutError("the window did not get there")

    def _turn(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._rest()

    def _rest(self) -> None:
        """As Qt's own loop: sleeps until something happens, so that the reading threads have the processor."""
        from PySide6.QtCore import QEventLoop

        self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
