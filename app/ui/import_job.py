"""An import that goes on beside the window, whatever panel began it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.ui.job import Job, Step, Stopped
from app.ui.places import PanelPlace

if TYPE_CHECKING:
    from app.commands.importing import Found, Totals
    from app.ui.desk import Desk

_NAME = "import"


def running_import(desk: Desk) -> Job | None:
    """The import that goes on; there is one at most."""
    return desk.requests.findChild(Job, _NAME)


def start_import(desk: Desk, found: Found, *, by_folder: bool = False) -> Job:
    """Begin to import what was found; at its end the window says what came."""

    def work(step: Step) -> Totals:
        from app.commands.importing import bring_in

        size = max(found.size, 1)
        return bring_in(desk.workspace, found, by_folder=by_folder, progress=lambda done: step(done, size))

    job = Job(desk, work, desk.requests)
    job.setObjectName(_NAME)
    job.done.connect(lambda totals: desk.offer(f"Imported {totals.sentence()}", "Details", _details(desk)))
    job.failed.connect(lambda error: _tell(desk, error))
    job.start()
    return job


def _details(desk: Desk) -> Callable[[], object]:
    return lambda: desk.go(PanelPlace("settings", "import"))


def _tell(desk: Desk, error: BaseException) -> None:
    if isinstance(error, Stopped):
        desk.say("The import was stopped; what had come is kept.")
    else:
        desk.report(error)
