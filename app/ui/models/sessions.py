"""Sessions as a Qt model: thousands at once, under headings of days, narrowed by a tab, refreshed one by one.

The newest stand first. A session that changes moves up, but those that change all the time do not take each other's
place: where everything above has changed within `LIVE_MS`, a session stays.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt, Signal

from app.sessions.sizes import human_size
from app.ui.ages import age, day_span
from app.ui.browser.day_list import DayList, Key
from app.ui.dragging import SESSION_MIME, dragged
from app.ui.turns import Activity
from app.ui.words import one_line

if TYPE_CHECKING:
    from app.sessions.views import SessionRow

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()
LIVE_MS, MOST_LIVE = 120_000, 40
TIP_WIDTH = 60
"""Characters of a line of a tool tip."""

RowRole = Qt.ItemDataRole.UserRole
"""The `SessionRow` or hit of an item; None: a heading."""
StateRole = Qt.ItemDataRole.UserRole + 1
"""running, waiting, failed, paused, unread or idle: the mark beside the title."""
DetailRole = Qt.ItemDataRole.UserRole + 2
"""The second line."""
TagsRole = Qt.ItemDataRole.UserRole + 3
"""Tags, as shown."""
_STATES = {
    "running": "an agent is running",
    "waiting": "waits for you",
    "failed": "failed",
    "paused": "paused",
    "unread": "",
    "idle": "",
}


class Tab(Enum):
    """The quick filters above the list; the value is the label."""

    ALL = "All"
    RUNNING = "Running"
    WAITING = "Waiting"
    MINE = "Mine"


class SessionListModel(QAbstractListModel):
    """now: milliseconds. me: the person's name, for the tab "Mine". renamed: id and title that a person typed.
    summaries: what sessions came to, by their ids, as far as that is known."""

    renamed = Signal(str, str)

    def __init__(self, now: Callable[[], int], me: str) -> None:
        super().__init__()
        self._now = now
        self._me = me
        self._all: dict[str, SessionRow] = {}
        self._places: dict[str, int] = {}  # times under which sessions stand that changed since they were read
        self._shown = DayList((), now())
        self._activity = Activity()
        self._tab = Tab.ALL
        self._company: Mapping[str, str] = {}
        self.summaries: Mapping[str, str] = {}

    def set_sessions(self, sessions: Iterable[SessionRow]) -> None:
        """All sessions there are to show, in place of those before; what goes on from them is added below."""
        self._all = {session.id: session for session in sessions}
        self._places.clear()
        shown = self._arranged()
        before = len(self._shown.keys)
        if before and shown.keys[:before] == self._shown.keys and len(shown) > len(self._shown):
            self.beginInsertRows(_TOP, len(self._shown), len(shown) - 1)
            self._shown = shown
            self.endInsertRows()
            self._repaint()
        else:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()

    def update_sessions(self, sessions: Mapping[str, SessionRow | None]) -> None:
        """Sessions that changed; None: not in the list any more."""
        for identifier, session in sessions.items():
            before = self._key(identifier)
            if session is not None:
                place = self._place(session, before)
                self._all[identifier] = session
                self._places[identifier] = place
                self._settle(identifier, before)
                continue
            if before is not None:
                self._remove(before)
            self._all.pop(identifier, None)
            self._places.pop(identifier, None)

    def set_activity(self, activity: Activity) -> None:
        """What runs and waits in this window and in the background."""
        was = self._activity
        steps = dict(activity.background.items() ^ was.background.items())
        changed = (activity.running ^ was.running) | (activity.waiting ^ was.waiting) | steps.keys()
        before = {identifier: self._key(identifier) for identifier in changed if identifier in self._all}
        self._activity = activity
        for identifier, key in before.items():
            self._settle(identifier, key)

    def set_tab(self, tab: Tab) -> None:
        """Choose what is shown."""
        self.beginResetModel()
        self._tab = tab
        self._shown = self._arranged()
        self.endResetModel()

    def set_me(self, me: str) -> None:
        """The person is called so now."""
        self._me = me
        self.set_tab(self._tab)

    @property
    def has_company(self) -> bool:
        """Whether anybody else is in any session, as far as was said."""
        return bool(self._company)

    def set_company(self, company: Mapping[str, str]) -> None:
        """Who else is in which session (id): words such as `Bob is here`."""
        if company != self._company:
            self._company = company
            self._repaint()

    @property
    def tab(self) -> Tab:
        """The quick filter in force."""
        return self._tab

    def session(self, identifier: str) -> SessionRow | None:
        """A session by id, shown or not."""
        return self._all.get(identifier)

    def index_of(self, identifier: str) -> QModelIndex:
        """Where a session is shown; invalid: nowhere."""
        key = self._key(identifier)
        return QModelIndex() if key is None else self.index(self._shown.find(key).row, 0)

    def headings(self) -> Sequence[int]:
        """Rows that are headings."""
        return self._shown.headings()

    def session_count(self) -> int:
        """How many sessions are shown."""
        return len(self._shown.keys)

    def is_empty(self) -> bool:
        """Whether there are no sessions in any tab."""
        return not self._all

    def refresh_ages(self) -> None:
        """Time went by; a new day changes the headings."""
        if day_span(self._shown.now, self._now())[0] == "Today":
            self._repaint()
        elif len(self._shown):
            self.set_tab(self._tab)

    def state(self, session: SessionRow) -> str:
        """What the mark says."""
        if session.id in self._activity.waiting:
            return "waiting"
        if session.id in self._activity.working:
            return "running"
        if session.status in ("waiting", "failed", "paused"):
            return session.status
        return "unread" if session.unread else "idle"

    # Order

    def _key(self, identifier: str) -> Key | None:
        """Where a session is shown; None: it is not."""
        session = self._all.get(identifier)
        if session is None or not self._passes(session):
            return None
        return -self._places.get(identifier, session.updated), identifier

    def _place(self, session: SessionRow, before: Key | None) -> int:
        """The time under which a session that changed stands."""
        if before is None or session.updated <= -before[0]:
            return session.updated
        place = -before[0]
        above = self._shown.keys[: self._shown.find(before).position]
        now = self._now()
        live = len(above) <= MOST_LIVE and all(
            self._all[key[1]].updated > session.updated - LIVE_MS for key in above
        )  # fmt: skip
        return place if live and day_span(place, now) == day_span(session.updated, now) else session.updated

    def _arranged(self) -> DayList:
        shown = self._all.values() if self._tab is Tab.ALL else filter(self._passes, self._all.values())
        places = self._places
        keys = [(-places.get(session.id, session.updated), session.id) for session in shown]
        return DayList(sorted(keys), self._now())

    def _settle(self, identifier: str, before: Key | None) -> None:
        """Bring the rows into line with what is known of one session, which stood at `before`."""
        after = self._key(identifier)
        if after is None:
            if before is not None:
                self._remove(before)
        elif before is None:
            self._insert(after)
        else:
            if before != after:
                self._move(before, after)
            index = self.index_of(identifier)
            self.dataChanged.emit(index, index)

    def _insert(self, key: Key) -> None:
        self._make_heading(key)
        slot = self._shown.find(key)
        self.beginInsertRows(_TOP, slot.row, slot.row)
        self._shown.insert(key, slot)
        self.endInsertRows()

    def _remove(self, key: Key) -> None:
        slot = self._shown.find(key)
        self.beginRemoveRows(_TOP, slot.row, slot.row)
        self._shown.remove(slot)
        self.endRemoveRows()
        self._drop_bare(slot.group)

    def _move(self, before: Key, after: Key) -> None:
        self._make_heading(after)
        source, target = self._shown.find(before), self._shown.find(after)
        moves = target.row not in (source.row, source.row + 1)
        if moves:
            self.beginMoveRows(_TOP, source.row, source.row, _TOP, target.row)
        self._shown.remove(source)
        self._shown.insert(after, self._shown.find(after))
        if moves:
            self.endMoveRows()
        self._drop_bare(source.group)

    def _make_heading(self, key: Key) -> None:
        slot = self._shown.find(key)
        if not slot.exists:
            self.beginInsertRows(_TOP, slot.row - 1, slot.row - 1)
            self._shown.add_group(slot, *day_span(-key[0], self._shown.now))
            self.endInsertRows()

    def _drop_bare(self, group: int) -> None:
        if self._shown.is_bare(group):
            row = self._shown.headings()[group]
            self.beginRemoveRows(_TOP, row, row)
            self._shown.drop_group(group)
            self.endRemoveRows()

    def _repaint(self) -> None:
        if len(self._shown):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, 0), [int(DetailRole)])

    def _passes(self, session: SessionRow) -> bool:
        match self._tab:
            case Tab.ALL:
                return True
            case Tab.RUNNING | Tab.WAITING:
                return self.state(session) == self._tab.value.lower()
            case Tab.MINE:
                return self._me in session.authors

    # Words

    def _detail(self, session: SessionRow) -> str:
        words = [session.workspace_name, *(["read only"] if session.copied else []), age(session.updated, self._now())]
        state = self.state(session)
        if state == "waiting":
            words.append("waiting for you")
        elif state in ("failed", "paused"):
            words.append(state)
        elif step := self._activity.background.get(session.id):
            words.append(step)
        elif session.id in self._company:
            words.append(self._company[session.id])
        else:
            words += [", ".join(names)] if (names := _people(session)) else []
        return one_line(" · ".join(words))

    def _spoken(self, session: SessionRow) -> str:
        words = [title_of(session), _STATES[self.state(session)], self._detail(session)]
        words += [f"tags {', '.join(_tags(session))}"] if session.tags else []
        words += [f"{session.unread:,} new"] if session.unread else []
        words += ["archived"] if session.archived else []
        return ", ".join(word for word in words if word)

    def _tip(self, session: SessionRow) -> str:
        state = _STATES[self.state(session)]
        facts = [f"{session.unread:,} new"] if session.unread else []
        facts += [f"{session.events:,} events", human_size(session.bytes), *([session.agent] if session.agent else ())]
        lines = [title_of(session), " · ".join([*([state] if state else ()), *facts])]
        lines += [", ".join(_tags(session))] if session.tags else []
        if summary := self.summaries.get(session.id):
            lines += ["", *textwrap.wrap(one_line(summary), TIP_WIDTH)]
        return "\n".join(lines)

    # Qt

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        if not index.isValid():
            return flag.NoItemFlags
        if self._shown.heading_at(index.row()) is not None:
            return flag.ItemNeverHasChildren
        return (
            flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsEditable | flag.ItemIsDragEnabled
        ) | flag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        heading = self._shown.heading_at(index.row())
        if heading is not None:
            return heading if role == Qt.ItemDataRole.DisplayRole else None
        session = self._all[self._shown.key_at(index.row())[1]]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return title_of(session)
            case Qt.ItemDataRole.EditRole:
                return session.title
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(session)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(session)
            case _:
                return self._own_data(session, role)

    def _own_data(self, session: SessionRow, role: int) -> Any:
        if role == RowRole:
            return session
        if role == StateRole:
            return self.state(session)
        if role == TagsRole:
            return _tags(session)
        return self._detail(session) if role == DetailRole else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        session = index.data(RowRole)
        title = str(value).strip()
        if session is None or role != Qt.ItemDataRole.EditRole or not title or title == session.title:
            return False
        self.renamed.emit(session.id, title)
        return True

    def mimeTypes(self) -> list[str]:
        return [SESSION_MIME, "text/plain"]

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        ids = [session.id for index in sorted(indexes, key=lambda one: one.row()) if (session := index.data(RowRole))]
        return dragged(ids)


def title_of(session: SessionRow) -> str:
    """A session's title as it is shown."""
    return one_line(session.title) or "Untitled session"


def _people(session: SessionRow) -> tuple[str, ...]:
    return (*session.authors, *([session.agent] if session.agent and session.agent not in session.authors else ()))


def _tags(session: SessionRow) -> tuple[str, ...]:
    return tuple(shown for tag in session.tags if (shown := one_line(tag)[:40]))
