"""Waiting for the first picture: what is not in it begins once it is on the screen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

PATIENCE_MS = 1_000
"""A window that starts out hidden is never painted; what waits for it begins then all the same."""


class _Waiting(QObject):
    def __init__(self, widget: QWidget, then: Callable[[], object]) -> None:
        super().__init__(widget)
        self._widget, self._then = widget, then
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._end)
        self._patience.start(PATIENCE_MS)
        widget.installEventFilter(self)

    def _end(self) -> None:
        self._then()
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._widget.removeEventFilter(self)
            self._patience.start(0)  # once all of it has been painted
        return False


def once_painted(widget: QWidget, then: Callable[[], object]) -> None:
    """Do something after the next time that the widget has been painted."""
    _Waiting(widget, then)
