"""The main window: browser and conversation side by side, the notice line, the status bar, keys and state."""

from __future__ import annotations

import base64
import contextlib
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QIcon, QKeySequence
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu, QSplitter, QToolButton, QVBoxLayout, QWidget

from app.commands import sessions as commands
from app.errors import UserError
from app.ui.bridge import union
from app.ui.desk import Desk
from app.ui.notice import NoticeBar
from app.ui.panels.browser import BrowserPanel
from app.ui.panels.conversation import ConversationPanel
from app.ui.theme import CHOICES
from app.ui.turns import RUNNING, Activity
from sync.errors import SyncError

if TYPE_CHECKING:
    from app.commands.command import Command

SESSIONS_CHANGED, DRAFTS_CHANGED = "sessions changed", "drafts changed"
CLOSE_SECONDS = 5.0
_SIDE_WIDTH = 280
_UNDO = {
    commands.ARCHIVE.id: (commands.UNARCHIVE, "Archived"),
    commands.DELETE.id: (commands.UNDELETE, "Moved to the trash"),
}


class MainWindow(QMainWindow):
    """One workspace in one window. closed: the person closed it, and everything it ran has ended."""

    closed = Signal()

    def __init__(self, desk: Desk, icon: QIcon) -> None:
        super().__init__()
        self._desk = desk
        self.setWindowTitle("Lovelace")
        self.setWindowIcon(icon)
        self.browser = BrowserPanel(desk, self)
        self.conversation = ConversationPanel(desk, self)
        self.notice = NoticeBar(self)
        self._arrange()
        self._status()
        self._connect()
        self._actions()
        self._restore()

    def _arrange(self) -> None:
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self.conversation, 1)
        self.splitter = QSplitter(self)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.browser)
        self.splitter.addWidget(right)
        self.splitter.setStretchFactor(1, 1)
        self.browser.setMinimumWidth(200)
        right.setMinimumWidth(360)
        self.setCentralWidget(self.splitter)

    def _status(self) -> None:
        self.message = QLabel(self)
        self.message.setContentsMargins(12, 0, 0, 0)
        self._place = QLabel(self)
        self._place.setTextFormat(Qt.TextFormat.PlainText)
        self._look = QToolButton(self)
        self._look.setText("Theme")
        self._look.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._look)
        choices = QActionGroup(self)
        for choice in CHOICES:
            action = menu.addAction("Follow the system" if choice == "system" else choice.capitalize())
            action.setCheckable(True)
            action.setChecked(choice == self._desk.themes.choice)
            action.triggered.connect(lambda _checked, chosen=choice: self._choose_theme(chosen))
            choices.addAction(action)
        self._look.setMenu(menu)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.message, 1)
        self.statusBar().addPermanentWidget(self._place)
        self.statusBar().addPermanentWidget(self._look)
        self._desk.read(lambda queries: queries.workspace_row(), lambda row: self._place.setText(row.name))

    def _connect(self) -> None:
        self.browser.session_chosen.connect(self.conversation.open)
        self.browser.hit_chosen.connect(self._open_hit)
        conversation = self.conversation
        conversation.prompted.connect(self._prompt)
        conversation.answered.connect(self._answer)
        conversation.stop_wanted.connect(lambda session: self._desk.bridge.call(self._desk.turns.cancel(session)))
        conversation.failed.connect(self.report)
        conversation.said.connect(self.message.setText)
        conversation.title_changed.connect(lambda title: self.setWindowTitle(f"{title} – Lovelace"))
        conversation.opened.connect(self._show_own_activity)
        bridge = self._desk.bridge
        bridge.failed.connect(self.report)
        self._desk.requests.failed.connect(self.report)
        bridge.receive(RUNNING, self._show_activity)
        bridge.receive(SESSIONS_CHANGED, self._refresh)
        bridge.receive(DRAFTS_CHANGED, self._refresh_conversation)
        bridge.call(self._desk.turns.names(), conversation.set_agents)
        bridge.call(self._watch())
        self._activity = Activity()

    def _actions(self) -> None:
        self._key("Ctrl+F", self.browser.focus_search)
        self._key("Ctrl+L", self.conversation.focus_composer)
        self._key("Ctrl+Return", self.conversation.composer.field.sent.emit)
        self._stop = self._key("Esc", self.conversation.stop_turn)
        self._stop.setEnabled(False)
        self._key("Alt+Up", lambda: self.conversation.view.step_turn(-1))
        self._key("Alt+Down", lambda: self.conversation.view.step_turn(1))
        self._key("Ctrl+PgDown", lambda: self.browser.step(1))
        self._key("Ctrl+PgUp", lambda: self.browser.step(-1))
        self._key("Ctrl+Q", self.close)
        self._key(commands.NEW.shortcut, self.new_session)
        self._key(commands.RENAME.shortcut, self._rename)
        self._key(commands.ARCHIVE.shortcut, lambda: self._run(commands.ARCHIVE))
        self._key(commands.FORK.shortcut, lambda: self._run(commands.FORK))
        self._key(commands.PAUSE.shortcut, lambda: self._run(commands.PAUSE))
        self._key(commands.RESUME.shortcut, lambda: self._run(commands.RESUME))
        delete = self._key(commands.DELETE.shortcut, lambda: self._run(commands.DELETE), self.browser.list)
        menu = [*self.actions()[-6:], delete]
        names = (
            commands.NEW,
            commands.RENAME,
            commands.ARCHIVE,
            commands.FORK,
            commands.PAUSE,
            commands.RESUME,
            commands.DELETE,
        )
        for action, command in zip(menu, names, strict=True):
            action.setText(command.title)
            action.setToolTip(command.help)
        self.browser.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.browser.list.customContextMenuRequested.connect(
            lambda point: QMenu.exec(menu, self.browser.list.viewport().mapToGlobal(point))
        )

    def _key(self, keys: str | None, slot: Callable[[], object], owner: QWidget | None = None) -> QAction:
        action = QAction(self)
        action.setShortcut(QKeySequence(keys or ""))
        if owner is not None:
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda _checked=False: slot())
        (owner or self).addAction(action)
        return action

    # For the application

    def load(self) -> None:
        """Open the session that was open last."""
        last = self._desk.setting("session")
        if last is not None:
            self.open_session(last)

    def open_session(self, session: str) -> None:
        """Show a session."""
        self.browser.show_session(session)
        self.conversation.open(session)

    def come_forward(self) -> None:
        """Another start was asked for while this window was open."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def report(self, error: BaseException) -> None:
        """Show what went wrong, as a sentence; the work goes on. What nobody foresaw also goes to stderr, in full."""
        if isinstance(error, UserError | SyncError):
            self.notice.say(str(error), "error")
            return
        traceback.print_exception(error)
        self.notice.say(f"Something went wrong: {type(error).__name__}: {error}", "error")

    # Live

    async def _watch(self) -> None:
        """On the loop: tell the main thread which sessions this or another process has changed."""
        async for change in self._desk.workspace.changes():
            for key, touched in ((SESSIONS_CHANGED, change.sessions), (DRAFTS_CHANGED, change.drafts)):
                if touched:
                    self._desk.bridge.publish(key, touched, union)

    def _refresh(self, sessions: frozenset[str]) -> None:
        self.browser.refresh(sessions)
        self._refresh_conversation(sessions)

    def _refresh_conversation(self, sessions: frozenset[str]) -> None:
        if self.conversation.session in sessions:
            self.conversation.refresh()

    def _show_activity(self, activity: Activity) -> None:
        self._activity = activity
        self.browser.show_activity(activity)
        self._show_own_activity()

    def _show_own_activity(self) -> None:
        running = self.conversation.session in self._activity.running
        self.conversation.set_running(running)
        self._stop.setEnabled(running)
        if not running:
            self.message.setText("")

    # What people do

    def new_session(self) -> None:
        """Start a session and let the person write its first prompt."""

        def made(session: str) -> None:
            self.open_session(session)
            self.conversation.focus_composer()

        self._desk.write(lambda operations: operations.create(), made, self.report)

    def _prompt(self, session: str, agent: str, text: str, tools: bool) -> None:
        turn = self._desk.turns.prompt(session, agent, text, tools=tools)
        self._desk.bridge.call(turn, failed=self.report)

    def _answer(self, session: str, request: str, choice: str) -> None:
        self._desk.bridge.call(self._desk.turns.answer(session, request, choice))  # type: ignore[arg-type]

    def _open_hit(self, session: str, event: str) -> None:
        self.browser.show_session(session)
        self.conversation.open(session, event)

    def _rename(self) -> None:
        session = self.conversation.session
        if session is None:
            return
        title = self.conversation.title.text()
        self.notice.ask("New title", title, self._take_title)

    def _take_title(self, title: str) -> None:
        if title:
            self._run(commands.RENAME, title)

    def _run(self, command: Command, text: str = "") -> None:
        """A command of the registry on the open session."""
        session = self.conversation.session
        if session is not None:
            self._desk.write(
                lambda operations: command.run(operations, [session], text),
                lambda changed: self._after(command, changed),
                self.report,
            )

    def _after(self, command: Command, changed: Sequence[str]) -> None:
        if command is commands.FORK:
            self.open_session(changed[0])
        if command.id in _UNDO:
            undo, words = _UNDO[command.id]
            self.notice.offer(f"{words}.", "Undo", lambda: self._undo(undo, changed))

    def _undo(self, command: Command, sessions: Sequence[str]) -> None:
        self._desk.write(lambda operations: command.run(operations, sessions, ""), failed=self.report)

    def _choose_theme(self, choice: str) -> None:
        self._desk.themes.choose(choice)  # type: ignore[arg-type]
        self._desk.keep_setting("theme", choice)

    # State of the window

    def _restore(self) -> None:
        state = self._desk.setting("state", {})
        self.resize(1200, 800)
        self.splitter.setSizes([_SIDE_WIDTH, 920])
        if "geometry" in state:
            self.restoreGeometry(QByteArray(base64.b64decode(state["geometry"])))
        if "splitter" in state:
            self.splitter.restoreState(QByteArray(base64.b64decode(state["splitter"])))

    def _keep_state(self) -> None:
        state = {
            "geometry": base64.b64encode(self.saveGeometry().data()).decode(),
            "splitter": base64.b64encode(self.splitter.saveState().data()).decode(),
        }
        settings = {"window.state": state, "window.session": self.conversation.session}
        for name, value in settings.items():
            self._desk.workspace.settings.set(name, value)

    def closeEvent(self, event: QCloseEvent) -> None:
        bridge = self._desk.bridge
        self._keep_state()
        self.hide()
        with contextlib.suppress(TimeoutError):  # stopping the bridge ends what does not end by itself
            bridge.call(self._desk.turns.close()).result(CLOSE_SECONDS)
        bridge.stop()
        super().closeEvent(event)
        self.closed.emit()
