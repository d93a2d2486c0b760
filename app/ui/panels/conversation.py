"""A tab of the main area that shows one session: a header, the conversation, the composer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app.agents.mcp.asked_form import form_schema
from app.ui.bridge import while_alive
from app.ui.composer.composer import Composer
from app.ui.composer.prompting import Prompting
from app.ui.conversation.always_here import CHOICE, AlwaysHere
from app.ui.conversation.answering import AnswerKeys
from app.ui.conversation.attention import Attention
from app.ui.conversation.company import Company
from app.ui.conversation.copying import put_on_clipboard
from app.ui.conversation.entry_deeds import EntryDeeds
from app.ui.conversation.find_bar import FindBar
from app.ui.conversation.finding import Finder
from app.ui.conversation.follower import Follower
from app.ui.conversation.geometry import column_in
from app.ui.conversation.header import SessionHeader
from app.ui.conversation.parts import Style
from app.ui.conversation.pictures import PictureStore
from app.ui.conversation.reading import Reading
from app.ui.conversation.view import ConversationView
from app.ui.desk import Desk
from app.ui.dragging import SESSION_MIME, dragged_sessions
from app.ui.panel import Panel
from app.ui.payload_bar import PayloadBar
from app.ui.places import Place, SessionPlace
from app.ui.turns import Activity

if TYPE_CHECKING:
    from pathlib import Path

    from app.sessions.events import PermissionChoice, PermissionRequest
    from app.sessions.views import SessionRow

WORKING = "An agent works here on its own. Pause it or take over to write here yourself."
_WELCOME = (
    "<p><b>A session keeps everything that you and your agents do together.</b></p>"
    "<p>Choose one at the left, or write below to start one.<br>"
    "<b>Ctrl+Shift+F</b> searches everything: messages, commands, output, files.</p>"
)
_BEGINNING = (
    "<p><b>Ask anything, or say what is to be done.</b></p>"
    "<p><b>@</b> refers to a file or another session, <b>/</b> runs a command; files can be dropped here.<br>"
    "With <b>Tools</b> the agent works in the folder: reading is free, changing and running asks you first.</p>"
)


class ConversationPanel(Panel):
    """opened: another session is shown, or none (`session` says)."""

    opened = Signal()
    shows_sessions = True

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._row: SessionRow | None = None
        self._taken: tuple[SessionRow, Sequence[Path]] | None = None
        self._activity = Activity()
        self._streaming = self._is_stale = False
        self._refusal = ""
        self.follower = Follower(desk, self)
        self.model = self.follower.model
        self.pictures = PictureStore(
            lambda ref, then: desk.read(lambda queries: queries.find_blob(ref), then), desk.bridge.compute, self
        )
        self.view = self.follower.view = ConversationView(self.model, self._style(), self)
        self.answers = AnswerKeys(self.view, self.model)
        self.header = SessionHeader(desk, self.model, self)
        self.title, self.stop = self.header.title, self.header.stop
        self.deeds = EntryDeeds(desk, self.follower)
        self.attention = Attention(desk, self.follower, self)
        self.find_bar = FindBar(self)
        self.payloads = PayloadBar(desk, self)
        self.company = Company(desk, self)
        self.finder = Finder(desk, self.follower, self.find_bar)
        self.always_here = AlwaysHere(desk, self)
        self.composer = Composer(self)
        self.prompting = Prompting(desk, self.composer, self)
        self._arrange()
        self._connect()
        self._show_page()
        self.setAcceptDrops(True)

    def _arrange(self) -> None:
        self._welcome, self._beginning = _hint(_WELCOME, self), _hint(_BEGINNING, self)
        self._pages = QStackedWidget(self)
        for page in (self._welcome, self._beginning, self.view):
            self._pages.addWidget(page)
        self._latest = QToolButton(self.view)
        self._latest.setText("↓ Newest")
        self._latest.setObjectName("latest")
        self._latest.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.find_bar)
        layout.addWidget(self.payloads)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.always_here.question)
        layout.addWidget(self.composer)

    def _style(self) -> Style:
        return Style(self.desk.themes.theme, self.desk.lexer, self.pictures)

    def _restyle(self, _theme: object) -> None:
        self.view.set_style(self._style())

    def _connect(self) -> None:
        self.follower.opened.connect(self._begin)
        self.follower.opened.connect(lambda *_session: self.always_here.question.hide())
        self.follower.read.connect(self._take)
        self.follower.closed.connect(self._end)
        for changed in (self.model.rowsInserted, self.model.rowsRemoved, self.model.modelReset):
            changed.connect(self._show_page)
        self.stop.clicked.connect(self.stop_turn)
        self.header.secrets.clicked.connect(lambda _checked: self.deeds.show_secrets())
        self.header.task.changed.connect(self._show_refusal)
        self.company.changed.connect(self.header.company.setText)
        self.composer.field.textChanged.connect(self._note_typing)
        self.composer.stop_wanted.connect(self.stop_turn)
        self.prompting.sent.connect(self.attention.answered)
        self.prompting.sent.connect(self.view.show_end)
        self.answers.answered.connect(self._answer)
        self.view.answered.connect(self._answer)
        self.always_here.kept.connect(lambda request: self._give_answer(request, "once"))
        self.view.copied.connect(put_on_clipboard)
        self.view.copy_wanted.connect(self.deeds.copying.far_selection)
        self.view.menu_wanted.connect(self.deeds.show_menu)
        self.view.link_clicked.connect(self.deeds.follow_link)
        self.view.opens.connect(self.deeds.open_elsewhere)
        self.view.following_changed.connect(lambda following: self._latest.setVisible(not following))
        self.view.column_changed.connect(self._align_composer)
        self._latest.clicked.connect(self.view.show_end)
        self.desk.lexer.arrived.connect(self.view.viewport().update)
        self.payloads.arrived.connect(self.follower.read_missing)
        self.payloads.arrived.connect(self.pictures.look_again)
        self.pictures.arrived.connect(self.view.viewport().update)
        self.desk.themes.changed.connect(self._restyle)

    # For the window

    @property
    def session(self) -> str | None:
        """The id of the session that is shown."""
        return self.follower.session

    def show_session(self, session: str | None) -> None:
        """Show a session, or none."""
        if session is not None:
            self.follower.open(session)
        elif self.session is not None:
            self.follower.close()

    def go(self, place: Place) -> None:
        """Show a session: at an event, else at the place where it was left, else at its end."""
        if isinstance(place, SessionPlace):
            self.follower.open(place.session, place.event)

    def show_workspace(self) -> None:
        """Another workspace is in force: its sessions are not those of this one."""
        session = self.session
        if session is None:
            self.prompting.show_none()
            return
        here = self.desk.workspace.id
        self.desk.read(
            lambda queries: queries.workspace_holding(session),
            while_alive(
                self, lambda workspace: self.follower.refresh() if workspace == here else self.follower.close()
            ),
        )

    def refresh(self, sessions: frozenset[str]) -> None:
        """Read what is new: now, or when the panel is shown."""
        if self.session not in sessions:
            return
        self.attention.note_change()
        self._is_stale = not self.isVisible()
        if not self._is_stale:
            self.follower.refresh()
            self.payloads.refresh()

    def refresh_company(self, sessions: frozenset[str]) -> None:
        """Somebody came into sessions, or left them."""
        if self.session in sessions:
            self.company.look()

    def refresh_drafts(self, sessions: frozenset[str]) -> None:
        """What streams is read together with what is new."""
        self.refresh(sessions)

    def show_activity(self, activity: Activity) -> None:
        """Whether a turn of the session runs in this window."""
        was_running, self._activity = self._is_running, activity
        self._show_activity()
        if was_running and not self._is_running:
            self.desk.say("")

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        """What the commands of the conversation do."""
        return {
            "conversation.next_turn": lambda: self.view.step_turn(1),
            "conversation.previous_turn": lambda: self.view.step_turn(-1),
            "conversation.compose": self.focus_composer,
            "conversation.send": self.composer.field.sent.emit,
            "conversation.stop": self.stop_turn,
            "conversation.find": self.finder.open,
            "conversation.find_next": lambda: self.finder.step(1),
            "conversation.find_previous": lambda: self.finder.step(-1),
            "conversation.fold": lambda: self.view.fold(self.view.row_in_front()),
            "conversation.fold_all": lambda: self.view.fold_all(True),
            "conversation.unfold_all": lambda: self.view.fold_all(False),
            "conversation.open_elsewhere": lambda: self.view.open_elsewhere(self.view.row_in_front()),
            "conversation.copy_markdown": lambda: self.deeds.copying.as_markdown(self.view.row_in_front()),
            "conversation.copy_turn": lambda: self.deeds.copying.turn(self.view.row_in_front()),
            "conversation.share": self.share,
            "conversation.go_to_time": self.deeds.ask_time,
            "conversation.secrets": self.deeds.show_secrets,
        }

    def state(self) -> dict[str, Any]:
        """The session, and where the reader is in it: nothing at its end, else an event and pixels below its top."""
        place = self.view.place()
        event = None if place is None else self.model.event_id(place[0])
        if place is None or event is None:
            return {"session": self.session}
        return {"session": self.session, "event": event, "offset": place[1]}

    def restore(self, state: dict[str, Any]) -> None:
        """Show the session where the reader was."""
        session, event, offset = (state.get(key) for key in ("session", "event", "offset"))
        if isinstance(session, str):
            known = isinstance(event, str) and isinstance(offset, int)
            self.follower.open(session, event if known else None, offset if known else None)

    def stop_turn(self) -> None:
        """End the turn that runs here."""
        if self.session is not None and self._is_running:
            self.desk.bridge.call(self.desk.turns.cancel(self.session))

    def share(self) -> None:
        """Let the person share the session by a link."""
        from app.ui.peers.share_dialog import show_share_dialog

        if self._row is None:
            self.desk.say("Open a session first.")
        else:
            show_share_dialog(self.desk, self._row.id, self._row.title, self)

    def focus_composer(self) -> None:
        """Let the person write."""
        self.composer.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # What the session is like

    @property
    def _is_running(self) -> bool:
        return self.session in self._activity.running

    def _begin(self, reading: Reading) -> None:
        self.answers.forget()
        self._take_row(reading)
        self._show_page()
        self._show_activity()
        text = self.deeds.text_to_resend(reading.session.id)
        if text is not None:
            self.composer.field.put(text)
            self.focus_composer()
        self.company.show(reading.session.id)
        session = reading.session.id
        self.payloads.show_for(lambda queries: queries.missing_payloads(session))
        self.opened.emit()

    def _take(self, reading: Reading) -> None:
        self._take_row(reading)
        free = not self.composer.field.toPlainText() and self.isVisible()
        if self.answers.notice(take_keyboard=free):
            self.desk.say(f"The agent waits for you: {self._answers_offered()}")

    def _answers_offered(self) -> str:
        question = self.model.open_request()
        asked = self.model.request(question[1]) if question is not None else None
        is_form = asked is not None and form_schema(asked) is not None
        return "1 fill in · 3 decline" if is_form else "1 allow once · 2 allow in this session · 3 reject"

    def _note_typing(self) -> None:
        if self.composer.field.toPlainText():
            self.company.typed()

    def _end(self) -> None:
        self.company.show(None)
        self.payloads.show_for(None)
        self._row = self._taken = None
        self.prompting.show_none()
        self._refusal = ""
        self.header.task.show_session(None)
        self._show_refusal()
        self._show_page()
        self.opened.emit()

    def _take_row(self, reading: Reading) -> None:
        self._streaming = bool(reading.drafts)
        shown = (reading.session, reading.folders)
        is_other = shown != self._taken  # while a text streams it comes 30 times a second as it was
        if is_other:
            self._row, self._taken = reading.session, shown
            self.prompting.show_session(*shown)
        self._refusal = reading.refusal
        self.header.show_secrets(reading.secrets)
        self._show_state()
        if is_other:
            self.title_changed.emit(reading.session.title)

    def _show_state(self) -> None:
        if self._row is not None:
            self.model.set_live(self._is_running or self._streaming or self._row.status == "waiting")
        self.header.show_row(self._row, streaming=self._streaming)
        self._show_refusal()

    def _show_refusal(self) -> None:
        """While a task goes on here, nobody else is asked anything."""
        job = self.header.task.job
        self.composer.set_refusal(self._refusal or (WORKING if job is not None and job.state == "ready" else ""))

    def _show_page(self) -> None:
        shown = self.session is not None
        began = self.model.rowCount() > 0 or self._is_running
        self._pages.setCurrentWidget(self._welcome if not shown else self.view if began else self._beginning)
        self._align_composer()
        self.header.setVisible(shown)

    def _show_activity(self) -> None:
        running = self._is_running
        self._show_page()
        self.header.set_running(running)
        self.composer.set_running(running)
        self._show_state()
        if self.session is not None:
            self.refresh(frozenset({self.session}))

    def _answer(self, request: str, choice: str) -> None:
        if self.session is None:
            return
        if choice != "reject" and (asked := self.model.request(request)) and form_schema(asked) is not None:
            self._fill_in(asked)
        elif choice == CHOICE:
            self.always_here.offer(self.session, request)
        else:
            self._give_answer(request, choice)  # type: ignore[arg-type]

    def _fill_in(self, request: PermissionRequest) -> None:
        from app.ui.mcp.form_dialog import show_form

        show_form(self, request, lambda values: self._give_answer(request.request_id, "once", values))

    def _give_answer(self, request: str, choice: PermissionChoice, values: dict[str, Any] | None = None) -> None:
        if self.session is not None:
            self.desk.say("")
            answering = self.desk.turns.answer(self.session, request, choice, values)
            self.desk.bridge.call(answering, failed=self.desk.report)
            self.focus_composer()

    # Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.find_bar.isVisible():
            self.finder.close()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(SESSION_MIME) and self.composer.field.isEnabled():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        sessions = dragged_sessions(event.mimeData())
        if sessions:
            self.composer.field.insert_references(sessions)
            event.acceptProposedAction()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._is_stale = False
            self.follower.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._align_composer()
        self._latest.adjustSize()
        self._latest.move(self.width() - self._latest.width() - 24, self._pages.height() - self._latest.height() - 12)

    def _align_composer(self) -> None:
        shown = self._pages.currentWidget() is self.view
        left, width = self.view.column() if shown else column_in(self.width())
        self.composer.set_column(left, self.width() - left - width)


def _hint(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setProperty("role", "muted")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    label.setMargin(32)
    return label
