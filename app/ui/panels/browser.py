"""The side bar: search over all content, tabs, and the list of sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import NotFound
from app.sessions.filters import SearchFilter
from app.sessions.views import SearchHit
from app.ui.desk import Desk
from app.ui.items import HitItems, SessionItems
from app.ui.models.sessions import RowRole, SearchModel, SessionListModel, Tab
from app.ui.panel import Panel
from app.ui.places import Place, SearchPlace, SessionPlace
from app.ui.turns import Activity

if TYPE_CHECKING:
    from PySide6.QtWidgets import QStyledItemDelegate

    from app.sessions.queries import Queries
    from app.sessions.views import SessionRow

SHORTEST_QUERY, MOST_HITS, TYPING_MS = 2, 200, 90
AGES_MS = 30_000
_EMPTY = {
    Tab.ALL: "No sessions yet.\n\nCtrl+N starts one.\n\n“lovelace import” brings in what other tools left here.",
    Tab.RUNNING: "No agent is running.",
    Tab.WAITING: "Nothing waits for you.",
    Tab.MINE: "You have not written in a session of this workspace yet.",
}


class SearchField(QLineEdit):
    """Down and Enter lead into the results, Escape clears."""

    moved_down = Signal()

    def event(self, event: QEvent) -> bool:
        # Escape is also the window's shortcut for stopping; with text in the field it clears.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self.text():
            event.setAccepted(event.key() == Qt.Key.Key_Escape)
            if event.isAccepted():
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Down:
            self.moved_down.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class Rows(QListView):
    """A list whose rows open also by the middle button and Ctrl+Enter. opened_beside: the row's index."""

    opened_beside = Signal(QModelIndex)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton:
            if index.isValid():
                self.opened_beside.emit(index)
        else:
            super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:
        # Ctrl+Enter is also the window's shortcut for sending.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _is_beside(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_beside(event) and self.currentIndex().isValid():
            self.opened_beside.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


class BrowserPanel(Panel):
    """session_chosen: id. hit_chosen: session and event id."""

    session_chosen = Signal(str)
    hit_chosen = Signal(str, str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.setObjectName("browser")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = SessionListModel(desk.now, desk.me)
        self.hits = SearchModel(desk.now)
        self.search = SearchField(self)
        self.search.setPlaceholderText("Search sessions…  Ctrl+F")
        self.search.setAccessibleName("Search")
        self.search.setClearButtonEnabled(True)
        self.list = self._list_of(self.model, SessionItems(desk.themes, self), "Sessions")
        self.results = self._list_of(self.hits, HitItems(desk.themes, self), "Search results")
        self._empty = QLabel(self)
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setMargin(20)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedWidget(self)
        for page in (self.list, self.results, self._empty):
            self._pages.addWidget(page)
        self._arrange()
        self._typed = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typed.timeout.connect(self._search)
        self._ages = QTimer(self, interval=AGES_MS)
        self._ages.timeout.connect(self.model.refresh_ages)
        self._ages.start()
        self._query = 0
        self._chosen: str | None = None
        self._connect()
        self.load()

    def _list_of(self, model: SessionListModel | SearchModel, items: QStyledItemDelegate, name: str) -> Rows:
        view = Rows(self)
        view.setModel(model)
        view.setItemDelegate(items)
        view.setAccessibleName(name)
        view.setUniformItemSizes(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setMouseTracking(True)
        return view

    def _arrange(self) -> None:
        tabs = QHBoxLayout()
        tabs.setContentsMargins(12, 2, 12, 6)
        tabs.setSpacing(2)
        self.tabs = QButtonGroup(self)
        for tab in Tab:
            button = QToolButton(self)
            button.setText(tab.value)
            button.setCheckable(True)
            button.setChecked(tab is Tab.ALL)
            button.clicked.connect(lambda _checked, chosen=tab: self._choose_tab(chosen))
            self.tabs.addButton(button)
            tabs.addWidget(button)
        tabs.addStretch()
        field = QHBoxLayout()
        field.setContentsMargins(12, 0, 12, 4)
        field.addWidget(self.search)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(field)
        layout.addLayout(tabs)
        layout.addWidget(self._pages)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._query_changed)
        self.search.returnPressed.connect(self._enter_results)
        self.search.moved_down.connect(self._enter_list)
        self.list.selectionModel().currentChanged.connect(self._session_current)
        self.list.clicked.connect(self._session_current)
        for view in (self.list, self.results):
            view.opened_beside.connect(self._open_beside)
        self.results.clicked.connect(self._hit_current)
        self.results.activated.connect(self._hit_current)
        self.results.selectionModel().currentChanged.connect(self._hit_current)
        self.desk.themes.changed.connect(lambda _theme: self._pages.update())

    # For the window

    def load(self) -> None:
        """Read the whole list."""
        self.desk.read(lambda queries: queries.sessions(), self._show_sessions)

    def show_workspace(self) -> None:
        self.search.clear()
        self.load()

    def refresh(self, sessions: frozenset[str]) -> None:
        self.desk.read(lambda queries: _read_sessions(queries, sessions), self._update_sessions)
        if self._is_searching():
            self._typed.start()

    def show_activity(self, activity: Activity) -> None:
        self.model.set_activity(activity)
        self._show_page()

    def show_session(self, session: str | None) -> None:
        """Mark a session as the open one, without opening it again."""
        self._chosen = session
        index = self.model.index_of(session) if session is not None else QModelIndex()
        if index.isValid() and index != self.list.currentIndex():
            self.list.setCurrentIndex(index)

    def focus_search(self) -> None:
        """Let the person type a search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def step(self, direction: int) -> None:
        """Open the next (1) or previous (-1) session of the list."""
        row = self.list.currentIndex().row() + direction
        if 0 <= row < self.model.rowCount():
            self.list.setCurrentIndex(self.model.index(row, 0))

    def go(self, place: Place) -> None:
        if isinstance(place, SearchPlace):
            self.search.setText(place.query)
            self.focus_search()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {
            "browser.search": self.focus_search,
            "browser.next": lambda: self.step(1),
            "browser.previous": lambda: self.step(-1),
        }

    # Lists

    def _show_sessions(self, sessions: list[SessionRow]) -> None:
        self.model.set_sessions(sessions)
        self._after_change()

    def _update_sessions(self, sessions: Mapping[str, SessionRow | None]) -> None:
        here = self.desk.workspace.id
        self.model.update_sessions(
            {key: row if row is not None and row.workspace == here else None for key, row in sessions.items()}
        )
        self._after_change()

    def _after_change(self) -> None:
        self._show_page()
        if self._chosen is not None:
            self.show_session(self._chosen)

    def _choose_tab(self, tab: Tab) -> None:
        self.model.set_tab(tab)
        self.search.clear()
        self._show_page()

    def _session_current(self, index: QModelIndex) -> None:
        session = index.data(RowRole)
        if session is not None and session.id != self._chosen:
            self._chosen = session.id
            self.session_chosen.emit(session.id)
            self.desk.go(SessionPlace(session.id))

    def _open_beside(self, index: QModelIndex) -> None:
        row = index.data(RowRole)
        if isinstance(row, SearchHit):
            self.desk.go(SessionPlace(row.session, row.event, beside=True))
        elif row is not None:
            self.desk.go(SessionPlace(row.id, beside=True))

    def _show_page(self) -> None:
        if self._is_searching():
            self._pages.setCurrentWidget(self.results if self.hits.rowCount() else self._empty)
            self._empty.setText(f"Nothing found for “{self.search.text().strip()}”.")
            return
        empty = self.model.rowCount() == 0
        self._empty.setText(_EMPTY[Tab.ALL if self.model.is_empty() else self.model.tab])
        self._pages.setCurrentWidget(self._empty if empty else self.list)

    # Search

    def _is_searching(self) -> bool:
        return len(self.search.text().strip()) >= SHORTEST_QUERY

    def _query_changed(self) -> None:
        if self._is_searching():
            self._typed.start()
        else:
            self._typed.stop()
            self._query += 1
            self.hits.set_hits(())
            self._show_page()

    def _search(self) -> None:
        self._query += 1
        number, query = self._query, self.search.text().strip()
        wanted = SearchFilter(limit=MOST_HITS, as_typed=True)
        self.desk.read(lambda queries: queries.search(query, wanted), lambda hits: self._show_hits(number, hits))

    def _show_hits(self, number: int, hits: list[SearchHit]) -> None:
        if number == self._query:
            self.hits.set_hits(hits)
            self._show_page()

    def _enter_list(self) -> None:
        view = self.results if self._is_searching() else self.list
        view.setFocus()
        if view.model().rowCount() and not view.currentIndex().isValid():
            view.setCurrentIndex(view.model().index(0, 0))

    def _enter_results(self) -> None:
        if self.hits.rowCount():
            self._enter_list()

    def _hit_current(self, index: QModelIndex) -> None:
        hit = index.data(RowRole)
        if hit is not None:
            self._chosen = hit.session
            self.hit_chosen.emit(hit.session, hit.event)
            self.desk.go(SessionPlace(hit.session, hit.event))


def _is_beside(event: QKeyEvent) -> bool:
    enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return enter and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _read_sessions(queries: Queries, sessions: frozenset[str]) -> dict[str, SessionRow | None]:
    """The rows of sessions; None for one that is gone."""
    found: dict[str, SessionRow | None] = {}
    for session in sessions:
        try:
            found[session] = queries.session(session)
        except NotFound:
            found[session] = None
    return found
