"""The commands of the session in front: a list, what one of them printed, and a line to run one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QMenu,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.sessions.relinking import vanished_sentence
from app.ui import kept
from app.ui.desk import Desk
from app.ui.item_list import item_list
from app.ui.panel import Panel
from app.ui.payload_bar import PayloadBar
from app.ui.places import CommandPlace, Place
from app.ui.terminal.commands import CommandItems
from app.ui.terminal.find_bar import FindBar
from app.ui.terminal.follower import CommandFollower, Opening
from app.ui.terminal.header import CommandHeader, empty_label
from app.ui.terminal.keys import TerminalKeys
from app.ui.terminal.output import OutputModel
from app.ui.terminal.reading import OutputReader
from app.ui.terminal.run_line import RunLine
from app.ui.terminal.view import OutputView
from app.ui.theme import Theme

if TYPE_CHECKING:
    from app.sessions.views import CommandRow

_WITH_OUTPUT = ("command_result",)
_NO_SESSION = "Choose a session to see the commands that ran in it."
_NO_COMMANDS = "No commands yet.\n\nWhat agents run appears here while it runs.\nRun a command of your own below."
_NO_FOLDER = "Bind a folder to run commands: lovelace workspace open DIR"
_LIST_HEIGHT = 150


class TerminalPanel(Panel):
    """Reads only while it is shown."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._is_stale = False
        self._shown: tuple[object, ...] | None = None
        self.follower = CommandFollower(desk, self)
        self.output = OutputModel(self)
        self.view = OutputView(self.output, desk.themes.theme, self)
        self.reader = OutputReader(desk, self.output, self._show_emptiness)
        self._items = CommandItems(desk.themes, self)
        self.list = item_list(self.follower.model, self._items, "Commands", self)
        self.list.setViewportMargins(0, 6, 0, 6)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.header = CommandHeader(desk, self)
        self.find_bar = FindBar(desk, self.output, self.view, self)
        self.payloads = PayloadBar(desk, self)
        self.run_line = RunLine(self)
        self._empty = empty_label(self)
        self._silence = empty_label(self.view)
        self._arrange()
        self._connect()
        self._show_page()

    def _arrange(self) -> None:
        self._latest = QToolButton(self.view)
        self._latest.setText("↓ Newest")
        self._latest.setAccessibleName("Go to the newest output")
        self._latest.setObjectName("latest")
        self._latest.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the End key does the same
        self._latest.hide()
        shown = QWidget(self)
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.header, self.find_bar, self.payloads):
            column.addWidget(widget)
        column.addWidget(self.view, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setHandleWidth(1)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(shown)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setCollapsible(1, False)
        self.splitter.setSizes([_LIST_HEIGHT, 600])
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.splitter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.run_line)
        self._order_tabs()

    def _order_tabs(self) -> None:
        """The keyboard goes through the panel from top to bottom."""
        header = self.header
        order = (
            self.list, header.stop, header.find_button, header.wrap, header.copy,
            self.find_bar.field, *self.find_bar.buttons, self.payloads.button, self.view,
            self.run_line.folders, self.run_line.field, self.run_line.button,
        )  # fmt: skip
        for one, next_one in pairwise(order):
            QWidget.setTabOrder(one, next_one)

    def _connect(self) -> None:
        self.follower.opened.connect(self._take_opening)
        self.follower.shown.connect(self._show_command)
        self.payloads.arrived.connect(self._read_anew)
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.list.verticalScrollBar().valueChanged.connect(self._list_scrolled)
        self.view.copied.connect(_to_clipboard)
        self.view.following_changed.connect(lambda following: self._latest.setVisible(not following))
        self._latest.clicked.connect(self.view.show_end)
        self.find_bar.closed.connect(lambda: self.view.setFocus(Qt.FocusReason.OtherFocusReason))
        header = self.header
        header.find_button.clicked.connect(self._open_find)
        header.wrap.setChecked(bool(self.desk.setting(kept.TERMINAL_WRAP, True)))
        self.view.set_wrapped(header.wrap.isChecked())
        header.wrap.clicked.connect(self._wrap)
        header.stop.clicked.connect(self.stop)
        header.copy.menu().addAction("Copy Command", self.copy_command)
        header.copy.menu().addAction("Copy Output", self.copy_output)
        self.run_line.wanted.connect(self.run)
        self.desk.themes.changed.connect(self._take_theme)
        self.view.installEventFilter(self)
        keys = TerminalKeys(
            self.view,
            self.find_bar,
            self.run_line,
            open_find=self._open_find,
            stop=self.stop,
            can_stop=lambda: self.header.stop.isVisible(),
        )
        keys.watch((self.view, self.list, self.find_bar.field, self.run_line.field))

    # For the window

    @property
    def session(self) -> str | None:
        """The session whose commands are shown."""
        return self.follower.session

    def show_session(self, session: str | None) -> None:
        """Show the commands of a session: now, or when the panel is shown."""
        if session != self.follower.session:
            self._open(session)

    def show_workspace(self) -> None:
        """Other folders, or another workspace: everything is read anew."""
        self._open(self.session)

    def go(self, place: Place) -> None:
        """Show the command that an event is, or that a tool call ran."""
        if isinstance(place, CommandPlace):
            self._open(place.session, place.event)

    def _open(self, session: str | None, event: str | None = None) -> None:
        self._is_stale = not self.isVisible() and event is None
        if session != self.follower.session:
            self.payloads.show_for(
                None if session is None else (lambda queries: queries.missing_of_kinds(session, _WITH_OUTPUT))
            )
        self.follower.session = session
        if not self._is_stale:
            self.follower.open(session, event)

    def refresh(self, sessions: frozenset[str]) -> None:
        """Commands may have begun or ended."""
        if self.session in sessions:
            if self.isVisible():
                self.follower.refresh()
                self.payloads.refresh()
            else:
                self._is_stale = True

    def refresh_drafts(self, sessions: frozenset[str]) -> None:
        """Commands may have printed more."""
        if self.session in sessions and self.isVisible():
            self.reader.read_on()
            self.follower.refresh_running()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        """The panel's commands, by id."""
        return {
            "terminal.show": lambda: self.view.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "terminal.run": lambda: self.run_line.field.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "terminal.stop": self.stop,
            "terminal.find": self._open_find,
            "terminal.wrap": self.header.wrap.click,
            "terminal.copy_command": self.copy_command,
            "terminal.copy_output": self.copy_output,
            "terminal.next": lambda: self._step(1),
            "terminal.previous": lambda: self._step(-1),
        }

    def state(self) -> dict[str, Any]:
        """The height of the list."""
        return {"list": self.splitter.sizes()[0]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        height = state.get("list")
        if isinstance(height, int) and 0 <= height < 4000:
            self.splitter.setSizes([height, max(1, self.height() - height)])

    # What is shown

    def _take_opening(self, opening: Opening) -> None:
        problem = _NO_FOLDER if not opening.folders else vanished_sentence(opening.workspace, opening.folders) or ""
        self.run_line.set_folders(opening.folders, problem)
        self.run_line.set_history(row.command for row in opening.rows if row.author.agent is None)
        self.list.scrollToBottom()

    def _show_command(self) -> None:
        """The command that is shown is another one, or more is known of it."""
        row, session = self.follower.row, self.session
        if row is None or session is None:
            self._shown = None
            self.reader.clear()
            self._show_page()
            return
        self.header.show_row(row, own=self._runs_here(row))
        if self._shown is None or self._shown[:2] != (session, row.key):
            self.view.show_end()
            self._silence.hide()
        shown = (session, row.key, row.result)
        if shown != self._shown:
            self._shown = shown
            self.reader.show(session, row)
        number = self.follower.model.number(row.key)
        if number is not None and number != self.list.currentIndex().row():
            self.list.setCurrentIndex(self.follower.model.index(number))
        self._show_page()

    def _read_anew(self) -> None:
        """Output has come of which it was not known whose it is."""
        row = self.follower.row
        self.follower.open(self.session, None if row is None else row.event)

    def _show_page(self) -> None:
        row = self.follower.row
        self._pages.setCurrentWidget(self._empty if row is None else self.splitter)
        self._empty.setText(_NO_SESSION if self.session is None else _NO_COMMANDS)
        self.run_line.setVisible(self.session is not None)

    def _show_emptiness(self) -> None:
        """Say that nothing was printed, where a blank view would leave one wondering."""
        row = self.follower.row
        self._silence.setVisible(row is not None and not self.output.lines)
        if row is not None:
            self._silence.setText("Nothing printed yet." if row.running else "It printed nothing.")

    def _choose(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self.follower.choose(self.follower.model.rows[index.row()])

    def _list_scrolled(self, value: int) -> None:
        if value == self.list.verticalScrollBar().minimum():
            self.follower.read_older()

    def _step(self, direction: int) -> None:
        row = max(0, min(len(self.follower.model.rows) - 1, self.list.currentIndex().row() + direction))
        self.list.setCurrentIndex(self.follower.model.index(row))

    # What people do

    def run(self, command: str) -> None:
        """Run a command of the person's own, and show it."""
        from app.agents.own_command import new_call

        session, workspace = self.session, self.desk.workspace
        if session is not None:
            self.follower.follow_newest()
            run = self.desk.own_commands.run(workspace, session, command, self.run_line.folder, new_call())
            self.desk.bridge.call(run, failed=self.desk.report)

    def stop(self) -> None:
        """End the command that is shown, if it runs from this window."""
        row = self.follower.row
        if row is not None and self._runs_here(row):
            self.desk.bridge.call(self.desk.own_commands.stop(row.call_id))

    def _runs_here(self, row: CommandRow) -> bool:
        return row.result is None and self.desk.own_commands.runs(row.call_id)

    def copy_command(self) -> None:
        """Copy the command line as it was run."""
        if (row := self.follower.row) is not None:
            _to_clipboard(row.command)

    def copy_output(self) -> None:
        """Copy everything that is here of the output."""
        _to_clipboard(self.output.text(0, len(self.output.lines)))

    def _wrap(self, wrapped: bool) -> None:
        self.view.set_wrapped(wrapped)
        self.desk.keep_setting(kept.TERMINAL_WRAP, wrapped)

    def _open_find(self) -> None:
        self.find_bar.open_bar(self.view.selected_text())

    def _take_theme(self, theme: Theme) -> None:
        self._items.take_fonts()
        self.run_line.take_fonts()
        self.header.take_theme()
        self.view.set_theme(theme)

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What lies over the view keeps its place."""
        if watched is self.view and event.type() == QEvent.Type.Resize:
            self._place_overlays()
        return super().eventFilter(watched, event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self.view.isVisible() or not self.view.rect().contains(self.view.mapFromGlobal(event.globalPos())):
            return
        menu = QMenu(self)
        copy = menu.addAction("Copy", self.view.copy)
        copy.setEnabled(bool(self.view.selected_text()))
        menu.addAction("Select All", self.view.select_all)
        menu.addSeparator()
        menu.addAction("Copy Command", self.copy_command)
        menu.addAction("Copy Output", self.copy_output)
        menu.addAction("Find…", self._open_find)
        menu.exec(event.globalPos())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._open(self.session)

    def _place_overlays(self) -> None:
        box = self.view.viewport().rect()
        self._silence.setGeometry(box)
        self._latest.adjustSize()
        self._latest.move(box.width() - self._latest.width() - 16, box.height() - self._latest.height() - 12)


def _to_clipboard(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
