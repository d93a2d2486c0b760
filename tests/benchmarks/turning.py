"""Turns the loop of a window by hand, as Qt's own loop does."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop


def turn() -> None:
    """Sleep until something happens and deal with it, so that reading threads have the processor meanwhile.

    What is let go goes at once: by hand Qt would keep it waiting, and would not sleep while something waits.
    """
    QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
