"""What a search found, as a Qt model: events under the title of their session, of each the first few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from app.ui.ages import age
from app.ui.models.sessions import DetailRole, RowRole, StateRole
from app.ui.words import one_line

if TYPE_CHECKING:
    from app.sessions.views import SearchHit

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()
FIRST_OF_SESSION = 3

_KINDS = {
    "user_message": "prompt",
    "agent_message": "answer",
    "agent_thought": "thought",
    "tool_call": "tool",
    "tool_result": "result",
    "command_result": "output",
    "file_change": "change",
    "file_read": "file",
    "session_set": "title",
    "permission_request": "question",
}


@dataclass(frozen=True, slots=True)
class _Title:
    """A heading: the session of the hits below."""

    text: str
    time: int


@dataclass(frozen=True, slots=True)
class More:
    """Stands for further hits of a session, which are shown when it is chosen."""

    session: str
    count: int


class HitModel(QAbstractListModel):
    """Sessions in the order of their first hit. now: milliseconds."""

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__()
        self._now = now
        self._hits: Sequence[SearchHit] = ()
        self._opened: set[str] = set()
        self._rows: list[_Title | SearchHit | More] = []

    def set_hits(self, hits: Sequence[SearchHit]) -> None:
        """Other results; the same again change nothing."""
        if hits != self._hits:
            self._hits = hits
            self._opened.clear()
            self._arrange()

    def open(self, session: str) -> None:
        """Show all hits of a session."""
        self._opened.add(session)
        self._arrange()

    def headings(self) -> Sequence[int]:
        """Rows that are headings."""
        return [row for row, item in enumerate(self._rows) if isinstance(item, _Title)]

    def first_row(self) -> int | None:
        """The row of the first hit."""
        return 1 if self._rows else None

    def _arrange(self) -> None:
        sessions: dict[str, list[SearchHit]] = {}
        for hit in self._hits:
            sessions.setdefault(hit.session, []).append(hit)
        self.beginResetModel()
        self._rows = [row for session, hits in sessions.items() for row in self._group(session, hits)]
        self.endResetModel()

    def _group(self, session: str, hits: list[SearchHit]) -> list[_Title | SearchHit | More]:
        title = _Title(one_line(hits[0].title) or "Untitled session", hits[0].time)
        if session in self._opened or len(hits) <= FIRST_OF_SESSION + 1:
            return [title, *hits]
        return [title, *hits[:FIRST_OF_SESSION], More(session, len(hits) - FIRST_OF_SESSION)]

    # Qt

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        if not index.isValid():
            return flag.NoItemFlags
        if isinstance(self._rows[index.row()], _Title):
            return flag.ItemNeverHasChildren
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if isinstance(row, _Title):
            return self._title_data(row, role)
        if isinstance(row, More):
            words = f"{row.count:,} more in this session"
            return row if role == RowRole else words if role == Qt.ItemDataRole.DisplayRole else None
        return self._hit_data(row, role)

    def _title_data(self, title: _Title, role: int) -> Any:
        if role == StateRole:
            return age(title.time, self._now())
        return title.text if role == Qt.ItemDataRole.DisplayRole else None

    def _hit_data(self, hit: SearchHit, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return one_line(hit.title) or "Untitled session"
            case Qt.ItemDataRole.AccessibleTextRole:
                words = one_line(hit.snippet).replace("‹", "").replace("›", "")
                return f"{_kind(hit)}, {age(hit.time, self._now())}: {words}"
            case Qt.ItemDataRole.ToolTipRole:
                return f"{one_line(hit.title)}\n{_kind(hit)} · {age(hit.time, self._now())}"
        if role == RowRole:
            return hit
        if role == StateRole:
            return _kind(hit)
        return one_line(hit.snippet) if role == DetailRole else None


def _kind(hit: SearchHit) -> str:
    return _KINDS.get(hit.kind, hit.kind.replace("_", " "))
