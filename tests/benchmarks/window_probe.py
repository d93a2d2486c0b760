"""`python -m tests.benchmarks.window_probe HOME|empty`: a window as a process of its own, for benchmarks.

Prints `painted` once its list of sessions (or, for `empty`, a window without anything) has been painted, and goes on
until its input ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def main(home: str) -> int:
    """Show the window; the exit code."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return _empty() if home == "empty" else _product(Path(home))


def _empty() -> int:
    from PySide6.QtWidgets import QApplication, QMainWindow

    application = QApplication([])

    class Empty(QMainWindow):
        def paintEvent(self, event: object) -> None:
            _painted(application.quit)

    window = Empty()
    window.resize(1280, 820)
    window.show()
    return application.exec()


def _product(home: Path) -> NoReturn:
    """The whole program, as its entry point starts it."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    application = QApplication(["lovelace"])
    timer = QTimer(interval=1)

    def look() -> None:
        from app.ui.window import MainWindow

        for window in application.topLevelWidgets():
            if isinstance(window, MainWindow) and window.isVisible() and window.browser.model.rowCount():
                timer.stop()
                window.repaint()
                _painted(window.close)

    timer.timeout.connect(look)
    timer.start()
    os.environ.setdefault("DISPLAY", "offscreen")
    sys.argv[1:] = ["--home", str(home), "desktop"]
    from app.__main__ import main as program

    program()


def _painted(close: object) -> None:
    """Tell, then close the window when standard input ends."""
    from PySide6.QtCore import QSocketNotifier

    print("painted", flush=True)
    notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda: (notifier.setEnabled(False), close()))  # type: ignore[operator]
    _kept.append(notifier)


_kept: list[object] = []

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
