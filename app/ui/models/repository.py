"""The files of a repository's status as a Qt model: groups with headings, and the files of each below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.agents.repository.reading import shown_path
from app.agents.repository.status import GROUPS, ChangedFile, Group, Status
from app.ui.words import counted

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()

FileRole = Qt.ItemDataRole.UserRole
"""The `ChangedFile` of an item; None for a heading."""
TITLES: dict[Group, str] = {
    "conflict": "In conflict",
    "staged": "Staged",
    "changed": "Changed",
    "untracked": "Untracked",
}
LETTERS = {
    "M": "changed",
    "A": "new",
    "D": "deleted",
    "R": "renamed",
    "C": "copied",
    "T": "other type",
    "U": "conflict",
    "?": "new",
}


class StatusModel(QAbstractListModel):
    """Rows are headings (text) and files."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: Sequence[str | ChangedFile] = []

    def set_status(self, status: Status | None) -> None:
        """Other rows in place of those before; where they are the same, what is selected stays."""
        rows = [] if status is None else _rows(status)
        if rows != self.rows:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()

    def file(self, row: int) -> ChangedFile | None:
        """The file in a row."""
        found = self.rows[row] if 0 <= row < len(self.rows) else None
        return found if isinstance(found, ChangedFile) else None

    def row_of(self, group: Group | None, path: str) -> int:
        """Where a file is, in any group with None; -1: nowhere."""
        for row, one in enumerate(self.rows):
            if isinstance(one, ChangedFile) and one.path == path and group in (None, one.group):
                return row
        return -1

    def nearest(self, row: int) -> int:
        """The row of a file at a row, else below it, else above; -1 without any."""
        below = (at for at in range(max(0, row), len(self.rows)) if self.file(at) is not None)
        above = (at for at in range(min(row, len(self.rows)) - 1, -1, -1) if self.file(at) is not None)
        return next(below, next(above, -1))

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.file(index.row()) is None:
            return Qt.ItemFlag.ItemIsEnabled
        return super().flags(index)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == FileRole:
            return row if isinstance(row, ChangedFile) else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row if isinstance(row, str) else sentence(row)
        if role == Qt.ItemDataRole.ToolTipRole and isinstance(row, ChangedFile):
            return sentence(row)
        return None


def _rows(status: Status) -> list[str | ChangedFile]:
    rows: list[str | ChangedFile] = []
    for group in GROUPS:
        files = status.of(group)
        if files:
            rows += [f"{TITLES[group]}  {len(files):,}", *files]
    if status.more:
        rows.append(f"and {counted(status.more, 'more file')} that {'is' if status.more == 1 else 'are'} not listed")
    return rows


def sentence(file: ChangedFile) -> str:
    """A file in words: its path, what became of it, and whether that is staged."""
    moved = f", before {shown_path(file.old_path)}" if file.old_path else ""
    fate = LETTERS.get(file.letter, "changed")
    where = TITLES[file.group].lower()
    words = [fate] if where == fate else [fate, where]
    return f"{shown_path(file.path)}{moved}, {', '.join(words)}{', a submodule' if file.is_submodule else ''}"
