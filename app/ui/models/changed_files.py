"""The files that a session changed as a Qt model: what became of each, how many lines, whether the disk differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

if TYPE_CHECKING:
    from app.agents.files.review import Entry
    from app.sessions.file_changes import DriftStatus

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()

EntryRole = Qt.ItemDataRole.UserRole
"""The `Entry` of an item."""
DriftRole = Qt.ItemDataRole.UserRole + 1
"""Whether the file on the disk is not what the session last knew."""

_FATES = {"changed": "", "created": "new", "deleted": "deleted", "renamed": "renamed", "gone": "made and removed"}
_DRIFTS = {"changed": "changed on disk since", "missing": "missing on disk"}


class ChangedFilesModel(QAbstractListModel):
    """Sorted by path."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: Sequence[Entry] = ()
        self._drift: Mapping[str, DriftStatus] = {}

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Other files, or the same with other counts; what is chosen stays chosen."""
        if [entry.span.path for entry in entries] == [entry.span.path for entry in self.entries]:
            self.entries = entries
            self._all_changed()
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        chosen = [self.entries[index.row()].span.path for index in before]
        self.entries = entries
        rows = {entry.span.path: row for row, entry in enumerate(entries)}
        after = [self.index(rows[path], 0) if path in rows else QModelIndex() for path in chosen]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def set_drift(self, drift: Mapping[str, DriftStatus]) -> None:
        """What became of the files on the disk."""
        if drift != self._drift:
            self._drift = drift
            self._all_changed()

    def row_of(self, path: str) -> int:
        """Where a file is, also by where it was before it was moved; -1: nowhere."""
        for row, entry in enumerate(self.entries):
            if path in (entry.span.path, entry.span.old_path):
                return row
        return -1

    def drifted(self, path: str) -> bool:
        """Whether the file on the disk is not what the session last knew."""
        return self._drift.get(path, "unchanged") in _DRIFTS

    def totals(self) -> tuple[int, int]:
        """(added, removed) lines of all files."""
        return sum(entry.added for entry in self.entries), sum(entry.removed for entry in self.entries)

    def _all_changed(self) -> None:
        if self.entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.entries) - 1, 0))

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.entries):
            return None
        entry = self.entries[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.span.path
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(self._words(entry))
            case _ if role == EntryRole:
                return entry
            case _ if role == DriftRole:
                return self.drifted(entry.span.path)
        return None

    def _words(self, entry: Entry) -> list[str]:
        span = entry.span
        counts = "binary" if span.is_binary else f"{entry.added} added, {entry.removed} removed"
        moved = f"before {span.old_path}" if span.old_path else ""
        drift = _DRIFTS.get(self._drift.get(span.path, ""), "")
        return [word for word in (span.path, _FATES[span.fate], moved, counts, drift) if word]


def mark_of(entry: Entry) -> str:
    """The word beside a file's name; '' for one that was only changed."""
    return "binary" if entry.span.is_binary and entry.span.fate == "changed" else _FATES[entry.span.fate]
