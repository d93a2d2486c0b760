"""`python -m tests.benchmarks.window_probe HOME|empty`: a window as a process of its own, for benchmarks.

Prints `painted` once its list of sessions (or, for `empty`, a window without anything) has painted its first picture,
and goes on until its input ends.
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
    sys.meta_path.insert(0, _Watch())
    os.environ.setdefault("DISPLAY", "offscreen")
    sys.argv[1:] = ["--home", str(home), "desktop"]
    from app.__main__ import main as program

    program()


class _Watch:
    """Learns when the program imports its window; imports nothing, so that the program imports Qt in its own order."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "app.ui.window":
            sys.meta_path.remove(self)  # type: ignore[arg-type]
            _watch_painting()


def _watch_painting() -> None:
    """Tell when the list of sessions has painted its rows for the first time."""
    from PySide6.QtWidgets import QApplication

    run = QApplication.exec

    def watched(*_application: object) -> int:
        from app.ui.browser.row_list import RowList
        from app.ui.window import MainWindow

        (window,) = [one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow)]
        paint = RowList.paintEvent

        def painted(self: RowList, event: object) -> None:
            paint(self, event)  # type: ignore[arg-type]
            if self is window.browser.list and self.model().rowCount():
                RowList.paintEvent = paint  # type: ignore[method-assign]
                _painted(window.close)

        RowList.paintEvent = painted  # type: ignore[method-assign, assignment]
        return run()

    QApplication.exec = watched  # type: ignore[method-assign, assignment]


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
