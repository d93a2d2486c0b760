"""The files that a session touched, with the lines it added and removed: a model and how it is painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from app.sessions.activity import TouchedFile
from app.ui.diff.file_items import FileItems, counts_of
from app.ui.item_list import paint_ground
from app.ui.words import one_line

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()
TouchedRole = Qt.ItemDataRole.UserRole


class TouchedModel(QAbstractListModel):
    """Those with most changed lines first."""

    files: Sequence[TouchedFile] = ()

    def set_files(self, files: Sequence[TouchedFile]) -> None:
        """Other files, or other counts."""
        files = sorted(files, key=lambda file: (-file.added - file.removed, file.path))
        if files != self.files:
            self.beginResetModel()
            self.files = files
            self.endResetModel()

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.files)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.files):
            return None
        file = self.files[index.row()]
        if role == TouchedRole:
            return file
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{file.path}, {file.added} added, {file.removed} removed"
        return file.path if role == Qt.ItemDataRole.ToolTipRole else None


class TouchedItems(FileItems):
    """One line a file."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        box, file = paint_ground(painter, option, self._themes.theme), index.data(TouchedRole)
        right = box.right() - 12
        for text, token in reversed(counts_of(file.added, file.removed)):
            right = self._from_right(painter, box, right, text, token)
        self._name(painter, box, right, one_line(file.path))
        painter.restore()
