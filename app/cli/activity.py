"""What a command is busy with, on one line of a terminal's stderr."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from typing import TextIO

PROGRESS_AFTER_S = 0.5
PROGRESS_EVERY_S = 0.1
WIPE = "\r\x1b[2K"


def bar_line(what: str, amount: int, total: int | None) -> str:
    """The line of a bar; without a total the amount alone."""
    if not total:
        return f"{what} {amount:,}"
    share = min(1.0, amount / total)
    return f"{what} [{'#' * round(share * 24):-<24}] {share:4.0%}"


class Activity(AbstractContextManager["Activity"]):
    """A line for steps of which some cannot say how far they are: a thread draws it while one takes over half a second.

    Use it with `with`. Whoever prints something calls `clear` first.
    """

    def __init__(self, stream: TextIO, *, shown: bool) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._what = ""
        self._amount = 0
        self._total: int | None = None
        self._begun = 0.0
        self._drawn = False
        self._thread = threading.Thread(target=self._draw_on, name="activity", daemon=True) if shown else None

    def __enter__(self) -> Activity:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.clear()

    def say(self, what: str, amount: int = 0, total: int | None = None) -> None:
        """What is being done from now on, and how far it is, as far as that is known."""
        with self._lock:
            if what != self._what:
                self._what, self._begun = what, time.monotonic()
            self._amount, self._total = amount, total

    def clear(self) -> None:
        """Wipe the line; nothing is drawn until something is said again."""
        with self._lock:
            self._what = ""
            if self._drawn:
                self._drawn = False
                self._stream.write(WIPE)
                self._stream.flush()

    def _draw_on(self) -> None:
        while not self._ended.wait(PROGRESS_EVERY_S):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            seconds = time.monotonic() - self._begun
            if not self._what or seconds < PROGRESS_AFTER_S:
                return
            self._drawn = True
            line = bar_line(self._what, self._amount, self._total) if self._total else f"{self._what} {seconds:.0f} s"
            self._stream.write(WIPE + line)
            self._stream.flush()
