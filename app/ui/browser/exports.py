"""Exports sessions from the window: asks where to, works beside the window, can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.ui.bridge import while_alive
from app.ui.words import counted

if TYPE_CHECKING:
    from app.sessions.formats.format import Format
    from app.sessions.views import SessionRow
    from app.ui.browser.strip import Strip
    from app.ui.desk import Desk

OFFERED = {"json": "JSON, imports again", "markdown": "Markdown", "html": "HTML"}
"""Formats to choose from, with what they are called."""
SHOWN_AFTER_MS = 500
_STEP = 50_000


class _Stopped(Exception):
    """The person, or the end of the window, stopped it."""


class Exports(QObject):
    """strip: says how far it is."""

    def __init__(self, desk: Desk, strip: Strip, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._strip = strip
        self._window = parent
        self._stop = threading.Event()
        self._soon = QTimer(self, singleShot=True, interval=SHOWN_AFTER_MS)
        self._soon.timeout.connect(self._show)
        self._said = ""

    def ask(self, rows: Sequence[SessionRow], name: str, then: Callable[[], object] | None = None) -> None:
        """Ask where to, and export. then: is called when all is written."""
        from PySide6.QtWidgets import QFileDialog

        from app.sessions.exporting import file_name
        from app.sessions.formats.registry import FORMATS

        format = FORMATS[name]
        dialog = QFileDialog(self._window, f"Export {counted(len(rows), 'session')}")
        if format.together or len(rows) == 1:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix(format.suffix.removeprefix("."))
            dialog.setNameFilter(f"{OFFERED[name]} (*{format.suffix})")
            dialog.selectFile(file_name(rows[0], format) if len(rows) == 1 else f"sessions{format.suffix}")
        else:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda chosen: self.write(rows, name, Path(chosen), then))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write(
        self, rows: Sequence[SessionRow], name: str, path: Path, then: Callable[[], object] | None = None
    ) -> None:
        """Export to a file, or into a folder where each session makes a file of its own."""
        from app.sessions.formats.registry import FORMATS

        if self._soon.isActive() or self._strip.isVisible():
            self._desk.say("One export at a time: the other one is still being written.")
            return
        self._stop.clear()
        self._said = f"Exporting {counted(len(rows), 'session')}…"
        self._desk.bridge.receive(self, while_alive(self, self._tell))
        self._soon.start()
        self._desk.bridge.compute(
            lambda: self._run(FORMATS[name], rows, path),
            while_alive(self, lambda events: self._done(rows, path, events, then)),
            while_alive(self, self._failed),
        )

    def _run(self, format: Format, rows: Sequence[SessionRow], path: Path) -> int:
        """In a worker thread; its reading connection is its own."""
        from app.sessions.exporting import export_file, export_folder

        together = format.together or (len(rows) == 1 and not path.is_dir())
        last = 0

        def advance(count: int) -> None:
            nonlocal last
            if self._stop.is_set() or self._desk.bridge.is_stopped:
                raise _Stopped
            if count != last and (not together or count - last >= _STEP):
                last = count
                how_far = f"{count / 1e6:.1f} MB written" if together else f"{count:,} of {len(rows):,}"
                self._desk.bridge.publish(self, f"Exporting: {how_far}")

        write = export_file if together else export_folder
        return self._desk.workspace.read(lambda queries: write(queries, format, rows, path, advance))

    def _tell(self, words: str) -> None:
        self._said = words
        self._strip.text.setText(words)

    def _show(self) -> None:
        self._strip.show_text(self._said, [("Stop", self._stop.set)])

    def _end(self) -> None:
        self._soon.stop()
        self._strip.hide()
        self._desk.bridge.receive(self, None)

    def _done(self, rows: Sequence[SessionRow], path: Path, events: int, then: Callable[[], object] | None) -> None:
        self._end()
        folder = path if path.is_dir() else path.parent
        said = f"Wrote {counted(events, 'event')} of {counted(len(rows), 'session')} to {path}."
        self._desk.offer(said, "Open Folder", lambda: _open(folder))
        if then is not None:
            then()

    def _failed(self, error: BaseException) -> None:
        self._end()
        if isinstance(error, _Stopped):
            self._desk.say("The export was stopped.")
        else:
            self._desk.report(error)


def _open(folder: Path) -> None:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QDesktopServices

    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
