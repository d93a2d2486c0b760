"""The output of one command as rows of a Qt model: all of a stored one, the end of one that still runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.sessions.terminal.pens import Pens
from app.ui.terminal.cells import Line

Index = QModelIndex | QPersistentModelIndex
MOST_LINES = 500_000
"""So many rows are kept of what goes on and on; then the first part is forgotten."""
_FORGOTTEN = MOST_LINES // 10
_TOP = QModelIndex()


class OutputModel(QAbstractListModel):
    """lines: the rows. stderr: the row where the error output begins that was kept apart, None where it was not.

    The last row may be unfinished (`is_open`): it is then replaced by what comes next.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[Line] = []
        self.pens = Pens()
        self.stderr: int | None = None
        self.is_open = False
        self.widest = 0

    def show(self, lines: list[Line], pens: Pens, widest: int = 0, stderr: int | None = None) -> None:
        """Another output, or all of this one, in place of what was there. widest: the width of the widest row."""
        self.beginResetModel()
        self.lines, self.pens, self.widest, self.stderr, self.is_open = lines, pens, widest, stderr, False
        if len(lines) > MOST_LINES:
            gone = len(lines) - MOST_LINES
            del lines[:gone]
            self.stderr = None if stderr is None else max(0, stderr - gone)
        self.endResetModel()

    def add(self, lines: Sequence[Line], unfinished: Line | None) -> None:
        """What came since: finished rows, and the row that is being written now."""
        new = [*lines, *((unfinished,) if unfinished is not None else ())]
        if self.is_open:
            self._replace_last(new.pop(0) if new else None)
        if new:
            first = len(self.lines)
            self.beginInsertRows(_TOP, first, first + len(new) - 1)
            self._take(new)
            self.endInsertRows()
        self.is_open = unfinished is not None
        self._forget()

    def text(self, first: int, last: int) -> str:
        """The text of rows, both included, as the program wrote it, without its control sequences."""
        parts: list[str] = []
        for line in self.lines[first : last + 1]:
            parts.append(line.text)
            if line.ends:
                parts.append("\n")
        return "".join(parts)

    def _take(self, lines: Sequence[Line]) -> None:
        self.lines += lines
        self.widest = max(self.widest, max(line.width for line in lines))

    def _replace_last(self, line: Line | None) -> None:
        row = len(self.lines) - 1
        if line is None:
            self.beginRemoveRows(_TOP, row, row)
            self.lines.pop()
            self.endRemoveRows()
        elif line != self.lines[row]:
            self.lines[row] = line
            self.widest = max(self.widest, line.width)
            self.dataChanged.emit(self.index(row), self.index(row))

    def _forget(self) -> None:
        if len(self.lines) > MOST_LINES + _FORGOTTEN:
            gone = len(self.lines) - MOST_LINES
            self.beginRemoveRows(_TOP, 0, gone - 1)
            del self.lines[:gone]
            self.endRemoveRows()

    # Qt

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        shown = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        if role not in shown or not 0 <= index.row() < len(self.lines):
            return None
        return self.lines[index.row()].text
