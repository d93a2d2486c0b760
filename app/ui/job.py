"""Long work beside the window: it runs on a thread of its own, tells how far it is, and can be stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.ui.desk import Desk

Step = Callable[[int, int], None]
"""Tells how much is done of how much (0: nobody knows). Raises `Stopped` once the work is to end."""


class Stopped(Exception):
    """The person, or the end of the window, stopped the work."""


class Job(QObject):
    """One piece of work, which calls its `Step` again and again. Signals come on the main thread; then it is deleted.

    progressed: done and total. done: the result. failed: the exception; `Stopped` when it was stopped.
    on_stop: called from any thread, for work that waits for long between its steps.
    """

    progressed = Signal(object, object)
    done = Signal(object)
    failed = Signal(object)

    def __init__(
        self, desk: Desk, work: Callable[[Step], Any], parent: QObject, *, on_stop: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(parent)
        self._bridge = desk.bridge
        self._work = work
        self._stop = threading.Event()
        self._on_stop = on_stop
        self.is_running = False

    def start(self) -> None:
        """Begin; once."""
        self.is_running = True
        self._bridge.receive(id(self), while_alive(self, lambda now: self.progressed.emit(*now)))
        self._bridge.call(self._run(), while_alive(self, self._end), while_alive(self, self._fail))

    def stop(self) -> None:
        """End the work at its next step; `failed` tells when it has ended."""
        self._stop.set()
        self._on_stop()

    async def _run(self) -> Any:
        try:
            return await asyncio.to_thread(self._work, self._step)
        finally:  # also when the loop ends
            self.stop()

    def _step(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Stopped
        self._bridge.publish(id(self), (done, total))

    def _end(self, result: Any) -> None:
        self._settle()
        self.done.emit(result)

    def _fail(self, error: BaseException) -> None:
        self._settle()
        self.failed.emit(error)

    def _settle(self) -> None:
        self.is_running = False
        self._bridge.receive(id(self), None)
        self.setObjectName("")  # nobody finds it any more
        self.deleteLater()
