"""20 agent sessions that stream at once, 50 updates a second each, while the window shows one of them and the list.

The real process for jobs does them with the scripted agent; the window is in this process, as a person has it. A frame:
what the main thread spends on one turn of its loop in which something was painted. Afterwards every word that the
agents said must be in the sessions, and in the window the whole of the session that is shown.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.agents.rules import TASK_RULES
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place

if TYPE_CHECKING:
    from app.workspace import Workspace

FRAME_BAR_MS = 16.7
SESSIONS, UPDATES, UPDATES_A_SECOND = 20, 500, 50
PATIENCE_S = 300.0


def run(place: Place) -> Iterator[Figure]:
    """Writes the jobs, has them done by their process, and shows them."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with place.opened() as workspace:
        sessions = _add_jobs(workspace, place.folder)
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
            window.load()
            window.open_session(sessions[0])
            yield from _watch(window, workspace, sessions)
        finally:
            window.close()


def _add_jobs(workspace: Workspace, folder: Path) -> list[str]:
    """A task for each session: it looks around, then says its words one by one."""
    from app.background.beginning import NewTask

    project = folder / "project"
    project.mkdir()
    workspace.use(workspace.write(lambda operations: operations.open_folder(project)))
    agents, sessions = [], []
    for number in range(SESSIONS):
        steps: list[dict[str, Any]] = [{"tool": "list"}]
        for word in _words(number):
            steps += [{"say": word}, {"delay_ms": 1000 / UPDATES_A_SECOND}]
        script = folder / f"agent{number}.json"
        script.write_text(json.dumps([steps]))
        agents.append({"name": f"agent{number}", "kind": "scripted", "script": str(script)})
        task = NewTask(f"Task {number}", f"agent{number}", (project,), TASK_RULES)
        sessions.append(workspace.write(task.add))
    workspace.settings.set("agents", agents)
    return sessions


def _words(number: int) -> list[str]:
    return [f"word-{number}-{place} " for place in range(UPDATES)]


def _watch(window: Any, workspace: Workspace, sessions: list[str]) -> Iterator[Figure]:
    """Turns the window's loop while the tasks go on."""
    from PySide6.QtCore import QCoreApplication, QEvent, QTimer

    from app.background.starting import see_to_jobs
    from tests.benchmarks.turning import turn

    beat = QTimer(window, interval=2)  # wakes the loop up where nothing else does
    beat.start()
    assert see_to_jobs(workspace)
    shown, model = _Shown(), window.conversation.model
    end = time.perf_counter() + PATIENCE_S
    while not shown.is_over(workspace):
        used, begun = time.thread_time(), time.perf_counter()
        turn()
        QCoreApplication.sendPostedEvents(window, QEvent.Type.UpdateRequest)
        text = model.text(model.rowCount() - 1) if model.rowCount() else ""
        shown.turned(text or "", (time.thread_time() - used) * 1e3, (time.perf_counter() - begun) * 1e3)
        if time.perf_counter() > end:
            raise TimeoutError("the tasks did not come to an end")
    lost = _lost(workspace, sessions)
    said = "".join(_words(0)).strip()
    deadline = time.perf_counter() + 20
    while not any(said == (model.text(row) or "").strip() for row in range(model.rowCount())):
        turn()
        if time.perf_counter() > deadline:
            raise AssertionError("the window does not show what was said")
    beat.stop()
    name = f"frame, {SESSIONS} sessions streaming {UPDATES_A_SECOND} a second each, p95"
    yield Figure(name, quantile(shown.frames, 0.95), "ms", FRAME_BAR_MS, note=shown.note(), detail=shown.detail())
    yield Figure("  updates lost", lost, "", 0, note=f"of {SESSIONS * UPDATES:,}; {shown.seconds:.0f} s in all")


class _Shown:
    """What was seen of the tasks while they went on. frames: ms on a processor of turns in which text came."""

    def __init__(self) -> None:
        self.frames: list[float] = []
        self._all: list[float] = []
        self._walls: list[float] = []
        self._text = ""
        self._begun = time.perf_counter()
        self._looked = 0.0

    def turned(self, text: str, busy: float, wall: float) -> None:
        """The loop has turned once."""
        self._all.append(busy)
        if text != self._text:
            self._text = text
            self.frames.append(busy)
            self._walls.append(wall)

    def is_over(self, workspace: Workspace) -> bool:
        """Whether no task goes on any more; looked at twice a second."""
        now = time.perf_counter()
        if now - self._looked < 0.5:
            return False
        self._looked = now
        return not workspace.read(lambda queries: queries.ready_jobs())

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun

    def detail(self) -> dict[str, float]:
        """For the record."""
        return {
            "shown": len(self.frames),
            "p50_ms": round(quantile(self.frames, 0.5), 2),
            "wall_p95_ms": round(quantile(self._walls, 0.95), 2),
            "slowest_ms": round(max(self.frames), 2),
            "any_turn_p95_ms": round(quantile(self._all, 0.95), 2),
            "late": sum(time > FRAME_BAR_MS for time in self._all),
        }

    def note(self) -> str:
        found = self.detail()
        return (
            f"{found['shown']} shown, p50 {found['p50_ms']} ms, slowest {found['slowest_ms']}; by the clock p95 "
            f"{found['wall_p95_ms']}; {found['late']} of {len(self._all)} turns over 16.7 ms"
        )


def _lost(workspace: Workspace, sessions: list[str]) -> int:
    """How many words that the agents said are not in their sessions."""
    lost = 0
    for number, session in enumerate(sessions):
        events = workspace.read(lambda queries, one=session: queries.events(one, kinds=["agent_message"]))  # type: ignore[misc]
        said = "".join(event.body.text for event in events).split()
        lost += sum(word.strip() not in set(said) for word in _words(number))
    return lost
