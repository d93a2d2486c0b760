"""Shortcuts: every command with its keys, which the person may change."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QKeySequence, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTableView,
    QWidget,
)

from app.commands.shortcuts import claims, conflicts, default_shortcuts, effective_shortcuts, with_shortcut
from app.ui import kept
from app.ui.actions import ALL
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Question, Said, labelled, side_by_side
from app.ui.settings.page import Page

TABLE_HEIGHT = 360
_COLUMNS = ("Command", "Keys", "")
_IdRole = Qt.ItemDataRole.UserRole


class ShortcutsPage(Page):
    """Keys that are chosen take effect at once; one that another command has goes over to this one."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Shortcuts", "Choose a command, then press its new keys.", parent)
        self._defaults = default_shortcuts()
        self._titles = {command.id: command.title.removesuffix("…") for command in ALL}
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText("Search commands and keys…")
        self.filter.setAccessibleName("Search commands and keys")
        self.filter.setClearButtonEnabled(True)
        self.model = QStandardItemModel(0, len(_COLUMNS), self)
        self.model.setHorizontalHeaderLabels(_COLUMNS)
        self.shown_rows = QSortFilterProxyModel(self)
        self.shown_rows.setSourceModel(self.model)
        self.shown_rows.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.shown_rows.setFilterKeyColumn(-1)
        self.table = self._table()
        self.chosen = Prose("", self)
        self.keys = QKeySequenceEdit(self)
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        for field in self.keys.findChildren(QLineEdit):
            field.setAccessibleName("Keys")
        self.none, self.default = QPushButton("&No keys", self), QPushButton("&Default", self)
        self.reset = QPushButton("&Reset all…", self)
        self.said, self.question = Said(self), Question(self)
        self.add(self.filter, self.table, labelled("&Keys", self.keys, "Press them while this field has the keyboard."))
        self.add(self.chosen, side_by_side(self.none, self.default, self.reset), self.question, self.said)
        self._connect()

    def _table(self) -> QTableView:
        table = QTableView(self)
        table.setModel(self.shown_rows)
        table.setAccessibleName("Commands and their keys")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(90)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setFixedHeight(TABLE_HEIGHT)
        return table

    def _connect(self) -> None:
        self.filter.textChanged.connect(self.shown_rows.setFilterFixedString)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_command())
        self.table.activated.connect(lambda _index: self.keys.setFocus())
        self.keys.editingFinished.connect(self._take_keys)
        self.none.clicked.connect(lambda _checked: self._set([]))
        self.default.clicked.connect(lambda _checked: self._set(None))
        self.reset.clicked.connect(
            lambda _checked: self.question.ask("Give all commands their own keys again?", "Reset", self._reset)
        )

    @property
    def command(self) -> str | None:
        """The id of the chosen command."""
        return _id(self.table.currentIndex())

    def choose(self, command: str) -> None:
        """Make a command the chosen one."""
        for row in range(self.shown_rows.rowCount()):
            if _id(self.shown_rows.index(row, 0)) == command:
                self.table.setCurrentIndex(self.shown_rows.index(row, 0))

    def shown(self) -> None:
        chosen = self.desk.setting(kept.SHORTCUTS)
        wanted, keys = claims(self._defaults, chosen), effective_shortcuts(self._defaults, chosen)
        double = {command for commands in conflicts(wanted).values() for command in commands}
        before = self.command
        self.model.setRowCount(0)
        for command, title in self._titles.items():
            changed = wanted[command] != claims(self._defaults, None)[command]
            lost = command in double and keys[command] != wanted[command]
            mark = "lost to another" if lost else "changed" if changed else ""
            items = [QStandardItem(text) for text in (title, _native(keys[command]), mark)]
            items[0].setData(command, _IdRole)
            items[0].setToolTip(command)
            self.model.appendRow(items)
        self.choose(before or next(iter(self._titles)))
        self._show_command()

    def _show_command(self) -> None:
        command = self.command
        for widget in (self.keys, self.none, self.default):
            widget.setEnabled(command is not None)
        if command is None:
            self.chosen.setText("")
            return
        keys = effective_shortcuts(self._defaults, self.desk.setting(kept.SHORTCUTS))[command]
        self.keys.setKeySequence(QKeySequence(keys[0]) if keys else QKeySequence())
        own = _native(self._defaults[command]) or "none"
        self.chosen.setText(f"{self._titles[command]} · by default {own}")

    def _take_keys(self) -> None:
        text = self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        command = self.command
        if text and command is not None:
            in_force = effective_shortcuts(self._defaults, self.desk.setting(kept.SHORTCUTS))[command]
            if in_force[:1] != (text,):
                self._set([text])

    def _set(self, keys: Sequence[str] | None) -> None:
        command = self.command
        if command is not None:
            self._keep(with_shortcut(self._defaults, self.desk.setting(kept.SHORTCUTS), command, keys), command)

    def _reset(self) -> None:
        self._keep({}, None)

    def _keep(self, chosen: dict[str, list[str]], command: str | None) -> None:
        def show(_nothing: None) -> None:
            self.desk.tell_configured("shortcuts")
            self.shown()
            self.said.say(self._taken_over(chosen, command), "muted")

        self.desk.keep_setting(
            kept.SHORTCUTS, chosen or None, while_alive(self, show), while_alive(self, self.said.fail)
        )

    def _taken_over(self, chosen: dict[str, list[str]], command: str | None) -> str:
        """Which other commands want the keys of this one too."""
        for keys, commands in conflicts(claims(self._defaults, chosen)).items():
            if command in commands:
                others = " and ".join(self._titles[other] for other in commands if other != command)
                winner = next(c for c, k in effective_shortcuts(self._defaults, chosen).items() if keys in k)
                return f"{_native((keys,))} is also wanted by {others}; it goes to {self._titles[winner]}."
        return ""


def _native(keys: Sequence[str]) -> str:
    return "   ".join(QKeySequence(one).toString(QKeySequence.SequenceFormat.NativeText) for one in keys)


def _id(index: QModelIndex) -> str | None:
    found: str | None = index.sibling(index.row(), 0).data(_IdRole) if index.isValid() else None
    return found
