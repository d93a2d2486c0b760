"""The status bar: what agents do, where the workspace's data are, and a short word about what was just done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QStatusBar, QToolButton, QWidget

from app.ui.turns import Activity
from app.ui.words import cut

WORD_MS = 6_000
MOST_STEP, MOST_LINES = 40, 12
"""Characters of a step in the bar, and tasks in its tip."""


class StatusBar(QStatusBar):
    """go_waiting: shows a session that waits. reset_zoom: shows text in its normal size. go_sync: shows what syncs."""

    def __init__(
        self,
        parent: QWidget,
        *,
        go_waiting: Callable[[], object],
        reset_zoom: Callable[[], object],
        go_sync: Callable[[], object],
    ) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.agents = QToolButton(self)
        self.agents.setAccessibleName("Agents")
        self.agents.clicked.connect(lambda _checked=False: go_waiting())
        self.message = QLabel(self)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.zoom = QToolButton(self)
        self.zoom.setAccessibleName("Text size")
        self.zoom.setToolTip("Show text in its normal size")
        self.zoom.clicked.connect(lambda _checked=False: reset_zoom())
        self.sync = QToolButton(self)
        self.sync.clicked.connect(lambda _checked=False: go_sync())
        self.show_sync("On this device only", "Sync is not set up: nothing leaves this device.")
        self.lock = _state(self, "Encrypted", "Everything Lovelace keeps is encrypted on the disk.")
        self.addWidget(self.agents)
        self.addWidget(self.message, 1)
        for widget in (self.zoom, self.sync, self.lock):
            self.addPermanentWidget(widget)
        self._fade = QTimer(self, singleShot=True, interval=WORD_MS)
        self._fade.timeout.connect(self.message.clear)
        self.show_activity(Activity())
        self.show_zoom(1.0)

    def say(self, text: str) -> None:
        """A short word that goes away by itself."""
        self.message.setText(text)
        self._fade.start()

    def show_activity(self, activity: Activity, titles: Mapping[str, str] = MappingProxyType({})) -> None:
        """How many agents run, and how many wait for the person. titles: of sessions whose tasks go on."""
        self.agents.setText(activity_words(activity).replace("&", "&&"))
        self.agents.setToolTip(activity_tip(activity, titles))
        self.agents.setProperty("state", "waiting" if activity.waiting else "running" if activity.working else "")
        self.agents.setEnabled(bool(activity.waiting or activity.working))
        self.agents.style().unpolish(self.agents)
        self.agents.style().polish(self.agents)

    def show_sync(self, words: str, sentence: str) -> None:
        """How far sync is."""
        self.sync.setText(words)
        self.sync.setToolTip(sentence)
        self.sync.setAccessibleName(f"Sync: {words}")

    def show_zoom(self, zoom: float) -> None:
        """The size of text, where it is not the normal one."""
        self.zoom.setText(f"{round(zoom * 100)} %")
        self.zoom.setVisible(round(zoom * 100) != 100)


def activity_words(activity: Activity) -> str:
    """The state of the agents in a few words."""
    working, waiting = activity.working - activity.waiting, len(activity.waiting)
    running = len(working)
    parts = []
    if waiting:
        parts.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} for you")
    if running:
        parts.append(f"{running} {'agent' if running == 1 else 'agents'} running")
    steps = [activity.background.get(session, "") for session in working]
    if running == 1 and not waiting and steps[0]:
        parts.append(cut(steps[0], MOST_STEP))
    return "● " + " · ".join(parts) if parts else "○ No agent running"


def activity_tip(activity: Activity, titles: Mapping[str, str]) -> str:
    """The tasks in the background with what they work on, one a line, as HTML: agents word their steps themselves."""
    lines = [
        f"{cut(titles.get(session, ''), 60)}: {cut(step, 80) or 'begins'}"
        for session, step in sorted(activity.background.items())
    ]
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    shown = [escape(line) for line in [*lines[:MOST_LINES], *more]]
    return f"<p style='white-space:pre'>{'<br>'.join(shown)}</p>" if shown else ""


def _state(parent: QWidget, text: str, tip: str) -> QLabel:
    label = QLabel(text, parent)
    label.setToolTip(tip)
    label.setContentsMargins(6, 0, 10, 0)
    return label
