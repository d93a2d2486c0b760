"""The window over a store of 1,000,000 events: from a keystroke in the palette to its results, rest, memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place
from tests.benchmarks.window_process import resting
from tests.benchmarks.words import Words

PALETTE_BAR_MS = 50.0
WORDS, PATIENCE_S, PAUSE_S = 60, 10.0, 0.08


def figures(place: Place, words: Words) -> Iterator[Figure]:
    """Over the home of this place, which holds the events already."""
    yield _palette(place, words)
    yield from resting(place)


def _palette(place: Place, words: Words) -> Figure:
    """Words are typed letter by letter; each letter waits for what it finds."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with place.opened() as workspace:
        from PySide6.QtCore import QEventLoop, Qt, QTimer
        from PySide6.QtTest import QTest
        from PySide6.QtWidgets import QApplication

        from app.ui.agents import LateAgents
        from app.ui.app import make_desk
        from app.ui.window import MainWindow

        application = QApplication.instance() or QApplication(["benchmark"])
        assert isinstance(application, QApplication)
        workspace.settings.set("window.welcomed", True)
        window = MainWindow(make_desk(application, workspace, LateAgents(workspace)), application.windowIcon())
        times: list[float] = []
        busy: list[float] = []
        beat = QTimer(window, interval=2)  # wakes the loop up where nothing else does
        beat.start()
        try:
            window.show()
            window.load()
            _turn(application, 1.0)
            palette = window.palette_box
            for word in words.draw(WORDS):
                palette.open()
                _turn(application, PAUSE_S)
                for letter in word[:6]:
                    begun, used = time.perf_counter(), time.process_time()
                    QTest.keyClick(palette.field, Qt.Key(ord(letter.upper())))
                    while palette.is_looking:
                        # As Qt's own loop, which sleeps: the reading thread has the interpreter.
                        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
                        assert time.perf_counter() - begun < PATIENCE_S
                    times.append((time.perf_counter() - begun) * 1e3)
                    busy.append((time.process_time() - used) * 1e3)
                    _turn(application, PAUSE_S)
                palette.close_palette()
        finally:
            window.close()
    note = (
        f"{len(times)} letters, p50 {quantile(times, 0.5):.1f} ms, slowest {max(times):.0f} ms; "
        f"of processor time p50 {quantile(busy, 0.5):.1f} ms, p95 {quantile(busy, 0.95):.1f} ms"
    )
    return Figure("palette, letter to results, p95", quantile(times, 0.95), "ms", PALETTE_BAR_MS, note=note)


def _turn(application: object, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        application.processEvents()  # type: ignore[attr-defined]
        time.sleep(0.002)
