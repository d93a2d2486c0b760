"""The rows of a shown change as a Qt model: what the view moves through, and what a screen reader says of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.diff.lines import shown_text
from app.ui.diff.rows import Row, Rows, Run

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()


class DiffModel(QAbstractListModel):
    """Empty until it is given rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: Rows | None = None
        self._words: Mapping[int, str] = {}

    def set_rows(self, rows: Rows | None) -> None:
        """Other rows in place of those before."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def set_hunk_words(self, words: Mapping[int, str]) -> None:
        """What is said of hunks on the rows before them, by their numbers: marks and what can be done."""
        self._words = words
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, 0))

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() or self.rows is None else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.rows is None or not index.isValid() or index.row() >= len(self.rows):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            row = self.rows[index.row()]
            words = self._words.get(row.run.hunk, "")
            return f"{row_sentence(self.rows, row)}{', ' if words else ''}{words}"
        return None


def row_sentence(rows: Rows, row: Row) -> str:
    """A row in words: added, removed or unchanged, its number, its text."""
    run, old, new = row
    stretch = rows.diff.stretches[run.stretch]
    if run.kind in ("fold", "head"):
        return f"{fold_text(run)} {stretch.heading}".strip()
    before = f"line {stretch.old_start + old + 1}: {shown_text(stretch.old[old])}" if old >= 0 else ""
    after = f"line {stretch.new_start + new + 1}: {shown_text(stretch.new[new])}" if new >= 0 else ""
    if run.kind == "same":
        return f"unchanged {after}"
    if before and after:
        return f"removed {before}; added {after}"
    return f"removed {before}" if before else f"added {after}"


def fold_text(run: Run) -> str:
    """What the row before a hunk says of the lines that are not shown."""
    if run.kind == "head":
        return f"Change {run.hunk + 1}"
    if run.hidden is None:
        return "… lines that are not known"
    return f"… {run.hidden:,} unchanged line{'' if run.hidden == 1 else 's'}"
