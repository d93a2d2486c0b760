"""The command palette: one field over the window that finds commands, sessions, files and text.

Commands are matched at once, on the main thread; the rest is read and matched on a reading thread, and an answer to
an older text is dropped. `>` in front leaves only commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QKeySequence, QMoveEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from app.sessions.filters import SearchFilter
from app.sessions.finding import FoundFile, find_files, find_sessions, match_score
from app.ui.ages import age
from app.ui.desk import Desk
from app.ui.palette_items import DetailRole, KindRole, PaletteItems
from app.ui.places import FilePlace, Place, SessionPlace
from app.ui.shadow import Shadow

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import NamedSession, SearchHit
    from app.ui.actions import Actions

MOST_COMMANDS, MOST_SESSIONS, MOST_FILES, MOST_HITS = 6, 7, 5, 8
WIDTH, ROWS_SHOWN = 620, 11
ONLY_COMMANDS = ">"
_TOP = QModelIndex()
_HINT = "Commands, sessions, files, text · > only commands"
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of the palette. take: what choosing it does."""

    kind: str
    title: str
    detail: str
    take: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Found:
    """What reading found for a text. names: of all sessions, for the next letters."""

    names: list[NamedSession]
    sessions: list[NamedSession]
    files: list[FoundFile]
    hits: list[SearchHit]


_NOTHING = _Found([], [], [], [])


class ChoiceModel(QAbstractListModel):
    """The choices that are offered."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choices: Sequence[Choice] = ()

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Offer these in place of those before."""
        self.beginResetModel()
        self.choices = choices
        self.endResetModel()

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.choices)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        choice = self.choices[index.row()]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return (
                f"{choice.kind}: {choice.title}, {choice.detail}" if choice.detail else f"{choice.kind}: {choice.title}"
            )
        return {Qt.ItemDataRole.DisplayRole: choice.title, KindRole: choice.kind, DetailRole: choice.detail}.get(role)


class Palette(QFrame):
    """Lies over its window, closed until `open`."""

    def __init__(self, desk: Desk, actions: Actions, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("palette")
        self._window = window
        self._desk = desk
        self._actions = actions
        self._number = self._arrived = 0
        self._found = _NOTHING
        self._names: list[NamedSession] | None = None
        self.model = ChoiceModel(self)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Go to anything…")
        self.field.setAccessibleName("Go to anything")
        self.list = QListView(self)
        self.list.setModel(self.model)
        self.list.setItemDelegate(PaletteItems(desk.themes, self))
        self.list.setAccessibleName("Choices")
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._hint = QLabel(_HINT, self)
        self._hint.setProperty("role", "muted")
        self._hint.setIndent(12)
        self._arrange()
        self.field.textEdited.connect(self._look)
        self.field.installEventFilter(self)
        self.list.clicked.connect(lambda _index: self._take())
        window.installEventFilter(self)
        self.hide()

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.setSpacing(6)
        for widget in (self.field, self.list, self._hint):
            layout.addWidget(widget)
        self._shadow = Shadow(self)

    @property
    def is_looking(self) -> bool:
        """Whether what the text finds is still being read."""
        return self._arrived != self._number

    def open(self, text: str = "") -> None:
        """Show the palette with a text in its field; what sessions there are is read now."""
        self._names = None
        self.field.setText(text)
        self._place()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)
        self._look(text)

    def close_palette(self) -> None:
        """Hide it; the keyboard goes back to where it was."""
        self._number += 1
        if self.isHidden():
            return
        self.hide()
        self._window.setFocus(Qt.FocusReason.PopupFocusReason)

    # Looking

    def _look(self, text: str) -> None:
        self._number += 1
        number = self._number
        self._found = self._found if text.strip() else _NOTHING
        self._offer(text)
        if text.startswith(ONLY_COMMANDS):
            self._arrived = number
        else:
            names = self._names
            self._desk.read(
                lambda queries: _look_up(queries, text, names), lambda found: self._arrive(number, text, found)
            )

    def _arrive(self, number: int, text: str, found: _Found) -> None:
        if number == self._number:
            self._arrived = number
            self._found = found
            self._names = found.names
            self._offer(text)

    def _offer(self, text: str) -> None:
        commands = self._commands(text)
        found = _NOTHING if text.startswith(ONLY_COMMANDS) else self._found
        sessions = [self._session(one) for one in found.sessions]
        named = (
            [*sessions, *commands] if not text.strip() or _is_better(text, sessions, commands) else commands + sessions
        )
        self.model.set_choices([*named, *map(self._file, found.files), *map(self._hit, found.hits)])
        if self.model.rowCount():
            self.list.setCurrentIndex(self.model.index(0, 0))
        self._hint.setText(_HINT if self.model.rowCount() else "Nothing found. Fewer letters find more.")
        self._place()

    def _commands(self, text: str) -> list[Choice]:
        only = text.startswith(ONLY_COMMANDS)
        wanted = text.removeprefix(ONLY_COMMANDS).strip().lower()
        scored = [
            (score, order, Choice("Command", _plain(command.title), _keys(action.shortcuts()), action.trigger))
            for order, (command, action) in enumerate(self._actions.commands())
            if action.isEnabled()
            and command.id != "window.palette"
            and (score := match_score(wanted, f"{_plain(command.title)} {command.help}"[:120])) is not None
            and (score > _WEAK or match_score(wanted, _plain(command.title)) is not None)
        ]
        scored.sort(key=lambda one: (-one[0], one[1]))
        return [choice for _score, _order, choice in scored[: None if only else MOST_COMMANDS]]

    def _session(self, one: NamedSession) -> Choice:
        return Choice("Session", one.title, age(one.updated, self._desk.now()), self._going(SessionPlace(one.id)))

    def _file(self, file: FoundFile) -> Choice:
        return Choice("File", file.path, "", self._going(FilePlace(file.session, file.path, file.event)))

    def _hit(self, hit: SearchHit) -> Choice:
        return Choice(
            "Text", " ".join(hit.snippet.split()), hit.title, self._going(SessionPlace(hit.session, hit.event))
        )

    def _going(self, place: Place) -> Callable[[], object]:
        return lambda: self._desk.go(place)

    # Choosing

    def _take(self) -> None:
        row = self.list.currentIndex().row()
        if 0 <= row < len(self.model.choices):
            choice = self.model.choices[row]
            self.close_palette()
            choice.take()

    def _step(self, by: int) -> None:
        count = self.model.rowCount()
        if count:
            row = (self.list.currentIndex().row() + by) % count
            self.list.setCurrentIndex(self.model.index(row, 0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress:
                return self._key(event)
            # Escape is also a shortcut of the window; here it closes.
            event.setAccepted(event.key() == Qt.Key.Key_Escape)
            return event.isAccepted()
        if watched is self.field and isinstance(event, QFocusEvent) and event.lostFocus():
            self.close_palette()
        if watched is self._window and event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        page = ROWS_SHOWN - 1
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: page, Qt.Key.Key_PageUp: -page}
        if event.key() in steps:
            self._step(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        elif event.key() == Qt.Key.Key_Escape:
            self.close_palette()
        else:
            return False
        return True

    def _place(self) -> None:
        window = self._window
        width = min(WIDTH, window.width() - 32)
        rows = min(ROWS_SHOWN, self.model.rowCount())
        self.list.setVisible(rows > 0)
        self.list.setFixedHeight(rows * self.list.sizeHintForRow(0) + 4 if rows else 0)
        height = self.field.sizeHint().height() + self.list.height() * (rows > 0) + self._hint.sizeHint().height() + 32
        self.setGeometry((window.width() - width) // 2, min(96, window.height() // 8), width, height)

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._shadow.follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._shadow.follow()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self._shadow.follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._shadow.follow()


_WEAK = 1_000
"""Below this, only letters are found here and there: enough for a title, too little for a help text."""


def _look_up(queries: Queries, text: str, names: list[NamedSession] | None) -> _Found:
    """Runs on a reading thread. names: of the sessions, where they have been read."""
    names = queries.named_sessions() if names is None else names
    sessions = find_sessions(names, text, MOST_SESSIONS)
    if not text.strip():
        return _Found(names, sessions, [], [])
    hits = queries.search(text, SearchFilter(limit=MOST_HITS, as_typed=True))
    return _Found(names, sessions, find_files(queries, text, MOST_FILES), hits)


def _is_better(text: str, sessions: Sequence[Choice], commands: Sequence[Choice]) -> bool:
    """Whether the best session matches better than the best command."""
    wanted = text.strip().lower()

    def best(choices: Sequence[Choice]) -> int:
        return max((match_score(wanted, choice.title) or 0 for choice in choices[:1]), default=-1)

    return best(sessions) > best(commands)


def _plain(title: str) -> str:
    return title.replace("&", "")


def _keys(shortcuts: Sequence[QKeySequence]) -> str:
    return shortcuts[0].toString(QKeySequence.SequenceFormat.NativeText) if shortcuts else ""
