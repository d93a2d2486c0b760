"""The open session: a header, the conversation, the composer; kept current while this and other processes write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import NotFound
from app.sessions.relinking import vanished_sentence
from app.ui.ages import age
from app.ui.composer import Composer
from app.ui.conversation.content import copied_texts
from app.ui.conversation.entries import head_row
from app.ui.conversation.parts import Style
from app.ui.conversation.selection import join_rows
from app.ui.conversation.view import ConversationView
from app.ui.desk import Desk
from app.ui.models.conversation import MARGIN, ConversationModel
from app.ui.title_label import TitleLabel

if TYPE_CHECKING:
    from app.sessions.events import PermissionChoice
    from app.sessions.queries import Queries
    from app.sessions.views import DraftRow, Event, SessionRow, Timeline

TAIL_EVENTS = 80
REFRESH_MS = 33
"""Least time between two readings of a session that streams: 30 a second."""
SETTLE_MS = 1_000
"""How long a session must be quiet before its whole timeline is compared: events may have come in the middle."""
ANSWER_GUARD_MS = 400
"""After a question moved the keyboard here, keys typed for something else must not answer it."""
COPY_PAGE = 400
_ANSWER_KEYS: dict[int, PermissionChoice] = {
    Qt.Key.Key_1: "once",
    Qt.Key.Key_Y: "once",
    Qt.Key.Key_2: "always",
    Qt.Key.Key_A: "always",
    Qt.Key.Key_3: "reject",
    Qt.Key.Key_N: "reject",
}
_WELCOME = (
    "<p><b>A session keeps everything that you and your agents do together.</b></p>"
    "<p>Choose one at the left, or press <b>Ctrl+N</b> to start one.<br>"
    "<b>Ctrl+F</b> searches everything: messages, commands, output, files.</p>"
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one look at a session gives. newest: the id of its newest event, seen by people or not."""

    session: SessionRow
    events: list[Event]
    drafts: list[DraftRow]
    newest: str | None
    folders: tuple[Path, ...]


class ConversationPanel(QWidget):
    """prompted: (session, agent, text, tools). stop_wanted: session. answered: (session, request, choice).
    failed: an exception. said: a short word for the status bar. title_changed: of the session that is shown.
    opened: another session is shown."""

    prompted = Signal(str, str, str, bool)
    stop_wanted = Signal(str)
    answered = Signal(str, str, str)
    failed = Signal(object)
    said = Signal(str)
    title_changed = Signal(str)
    opened = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.session: str | None = None
        self._row: SessionRow | None = None
        self._opening = 0
        self._running = False
        self._streaming = False
        self._names: Sequence[str] = ()
        self._wants_tools = bool(desk.setting("tools", True))
        self._places: dict[str, tuple[int, int] | None] = {}
        self._reading = False
        self._read_again = False
        self._asked_for: str | None = None
        self._guard = QElapsedTimer()
        self.answer_guard_ms = ANSWER_GUARD_MS
        self.model = ConversationModel(self._fetch, desk.now)
        self.view = ConversationView(self.model, Style(desk.themes.theme, desk.lexer), self)
        self.composer = Composer(self)
        self._header()
        self._arrange()
        self._refresh_soon = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refresh_soon.timeout.connect(self._read)
        self._settled = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settled.timeout.connect(self._read_timeline)
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._show_state)
        self._since = QElapsedTimer()
        self._connect()
        self._show_page()

    def _header(self) -> None:
        self._bar = QFrame(self)
        self._bar.setObjectName("header")
        self._bar.setFixedHeight(48)
        self.title = TitleLabel(self._bar)
        self.state = QLabel(self._bar)
        self.state.setProperty("role", "muted")
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.stop = QPushButton("Stop", self._bar)
        self.stop.setToolTip("Esc")
        self.stop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QHBoxLayout(self._bar)
        layout.setContentsMargins(20, 8, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(self.title, 0)
        layout.addWidget(self.state, 1)
        layout.addWidget(self.stop)

    def _arrange(self) -> None:
        self._welcome = QLabel(_WELCOME, self)
        self._welcome.setProperty("role", "muted")
        self._welcome.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._welcome)
        self._pages.addWidget(self.view)
        self._latest = QToolButton(self.view)
        self._latest.setText("↓ Newest")
        self._latest.setObjectName("latest")
        self._latest.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._bar)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.composer)

    def _connect(self) -> None:
        self.stop.clicked.connect(self.stop_turn)
        self.composer.stop_wanted.connect(self.stop_turn)
        self.composer.submitted.connect(self._submit)
        self.composer.tools.clicked.connect(self._choose_tools)
        self.composer.agent_chosen.connect(lambda name: self._desk.keep_setting("agent", name))
        self.view.answered.connect(self._answer)
        self.view.copied.connect(lambda text: QGuiApplication.clipboard().setText(text))
        self.view.copy_wanted.connect(self._copy_all)
        self.view.link_clicked.connect(_open_link)
        self.view.following_changed.connect(lambda following: self._latest.setVisible(not following))
        self.view.column_changed.connect(self._align_composer)
        self.view.installEventFilter(self)
        self._latest.clicked.connect(self.view.show_end)
        self._desk.lexer.arrived.connect(self.view.viewport().update)
        self._desk.themes.changed.connect(lambda theme: self.view.set_style(Style(theme, self._desk.lexer)))

    # For the window

    def open(self, session: str, event: str | None = None) -> None:
        """Show a session, at its end, at the place it was left, or at an event."""
        if session == self.session:
            self._jump(event)
            return
        self._remember_place()
        self._opening += 1
        self._refresh_soon.stop()
        self._settled.stop()
        number = self._opening
        self._desk.read(
            lambda queries: _read_opening(queries, session),
            lambda reading: self._show(number, reading, event),
            self.failed.emit,
        )

    def close_session(self) -> None:
        """Show no session."""
        self._remember_place()
        self._opening += 1
        self.session = self._row = None
        self.model.show_tail(())
        self._show_page()

    def refresh(self) -> None:
        """The open session has changed."""
        if self.session is not None and not self._refresh_soon.isActive():
            self._refresh_soon.start()

    def set_running(self, running: bool) -> None:
        """Whether a turn of the open session runs in this window."""
        if running and not self._running:
            self._since.start()
            self._tick.start()
        self._running = running
        self.composer.set_running(running)
        self._show_state()
        self.refresh()

    def set_agents(self, names: Sequence[str]) -> None:
        """The agents to choose from."""
        self._names = names
        self._offer_agents()

    def _offer_agents(self) -> None:
        """Choose the session's agent where it is configured here, else the one used last."""
        own = self._row.agent if self._row is not None else None
        self.composer.set_agents(self._names, own if own in self._names else self._desk.setting("agent"))

    def stop_turn(self) -> None:
        """End the turn that runs here."""
        if self.session is not None and self._running:
            self.stop_wanted.emit(self.session)

    def focus_composer(self) -> None:
        """Let the person write."""
        self.composer.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # Opening and following

    def _show(self, number: int, reading: _Reading, event: str | None) -> None:
        if number != self._opening:
            return
        self.session = reading.session.id
        self._running = False
        self._asked_for = None
        self._take_row(reading)
        self._offer_agents()
        self.model.show_tail(reading.events)
        self.model.last_event = reading.newest or self.model.last_event
        self.model.set_drafts(reading.drafts)
        self.view.show_end()
        self._show_page()
        self.opened.emit()
        self._read_timeline(event)

    def _read_timeline(self, event: str | None = None) -> None:
        session, number = self.session, self._opening
        if session is None:
            return
        self._desk.read(
            lambda queries: queries.timeline(session),
            lambda timeline: self._take_timeline(number, timeline, event),
            self.failed.emit,
        )

    def _take_timeline(self, number: int, timeline: Timeline, event: str | None) -> None:
        if number != self._opening or self.session is None:
            return
        first = not self.model.is_complete
        place = self.view.place()
        self.model.set_timeline(timeline)
        if event is not None:
            self._jump(event)
        elif first:
            self.view.go_to_place(self._places.get(self.session))
        else:
            self.view.go_to_place(place)

    def _read(self) -> None:
        """Read what is new; one reading at a time, and one more if something changed meanwhile."""
        session, number, after = self.session, self._opening, self.model.last_event
        if session is None:
            return
        if self._reading:
            self._read_again = True
            return
        self._reading = True

        def failed(error: BaseException) -> None:
            self._reading = False
            if isinstance(error, NotFound) and session == self.session:  # it was purged
                self.close_session()
            self.failed.emit(error)

        self._desk.read(
            lambda queries: _read_news(queries, session, after), lambda reading: self._take(number, reading), failed
        )

    def _take(self, number: int, reading: _Reading) -> None:
        self._reading = False
        if self._read_again:
            self._read_again = False
            self._refresh_soon.start()
        if number != self._opening:
            return
        self._take_row(reading)
        self.model.append_events(reading.events)
        self.model.set_drafts([draft for draft in reading.drafts if not self.model.has_said(draft)])
        self._settled.start()
        self._notice_question()

    def _take_row(self, reading: _Reading) -> None:
        self._row = reading.session
        self._streaming = bool(reading.drafts)
        self._set_tools(reading)
        self.title_changed.emit(reading.session.title)
        self._show_page()

    def _set_tools(self, reading: _Reading) -> None:
        gone = vanished_sentence(reading.session.workspace_name, reading.folders)
        possible = bool(reading.folders) and gone is None
        where = "this workspace's folder" if possible else gone or "Bind a folder first: lovelace workspace open DIR"
        self.composer.set_tools(possible=possible, wanted=self._wants_tools, where=where)

    def _choose_tools(self, wanted: bool) -> None:
        self._wants_tools = wanted
        self._desk.keep_setting("tools", wanted)

    def _fetch(self, rows: Sequence[int]) -> None:
        number = self._opening

        def failed(error: BaseException) -> None:
            self.model.fetch_failed(rows)
            self.failed.emit(error)

        def take(events: list[Event]) -> None:
            if number == self._opening:
                self.model.add_events(events)

        self._desk.read(lambda queries: queries.events_at(rows), take, failed)

    def _jump(self, event: str | None) -> None:
        """Go to an event; to the card that shows it, where it has no row of its own."""
        session, number = self.session, self._opening
        if event is None or session is None:
            return

        def show(found: Event) -> None:
            row = self.model.row_of(found.row)
            if number != self._opening or row is None:
                return
            around = self.model.row_ids(max(0, row - MARGIN), row + MARGIN)
            self._desk.read(lambda queries: queries.events_at(around), lambda events: arrive(found, events))

        def arrive(found: Event, events: list[Event]) -> None:
            if number == self._opening:
                self.model.add_events(events)
                row = self.model.row_of(head_row(found, events))
                if row is not None:
                    self.view.show_row(row)

        self._desk.read(lambda queries: queries.event(session, event), show, self.failed.emit)

    def _remember_place(self) -> None:
        if self.session is not None:
            self._places[self.session] = self.view.place()

    # Header

    def _show_page(self) -> None:
        shown = self.session is not None
        self._pages.setCurrentWidget(self.view if shown else self._welcome)
        self._bar.setVisible(shown)
        self.composer.setVisible(shown)
        self._show_state()

    def _show_state(self) -> None:
        if not self._running:
            self._tick.stop()
        self.stop.setVisible(self._running)
        if self._row is None:
            return
        self.title.setText(self._row.title)
        self.state.setText(self._state_words())
        self.model.set_live(self._running or self._streaming or self._row.status == "waiting")

    def _state_words(self) -> str:
        assert self._row is not None
        if self._running:
            seconds = self._since.elapsed() // 1000
            waiting = self.model.open_request() is not None
            spent = f"{seconds // 60} m {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
            return f"{'waiting for you' if waiting else 'running'} · {spent}"
        if self._streaming:
            return "running elsewhere"
        words = {"active": "", "waiting": "waiting for you"}.get(self._row.status, self._row.status)
        return " · ".join(word for word in (words, age(self._row.updated, self._desk.now())) if word)

    # Prompting and answering

    def _submit(self, text: str) -> None:
        if self.session is None:
            return
        tools = self.composer.tools.isChecked()
        self.composer.clear()
        self.view.show_end()
        self.prompted.emit(self.session, self.composer.agents.current, text, tools)

    def _notice_question(self) -> None:
        """A new permission request: show it, and give it the keyboard unless the person is writing."""
        question = self.model.open_request()
        if question is None or question[1] == self._asked_for:
            return
        self._asked_for = question[1]
        self._guard.start()
        self.said.emit("The agent waits for you: 1 allow once · 2 allow in this session · 3 reject")
        if not self.composer.field.toPlainText() and self.isVisible():
            self.view.setCurrentIndex(self.model.index(question[0], 0))
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _answer(self, request: str, choice: str) -> None:
        if self.session is not None:
            self.said.emit("")
            self.answered.emit(self.session, request, choice)
            self.focus_composer()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that answer a permission request, while the conversation has the keyboard."""
        if watched is self.view and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            choice = _ANSWER_KEYS.get(event.key())
            plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            question = self.model.open_request() if choice and plain else None
            if question is not None and choice is not None:
                if self._guard.hasExpired(self.answer_guard_ms):
                    self._answer(question[1], choice)
                return True
        return super().eventFilter(watched, event)

    # Copying

    def _copy_all(self) -> None:
        """The selection reaches beyond what is here: read the rest off the main thread."""
        selection = self.view.selection()
        if selection is None:
            return
        first, last = selection.first.row, selection.last.row
        rows = self.model.row_ids(first, last)
        ends = (self.view.row_text(first), self.view.row_text(last))
        self.said.emit("Copying…")

        def done(texts: list[str]) -> None:
            whole = [texts[0] if ends[0] is None else ends[0], *texts[1:-1], texts[-1] if ends[1] is None else ends[1]]
            QGuiApplication.clipboard().setText(join_rows(whole))
            self.said.emit(f"Copied {len(texts):,} entries")

        self._desk.read(lambda queries: _read_texts(queries, rows), done, self.failed.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._latest.adjustSize()
        self._latest.move(self.width() - self._latest.width() - 24, self._pages.height() - self._latest.height() - 12)

    def _align_composer(self) -> None:
        left, width = self.view.column()
        self.composer.set_column(left, self.width() - left - width)


def _read_opening(queries: Queries, session: str) -> _Reading:
    row = queries.session(session)
    newest = queries.events(row.id, limit=1)
    tail = queries.tail(row.id, TAIL_EVENTS)
    answers = queries.events(row.id, kinds=("permission_answer",), after=tail[0].id) if tail else []
    return _Reading(
        row,
        [*answers, *tail],
        queries.drafts(row.id),
        newest[0].id if newest else None,
        tuple(queries.folders()),
    )


def _read_news(queries: Queries, session: str, after: str | None) -> _Reading:
    events = queries.events(session, after=after)
    newest = events[-1].id if events else after
    return _Reading(queries.session(session), events, queries.drafts(session), newest, tuple(queries.folders()))


def _read_texts(queries: Queries, rows: Sequence[int]) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(rows), COPY_PAGE):
        texts += copied_texts(queries.events_at(rows[start : start + COPY_PAGE]))
    return texts


def _open_link(address: str) -> None:
    """Only addresses of the web and of mail: a file or a program in a message must not start by a click."""
    url = QUrl(address)
    if url.scheme() in ("http", "https", "mailto"):
        QDesktopServices.openUrl(url)
