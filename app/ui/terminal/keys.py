"""Keys that mean something else in the terminal panel than in the window: taken before its shortcuts get them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.ui.terminal.find_bar import FindBar
from app.ui.terminal.run_line import RunLine
from app.ui.terminal.view import OutputView


class TerminalKeys(QObject):
    """Ctrl+F finds in the output, F3 goes on, Esc ends that; Ctrl+C stops a command where nothing is to be copied.

    open_find, stop: what they do. can_stop: whether the command that is shown can be stopped here.
    """

    def __init__(
        self,
        view: OutputView,
        find_bar: FindBar,
        run_line: RunLine,
        *,
        open_find: Callable[[], object],
        stop: Callable[[], object],
        can_stop: Callable[[], bool],
    ) -> None:
        super().__init__(view)
        self._view, self._find_bar, self._run_line = view, find_bar, run_line
        self._open_find, self._stop, self._can_stop = open_find, stop, can_stop

    def watch(self, widgets: Iterable[QWidget]) -> None:
        """Take the keys of these."""
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            act = self._act_of(watched, event)
            if act is not None:
                if event.type() == QEvent.Type.KeyPress:
                    act()
                event.accept()
                return True
        return super().eventFilter(watched, event)

    def _act_of(self, watched: QObject, event: QKeyEvent) -> Callable[[], object] | None:
        keys = Qt.Key
        match event.key(), event.modifiers():
            case keys.Key_F, Qt.KeyboardModifier.ControlModifier:
                return self._open_find
            case keys.Key_F3, Qt.KeyboardModifier.NoModifier:
                return lambda: self._find_bar.step(1)
            case keys.Key_F3, Qt.KeyboardModifier.ShiftModifier:
                return lambda: self._find_bar.step(-1)
            case keys.Key_Escape, _ if self._find_bar.isVisible() and watched in (self._find_bar.field, self._view):
                return self._find_bar.close_bar
            case keys.Key_C, Qt.KeyboardModifier.ControlModifier if not self._copies(watched) and self._can_stop():
                return self._stop
        return None

    def _copies(self, watched: QObject) -> bool:
        """Whether there is something to copy where the keyboard is."""
        if watched is self._run_line.field:
            return self._run_line.field.hasSelectedText()
        return watched is self._find_bar.field or (watched is self._view and bool(self._view.selected_text()))
