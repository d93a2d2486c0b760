"""Turns and what took time in them as a Qt model: a row a turn, and below an opened one a row a span, each in words."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.ages import duration
from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from app.sessions.activity import Activity, Span, Turn

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()
STATUS_WORDS = {
    "completed": "done",
    "failed": "failed",
    "denied": "not allowed",
    "cancelled": "stopped",
    "running": "running",
    "unfinished": "no result",
}
KIND_WORDS = {"tool": "tool", "command": "command", "wait": "question", "check": "check"}


class TimelineModel(QAbstractListModel):
    """rows: (number of the turn, number of the span in it or -1 for the turn itself)."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.activity: Activity | None = None
        self.rows: list[tuple[int, int]] = []
        self.opened: Set[str] = frozenset()

    def set_activity(self, activity: Activity | None, opened: Set[str]) -> None:
        """Other turns, or the same with more in them. opened: first events of the turns whose spans are shown."""
        turns = () if activity is None else activity.turns
        rows = [
            (number, span)
            for number, turn in enumerate(turns)
            for span in range(-1, len(turn.spans) if turn.event in opened else 0)
        ]
        same = rows == self.rows
        if not same:
            self.beginResetModel()
        self.activity, self.rows, self.opened = activity, rows, opened
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))

    def turn_at(self, row: int) -> Turn | None:
        """The turn a row is of."""
        if self.activity is None or not 0 <= row < len(self.rows):
            return None
        return self.activity.turns[self.rows[row][0]]

    def span_at(self, row: int) -> Span | None:
        """The span in a row; None for a turn."""
        turn = self.turn_at(row)
        return None if turn is None or self.rows[row][1] < 0 else turn.spans[self.rows[row][1]]

    def event_at(self, row: int) -> str | None:
        """The event that a row begins with."""
        span, turn = self.span_at(row), self.turn_at(row)
        return span.event if span is not None else None if turn is None else turn.event

    def row_of(self, event: str | None) -> int:
        """The row that begins with an event; -1: none."""
        return next((row for row in range(len(self.rows)) if self.event_at(row) == event), -1)

    def sentence(self, row: int) -> str:
        """A row in words."""
        span, turn = self.span_at(row), self.turn_at(row)
        if span is not None:
            who = "your " if span.own and span.kind == "command" else ""
            told = f"{who}{KIND_WORDS[span.kind]}, {duration(span.duration)}, {STATUS_WORDS[span.status]}"
            return f"{one_line(span.name)}: {told}"
        if turn is None:
            return ""
        failed = sum(one.status == "failed" for one in turn.spans)
        words = [turn_name(turn), duration(turn.duration), counted(len(turn.spans), "step")]
        words += [f"{failed} failed"] if failed else []
        return ", ".join((*words, "open" if turn.event in self.opened else "folded") if turn.spans else words)

    def rowCount(self, parent: Index = _TOP) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.sentence(index.row())
        return None


def turn_name(turn: Turn) -> str:
    """What a turn is called: its prompt, or what it is without one."""
    if turn.prompt:
        return one_line(turn.prompt)
    return "Your command" if turn.spans and all(span.own for span in turn.spans) else "Without a prompt"
