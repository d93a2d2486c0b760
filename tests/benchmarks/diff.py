"""A change of 10,000 lines in the panel of changes: how soon it is compared, painted and coloured, how it scrolls.

Compared: the lines of both contents, on a worker's thread. Painted: from the compared lines until they stand in the
view. Opened: from choosing the file, with reading it from the store. A frame: one scroll step with its painting, all
lines unfolded, with the event loop turning between two. Without a display on Qt's offscreen platform.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from app.sessions.diff import unified_diff
from app.sessions.events import Draft, FileChange
from app.sessions.line_diff import FileDiff, diff_of_contents
from tests.benchmarks.figures import Figure, quantile, wall_and_processor
from tests.benchmarks.place import Place

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.sessions.operations import SessionOperations
    from app.ui.panels.diff import DiffPanel

LINES, CHANGED = 10_000, 600
PAINTED_BAR_MS, FRAME_BAR_MS = 60.0, 16.7
OPENINGS, FRAMES, STEPS = 15, 250, (60, 900)
PATIENCE_S = 60.0
_SHAPES = (
    "def function_{n}(argument: int, other: str = 'text') -> bool:\n",
    "    value = compute({n}, key=other)  # line {n}\n",
    "    if value > {n} and not argument:\n",
    "        raise ValueError(f'{n} is too large')\n",
    "    return value is None\n",
    "\n",
)


def contents() -> tuple[bytes, bytes]:
    """A module of so many lines, before and after some of them were written anew."""
    before = [_SHAPES[number % len(_SHAPES)].format(n=number) for number in range(LINES)]
    after, chance = list(before), random.Random(7)
    for number in chance.sample(range(LINES), CHANGED):
        after[number] = f"    changed = {number}  # {before[number].strip()[:40]}\n"
    return "".join(before).encode(), "".join(after).encode()


def run(place: Place) -> Iterator[Figure]:
    """Writes the session, then compares, opens and scrolls."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    before, after = contents()
    with place.opened() as workspace:
        session = workspace.write(lambda operations: write_session(operations, before, after))
        from PySide6.QtWidgets import QApplication

        from app.ui.agents import LateAgents
        from app.ui.app import make_desk
        from app.ui.panels.diff import DiffPanel

        application = QApplication.instance() or QApplication(["benchmark"])
        assert isinstance(application, QApplication)
        desk = make_desk(application, workspace, LateAgents(workspace))
        panel = DiffPanel(desk)
        try:
            panel.resize(1200, 900)
            panel.show()
            measure = Measure(application, panel)
            yield from measure.comparing(before, after)
            yield from measure.opening(session)
            yield from measure.scrolling()
        finally:
            panel.close()
            desk.bridge.stop()


def write_session(operations: SessionOperations, before: bytes, after: bytes) -> str:
    """A session that changed the large file and a small one."""
    session = operations.create(title="Diff")
    drafts = []
    for name, old, new in (("large.py", before, after), ("small.py", b"a = 1\n", b"a = 2\n")):
        diff = unified_diff(name, old.decode(), new.decode())
        change = FileChange(
            path=name,
            before=operations.put_blob(old),
            after=operations.put_blob(new),
            diff=diff.text,
            added=diff.added,
            removed=diff.removed,
        )
        drafts.append(Draft(body=change, time=0, turn="t"))
    operations.append(session, drafts)
    return session


class Measure:
    """Drives one panel by hand."""

    def __init__(self, application: QApplication, panel: DiffPanel) -> None:
        from PySide6.QtCore import QTimer

        self._application = application
        self._panel = panel
        self._view = panel.view
        self._beat = QTimer(panel, interval=2)  # wakes the loop up where nothing else does
        self._beat.start()

    def comparing(self, before: bytes, after: bytes) -> Iterator[Figure]:
        """The lines, and their painting once they are compared."""
        compared, painted, processor = [], [], []
        for number in range(OPENINGS):
            spoiled = after + b"\n" * number
            begun = time.perf_counter()
            diff = diff_of_contents("large.txt", before, spoiled).worked_out()
            compared.append((time.perf_counter() - begun) * 1e3)
            wall, own = wall_and_processor(partial(self._paint, diff))
            painted.append(wall)
            processor.append(own)
        yield Figure(f"{LINES:,} lines compared", quantile(compared, 0.5), "ms", note=f"{CHANGED} of them changed")
        note = f"slowest {max(painted):.0f} ms; {quantile(processor, 0.5):.0f} ms of processor"
        yield Figure("compared lines painted", quantile(painted, 0.5), "ms", PAINTED_BAR_MS, note=note)

    def _paint(self, diff: FileDiff) -> None:
        self._view.show_diff(diff)
        self._view.viewport().repaint()

    def opening(self, session: str) -> Iterator[Figure]:
        """From choosing the file, and until its colours are there."""
        self._panel.show_session(session)
        self._until(lambda: self._panel.model.rowCount() == 2)
        opened, coloured = [], 0.0
        for number in range(OPENINGS):
            self._choose(1)
            begun = time.perf_counter()
            self._choose(0)
            opened.append((time.perf_counter() - begun) * 1e3)
            if not number:
                self._until(self._is_coloured)
                coloured = (time.perf_counter() - begun) * 1e3
        note = f"slowest {max(opened):.0f} ms; with colours after {coloured:.0f} ms, once"
        yield Figure("chosen file painted", quantile(opened, 0.5), "ms", note=note)

    def _is_coloured(self) -> bool:
        """The old side is asked for when the new one has come and is painted."""
        self._view.viewport().repaint()
        return not self._panel.lexer.is_busy

    def _choose(self, row: int) -> None:
        path = self._panel.model.entries[row].span.path
        self._panel.list.setCurrentIndex(self._panel.model.index(row, 0))
        self._until(lambda: self._view.diff is not None and self._view.diff.path == path)
        self._view.viewport().repaint()

    def scrolling(self) -> Iterator[Figure]:
        """Scrolls at two speeds, unified and side by side."""
        self._view.toggle_all()
        for split in (False, True):
            self._view.set_split(split)
            for step in STEPS:
                self._view.verticalScrollBar().setValue(0)
                self._turn(0.3)
                frames, processor = self._frames(step)
                late = sum(frame > FRAME_BAR_MS for frame in frames)
                p95, worst, own = quantile(frames, 0.95), max(frames), quantile(processor, 0.95)
                note = f"p95 {p95:.1f} ms, of processor {own:.1f} ms; slowest {worst:.1f} ms; {late} of {FRAMES} late"
                detail = {"p95_ms": round(p95, 2), "max_ms": round(worst, 2), "processor_p95_ms": round(own, 2)}
                name = f"frame, {'split' if split else 'unified'}, {step:+d} px a step"
                yield Figure(name, quantile(frames, 0.5), "ms", FRAME_BAR_MS, note=note, detail=detail)

    def _frames(self, step: int) -> tuple[list[float], list[float]]:
        frames, processor = [], []
        for _ in range(FRAMES):
            begun = time.perf_counter()
            wall, own = wall_and_processor(partial(self._scroll, step))
            frames.append(wall)
            processor.append(own)
            while time.perf_counter() - begun < 0.0137:
                self._rest()
        return frames, processor

    def _scroll(self, step: int) -> None:
        bar = self._view.verticalScrollBar()
        bar.setValue(bar.value() + step)
        self._view.viewport().repaint()

    def _until(self, done: Callable[[], object]) -> None:
        end = time.perf_counter() + PATIENCE_S
        while not done():
            self._rest()
            if time.perf_counter() > end:
                raise TimeoutError("the panel did not get there")

    def _turn(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._rest()

    def _rest(self) -> None:
        """As Qt's own loop: sleeps until something happens."""
        from PySide6.QtCore import QEventLoop

        self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
