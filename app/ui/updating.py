"""What stands in place of the window while the sessions are brought up to date: an update reads them all anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

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


class _Work(QObject, Generic[Result]):
    """A call on a thread of its own. told: done and total. ended: it has returned or raised."""

    told = Signal(int, int)
    ended = Signal()

    def __init__(self, call: Callable[[Progress], Result]) -> None:
        super().__init__()
        self._call = call
        self.result: Result | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self.result = self._call(self.told.emit)
        except BaseException as error:  # noqa: BLE001 - raised again on the main thread
            self.error = error
        self.ended.emit()


def while_shown(call: Callable[[Progress], Result], application: QApplication, icon: QIcon) -> Result:
    """What the call gives, or raises. It runs on another thread; where it takes long a window says how far it is."""
    work, loop = _Work(call), QEventLoop()
    shown: list[Updating] = []

    def show(done: int = 0, total: int = 0) -> None:
        if not shown:
            shown.append(Updating(Themes(application), icon))
            shown[0].show()
        if total:
            shown[0].show_progress(done, total)

    late = QTimer(singleShot=True, interval=SHOWN_AFTER_MS)
    late.timeout.connect(show)
    work.told.connect(lambda done, total: show(done, total) if shown else None)
    work.ended.connect(loop.quit)
    late.start()
    work.start()
    loop.exec()
    work.join()
    late.stop()
    for window in shown:
        window.close()
        window.deleteLater()
    if work.error is not None:
        raise work.error
    return work.result  # type: ignore[return-value]
