"""The sessions of a workspace as a Qt model: thousands at once, filtered by a tab, refreshed one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from app.ui.ages import age
from app.ui.turns import Activity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.sessions.views import SearchHit, SessionRow

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()

RowRole = Qt.ItemDataRole.UserRole
"""The `SessionRow` or `SearchHit` of an item."""
StateRole = Qt.ItemDataRole.UserRole + 1
"""running, waiting, failed, paused or idle: the dot beside the title."""
DetailRole = Qt.ItemDataRole.UserRole + 2
"""The second line."""


class Tab(Enum):
    """The filters above the list; the value is the label."""

    ALL = "All"
    RUNNING = "Running"
    WAITING = "Waiting"
    MINE = "Mine"


class SessionListModel(QAbstractListModel):
    """Newest first. now: milliseconds. me: the person's name, for the tab "Mine"."""

    def __init__(self, now: Callable[[], int], me: str) -> None:
        super().__init__()
        self._now = now
        self._me = me
        self._all: dict[str, SessionRow] = {}
        self._shown: list[SessionRow] = []
        self._activity = Activity()
        self._tab = Tab.ALL

    def set_sessions(self, sessions: Iterable[SessionRow]) -> None:
        """All sessions of the workspace, in place of those before."""
        self._all = {session.id: session for session in sessions}
        self._show()

    def update_sessions(self, sessions: Mapping[str, SessionRow | None]) -> None:
        """Sessions that changed; None: not in the list any more."""
        for identifier, session in sessions.items():
            if session is None or session.trashed or session.archived:
                self._all.pop(identifier, None)
            else:
                self._all[identifier] = session
        self._show()

    def set_activity(self, activity: Activity) -> None:
        """What runs and waits in this window."""
        if activity != self._activity:
            self._activity = activity
            self._show()

    def set_tab(self, tab: Tab) -> None:
        """Choose what is shown."""
        self._tab = tab
        self._show()

    @property
    def tab(self) -> Tab:
        """The filter in force."""
        return self._tab

    def session(self, identifier: str) -> SessionRow | None:
        """A session of the workspace by id, shown or not."""
        return self._all.get(identifier)

    def index_of(self, identifier: str) -> QModelIndex:
        """Where a session is shown; invalid: nowhere."""
        for row, session in enumerate(self._shown):
            if session.id == identifier:
                return self.index(row, 0)
        return QModelIndex()

    def is_empty(self) -> bool:
        """Whether the workspace has no sessions at all."""
        return not self._all

    def refresh_ages(self) -> None:
        """Time went by."""
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, 0), [int(DetailRole)])

    def state(self, session: SessionRow) -> str:
        """What the dot says."""
        if session.id in self._activity.waiting:
            return "waiting"
        if session.id in self._activity.running:
            return "running"
        return session.status if session.status in ("waiting", "failed", "paused") else "idle"

    def _show(self) -> None:
        shown = sorted(filter(self._passes, self._all.values()), key=lambda row: (-row.updated, row.id))
        if [row.id for row in shown] == [row.id for row in self._shown]:
            self._shown = shown
            if shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, 0))
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        chosen = [self._shown[index.row()].id for index in before]
        self._shown = shown
        rows = {row.id: number for number, row in enumerate(shown)}
        after = [self.index(rows[key], 0) if key in rows else QModelIndex() for key in chosen]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _passes(self, session: SessionRow) -> bool:
        match self._tab:
            case Tab.ALL:
                return True
            case Tab.RUNNING:
                return self.state(session) == "running"
            case Tab.WAITING:
                return self.state(session) == "waiting"
            case Tab.MINE:
                return self._me in session.authors

    def _detail(self, session: SessionRow) -> str:
        words = [session.workspace_name, age(session.updated, self._now())]
        state = self.state(session)
        if state == "waiting":
            words.append("waiting for you")
        elif state in ("failed", "paused"):
            words.append(state)
        elif session.authors:
            words.append(", ".join(session.authors))
        return " · ".join(words)

    # Qt

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        session = self._shown[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return title_of(session)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{title_of(session)}, {self.state(session)}, {self._detail(session)}"
        if role == RowRole:
            return session
        if role == StateRole:
            return self.state(session)
        return self._detail(session) if role == DetailRole else None


class SearchModel(QAbstractListModel):
    """What a search found. The snippet marks its matches with ‹ and ›."""

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__()
        self._now = now
        self._hits: Sequence[SearchHit] = ()

    def set_hits(self, hits: Sequence[SearchHit]) -> None:
        """Other results."""
        self.beginResetModel()
        self._hits = hits
        self.endResetModel()

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self._hits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._hits):
            return None
        hit = self._hits[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return hit.title or "Untitled"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{hit.title or 'Untitled'}: {hit.snippet}"
        if role == RowRole:
            return hit
        if role == StateRole:
            return age(hit.time, self._now())
        return " ".join(hit.snippet.split()) if role == DetailRole else None


def title_of(session: SessionRow) -> str:
    """A session's title as it is shown."""
    return session.title or "Untitled session"
