"""What the store asks of an application: how documents become rows.

A projection is derived from documents alone and can be dropped and rebuilt at any time; rebuilding gives equal rows,
apart from row ids and local columns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync.store.database import Connection
from sync.store.search_index import TextIndex

if TYPE_CHECKING:
    from sync.documents.segment import SegmentHeader


@dataclass(frozen=True, slots=True)
class SegmentRows:
    """Events of one segment on their way into the projection: (event id, JSON body) in the order of the change.

    workspace: row id. identity, device: ids of the author. is_first: the header's change is among those shown here.
    received: when they reached this device, in milliseconds.
    """

    workspace: int
    identity: bytes
    device: bytes
    header: SegmentHeader
    is_first: bool
    items: Sequence[tuple[str, str]]
    received: int


class Projector(Protocol):
    """Supplied by the application."""

    version: int
    """Another number than the stored one makes the store rebuild the projection."""

    def create(self, connection: Connection) -> None:
        """Make the (empty) tables."""
        ...

    def drop(self, connection: Connection) -> None:
        """Remove the tables, whatever version made them."""
        ...

    def forget(self) -> None:
        """What is remembered of rows may no longer hold: a transaction failed, or another process wrote."""
        ...

    def apply_segment(self, connection: Connection, rows: SegmentRows) -> int:
        """Write rows for events; those already there change nothing. Gives how many were new."""
        ...

    def withdraw(self, connection: Connection, workspace: int, session: str) -> None:
        """Remove the rows of a session's events: some of them do not count any more. The others are shown again."""
        ...

    def purge(self, connection: Connection, workspace: int, name: str, *, whole: bool) -> Collection[bytes]:
        """Remove the rows of documents with a name; gives the blobs that they referred to.

        whole: nothing with that name is left, so that local rows about it go too; otherwise the rest is shown again.
        """
        ...

    def refers(self, connection: Connection, workspace: int, blob: bytes) -> bool:
        """Whether something shown of a workspace refers to a blob."""
        ...

    def take_blob(self, connection: Connection, blob: bytes) -> Collection[str]:
        """A blob is here now; gives the ids of the sessions that show more with it."""
        ...

    def indexing(self, index: TextIndex) -> AbstractContextManager[None]:
        """Meanwhile what is searched goes there, rather than into the index beside the rows."""
        ...

    def apply_note(
        self, connection: Connection, workspace: int, name: str, text: str, fields: Mapping[str, str]
    ) -> None:
        """Write what a note says now."""
        ...
