"""Operations that take in what was made elsewhere: transcripts of other tools, and exports."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import chain

from app.errors import UserError
from app.sessions.bodies import (
    Restored,
    encode_draft,
    encode_restored,
)
from app.sessions.digests import DigestSet
from app.sessions.events import (
    BlobRef,
    Draft,
)
from app.sessions.ids import COUNTER_CHARACTERS, derived_id, event_digest
from app.sessions.packing import blob_key
from app.sessions.redaction.vault import sources
from app.sessions.writing import Writing
from sync.repository.transaction import Transaction
from sync.store.purge import is_purged


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """A session that an import writes into. digests: those of the events already there (see `ids.event_digest`).

    last: the greatest id of them.
    """

    session: str
    is_new: bool
    digests: Container[str]
    last: str = ""


class _Everything(Container[str]):
    """The digests of a purged session: whatever an import brings is not new."""

    def __contains__(self, digest: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event whose id is known already: from an export. body: the JSON that the id was made from."""

    id: str
    body: bytes
    author: Restored


class ImportOperations(Writing):
    """The part of `SessionOperations` that writes foreign events."""

    def open_import(self, format: str, source: str) -> ImportTarget:
        """The session of a foreign session id in this workspace; nothing is written yet."""
        keys = self._engine.workspace(self.workspace)
        session = derived_id(keys.id.hex(), format, source)
        with self._engine.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=?", (session,)
            )
            before = (COUNTER_CHARACTERS * "0" + digest for digest in sources(tx.connection, session))
            digests = DigestSet(chain((row[0] for row in rows), before))
            last = tx.connection.execute(
                "SELECT max(e.id) FROM event e JOIN session s ON s.row=e.session WHERE s.id=?", (session,)
            ).fetchone()[0]
            if is_purged(tx.connection, self.workspace, session):
                return ImportTarget(session, False, _Everything())
        return ImportTarget(session, last is None, digests, last or "")

    def import_events(
        self, session: str, drafts: Sequence[Draft], *, floor: int = 0, after: str | None = None
    ) -> list[str]:
        """Append foreign events whose `source` gives them equal ids on every device; gives their ids.

        floor: the counter of the event a fork begins after; only the first call of a session needs it.
        after: the last event that the caller knows of; what others imported since is not written once more.
        """
        with self._engine.transaction() as tx:
            found = tx.connection.execute("SELECT workspace, counter FROM session WHERE id=?", (session,)).fetchone()
            workspace, counter = found or (self.workspace, floor)
            there = {} if after is None else self._digests_since(tx, session, after)
            if not there:
                return self._append_to(session, workspace, counter, drafts)
            capture = self._capture(tx, session, workspace)
            kept = [capture.draft(draft) for draft in drafts]
            digests = [event_digest((draft.source or "").encode(), encode_draft(draft)) for draft in kept]
            new = [draft for draft, digest in zip(drafts, digests, strict=True) if digest not in there]
            ids = iter(self._append_to(session, workspace, counter, new))
            return [there.get(digest) or next(ids) for digest in digests]

    def _digests_since(self, tx: Transaction, session: str, after: str) -> dict[str, str]:
        """{digest: event id} of what follows an event."""
        rows = tx.connection.execute(
            "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=? AND e.id>?", (session, after)
        )
        return {row[0][COUNTER_CHARACTERS:]: row[0] for row in rows}

    def find_source(self, session: str, source: str) -> str | None:
        """The id of the last event of a session that an import made from `source`."""
        with self._engine.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT e.id, e.body FROM event e JOIN session s ON s.row=e.session WHERE s.id=? ORDER BY e.id DESC",
                (session,),
            )
            for identifier, body in rows:
                opened = self._opened(tx, body)
                if opened is not None and opened.common.source == source:
                    return str(identifier)
        return None

    def has_session(self, session: str) -> bool:
        """Whether this home has the session; UserError when it is in another workspace of it."""
        with self._engine.transaction() as tx:
            found = tx.connection.execute("SELECT workspace FROM session WHERE id=?", (session,)).fetchone()
            if is_purged(tx.connection, self.workspace, session):
                raise UserError(
                    f"Session {session} was purged from this workspace, for good. Import it into a home of its own."
                )
        if found is not None and found[0] != self.workspace:
            raise UserError(
                f"Session {session} is in another workspace of this home. Import it into a home of its own, "
                "or use that workspace."
            )
        return found is not None

    def restore_events(self, session: str, events: Sequence[RawEvent]) -> int:
        """Take in exported events with the ids they have; gives how many were new.

        None of them counts as this device's own, whatever the export says: only signatures vouch for an author.
        """
        if not events:
            return 0
        first, last = min(event.id for event in events), max(event.id for event in events)
        with self._engine.transaction() as tx:
            ids = tx.connection.execute(
                "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=? AND e.id BETWEEN ? AND ?",
                (session, first, last),
            )
            known = {row[0] for row in ids}
            new = {event.id: event for event in events if event.id not in known}
            items = [
                (event.id, self._spilled(tx, self.workspace, encode_restored(event.body, event.author)).decode())
                for event in new.values()
            ]
            if items:
                self._engine.append(tx, self.workspace, session, items, lambda: self._opening(tx, session))
        return len(items)

    def restore_blob(self, ref: BlobRef, data: bytes) -> None:
        """Take in a blob of an export under the id it has; UserError when it is not what the id says."""
        try:
            key = None if ref.key is None else blob_key(ref.key)
        except ValueError as error:
            raise UserError(f"The key of blob {ref.blob} of the export is damaged.", exit_code=6) from error
        with self._engine.transaction() as tx:
            if key is None:
                stored = self._engine.put_blob(tx, self.workspace, data)
            else:
                stored = self._engine.blobs.put_sealed(data, key)
            if stored.id.hex() != ref.blob:
                raise UserError(f"Blob {ref.blob} of the export is damaged.", exit_code=6)
