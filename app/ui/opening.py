"""Opening a home before there is a window: beside Qt's loop, and again where it fails and the person wants to."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.errors import AppError
from sync.errors import SyncError

if TYPE_CHECKING:
    from app.ui.updating import Updating
    from app.workspace import Progress

Result = TypeVar("Result")
SHOWN_AFTER_MS = 600


class _Signals(QObject):
    """From the thread that works to the main one. told: done and total. ended: it has returned or raised."""

    told = Signal(int, int)
    ended = Signal()


class _Work(threading.Thread):
    """A call on a thread of its own. A pool of threads would take longer to import than to use."""

    def __init__(self, call: Callable[[Progress], object], signals: _Signals) -> None:
        super().__init__(name="opening")
        self._call, self._signals = call, signals
        self.result: object = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._call(self._signals.told.emit)
        except BaseException as error:  # noqa: BLE001  the main thread raises it
            self.error = error
        self._signals.ended.emit()


def while_shown(call: Callable[[Progress], Result], application: QApplication, icon: QIcon) -> Result:
    """What the call gives, or raises. It runs on another thread; where it takes long a window says how far it is."""
    signals, loop = _Signals(), QEventLoop()
    shown: list[Updating] = []

    def show() -> None:
        from app.ui.theme import Themes
        from app.ui.updating import Updating

        shown.append(Updating(Themes(application), icon))
        shown[0].show()

    late = QTimer(singleShot=True, interval=SHOWN_AFTER_MS)
    late.timeout.connect(show)
    signals.told.connect(lambda done, total: shown[0].show_progress(done, total) if shown else None)
    # Queued: work that is done at once must not end a loop that has not begun.
    signals.ended.connect(loop.quit, Qt.ConnectionType.QueuedConnection)
    late.start()
    work = _Work(call, signals)
    work.start()
    loop.exec()
    work.join()
    late.stop()
    for window in shown:
        window.close()
        window.deleteLater()
    if work.error is not None:
        raise work.error
    return cast(Result, work.result)


def opening(open_home: Callable[[], Result], home: Path, application: QApplication, icon: QIcon) -> Result:
    """What `open_home` gives. Where it fails and no terminal would show why, a small window does, and the person may
    try again; what it raised last is raised."""
    while True:
        try:
            return open_home()
        except (AppError, SyncError, OSError) as error:
            if _has_terminal() or not _told(error, home, application, icon):
                raise


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _told(error: BaseException, home: Path, application: QApplication, icon: QIcon) -> bool:
    """Whether the person wants to try again."""
    from app.ui.theme import Themes
    from app.ui.trouble import Trouble

    shown = Trouble(error, home, Themes(application), icon)
    try:
        return bool(shown.exec())
    finally:
        shown.deleteLater()
