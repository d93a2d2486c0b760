"""The conversation of 100,000 events in the real window over the real store: painting, scrolling, streaming, typing.

Painted: from the call that opens the session until its last events stand in the view, all of them laid out and drawn.
A frame: one scroll step with its layout and painting, with the event loop turning between two, as on a screen.
Streaming: another thread saves a growing answer 30 times a second, as an agent's turn does; a frame is what the main
thread spends on one update. A keystroke: from the key to the painted field, while that goes on.
Without a display this runs on Qt's offscreen platform, which paints the same pixels into memory.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.long_session import write_session
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words

if TYPE_CHECKING:
    from app.workspace import Workspace

PAINTED_BAR_MS, FRAME_BAR_MS, STREAM_BAR_MS, TYPING_BAR_MS = 50.0, 16.7, 5.0, 16.0
STREAM_S, UPDATES_A_SECOND, STREAM_WORDS = 8.0, 30, 5
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
            window.load()  # what others write shows from now on
            measure = Measure(window)
            yield from measure.openings(session, other, count)
            yield from measure.scrolling()
            yield from measure.streaming(workspace, session)
        finally:
            window.close()


class Measure:
    """Drives one window by hand."""

    def __init__(self, window: object) -> None:
        from PySide6.QtCore import QTimer

        from app.ui.window import MainWindow

        assert isinstance(window, MainWindow)
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
            frames, busy, blank = self._frames(step)
            late, late_itself = (sum(time > FRAME_BAR_MS for time in times) for times in (frames, busy))
            detail = {
                "p95_ms": round(quantile(frames, 0.95), 2),
                "late": late,
                "blank": blank,
                "busy_p50_ms": round(quantile(busy, 0.5), 2),
                "busy_p95_ms": round(quantile(busy, 0.95), 2),
                "late_itself": late_itself,
            }
            note = (
                f"p95 {detail['p95_ms']} ms; {late} of {FRAMES} over 16.7 ms; of its own processor time "
                f"p50 {detail['busy_p50_ms']}, p95 {detail['busy_p95_ms']}, {late_itself} over; "
                f"{blank} with a row still loading"
            )
            yield Figure(
                f"frame, {step:+d} px a step", quantile(frames, 0.5), "ms", FRAME_BAR_MS, note=note, detail=detail
            )

    def streaming(self, workspace: Workspace, session: str) -> Iterator[Figure]:
        """An answer grows at the end of the session; first alone, then while somebody types."""
        self._view.show_end()
        frames, _ = self._while_streaming(workspace, session, typing=False)
        note = f"{len(frames)} shown, p50 {quantile(frames, 0.5):.2f} ms, slowest {max(frames):.1f} ms"
        name = f"frame, streaming {UPDATES_A_SECOND} updates a second, p95"
        yield Figure(name, quantile(frames, 0.95), "ms", STREAM_BAR_MS, note=note)
        _, keys = self._while_streaming(workspace, session, typing=True)
        note = f"{len(keys)} keys, p50 {quantile(keys, 0.5):.2f} ms, slowest {max(keys):.1f} ms"
        yield Figure("key in the composer meanwhile, p95", quantile(keys, 0.95), "ms", TYPING_BAR_MS, note=note)

    def _while_streaming(self, workspace: Workspace, session: str, *, typing: bool) -> tuple[list[float], list[float]]:
        """(milliseconds of the main thread for each turn of its loop that took an update in, for each key)."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        ended, said = threading.Event(), [""]
        writer = threading.Thread(target=_stream, args=(workspace, session, ended, said))
        field, frames, keys = self._panel.composer.field, [], []
        field.setFocus()
        seen, end = self._last_text(), time.perf_counter() + STREAM_S
        writer.start()
        while time.perf_counter() < end:
            used = time.thread_time()
            self._rest()
            self._paint()
            if (text := self._last_text()) != seen:
                seen = text
                frames.append((time.thread_time() - used) * 1e3)
            if typing:
                begun = time.perf_counter()
                QTest.keyClick(field, Qt.Key.Key_A)
                field.viewport().repaint()
                keys.append((time.perf_counter() - begun) * 1e3)
                self._turn(0.03)
        ended.set()
        writer.join()
        self._until(lambda: self._last_text() == said[-1])  # nothing of it is lost
        workspace.write(lambda operations: operations.clear_draft(session, "bench"))
        self._turn(0.3)
        return frames, keys

    def _last_text(self) -> str | None:
        return self._panel.model.text(self._panel.model.rowCount() - 1)

    def _frames(self, step: int) -> tuple[list[float], list[float], int]:
        """(milliseconds of each frame, of the main thread on a processor in it, frames with rows still loading)."""
        bar, frames, busy, blank = self._view.verticalScrollBar(), [], [], 0
        for _ in range(FRAMES):
            begun, used = time.perf_counter(), time.thread_time()
            bar.setValue(bar.value() + step)
            self._paint()
            frames.append((time.perf_counter() - begun) * 1e3)
            busy.append((time.thread_time() - used) * 1e3)
            blank += not self._is_settled()
            while time.perf_counter() - begun < 0.0137:
                self._rest()
        return frames, busy, blank

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

    def _paint(self) -> None:
        """What a screen would be shown now: whatever has asked to be painted anew."""
        from PySide6.QtCore import QCoreApplication, QEvent

        QCoreApplication.sendPostedEvents(self._view.window(), QEvent.Type.UpdateRequest)

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

    @staticmethod
    def _rest() -> None:
        from tests.benchmarks.turning import turn

        turn()


def _stream(workspace: Workspace, session: str, ended: threading.Event, said: list[str]) -> None:
    """Runs on a thread of its own: saves a growing answer. said: each of its states."""
    words = Words(7)
    while not ended.wait(1 / UPDATES_A_SECOND):
        said.append(said[-1] + " ".join(words.draw(STREAM_WORDS)) + " ")
        workspace.write(
            lambda operations, text=said[-1]: operations.save_draft(session, "bench", "agent_message", text, "a")
        )
