"""What stands in place of the window while the sessions are brought up to date: an update reads them all anew."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QProgressBar, QVBoxLayout, QWidget

from app.ui.forms import Heading, Prose
from app.ui.theme import Themes

if TYPE_CHECKING:
    from app.workspace import Progress

Result = TypeVar("Result")
SHOWN_AFTER_MS = 600
WIDTH = 420


class Updating(QWidget):
    """A small window without buttons; it goes by itself."""

    def __init__(self, themes: Themes, icon: QIcon) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.CustomizeWindowHint | Qt.WindowType.WindowTitleHint)
        self.setWindowTitle("Lovelace")
        self.setWindowIcon(icon)
        self.setFixedWidth(WIDTH)
        self.bar = QProgressBar(self)
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addWidget(Heading("Your sessions are brought up to date", themes, parent=self))
        layout.addWidget(Prose("This happens once after an update. Nothing is lost if it is interrupted.", self))
        layout.addWidget(self.bar)

    def show_progress(self, done: int, total: int) -> None:
        """How far it is."""
        self.bar.setRange(0, total)
        self.bar.setValue(done)


class _Signals(QObject):
    """From the thread that works to the main one. told: done and total. ended: it has returned or raised."""

    told = Signal(int, int)
    ended = Signal()


def while_shown(call: Callable[[Progress], Result], application: QApplication, icon: QIcon) -> Result:
    """What the call gives, or raises. It runs on another thread; where it takes long a window says how far it is."""
    signals, loop = _Signals(), QEventLoop()
    shown: list[Updating] = []

    def show() -> None:
        shown.append(Updating(Themes(application), icon))
        shown[0].show()

    late = QTimer(singleShot=True, interval=SHOWN_AFTER_MS)
    late.timeout.connect(show)
    signals.told.connect(lambda done, total: shown[0].show_progress(done, total) if shown else None)
    # Queued: work that is done at once must not end a loop that has not begun.
    signals.ended.connect(loop.quit, Qt.ConnectionType.QueuedConnection)
    late.start()
    with ThreadPoolExecutor(1, "opening") as pool:
        work = pool.submit(call, signals.told.emit)
        work.add_done_callback(lambda _work: signals.ended.emit())
        loop.exec()
    late.stop()
    for window in shown:
        window.close()
        window.deleteLater()
    return work.result()
