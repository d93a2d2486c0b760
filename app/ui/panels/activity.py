"""What went on in the session in front: figures, a chart of turns and what took time in them, the files it changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.errors import NotFound
from app.ui.activity.figures import Figures, Legend
from app.ui.activity.files import TouchedItems, TouchedModel, TouchedRole
from app.ui.activity.reader import ActivityReader
from app.ui.activity.timeline import TimelineView
from app.ui.desk import Desk
from app.ui.item_list import item_list
from app.ui.models.activity import TimelineModel
from app.ui.panel import Panel
from app.ui.places import CommandPlace, FilePlace, SessionPlace
from app.ui.title_label import TitleLabel
from app.ui.words import counted

if TYPE_CHECKING:
    from app.sessions.activity import Activity
    from app.ui.turns import Activity as Running

TICK_MS = 1_000
_NO_SESSION = "Choose a session at the left.\n\nWhat its turns, tools and commands took appears here."
_NOTHING = (
    "Nothing has been asked in this session yet.\n\nTurns, tools, commands and their times appear here as they run."
)


class ActivityPanel(Panel):
    """The tab "Activity". Reads only while it is shown."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.session: str | None = None
        self._running: frozenset[str] = frozenset()
        self._is_stale = False
        self._opened: set[str] | None = None
        self.reader = ActivityReader(desk, self)
        self.model = TimelineModel(self)
        self.figures = Figures(desk.themes, self)
        self.view = TimelineView(self.model, desk.themes, self)
        self.told = TitleLabel(self)
        self.files_model = TouchedModel(self)
        self._items = TouchedItems(desk.themes, self)
        self.files = item_list(self.files_model, self._items, "Files that the session changed", self)
        self.files_heading = QLabel(self)
        self._empty = QLabel(_NO_SESSION, self)
        self._tick = QTimer(self, interval=TICK_MS)
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        self.told.setProperty("role", "muted")
        self.told.setContentsMargins(0, 0, 0, 0)
        self.told.setMinimumHeight(28)
        self.told.setIndent(0)
        upper, lower = QWidget(self), QWidget(self)
        chart = _column(upper, Legend(self.desk.themes, self), self.view)
        line = QVBoxLayout()
        line.setContentsMargins(16, 0, 16, 0)
        line.addWidget(self.told)
        chart.addLayout(line)
        chart.setStretchFactor(self.view, 1)
        self.files_heading.setProperty("role", "muted")
        self.files_heading.setContentsMargins(16, 8, 16, 2)
        _column(lower, self.files_heading, self.files).setStretchFactor(self.files, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(upper)
        self.splitter.addWidget(lower)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 1)
        shown = QWidget(self)
        _column(shown, self.figures, self.splitter).setStretchFactor(self.splitter, 1)
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setMargin(20)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self._empty)
        self.pages.addWidget(shown)
        _column(self, self.pages)

    def _connect(self) -> None:
        self.reader.read.connect(self._take)
        self.reader.failed.connect(self._fail)
        self.view.chosen.connect(self._go)
        self.view.toggled.connect(self._toggle)
        self.view.told.connect(self.told.setText)
        self.files.activated.connect(self._go_file)
        self._tick.timeout.connect(self.reader.refresh)
        self.desk.themes.changed.connect(self._take_theme)

    # For the window

    def show_session(self, session: str | None) -> None:
        if session != self.session:
            self.session = session
            self._open()

    def show_workspace(self) -> None:
        self._open()

    def refresh(self, sessions: frozenset[str]) -> None:
        if self.session in sessions:
            self._is_stale = self._is_stale or not self.isVisible()
            if not self._is_stale:
                self.reader.refresh()

    def show_activity(self, activity: Running) -> None:
        self._running = activity.running
        self._follow()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "activity.show": self.view.setFocus,
            "activity.unfold": self._toggle_all,
            "activity.zoom_in": lambda: self.view.set_zoom(self.view.zoom * 2),
            "activity.zoom_out": lambda: self.view.set_zoom(self.view.zoom / 2),
        }

    # What is shown

    def _open(self) -> None:
        self._opened = None
        self._is_stale = self.session is not None and not self.isVisible()
        if self.session is None:
            self._show_empty(_NO_SESSION)
        self._follow()
        self.reader.open(None if self._is_stale else self.session)

    def _follow(self) -> None:
        """Time passes while an agent works in the session."""
        running = self.session in self._running
        if running is not self.reader.running:
            self.reader.running = running
            self._tick.start() if running else self._tick.stop()
            if self.isVisible():
                self.reader.refresh()

    def _take(self, activity: Activity) -> None:
        if not activity.turns:
            self._show_empty(_NOTHING)
            return
        if self._opened is None:
            self._opened = {activity.turns[-1].event}
        self.figures.show_activity(activity)
        self.files_model.set_files(activity.files)
        self.files_heading.setText(f"{counted(len(activity.files), 'file')} changed")
        self._show_rows(activity)
        self.pages.setCurrentIndex(1)

    def _show_rows(self, activity: Activity | None) -> None:
        event = self.model.event_at(self.view.currentIndex().row())
        place = self.view.verticalScrollBar().value()
        self.model.set_activity(activity, frozenset(self._opened or ()))
        self.view.update_scroll_bars()
        row = self.model.row_of(event) if event is not None else len(self.model.rows) - 1
        if row >= 0 and row != self.view.currentIndex().row():
            self.view.setCurrentIndex(self.model.index(row))
        if event is not None:
            self.view.verticalScrollBar().setValue(place)
        self.view.viewport().update()

    def _fail(self, error: BaseException) -> None:
        self._show_empty("This session is not here any more." if isinstance(error, NotFound) else _NOTHING)
        if not isinstance(error, NotFound):
            self.desk.report(error)

    def _show_empty(self, text: str) -> None:
        self.model.set_activity(None, frozenset())
        self.files_model.set_files(())
        self._empty.setText(text)
        self.pages.setCurrentIndex(0)

    def _take_theme(self, _theme: Any) -> None:
        self.view.take_fonts()
        self._items.take_fonts()
        self.files.doItemsLayout()

    # What people do

    def _toggle(self, row: int) -> None:
        turn, opened = self.model.turn_at(row), self._opened or set()
        if turn is not None:
            self._opened = opened ^ {turn.event}
            first = self.model.row_of(turn.event)
            self.view.setCurrentIndex(self.model.index(first))
            self._show_rows(self.model.activity)

    def _toggle_all(self) -> None:
        activity = self.model.activity
        if activity is not None:
            all_turns = {turn.event for turn in activity.turns}
            self._opened = set() if self._opened == all_turns else all_turns
            self._show_rows(activity)

    def _go(self, row: int) -> None:
        span, event = self.model.span_at(row), self.model.event_at(row)
        if self.session is None or event is None:
            return
        if span is not None and span.kind == "command":
            self.desk.go(CommandPlace(self.session, event))
        else:
            self.desk.go(SessionPlace(self.session, event))

    def _go_file(self, index: QModelIndex) -> None:
        if self.session is not None:
            self.desk.go(FilePlace(self.session, index.data(TouchedRole).path))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._is_stale = False
            self.reader.open(self.session)


def _column(parent: QWidget, *widgets: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget)
    return layout
