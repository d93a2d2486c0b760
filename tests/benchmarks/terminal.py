"""A command that printed 100,000 coloured lines, in the terminal panel of the real window over the real store.

Painted: all lines, from handing them to the view until it is drawn; from the store: from choosing the command until the
end of its output stands in the view. A frame: one scroll step with its painting, with the event loop turning between
two, as on a screen. A pause: how long the main thread does not turn its event loop while a command prints 100 MB.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.benchmarks.figures import Figure, milliseconds, quantile
from tests.benchmarks.place import Place

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations

LINES = 100_000
PARSE_BAR_MS, PAINTED_BAR_MS, FRAME_BAR_MS, PAUSE_BAR_MS = 2_500.0, 60.0, 16.7, 100.0
OPENINGS, FRAMES = 10, 250
FLOOD = "yes 'a line of a command that prints a lot' | head -c 100000000"
PATIENCE_S = 60.0


def run(place: Place) -> Iterator[Figure]:
    """Parses, then opens, scrolls and lets a command print."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    text = coloured_lines(LINES)
    yield from parsing(text)
    folder = place.folder / "project"
    folder.mkdir()
    with place.opened() as workspace:
        workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
        session = workspace.write(lambda operations: write_commands(operations, text))
        from PySide6.QtWidgets import QApplication

        from app.ui.agents import LateAgents
        from app.ui.app import make_desk
        from app.ui.window import MainWindow

        application = QApplication.instance() or QApplication(["benchmark"])
        assert isinstance(application, QApplication)
        window = MainWindow(make_desk(application, workspace, LateAgents(workspace)), application.windowIcon())
        try:
            window.resize(1500, 900)
            window.show()
            measure = Measure(application, window, session)
            yield from measure.openings()
            yield from measure.scrolling()
            yield measure.flood()
        finally:
            window.close()


def coloured_lines(count: int) -> str:
    """What a test runner prints in colours: about 11 MB for 100,000 lines."""
    return "".join(
        f"\x1b[3{n % 7 + 1}m[{n:06d}]\x1b[0m \x1b[1mtest_{n}\x1b[22m ... \x1b[38;5;{n % 255}mPASSED\x1b[0m "
        f"in 0.{n % 1000:03d}s and some more output\r\n"
        for n in range(count)
    )


def write_commands(operations: SessionOperations, text: str) -> str:
    """A session with a command that printed much, and one that printed little."""
    from app.sessions.events import Command, CommandResult, Draft

    session = operations.create(title="Output")
    for call, output in (("long", text), ("short", "one\ntwo\n")):
        bodies = (Command(call_id=call, command=call), CommandResult(call_id=call, exit_code=0, stdout=output))
        operations.append(session, [Draft(body=body, time=1_700_000_000_000, turn="t", agent="a") for body in bodies])
    return session


def parsing(text: str) -> Iterator[Figure]:
    """The parser alone, on one core."""
    from app.ui.terminal.reading import parse

    spent = min(milliseconds(lambda: parse((text, ""))) for _ in range(3))
    note = f"{len(text) / 1e6:.1f} MB, best of 3, with the rests between its slices"
    yield Figure(f"{LINES:,} lines parsed", spent, "ms", PARSE_BAR_MS, note=note)


class Measure:
    """Drives the panel by hand."""

    def __init__(self, application: Any, window: Any, session: str) -> None:
        from PySide6.QtCore import QTimer

        from app.ui.places import PanelPlace

        self._application = application
        self._beat = QTimer(window, interval=2)  # wakes the loop up where nothing else does
        self._beat.start()
        window.open_session(session)
        self._until(lambda: window.session == session)
        window.go(PanelPlace("terminal"))
        self._panel = window.areas.show_kind("terminal")
        self._view, self._output = self._panel.view, self._panel.output
        self._until(lambda: self._panel.follower.model.rowCount() == 2)

    def openings(self) -> Iterator[Figure]:
        """Chooses the long output again and again, with the short one between."""
        ends, whole, painted = [], [], []
        for _ in range(OPENINGS):
            self._choose(1, lambda: len(self._output.lines) == 2)
            begun = time.perf_counter()
            self._choose(0, lambda: len(self._output.lines) > 2)
            ends.append((time.perf_counter() - begun) * 1e3)
            self._until(lambda: len(self._output.lines) == LINES)
            whole.append((time.perf_counter() - begun) * 1e3)
            painted.append(milliseconds(self._paint_anew))
        yield Figure(
            f"{LINES:,} lines painted", quantile(painted, 0.5), "ms", PAINTED_BAR_MS, note=f"p50 of {OPENINGS}"
        )
        note = f"p50 of {OPENINGS}; slowest {max(ends):.0f} ms"
        yield Figure("their end painted, from the store", quantile(ends, 0.5), "ms", note=note)
        yield Figure(
            "all of them in the view", quantile(whole, 0.5), "ms", note="parsed beside, after the first painting"
        )

    def _paint_anew(self) -> None:
        self._output.show(self._output.lines, self._output.pens, self._output.widest)
        self._view.viewport().repaint()

    def scrolling(self) -> Iterator[Figure]:
        """Scrolls whole and wrapped lines."""
        for wrapped in (True, False):
            self._view.set_wrapped(wrapped)
            bar = self._view.verticalScrollBar()
            bar.setValue(bar.maximum() // 2)
            frames = []
            for _ in range(FRAMES):
                begun = time.perf_counter()
                bar.setValue(bar.value() + 400)
                self._view.viewport().repaint()
                frames.append((time.perf_counter() - begun) * 1e3)
                while time.perf_counter() - begun < 0.0137:
                    self._rest()
            late = sum(frame > FRAME_BAR_MS for frame in frames)
            note = f"p95 {quantile(frames, 0.95):.2f} ms; {late} of {FRAMES} over 16.7 ms"
            name = f"frame, 400 px a step{', wrapped' if wrapped else ''}"
            yield Figure(name, quantile(frames, 0.5), "ms", FRAME_BAR_MS, note=note)

    def flood(self) -> Figure:
        """A command prints 100 MB."""
        begun = last = time.perf_counter()
        pauses: list[float] = []
        self._panel.run(FLOOD)
        ended = False
        while not ended:
            self._rest()
            now = time.perf_counter()
            pauses.append((now - last) * 1e3)
            last = now
            row = self._panel.follower.row
            ended = row is not None and row.command == FLOOD and row.result is not None
            if now - begun > PATIENCE_S:
                raise TimeoutError("the command did not end")
        note = f"p99 {quantile(pauses, 0.99):.1f} ms; {last - begun:.1f} s in all; {len(self._output.lines):,} lines"
        return Figure("longest pause while 100 MB are printed", max(pauses), "ms", PAUSE_BAR_MS, note=note)

    def _choose(self, row: int, shown: Callable[[], bool]) -> None:
        self._panel.follower.choose(self._panel.follower.model.rows[row])
        self._until(shown)
        self._view.viewport().repaint()

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.perf_counter() + PATIENCE_S
        while not done():
            self._rest()
            if time.perf_counter() > end:
                raise TimeoutError("the window did not get there")

    def _rest(self) -> None:
        from PySide6.QtCore import QEventLoop

        self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
