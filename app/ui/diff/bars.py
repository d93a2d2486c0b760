"""The two bars of the panel of changes: what is listed, and the file that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from app.sessions.changed_files import ChangingTurn
from app.ui.title_label import TitleLabel

WHOLE_SESSION, ONE_CHANGE, NO_PROMPT = "Whole session", "One change", "Without a prompt"
_BUTTON_TEXT, _MENU_TEXT = 28, 70


def toggle(text: str, tip: str, parent: QWidget) -> QToolButton:
    """A button that stays down."""
    button = QToolButton(parent)
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    button.setAccessibleDescription(tip)
    button.setCheckable(True)
    return button


class CountsLabel(QWidget):
    """Added and removed lines, each in its colour."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._labels = [QLabel(self), QLabel(self)]
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for label, role in zip(self._labels, ("added", "removed"), strict=True):
            label.setProperty("role", role)
            layout.addWidget(label)

    def show_counts(self, added: int, removed: int) -> None:
        """Say how many."""
        for label, sign, word, count in zip(self._labels, "+−", ("added", "removed"), (added, removed), strict=True):
            label.setText(f"{sign}{count:,}")
            label.setAccessibleName(f"{count} lines {word}")
            label.setVisible(count > 0)

    def text(self) -> str:
        """What it says."""
        return " ".join(label.text() for label in self._labels if not label.isHidden())


class ListBar(QFrame):
    """What is listed. scope_chosen: a turn, or '' for the whole session. disk_toggled: compare with the disk."""

    scope_chosen = Signal(str)
    disk_toggled = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._turns: Sequence[ChangingTurn] = ()
        self._chosen: str | None = ""
        self.scope = QToolButton(self)
        self.scope.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.scope.setMenu(QMenu(self.scope))
        self.total = QLabel(self)
        self.total.setProperty("role", "muted")
        self.on_disk = toggle("On disk", "What became of the files since the session last knew them", self)
        self.more = QToolButton(self)
        self.more.setText("⋯")
        self.more.setAccessibleName("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 4)
        layout.setSpacing(4)
        for widget in (self.scope, self.total, self.on_disk, self.more):
            layout.addWidget(widget, 1 if widget is self.total else 0)
        self.on_disk.toggled.connect(self.disk_toggled)
        self.scope.menu().aboutToShow.connect(self._fill_turns)

    def show_turns(self, turns: Sequence[ChangingTurn], chosen: str | None, *, one_change: bool) -> None:
        """Offer the turns that changed files, the newest first."""
        shown = next((turn for turn in turns if turn.turn == chosen), None)
        text = ONE_CHANGE if one_change else WHOLE_SESSION if shown is None else shown.prompt or NO_PROMPT
        self.scope.setText(f"{_cut(text, _BUTTON_TEXT)} ▾")
        self.scope.setAccessibleName(f"Changes of: {text}")
        self._turns, self._chosen = turns, None if one_change else chosen or ""

    def _fill_turns(self) -> None:
        menu = self.scope.menu()
        menu.clear()
        entries = [(f"{turn.prompt or NO_PROMPT}  ·  {_files(turn.files)}", turn.turn) for turn in self._turns]
        for label, turn in ((WHOLE_SESSION, ""), *reversed(entries)):
            action = menu.addAction(_cut(label, _MENU_TEXT).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(turn == self._chosen)
            action.triggered.connect(lambda _checked, turn=turn: self.scope_chosen.emit(turn))

    def show_total(self, files: int) -> None:
        """Say how many files there are."""
        self.total.setText(_files(files) if files else "")

    def fill_menu(self, actions: Iterable[tuple[str, Callable[[], object]] | None]) -> None:
        """What can be done; None: a line between."""
        menu = self.more.menu()
        menu.clear()
        for action in actions:
            if action is None:
                menu.addSeparator()
            else:
                label, act = action
                menu.addAction(label).triggered.connect(lambda _checked, act=act: act())


class FileBar(QFrame):
    """The file that is shown. split_chosen: side by side or unified."""

    split_chosen = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.title = TitleLabel(self)
        self.counts = CountsLabel(self)
        self.note = QLabel(self)
        self.note.setProperty("role", "muted")
        self.unified = toggle("Unified", "Old and new lines below each other", self)
        self.split = toggle("Split", "Old and new lines side by side", self)
        group = QButtonGroup(self)
        group.addButton(self.unified)
        group.addButton(self.split)
        self.unified.setChecked(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 8, 12, 8)
        layout.setSpacing(8)
        for widget, stretch in ((self.title, 0), (self.counts, 0), (self.note, 1), (self.unified, 0), (self.split, 0)):
            layout.addWidget(widget, stretch)
        self.split.toggled.connect(self.split_chosen)

    def show_file(self, path: str, added: int, removed: int, note: str) -> None:
        """Name a file and its counts. note: such as "new" or "on disk"."""
        self.title.setText(path.rpartition("/")[2])
        self.title.setToolTip(path)
        self.title.setAccessibleDescription(path)
        self.counts.show_counts(added, removed)
        self.note.setText(note)
        self.note.setTextFormat(Qt.TextFormat.PlainText)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
