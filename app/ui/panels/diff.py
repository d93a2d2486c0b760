"""What a session did to files: their list, the change of one, what became of it on the disk, and putting it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QLabel,
    QListView,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.errors import NotFound, UserError
from app.ui import kept
from app.ui.conversation.lexing import Lexer
from app.ui.conversation.parts import Style
from app.ui.desk import Desk
from app.ui.diff.bars import FileBar, ListBar
from app.ui.diff.file_items import FileItems
from app.ui.diff.find_bar import FindBar
from app.ui.diff.opening import file_of, folder_of
from app.ui.diff.reader import ChangesReader, Listing, Scope
from app.ui.diff.restorer import Restorer
from app.ui.diff.view import DiffView
from app.ui.editors import open_file, open_in_system
from app.ui.item_list import item_list
from app.ui.models.changed_files import ChangedFilesModel, mark_of
from app.ui.panel import Panel
from app.ui.payload_bar import PayloadBar
from app.ui.places import FilePlace, Place
from app.ui.words import one_line

if TYPE_CHECKING:
    from app.agents.files.review import Entry, Review
    from app.sessions.line_diff import FileDiff

COLOURED_TEXT = 1_000_000
"""Longer texts (characters) have no colours: lexing them would take seconds."""
_KEPT_TEXTS = 8
_LISTED_ROWS = 6
"""So many files are in sight until the person gives the list another height."""
_WITH_CONTENTS = ("file_change", "checkpoint")
"""Kinds of events that refer to contents of files."""
_NO_SESSION = "Choose a session at the left.\n\nEvery file that it changes appears here, line by line."
_NO_CHANGES = (
    "No file has been changed in this session yet.\n\n"
    "What agents, their commands and you write to files appears here, line by line, and can be put back."
)


class DiffPanel(Panel):
    """The tab "Changes"."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._scope: Scope | None = None
        self._wanted: str | None = None
        self._is_stale = self._is_asked = False
        self._is_sized = False
        self._back = False
        self._missing_of: str | None = None
        self.reader = ChangesReader(desk, self)
        self.restorer = Restorer(desk, self._files_written)
        self.model = ChangedFilesModel(self)
        self.lexer = Lexer(desk.bridge.compute, self, largest=COLOURED_TEXT, kept=_KEPT_TEXTS)
        self._items = FileItems(desk.themes, self)
        self.list_bar, self.file_bar = ListBar(self), FileBar(self)
        self.list = self._make_list()
        self.view = DiffView(Style(desk.themes.theme, self.lexer), self)
        self.find_bar = FindBar(self.view, self)
        self.payloads = PayloadBar(desk, self)
        self._empty = QLabel(_NO_SESSION, self)
        self._arrange()
        self._connect()

    def _make_list(self) -> QListView:
        made = item_list(self.model, self._items, "Changed files", self)
        made.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        return made

    def _arrange(self) -> None:
        lower = QWidget(self)
        below = _column(lower, self.file_bar, self.find_bar, self.payloads, self.view)
        below.setStretchFactor(self.view, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(lower)
        self.splitter.setStretchFactor(1, 1)
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setMargin(20)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self._empty)
        self.pages.addWidget(self.splitter)
        _column(self, self.list_bar, self.pages)
        self._show_empty(_NO_SESSION)

    def _connect(self) -> None:
        self.payloads.arrived.connect(self.reader.refresh)
        self.payloads.arrived.connect(lambda: self._show_current(anew=True))
        self.reader.listed.connect(self._take_listing)
        self.reader.drifted.connect(self._take_drift)
        self.reader.shown.connect(self._take_diff)
        self.reader.failed.connect(self._fail)
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.list.activated.connect(lambda _index: self.view.setFocus())
        self.list.customContextMenuRequested.connect(
            lambda point: self._open_menu(self.list.viewport().mapToGlobal(point))
        )
        self.list_bar.scope_chosen.connect(self._choose_scope)
        self.list_bar.disk_toggled.connect(lambda _on: self._show_current())
        self.list_bar.more.menu().aboutToShow.connect(lambda: self.list_bar.fill_menu(self._menu()))
        self.file_bar.split_chosen.connect(self.view.set_split)
        self.view.copied.connect(lambda text: QGuiApplication.clipboard().setText(text))
        self.view.ended.connect(self._step_beyond)
        self.view.menu_wanted.connect(self._open_menu)
        self.splitter.splitterMoved.connect(lambda *_moved: setattr(self, "_is_sized", True))
        self.desk.themes.changed.connect(self._take_theme)

    # For the window

    @property
    def session(self) -> str | None:
        """The session whose changes are shown."""
        return None if self._scope is None else self._scope.session

    @property
    def scope(self) -> Scope | None:
        """Which of its changes."""
        return self._scope

    def show_session(self, session: str | None) -> None:
        if session != self.session:
            self._open(None if session is None else Scope(session), None)

    def show_workspace(self) -> None:
        self._is_stale = not self.isVisible()
        if not self._is_stale:
            self.reader.refresh()

    def refresh(self, sessions: frozenset[str]) -> None:
        if self.session in sessions:
            self._is_stale = self._is_stale or not self.isVisible()
            if not self._is_stale:
                self.reader.refresh()
                self.payloads.refresh()

    def go(self, place: Place) -> None:
        if isinstance(place, FilePlace):
            self.list_bar.on_disk.setChecked(False)
            self._open(Scope(place.session, event=place.event), place.path)
            self._is_asked = place.path is not None

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "diff.show": self._focus,
            "diff.next_change": lambda: self.view.step_change(1),
            "diff.previous_change": lambda: self.view.step_change(-1),
            "diff.next_file": lambda: self.step_file(1),
            "diff.previous_file": lambda: self.step_file(-1),
            "diff.split": lambda: (self.file_bar.unified if self.view.is_split else self.file_bar.split).setChecked(
                True
            ),
            "diff.on_disk": self.list_bar.on_disk.toggle,
            "diff.unfold": self.view.toggle_all,
            "diff.go_to_line": lambda: self.desk.ask("Go to line", "", self._go_to_line),
            "diff.find": self.find_bar.begin,
            "diff.copy_patch": self._copy_patch,
            "diff.copy_path": self._copy_path,
            "diff.open": self._open_file,
            "diff.show_in_folder": self._show_in_folder,
            "diff.restore_file": self._restore_file,
            "diff.restore_all": self._restore_all,
        }

    def state(self) -> dict[str, Any]:
        height = self.splitter.sizes()[0] if self._is_sized else None
        return {"split": self.view.is_split, "list_height": height}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("split") is True:
            self.file_bar.split.setChecked(True)
        height = state.get("list_height")
        if isinstance(height, int) and 0 < height < 10_000:
            self._is_sized = True
            self.splitter.setSizes([height, 10_000])

    # What is listed

    def _open(self, scope: Scope | None, path: str | None) -> None:
        self._scope, self._wanted, self._is_asked = scope, path, False
        self._is_stale = scope is not None and not self.isVisible()
        if scope is None:
            self._show_empty(_NO_SESSION)
        self.reader.open(None if self._is_stale else scope)

    def _choose_scope(self, turn: str) -> None:
        if self.session is not None:
            entry = self.entry()
            self._open(Scope(self.session, turn=turn or None), None if entry is None else entry.span.path)

    def _take_listing(self, listing: Listing) -> None:
        if self._scope is not None and self._scope.event is not None and listing.scope.event is None:
            self.desk.say("That change is not here any more; all are listed.")
        self._scope = listing.scope
        entry = self.entry()
        path = self._wanted or (entry.span.path if entry is not None else None)
        asked = path if self._is_asked else None
        self._wanted, self._is_asked = None, False
        self.model.set_entries(listing.entries)
        self.list_bar.show_turns(listing.review.turns, listing.scope.turn, one_change=listing.scope.event is not None)
        self.list_bar.show_total(len(listing.entries))
        if not listing.entries:
            self._show_empty(_NO_CHANGES)
            return
        self.pages.setCurrentWidget(self.splitter)
        self._set_bars_enabled(True)
        self._show_missing(listing.scope.session)
        self._size_list()
        row = -1 if path is None else self.model.row_of(path)
        if asked is not None and row < 0:
            self.desk.say(f"No change to {one_line(asked)} is listed here.")
        self.list.setCurrentIndex(self.model.index(max(0, row), 0))
        self._show_current()

    def _show_missing(self, session: str) -> None:
        if session != self._missing_of:
            self._missing_of = session
            self.payloads.show_for(lambda queries: queries.missing_of_kinds(session, _WITH_CONTENTS))

    def _take_drift(self, drift: Mapping[str, Any]) -> None:
        self.model.set_drift(drift)
        if self.list_bar.on_disk.isChecked():
            self._show_current(anew=True)

    def _fail(self, error: BaseException) -> None:
        self._show_empty("This session is not here any more." if isinstance(error, NotFound) else _NO_CHANGES)
        if not isinstance(error, NotFound):
            self.desk.report(error)

    def _show_empty(self, text: str) -> None:
        self.model.set_entries(())
        self.view.show_diff(None)
        self._missing_of = None
        self.payloads.show_for(None)
        self._empty.setText(text)
        self.pages.setCurrentWidget(self._empty)
        self.list_bar.show_total(0)
        self._set_bars_enabled(False)

    def _set_bars_enabled(self, enabled: bool) -> None:
        for widget in (self.list_bar.scope, self.list_bar.on_disk, self.list_bar.more):
            widget.setVisible(enabled)

    def _size_list(self) -> None:
        """Give the list the height of its files, up to some."""
        if not self._is_sized:
            rows = min(_LISTED_ROWS, self.model.rowCount())
            self.list.setMinimumHeight(self._items.row_height() + 2)
            height = rows * self._items.row_height() + 8
            self.splitter.setSizes([height, max(1, self.splitter.height() - height)])

    # What is shown

    def entry(self) -> Entry | None:
        """The file that is chosen."""
        row = self.list.currentIndex().row()
        return self.model.entries[row] if 0 <= row < len(self.model.entries) else None

    def step_file(self, direction: int) -> bool:
        """Show the file below or above in the list; False at its end."""
        row = self.list.currentIndex().row() + direction
        if not 0 <= row < self.model.rowCount():
            return False
        self.list.setCurrentIndex(self.model.index(row, 0))
        return True

    def _step_beyond(self, direction: int) -> None:
        """Changes go on in the next file, or end in the one before."""
        self._back = direction < 0
        if not self.step_file(direction):
            self._back = False
            self.desk.say("There is no further change." if direction > 0 else "There is no earlier change.")

    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self._show_current()

    def _show_current(self, *, anew: bool = False) -> None:
        entry = self.entry()
        if entry is not None:
            self.reader.show(entry.span, on_disk=self.list_bar.on_disk.isChecked(), anew=anew)

    def _take_diff(self, diff: FileDiff, newer: bool) -> None:
        entry = self.entry()
        self.view.show_diff(diff, keep_place=newer)
        if self._back and not newer:
            self.view.go_to_edge_change(-1)
        self._back = False
        note = "on disk" if self.list_bar.on_disk.isChecked() else "" if entry is None else mark_of(entry)
        self.file_bar.show_file(diff.path, diff.added, diff.removed, note)

    def _take_theme(self, theme: Any) -> None:
        self.view.set_style(Style(theme, self.lexer))
        self._items.take_fonts()
        self.list.doItemsLayout()
        self._size_list()

    # What can be done

    def _menu(self) -> Sequence[tuple[str, Callable[[], object]] | None]:
        does = self.handlers()
        return (
            ("Restore this file…", does["diff.restore_file"]),
            ("Restore all listed files…", does["diff.restore_all"]),
            None,
            ("Open in editor", does["diff.open"]),
            ("Show in folder", does["diff.show_in_folder"]),
            ("Copy path", does["diff.copy_path"]),
            ("Copy as patch", does["diff.copy_patch"]),
            None,
            ("Find…", does["diff.find"]),
            ("Go to line…", does["diff.go_to_line"]),
            ("Show or fold unchanged lines", does["diff.unfold"]),
        )

    def _open_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action in self._menu():
            if action is None:
                menu.addSeparator()
            else:
                menu.addAction(action[0]).triggered.connect(lambda _checked, act=action[1]: act())
        menu.popup(point)

    def _focus(self) -> None:
        (self.list if self.model.rowCount() > 1 else self.view).setFocus()

    def _go_to_line(self, text: str) -> None:
        if text.isdecimal() and int(text):
            self.view.go_to_line(min(int(text), 1 << 30))
            self.view.setFocus()
        else:
            self.desk.report(UserError(f"'{text}' is no number of a line."))

    def _copy_patch(self) -> None:
        patch = self.view.selected_patch()
        if patch:
            QGuiApplication.clipboard().setText(patch)
            self.desk.say("Patch copied.")
        else:
            self.desk.say("Nothing that changed is selected.")

    def _copy_path(self) -> None:
        entry = self.entry()
        if entry is not None:
            QGuiApplication.clipboard().setText(entry.span.path)
            self.desk.say("Path copied.")

    def _open_file(self) -> None:
        editor = str(self.desk.setting(kept.EDITOR, "") or "")
        self._with_file(lambda review, path: open_file(file_of(review.files, path), self.view.current_line(), editor))

    def _show_in_folder(self) -> None:
        self._with_file(lambda review, path: open_in_system(folder_of(review.files, path)))

    def _with_file(self, act: Callable[[Review, str], object]) -> None:
        entry, review = self.entry(), self.reader.review
        if entry is None or review is None:
            return
        try:
            act(review, entry.span.path)
        except UserError as error:
            self.desk.report(error)

    def _restore_file(self) -> None:
        entry = self.entry()
        if entry is not None:
            self._restore([entry])

    def _restore_all(self) -> None:
        self._restore(self.model.entries)

    def _restore(self, entries: Sequence[Entry]) -> None:
        """To the left side of what is shown: before the listed changes, or with the disk, to what the session knew."""
        review = self.reader.review
        if review is None or not entries:
            return
        if self.list_bar.on_disk.isChecked():
            targets = {entry.span.path: review.states[entry.span.path].last for entry in entries}
        else:
            targets = {path: content for entry in entries for path, content in entry.span.targets.items()}
        self.restorer.propose(review.files, targets)

    def _files_written(self) -> None:
        self.reader.refresh()
        self.reader.look_at_disk()

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self._is_stale = False
            self.reader.open(self._scope)
        else:
            self.reader.look_at_disk()
        self._size_list()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow() and self.isVisible():
            self.reader.look_at_disk()


def _column(parent: QWidget, *widgets: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget)
    return layout
