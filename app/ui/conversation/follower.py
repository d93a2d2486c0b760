"""Opens a session in the conversation's model and follows it while this and other processes write.

A session is shown from its tail at once; its timeline follows from a worker. What is new is read at most 30 times a
second. Answers that come too late, for a session that is no longer shown, are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import NotFound
from app.ui.bridge import while_alive
from app.ui.conversation.entries import head_row
from app.ui.conversation.reading import Reading, read_news, read_opening
from app.ui.conversation.view import ConversationView
from app.ui.desk import Desk
from app.ui.models.conversation import MARGIN, ConversationModel

if TYPE_CHECKING:
    from app.sessions.views import Event, Timeline

T = TypeVar("T")

REFRESH_MS = 33
"""Least time between two readings of a session that streams: 30 a second."""
SETTLE_MS = 1_000
"""How long a session must be quiet before its whole timeline is compared: events may have come in the middle."""


class Follower(QObject):
    """session: the id of what is shown. opened: another session is in the model (its `Reading`). read: what is new is
    in the model (the `Reading`). closed: the session that was shown is gone."""

    opened = Signal(object)
    read = Signal(object)
    closed = Signal()

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self.session: str | None = None
        self.model = ConversationModel(self._fetch, desk.now)
        self._desk = desk
        self._view: ConversationView | None = None
        self._opening = 0
        self._reading = False
        self._read_again = False
        self._places: dict[str, tuple[int, int] | None] = {}
        self._refresh_soon = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refresh_soon.timeout.connect(self._read)
        self._settled = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settled.timeout.connect(self._read_timeline)

    @property
    def view(self) -> ConversationView:
        """The view of the model; give it before anything is opened."""
        assert self._view is not None
        return self._view

    @view.setter
    def view(self, view: ConversationView) -> None:
        self._view = view

    def open(self, session: str, event: str | None = None, offset: int | None = None) -> None:
        """Show a session: at its end, where it was left, or at an event (marked; with an offset: just there)."""
        if session == self.session:
            self.jump(event, offset)
            return
        self._read_anew(session, event, offset)

    def _read_anew(self, session: str, event: str | None = None, offset: int | None = None) -> None:
        self._remember_place()
        self._begin()
        number = self._opening
        self._desk.read(
            lambda queries: read_opening(queries, session),
            while_alive(self, lambda reading: self._show(number, reading, event, offset)),
        )

    def close(self) -> None:
        """Show no session."""
        self._remember_place()
        self._begin()
        self.session = None
        self.model.show_tail(())
        self.closed.emit()

    def reread(self) -> None:
        """Show the session anew, at the same place: what its events say has changed."""
        if self.session is not None:
            self._read_anew(self.session)

    def refresh(self) -> None:
        """The session has changed."""
        if self.session is not None and not self._refresh_soon.isActive():
            self._refresh_soon.start()

    def read_missing(self) -> None:
        """Bodies that were not on this device may have come."""
        rows = self.model.missing_rows()
        if rows:
            self._desk.read(lambda queries: queries.events_at(rows), self._current(self.model.add_events))

    def jump(
        self, event: str | None, offset: int | None = None, arrived: Callable[[int], object] | None = None
    ) -> None:
        """Go to an event; to the card that shows it, where it has no row of its own.

        arrived: shows the row when it is here, in place of marking it for a moment.
        """
        if event is None or self.session is None:
            return
        session = self.session

        def show(found: Event) -> None:
            row = self.model.row_of(found.row)
            if row is None:
                return
            around = self.model.row_ids(max(0, row - MARGIN), row + MARGIN)
            self._desk.read(lambda queries: queries.events_at(around), self._current(lambda of: arrive(found, of)))

        def arrive(found: Event, events: list[Event]) -> None:
            self.model.add_events(events)
            head = head_row(found, events)
            row = self.model.row_of(head)
            if offset is not None:
                self.view.go_to_place((head, offset))
            elif row is not None:
                (arrived or self.view.show_row)(row)

        self._desk.read(lambda queries: queries.event(session, event), self._current(show))

    # Inside

    def _begin(self) -> None:
        self._opening += 1
        self._refresh_soon.stop()
        self._settled.stop()

    def _current(self, then: Callable[[T], object]) -> Callable[[T], None]:
        """`then`, if by then the same session is shown."""
        number = self._opening

        def take(value: T) -> None:
            if number == self._opening:
                then(value)

        return while_alive(self, take)

    def _show(self, number: int, reading: Reading, event: str | None, offset: int | None) -> None:
        if number != self._opening:
            return
        self.session = reading.session.id
        self.model.identity, self.model.device = reading.identity, reading.device
        self.model.names = reading.names
        self.model.show_tail(reading.events)
        self.model.set_new_from(reading.unseen)
        self.model.last_event = reading.newest or self.model.last_event
        self.model.set_drafts(reading.drafts)
        self.view.show_end()
        self.opened.emit(reading)
        self._read_timeline(event, offset)

    def _read_timeline(self, event: str | None = None, offset: int | None = None) -> None:
        session = self.session
        if session is None:
            return
        self._desk.read(
            lambda queries: queries.timeline(session),
            self._current(lambda timeline: self._take_timeline(timeline, event, offset)),
        )

    def _take_timeline(self, timeline: Timeline, event: str | None, offset: int | None) -> None:
        if self.session is None:
            return
        first = not self.model.is_complete
        place = self.view.place()
        self.model.set_timeline(timeline)
        if event is not None:
            self.jump(event, offset)
        elif first:
            self.view.go_to_place(self._places.get(self.session))
        else:
            self.view.go_to_place(place)

    def _read(self) -> None:
        """Read what is new; one reading at a time, and one more if something changed meanwhile."""
        session, number, after = self.session, self._opening, self.model.last_event
        if session is None:
            return
        if self._reading:
            self._read_again = True
            return
        self._reading = True

        def failed(error: BaseException) -> None:
            self._reading = False
            if isinstance(error, NotFound) and session == self.session:  # it was purged
                self.close()
            self._desk.report(error)

        self._desk.read(
            lambda queries: read_news(queries, session, after),
            while_alive(self, lambda reading: self._take(number, reading)),
            while_alive(self, failed),
        )

    def _take(self, number: int, reading: Reading) -> None:
        self._reading = False
        if self._read_again:
            self._read_again = False
            self._refresh_soon.start()
        if number != self._opening:
            return
        self.model.append_events(reading.events)
        self.model.set_drafts([draft for draft in reading.drafts if not self.model.has_said(draft)])
        self._settled.start()
        self.read.emit(reading)

    def _fetch(self, rows: Sequence[int]) -> None:
        def failed(error: BaseException) -> None:
            self.model.fetch_failed(rows)
            self._desk.report(error)

        self._desk.read(
            lambda queries: queries.events_at(rows), self._current(self.model.add_events), while_alive(self, failed)
        )

    def _remember_place(self) -> None:
        if self.session is not None:
            self._places[self.session] = self.view.place()
