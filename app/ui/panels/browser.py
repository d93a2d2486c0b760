"""The session browser: search over all content, tabs, filters, and the list of sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.commands import sessions as commands
from app.sessions.views import SearchHit, SessionRow
from app.ui.bridge import while_alive
from app.ui.browser.blank import Blank
from app.ui.browser.chips import Chips
from app.ui.browser.deeds import Deeds
from app.ui.browser.exports import Exports
from app.ui.browser.icons import filter_icon
from app.ui.browser.items import HitItems, SessionItems
from app.ui.browser.listing import Listing
from app.ui.browser.narrowing import Kept, Narrowing
from app.ui.browser.row_list import RowList
from app.ui.browser.search_field import SearchField
from app.ui.browser.searching import Searching
from app.ui.browser.strip import Strip
from app.ui.desk import Desk
from app.ui.models.hits import HitModel, More
from app.ui.models.sessions import RowRole, SessionListModel, Tab
from app.ui.panel import Panel
from app.ui.places import PanelPlace, Place, SearchPlace, SessionPlace
from app.ui.turns import Activity

if TYPE_CHECKING:
    from app.sessions.facets import Facets
    from app.ui.browser.filter_form import FilterForm

SHORTEST_QUERY = 2
SUMMARIES_MS, MOST_SUMMARIES = 3_000, 500
"""So long after sessions changed their summaries are looked for, and for so many of the newest."""
AGES_MS = 30_000
_NOTHING = {
    Tab.RUNNING: ("No agent is running.", "Sessions in which an agent works show up here."),
    Tab.WAITING: ("Nothing waits for you.", "Sessions that need an answer from you show up here."),
    Tab.MINE: ("Nothing of yours yet.", "Sessions in which you have written show up here."),
}
_KEPT_NOTHING = {
    Kept.TRASH: ("The trash is empty.", "What you delete stays here until you erase it for good."),
    Kept.ARCHIVE: ("The archive is empty.", "Ctrl+E puts a session away, out of the list."),
}


class BrowserPanel(Panel):
    """Rows and search results lead to their places by the desk. narrowed: only this `Narrowing` is shown now."""

    narrowed = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.setObjectName("browser")
        self.setAccessibleName("Sessions")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = SessionListModel(desk.now, desk.me)
        self.hits = HitModel(desk.now)
        self.search = SearchField(self)
        self.list = RowList(self.model, SessionItems(desk.themes, self), "Sessions", self)
        self.results = RowList(self.hits, HitItems(desk.themes, self), "Search results", self)
        self.chips = Chips(self)
        self.question = Strip("Question", self)
        self.progress = Strip("Export", self)
        self.exports = Exports(desk, self.progress, self)
        self.deeds = Deeds(desk, self.question, self.exports, self)
        self.blank = Blank(self)
        self.searching = Searching(desk, self.hits, lambda: self._narrowing.searched(desk.now()), self)
        self._narrowing = Narrowing()
        self.listing = Listing(desk, lambda: self._narrowing.wanted(desk.now()), self)
        self._chosen: str | None = None
        self._quiet = False
        self._arrange()
        self._connect()
        self._ages = QTimer(self, interval=AGES_MS)
        self._ages.timeout.connect(self._refresh_ages)
        self._ages.start()
        self._summaries_soon = QTimer(self, singleShot=True, interval=SUMMARIES_MS)
        self._summaries_soon.timeout.connect(self._look_for_summaries)
        self.load()

    @cached_property
    def form(self) -> FilterForm:
        """The form of filters, made when it is first opened."""
        from app.ui.browser.filter_form import FilterForm

        form = FilterForm(self.desk.now, self)
        form.show_narrowing(self._narrowing)
        form.changed.connect(self.narrow)
        self.narrowed.connect(form.show_narrowing)
        return form

    def _arrange(self) -> None:
        self._pages = QStackedWidget(self)
        for page in (self.list, self.results, self.blank):
            self._pages.addWidget(page)
        self.filter_button = QToolButton(self)
        self.filter_button.setAccessibleName("Filter sessions")
        self.filter_button.setToolTip("Filter by workspace, date, status, tag and more")
        self.filter_button.setCheckable(True)
        self.filter_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field = QHBoxLayout()
        field.setContentsMargins(12, 0, 8, 4)
        field.setSpacing(4)
        field.addWidget(self.search)
        field.addWidget(self.filter_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(field)
        layout.addLayout(self._make_tabs())
        for widget in (self.chips, self.question, self._pages, self.progress):
            layout.addWidget(widget, 1 if widget is self._pages else 0)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        triggers = QAbstractItemView.EditTrigger
        self.list.setEditTriggers(triggers.SelectedClicked | triggers.EditKeyPressed)
        self._order_focus()
        self._restyle()

    def _order_focus(self) -> None:
        widgets = [self.search, self.filter_button, *self.tabs.buttons(), *self.chips.buttons, self.list, self.results]
        for before, after in pairwise(widgets):
            self.setTabOrder(before, after)

    def _make_tabs(self) -> QHBoxLayout:
        tabs = QHBoxLayout()
        tabs.setContentsMargins(12, 2, 12, 6)
        tabs.setSpacing(2)
        self.tabs = QButtonGroup(self)
        for tab in Tab:
            button = QToolButton(self)
            button.setText(tab.value)
            button.setAccessibleName(f"Show {tab.value}")
            button.setCheckable(True)
            button.setChecked(tab is Tab.ALL)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.clicked.connect(lambda _checked, chosen=tab: self._choose_tab(chosen))
            self.tabs.addButton(button)
            tabs.addWidget(button)
        tabs.addStretch()
        return tabs

    def _meet(self, part: str) -> None:
        if part == "name":
            self.model.set_me(self.desk.me)

    def _connect(self) -> None:
        self.desk.requests.configured.connect(self._meet)
        self.search.textChanged.connect(lambda _text: self._search())
        self.listing.listed.connect(self._show)
        self.listing.updated.connect(self._update)
        self.searching.answered.connect(self._show_page)
        self.search.returnPressed.connect(self._open_first)
        self.search.moved_down.connect(self._enter_list)
        self.list.selectionModel().selectionChanged.connect(lambda *_: self._open_selected())
        self.list.clicked.connect(lambda _index: self._open_selected())
        self.list.menu_wanted.connect(lambda place: self.deeds.show_menu(self.selected(), place))
        self.list.keys |= {
            commands.ARCHIVE.shortcut or "": lambda: self.deeds.archive(self.selected()),
            commands.DELETE.shortcut or "": lambda: self.deeds.remove(self.selected()),
            commands.RENAME.shortcut or "": self.rename,
        }
        self.results.clicked.connect(self._open)
        for view in (self.list, self.results):
            view.opened.connect(self._open)
            view.opened_beside.connect(lambda index: self._open(index, beside=True))
            view.left_top.connect(self.focus_search)
        self.model.renamed.connect(self._rename)
        self.chips.changed.connect(self.narrow)
        self.filter_button.clicked.connect(lambda _checked: self.show_filters())
        self.desk.themes.changed.connect(self._restyle)

    def _restyle(self, _theme: object = None) -> None:
        self.filter_button.setIcon(filter_icon(QColor(self.desk.themes.theme.muted)))
        for view in (self.list, self.results):
            view.restyle()

    # For the window

    def show_session(self, session: str | None) -> None:
        """Mark a session as the one in front, without opening it again."""
        self._chosen = session
        if len(self.list.selectionModel().selectedIndexes()) < 2:
            self._mark_chosen()

    def show_workspace(self) -> None:
        self.search.clear()
        self.load()

    def refresh(self, sessions: frozenset[str]) -> None:
        self.listing.refresh(sessions)
        if self._is_searching():
            self._search()

    def refresh_company(self, sessions: frozenset[str]) -> None:
        self._look_who_is_here()

    def _look_who_is_here(self) -> None:
        now = self.desk.now()
        self.desk.read(lambda queries: queries.company(now), while_alive(self, self.model.set_company))

    def show_activity(self, activity: Activity) -> None:
        with self._quietly():
            self.model.set_activity(activity)
        self._show_page()

    def go(self, place: Place) -> None:
        if isinstance(place, SearchPlace):
            self.search.setText(place.query)
            self.focus_search()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "browser.search": self.focus_search,
            "browser.next": lambda: self.step(1),
            "browser.previous": lambda: self.step(-1),
            "browser.filter": self.show_filters,
            "browser.clear_filters": lambda: self.narrow(Narrowing()),
            "browser.archive": lambda: self._show_kept(Kept.ARCHIVE),
            "browser.trash": lambda: self._show_kept(Kept.TRASH),
        }

    def state(self) -> dict[str, Any]:
        return {"tab": self.model.tab.name, "narrowing": self._narrowing.to_json()}

    def restore(self, state: dict[str, Any]) -> None:
        name = state.get("tab")
        if isinstance(name, str) and name in Tab.__members__:
            self._choose_tab(Tab[name])
        narrowing = Narrowing.from_json(state.get("narrowing", {}))
        if narrowing != self._narrowing:
            self.narrow(narrowing)

    def focus_search(self) -> None:
        """Let the person type a search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def step(self, direction: int) -> None:
        """Open the next (1) or previous (-1) session of the list."""
        actions = QAbstractItemView.CursorAction
        view = self.list
        index = view.moveCursor(actions.MoveDown if direction > 0 else actions.MoveUp, Qt.KeyboardModifier.NoModifier)
        if index.isValid():
            _choose(view, index)

    def selected(self) -> list[SessionRow]:
        """The chosen sessions, in the order of the list."""
        indexes = sorted(self.list.selectionModel().selectedIndexes(), key=lambda index: index.row())
        return [row for index in indexes if (row := index.data(RowRole)) is not None]

    def rename(self) -> None:
        """Edit the title of the current session in its row."""
        index = self.list.currentIndex()
        if index.isValid():
            self.list.scrollTo(index)
            self.list.edit(index)

    # The list

    def load(self) -> None:
        """Read the list anew; before the panel is first seen, what it will show at once."""
        if self.isVisible():
            self.listing.read()
        else:
            self.listing.read_now()

    def _show(self, rows: list[SessionRow]) -> None:
        with self._quietly():
            self.model.set_sessions(rows)
        self._show_page()
        self._mark_chosen()
        if self.isVisible():
            self._summaries_soon.start()

    def _update(self, changed: dict[str, SessionRow | None]) -> None:
        self._summaries_soon.start()
        with self._quietly():
            self.model.update_sessions(changed)
        self._show_page()
        if self._chosen in changed and not self.selected():
            self._mark_chosen()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What the selection does now was not asked for by the person."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _mark_chosen(self) -> None:
        index = self.model.index_of(self._chosen) if self._chosen is not None else QModelIndex()
        with self._quietly():
            if not index.isValid():
                self.list.clearSelection()
            elif not self.list.selectionModel().isSelected(index):
                _choose(self.list, index)

    def _look_for_summaries(self) -> None:
        """What the tips of sessions say that these came to."""

        def arrive(summaries: dict[str, str]) -> None:
            self.model.summaries = summaries

        self.desk.read(lambda queries: queries.summaries(MOST_SUMMARIES), while_alive(self, arrive))

    def _refresh_ages(self) -> None:
        with self._quietly():
            self.model.refresh_ages()
        if self.model.has_company:  # who went away without a word is not there for ever
            self._look_who_is_here()
        self.show_session(self._chosen)

    def _choose_tab(self, tab: Tab) -> None:
        for button, of in zip(self.tabs.buttons(), Tab, strict=True):
            button.setChecked(of is tab)
        with self._quietly():
            self.model.set_tab(tab)
        self.search.clear()
        self._mark_chosen()
        self._show_page()

    def _show_page(self) -> None:
        if self._is_searching():
            found = self.hits.rowCount() > 0
            if not found and self.searching.asked == self._query():
                self._say_nothing_found()
            elif not found:
                return
            self._pages.setCurrentWidget(self.results if found else self.blank)
        elif self.model.session_count():
            self._pages.setCurrentWidget(self.list)
        elif self.listing.is_complete:
            self._say_empty()
            self._pages.setCurrentWidget(self.blank)

    def _say_empty(self) -> None:
        clear = ("Clear Filters", lambda: self.narrow(Narrowing()))
        kept = self._narrowing.kept
        if not self.model.is_empty():
            self.blank.say(*_NOTHING[self.model.tab], [("Show All", lambda: self._choose_tab(Tab.ALL))])
        elif kept in _KEPT_NOTHING and len(self._narrowing.chips()) == 1:
            self.blank.say(*_KEPT_NOTHING[kept], [("Show Sessions", lambda: self.narrow(Narrowing()))])
        elif self._narrowing != Narrowing():
            self.blank.say("No session matches.", "All filters must hold. Take one away, or all of them.", [clear])
        elif self.model.tab is not Tab.ALL:
            self.blank.say(*_NOTHING[self.model.tab])
        else:
            imports = ("Import from Other Tools…", lambda: self.desk.go(PanelPlace("settings", "import")))
            text = "Ctrl+N starts one. What Claude Code, Codex and others left on this computer can be brought in."
            self.blank.say("No sessions yet.", text, [("New Session", self._start), imports])

    def _start(self) -> None:
        self.desk.write(lambda operations: operations.create(), lambda session: self.desk.go(SessionPlace(session)))

    # Choosing

    def _open_selected(self) -> None:
        if self._quiet or sum(run.height() for run in self.list.selectionModel().selection().toList()) != 1:
            return
        rows = self.selected()
        if len(rows) == 1 and rows[0].id != self._chosen:
            self._open_session(rows[0].id)

    def _open_session(self, session: str) -> None:
        self._chosen = session
        self.desk.go(SessionPlace(session))

    def _open(self, index: QModelIndex, *, beside: bool = False) -> None:
        row = index.data(RowRole)
        if isinstance(row, More):
            self.hits.open(row.session)
            _choose(self.results, self.hits.index(index.row(), 0))
        elif isinstance(row, SearchHit):
            if not beside:
                self._chosen = row.session
            self.desk.go(SessionPlace(row.session, row.event, beside=beside))
        elif row is not None:
            if beside:
                self.desk.go(SessionPlace(row.id, beside=True))
            else:
                self._open_session(row.id)

    def _rename(self, session: str, title: str) -> None:
        row = self.model.session(session)
        if row is not None:
            self.deeds.rename(session, row.title, title)

    # Filters

    def narrow(self, narrowing: Narrowing) -> None:
        """Show only what passes."""
        self._narrowing = narrowing
        self.chips.show_narrowing(narrowing)
        self._order_focus()
        self.narrowed.emit(narrowing)
        self.filter_button.setChecked(narrowing != Narrowing())
        self.load()
        if self._is_searching():
            self._search()

    def show_filters(self) -> None:
        """Open the form of filters."""
        self.filter_button.setChecked(self._narrowing != Narrowing())
        self.form.show_under(self.filter_button)
        everywhere = self._narrowing.filter.everywhere
        self.desk.read(lambda queries: queries.facets(everywhere=everywhere), while_alive(self, self._take_facets))

    def _take_facets(self, facets: Facets) -> None:
        self.deeds.tags = facets.tags
        self.form.set_choices(facets)

    def _show_kept(self, kept: Kept) -> None:
        self.search.clear()
        self._choose_tab(Tab.ALL)
        self.narrow(Narrowing().keep(kept))

    # Search

    def _query(self) -> str:
        return self.search.text().strip()

    def _is_searching(self) -> bool:
        return len(self._query()) >= SHORTEST_QUERY

    def _search(self) -> None:
        self.searching.ask(self._query() if self._is_searching() else None)
        self._show_page()

    def _say_nothing_found(self) -> None:
        query = self._query()
        title = f"Nothing found for “{query if len(query) <= 60 else query[:59] + '…'}”."
        text = "All words must occur in one message, command, output or file. “Quotes” find words that stand together."
        if self._narrowing.chips():
            self.blank.say(title, text, [("Clear Filters", lambda: self.narrow(Narrowing()))])
        else:
            everywhere = self._narrowing.change(everywhere=True)
            self.blank.say(title, text, [("Search All Workspaces", lambda: self.narrow(everywhere))])

    def _enter_list(self) -> None:
        view = self.results if self._is_searching() else self.list
        view.setFocus(Qt.FocusReason.OtherFocusReason)
        if not view.selectionModel().hasSelection():
            index = view.moveCursor(QAbstractItemView.CursorAction.MoveHome, Qt.KeyboardModifier.NoModifier)
            if index.isValid():
                _choose(view, index)

    def _open_first(self) -> None:
        row = self.hits.first_row() if self._is_searching() else None
        if row is not None:
            _choose(self.results, self.hits.index(row, 0))
            self._open(self.hits.index(row, 0))


def _choose(view: RowList, index: QModelIndex) -> None:
    """Make a row the only chosen one, whatever keys are held down."""
    view.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
