"""A line over what cannot be shown whole, because payloads are not on this device yet: how much is missing, a button
that fetches it, how far it is, and why it does not come.

The window may not be the process that runs the network: what is wanted and how far it is stands in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from app.sessions.sizes import human_size
from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.sessions.payload_queries import Fetch
    from app.sessions.queries import Queries
    from app.ui.desk import Desk

Source = Callable[["Queries"], Mapping[str, int]]
"""Gives what is missing of what is shown: ids (hex) and sizes."""
SOON_MS = 400
"""A session may change many times a second; so often is what is missing looked for at most."""
PROGRESS_MS = 250


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing, and what of it was asked for. done, total: bytes of that."""

    missing: Mapping[str, int]
    fetches: tuple[Fetch, ...] = ()

    @property
    def is_coming(self) -> bool:
        """Whether something is asked for and expected."""
        return any(not fetch.problem for fetch in self.fetches)

    @property
    def problem(self) -> str:
        """Why nothing comes, '' where something does or nothing was asked for."""
        return "" if self.is_coming else next((fetch.problem for fetch in self.fetches), "")

    @property
    def done(self) -> int:
        return sum(min(fetch.done, fetch.size) for fetch in self.fetches)

    @property
    def total(self) -> int:
        return sum(fetch.size for fetch in self.fetches)

    @property
    def words(self) -> str:
        """A sentence about it."""
        if self.is_coming:
            return f"Fetching: {human_size(self.done)} of {human_size(self.total)}"
        count = len(self.missing)
        what = "A payload" if count == 1 else f"{count:,} payloads"
        size = human_size(sum(self.missing.values()))
        said = f"{what} of what is shown here {'is' if count == 1 else 'are'} not on this device yet ({size})."
        return f"{said} {self.problem}".strip()


class PayloadBar(QFrame):
    """Hidden while nothing is missing. arrived: something that was missing is here now; read it again."""

    arrived = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("find")
        self._desk = desk
        self._source: Source | None = None
        self._number = 0
        self.lack = Lack({})
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("How much has come")
        self.progress.setFixedWidth(120)
        self.button = QPushButton("Fetch", self)
        self.button.clicked.connect(self._press)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 7, 12, 7)
        layout.setSpacing(12)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.progress)
        layout.addWidget(self.button)
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._look)
        self.hide()

    def show_for(self, source: Source | None) -> None:
        """Something else is shown; None: nothing."""
        self._source = source
        self._number += 1
        self._soon.stop()
        self._take(self._number, Lack({}), other=True)
        if source is not None:
            self._look()

    def refresh(self) -> None:
        """What is shown may have come, or more may be missing."""
        if self._source is not None and not self._soon.isActive():
            self._soon.start(SOON_MS)

    def _look(self) -> None:
        source, number = self._source, self._number
        if source is None:
            return

        def look(queries: Queries) -> Lack:
            missing = source(queries)
            return Lack(missing, tuple(fetch for fetch in queries.fetches() if fetch.blob in missing))

        self._desk.read(
            look,
            while_alive(self, lambda lack: self._take(number, lack)),
            while_alive(self, lambda _error: self._take(number, Lack({}), other=True)),
        )

    def _take(self, number: int, lack: Lack, *, other: bool = False) -> None:
        if number != self._number:
            return
        came = not other and bool(self.lack.missing.keys() - lack.missing.keys())
        self.lack = lack
        self.setVisible(bool(lack.missing))
        self.words.setText(lack.words if lack.missing else "")
        self.progress.setVisible(lack.is_coming)
        self.progress.setMaximum(1000)
        self.progress.setValue(round(1000 * lack.done / lack.total) if lack.total else 0)
        button = "Cancel" if lack.is_coming else "Try again" if lack.problem else "Fetch"
        self.button.setText(button)
        self.button.setAccessibleName(f"{button} what is not on this device yet")
        if lack.is_coming:
            self._soon.start(PROGRESS_MS)
        if came:
            self.arrived.emit()

    def _press(self) -> None:
        """Fetch what is missing, or stop."""
        lack = self.lack
        looked = while_alive(self, lambda _done: self._look())
        if lack.is_coming:
            self._desk.write(lambda operations: operations.end_fetch([one.blob for one in lack.fetches]), looked)
        else:
            self._desk.write(lambda operations: operations.fetch(lack.missing), looked)
