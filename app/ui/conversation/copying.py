"""What the conversation puts on the clipboard: selections, entries as Markdown, whole turns, links."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from app.sessions.links import SessionLink
from app.sessions.markdown import events_markdown
from app.ui.conversation.follower import Follower
from app.ui.conversation.reading import read_texts
from app.ui.conversation.selection import join_rows
from app.ui.desk import Desk

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import Event

Read = Callable[["Queries"], "list[Event]"]


def put_on_clipboard(text: str) -> None:
    """The text is what is pasted next."""
    QGuiApplication.clipboard().setText(text)


class Copying:
    """Copies from the session that a follower shows. What is not here is read off the main thread."""

    def __init__(self, desk: Desk, follower: Follower) -> None:
        self._desk, self._follower = desk, follower

    def row(self, row: int) -> None:
        """The selection, if the row is in it; else the text of the row."""
        selection = self._follower.view.selection()
        if selection is not None and selection.first.row <= row <= selection.last.row:
            self.selection()
        else:
            put_on_clipboard(self._follower.model.text(row) or "")

    def selection(self) -> None:
        """The text that is selected."""
        text = self._follower.view.selected_text()
        if text is None:
            self.far_selection()
        else:
            put_on_clipboard(text)

    def far_selection(self) -> None:
        """The selection reaches beyond what is here."""
        selection = self._follower.view.selection()
        if selection is None:
            return
        first, last = selection.first.row, selection.last.row
        rows = self._follower.model.row_ids(first, last)
        ends = (self._follower.view.row_text(first), self._follower.view.row_text(last))
        self._desk.say("Copying…")

        def done(texts: list[str]) -> None:
            whole = [texts[0] if ends[0] is None else ends[0], *texts[1:-1], texts[-1] if ends[1] is None else ends[1]]
            put_on_clipboard(join_rows(whole))
            self._desk.say(f"Copied {len(texts):,} entries")

        self._desk.read(lambda queries: read_texts(queries, rows), done)

    def as_markdown(self, row: int) -> None:
        """The selected entries, each as a whole, if the row is one of them; else the entry of the row."""
        rows = self._follower.model.row_ids(*self._chosen(row))
        self._markdown(lambda queries: queries.events_at(rows))

    def turn(self, row: int) -> None:
        """The turn of a row as Markdown."""
        session, event = self._follower.session, self._follower.model.event_at(row)
        if session is not None and event is not None:
            self._markdown(lambda queries: queries.turn(session, event.id))

    def link(self, row: int) -> None:
        """The address of the event of a row."""
        event = self._follower.model.event_at(row)
        if self._follower.session is not None and event is not None:
            put_on_clipboard(str(SessionLink(self._follower.session, event.id)))
            self._desk.say("Copied the link")

    def _chosen(self, row: int) -> tuple[int, int]:
        selection = self._follower.view.selection()
        if selection is not None and selection.first.row <= row <= selection.last.row:
            return selection.first.row, selection.last.row
        return self._with_its_group(row)

    def _with_its_group(self, row: int) -> tuple[int, int]:
        """A card stands for all rows of its tool call, as far as they follow it at once."""
        model, last = self._follower.model, row
        entry = model.entry(row) if model.event_at(row) is not None else None
        members = {event.row for event in entry.group} if entry is not None else set()
        while last + 1 < model.rowCount() and model.row_id(last + 1) in members:
            last += 1
        return row, last

    def _markdown(self, read: Read) -> None:
        def done(text: str) -> None:
            put_on_clipboard(text)
            self._desk.say("Copied as Markdown")

        self._desk.read(lambda queries: "".join(events_markdown(read(queries))).rstrip() + "\n", done)
