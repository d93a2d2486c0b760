"""Reads what a session did to files, off the main thread: the list, the disk, one change. Late answers are dropped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.agents.files.review import (
    Entry,
    Review,
    changes_of_event,
    entries_of,
    read_diff,
    read_disk_diff,
    read_drift,
    read_review,
    spans_of,
)
from app.ui.bridge import while_alive

if TYPE_CHECKING:
    from app.sessions.changed_files import Span
    from app.sessions.line_diff import FileDiff
    from app.ui.desk import Desk
    from app.workspace import Workspace

LEAST_PAUSE_MS = 100
PAUSE_FACTOR = 4
"""A reading that took long is not repeated before so many times as long: an agent may be writing all the time."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which changes are listed: of a session, of one of its turns, or of one event."""

    session: str
    turn: str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What was read. scope: that of the whole session where the turn or event changed nothing."""

    scope: Scope
    review: Review
    entries: list[Entry]


class ChangesReader(QObject):
    """listed: a `Listing`. drifted: paths and what became of them. shown: a `FileDiff` and whether it is the one before
    in a newer state. failed: an exception; there is nothing to show."""

    listed = Signal(object)
    drifted = Signal(object)
    shown = Signal(object, bool)
    failed = Signal(object)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._scope: Scope | None = None
        self._review: Review | None = None
        self._listings = self._diffs = 0
        self._is_reading = self._is_stale = False
        self._wanted: tuple[str, bool, Span | None] | None = None
        self._took = QElapsedTimer()
        self._soon = QTimer(self, singleShot=True, interval=LEAST_PAUSE_MS)
        self._soon.timeout.connect(self._read)

    @property
    def review(self) -> Review | None:
        """What was read last."""
        return self._review

    def open(self, scope: Scope | None) -> None:
        """Read another list of changes, at once; None: nothing any more."""
        if scope is None or self._scope is None or scope.session != self._scope.session:
            self._review = None
        self._scope = scope
        self._listings += 1
        self._diffs += 1
        self._is_reading = False
        self._wanted = None
        self._soon.stop()
        if scope is not None:
            self._read()

    def refresh(self) -> None:
        """There may be more: read again soon."""
        self._is_stale = self._is_reading
        if self._scope is not None and not self._is_reading and not self._soon.isActive():
            self._soon.start()

    def _read(self) -> None:
        if self._scope is None:
            return
        self._is_reading, self._is_stale = True, False
        self._took.start()
        number = self._listings
        read = partial(_read_listing, self._desk.workspace, self._scope, self._review)
        self._desk.bridge.compute(
            read,
            while_alive(self, lambda listing: self._take(number, listing)),
            while_alive(self, lambda error: self._fail(number, error)),
        )

    def _take(self, number: int, listing: Listing) -> None:
        if number != self._listings:
            return
        self._end_reading()
        self._scope, self._review = listing.scope, listing.review
        self.listed.emit(listing)
        self.look_at_disk()

    def _fail(self, number: int, error: BaseException) -> None:
        if number == self._listings:
            self._end_reading()
            self.failed.emit(error)

    def _end_reading(self) -> None:
        self._is_reading = False
        self._soon.setInterval(max(LEAST_PAUSE_MS, PAUSE_FACTOR * self._took.elapsed()))
        if self._is_stale:
            self._soon.start()

    def look_at_disk(self) -> None:
        """Compare all files with the disk."""
        number, review = self._listings, self._review
        if review is not None:
            self._desk.bridge.compute(
                partial(read_drift, self._desk.workspace, review),
                while_alive(self, lambda drift: self.drifted.emit(drift) if number == self._listings else None),
            )

    def show(self, span: Span, *, on_disk: bool, anew: bool = False) -> None:
        """Read one change, unless it is the one that was read last. anew: also then."""
        review = self._review
        wanted = (span.path, on_disk, span)
        if review is None or (wanted == self._wanted and not anew):
            return
        newer = self._wanted is not None and self._wanted[:2] == wanted[:2]
        self._wanted = wanted
        self._diffs += 1
        number, workspace = self._diffs, self._desk.workspace
        read = partial(read_disk_diff, workspace, review, span.path) if on_disk else partial(read_diff, workspace, span)
        self._desk.bridge.compute(
            read, while_alive(self, lambda diff: self._give(number, diff, newer)), self._desk.report
        )

    def _give(self, number: int, diff: FileDiff, newer: bool) -> None:
        if number == self._diffs:
            self.shown.emit(diff, newer)


def _read_listing(workspace: Workspace, scope: Scope, before: Review | None) -> Listing:
    review = read_review(workspace, scope.session, before)
    scope = replace(scope, session=review.files.session)
    events = frozenset() if scope.event is None else changes_of_event(workspace, review, scope.event)
    spans = spans_of(review, scope.turn, events)
    if not spans and scope.turn is not None:
        spans = spans_of(review)
    if not events and scope.event is not None:
        scope = replace(scope, event=None)
    if scope.turn is not None and not any(turn.turn == scope.turn for turn in review.turns):
        scope = replace(scope, turn=None)
    return Listing(scope, review, entries_of(workspace, review, spans))
