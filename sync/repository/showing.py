"""From documents to the projection: what of them is shown, and under whose name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sync.clock import Clock
from sync.documents.purges import PURGES
from sync.repository.opened import OpenDocument, Repository, WorkspaceKeys
from sync.repository.receiving import Author, author_at
from sync.repository.transaction import Transaction
from sync.store import entries
from sync.store.database import Connection
from sync.store.projector import Projector, SegmentRows
from sync.store.schema import SEGMENT

if TYPE_CHECKING:
    from sync.repository.purging import Purges


class Shower:
    """Projects documents within one transaction; `subjects` collects what that changes, for the commit log.

    target: where the rows go; without it beside the documents. purges: told what comes in, where that is new.
    """

    def __init__(
        self,
        connection: Connection,
        projector: Projector,
        clock: Clock,
        subjects: set[str],
        target: Connection | None = None,
        purges: Purges | None = None,
    ) -> None:
        self._connection = connection
        self._target = target or connection
        self._projector = projector
        self._clock = clock
        self._subjects = subjects
        self._purges = purges

    def show_segment(
        self,
        keys: WorkspaceKeys,
        author: Author,
        opened: OpenDocument,
        items: Sequence[tuple[str, str]],
        *,
        first: bool,
    ) -> int:
        """Project events that were added to a segment; gives how many were new."""
        assert opened.header is not None
        if opened.header.session == PURGES:
            if self._purges is not None:
                self._purges.hear(keys, author, items)
            return 0
        if self._purges is not None:
            self._purges.note(keys.row, opened.header.session)
        now = self._clock.now_ms()
        rows = SegmentRows(keys.row, author.identity, author.device, opened.header, first, items, now)
        self._subjects.add(f"session/{opened.header.session}")
        return self._projector.apply_segment(self._target, rows)

    def show_note(self, keys: WorkspaceKeys, opened: OpenDocument) -> None:
        """Project what a note says, unless it was begun anew in another document."""
        if self._purges is not None:
            self._purges.note(keys.row, opened.row.name)
        latest = entries.latest_note(self._connection, keys.row, opened.row.name)
        if latest is not None and latest.row == opened.row.row:
            note = opened.note
            self._projector.apply_note(self._target, keys.row, opened.row.name, note.text(), note.fields())
            self._subjects.add(f"note/{opened.row.name}")

    def show_all(self, keys: WorkspaceKeys, opened: OpenDocument) -> int:
        """Project a whole document; gives the number of events that were new."""
        if opened.row.kind != SEGMENT:
            self.show_note(keys, opened)
            return 0
        opened.header = opened.segment.header()
        if opened.header is None or opened.row.device is None:
            return 0
        author = author_at(self._connection, keys.row, opened.row.device)
        return self.show_segment(keys, author, opened, opened.segment.events(), first=True)


def show_anew(
    tx: Transaction,
    repository: Repository,
    projector: Projector,
    shower: Shower,
    keys: WorkspaceKeys,
    session: str,
) -> None:
    """Project a session again, some of whose entries do not count any more."""
    projector.withdraw(tx.connection, keys.row, session)
    tx.touch(f"session/{session}")
    for document in entries.named(tx.connection, keys.row, session):
        shower.show_all(keys, repository.load(keys, document))
