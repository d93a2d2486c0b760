"""Reading the events of conversations: pages, tails, timelines, single events.

Nothing here loads a document, and nothing reads a whole session unless it is asked for all its events.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from app.errors import NotFound
from app.sessions.bodies import BlobStub, open_body
from app.sessions.events import AnyBody, BlobRef, Unknown
from app.sessions.filtering import LISTED, listed
from app.sessions.ids import after_counter
from app.sessions.lineage import AFTER_ALL, Part, conversation, find_event
from app.sessions.packing import resolve_stub, unpack_body
from app.sessions.views import Author, Event, Timeline
from sync.store.blobs import BlobStore
from sync.store.database import Connection

UNTITLED = "Untitled"
PAGE_ROWS = 500
_EVENT = (
    "SELECT e.row, e.id, e.time, e.kind, e.damaged, e.body, a.name, a.agent, a.device, a.identity, a.claimed, s.id, "
    "s.counter, s.row FROM event e JOIN author a ON a.row=e.author JOIN session s ON s.row=e.session"
)
_OPENING = "‹secret ".encode()
_START = (0, "")
"""A position before all events: (number of the part, event id)."""


class EventQueries:
    """The part of `Queries` that reads events. workspace: row id of the workspace of the call."""

    def __init__(self, connection: Connection, blobs: BlobStore, workspace: int, local_key: bytes = bytes(32)) -> None:
        self.workspace = workspace
        self._connection = connection
        self._blobs = blobs
        self._local_key = local_key

    def events(
        self,
        session: str,
        *,
        kinds: Collection[str] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """Events in order. after: an event id (or prefix). limit: the last so many."""
        return list(self.iterate(session, kinds=kinds, after=after, limit=limit))

    def iterate(
        self,
        session: str,
        *,
        kinds: Collection[str] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Event]:
        """As `events`, read in pages, so that a session of any size streams."""
        parts = self._parts(session)
        start = find_event(self._connection, parts, after) if after else _START
        if limit is not None:
            start = max(start, self._before_last(parts, kinds, max(limit, 0)))
        for number, part in enumerate(parts[start[0] :], start[0]):
            after_id = start[1] if number == start[0] else ""
            yield from self._page_through(part, after_id, kinds, own=parts[-1].row)

    def event(self, session: str, identifier: str) -> Event:
        """One event by its id or a unique prefix."""
        parts = self._parts(session)
        number, wanted = find_event(self._connection, parts, identifier)
        row = self._connection.execute(f"{_EVENT} WHERE e.session=? AND e.id=?", (parts[number].row, wanted)).fetchone()
        return self._event(row, parts[-1].row)

    def tail(self, session: str, count: int) -> list[Event]:
        """The last events that people see, in order."""
        parts = self._parts(session)
        rows: list[int] = []
        for part in reversed(parts):
            found = self._connection.execute(
                "SELECT row FROM event WHERE session=? AND lines>0 AND id<=? ORDER BY id DESC LIMIT ?",
                (part.row, part.last, max(count - len(rows), 0)),
            )
            rows += [row for (row,) in found]
        return self._events_at(rows[::-1], parts)

    def timeline(self, session: str) -> Timeline:
        """Row ids and estimated lines of the events that people see, and where turns begin."""
        rows, lines, prompts = array("q"), array("H"), set[int]()
        for part in self._parts(session):
            found = self._connection.execute(
                "SELECT row, lines FROM event INDEXED BY event_order WHERE session=? AND lines>0 AND id<=? ORDER BY id",
                (part.row, part.last),
            ).fetchall()
            rows.extend(row for row, _ in found)
            lines.extend(count for _, count in found)
            prompts.update(row for row, _id in self._prompts(part))
        return Timeline(rows, lines, array("I", (place for place, row in enumerate(rows) if row in prompts)))

    def turn(self, session: str, identifier: str) -> list[Event]:
        """The events of the turn that an event belongs to, in order: from its prompt up to the next prompt."""
        parts = self._parts(session)
        place = find_event(self._connection, parts, identifier)
        starts = [(number, event) for number, part in enumerate(parts) for _row, event in self._prompts(part)]
        begin = max((start for start in starts if start <= place), default=_START)
        end = min((start for start in starts if start > place), default=None)
        found = [self.event(session, begin[1])] if begin[1] else []
        for number, part in enumerate(parts[begin[0] :], begin[0]):
            after = begin[1] if number == begin[0] else ""
            for event in self._page_through(part, after, None, own=parts[-1].row):
                if end is not None and (number, event.id) >= end:
                    return found
                found.append(event)
        return found

    def event_at_time(self, session: str, time_ms: int) -> str | None:
        """The first event that people see from a moment on (else the last one); None in an empty session."""
        last = None
        for part in self._parts(session):
            where = "session=? AND id<=? AND lines>0"
            found = self._connection.execute(
                f"SELECT id FROM event WHERE {where} AND time>=? ORDER BY id LIMIT 1", (part.row, part.last, time_ms)
            ).fetchone()
            if found is not None:
                return str(found[0])
            newest = self._connection.execute(
                f"SELECT id FROM event WHERE {where} ORDER BY id DESC LIMIT 1", (part.row, part.last)
            ).fetchone()
            last = newest[0] if newest else last
        return last

    def _prompts(self, part: Part) -> list[tuple[int, str]]:
        """(row id, id) of the prompts of a part, in order."""
        rows: list[tuple[int, str]] = self._connection.execute(
            "SELECT row, id FROM event INDEXED BY event_prompt WHERE session=? AND kind='user_message' AND id<=? "
            "ORDER BY id",
            (part.row, part.last),
        ).fetchall()
        return rows

    def events_at(self, rows: Sequence[int], session: str | None = None) -> list[Event]:
        """Events by their row ids, in the order given; rows that are gone are left out.

        session: whose conversation they must belong to. A rebuild gives new row ids, so those of an old timeline may
        by then be other sessions' events.
        """
        return self._events_at(rows, None if session is None else self._parts(session))

    def _events_at(self, rows: Sequence[int], parts: Sequence[Part] | None) -> list[Event]:
        ends = None if parts is None else {part.row: part.last for part in parts}
        own = parts[-1].row if parts else None
        found = {}
        for at in range(0, len(rows), PAGE_ROWS):
            page = listed(rows[at : at + PAGE_ROWS])
            for row in self._connection.execute(f"{_EVENT} WHERE e.row {LISTED}", (page,)).fetchall():
                if ends is None or row[1] <= ends.get(row[-1], ""):
                    found[row[0]] = self._event(row, own)
        return [found[row] for row in rows if row in found]

    def _parts(self, session: str) -> list[Part]:
        return conversation(self._connection, self._find_session(session)[0])

    def _find_session(self, identifier: str) -> Any:
        """A row whose first columns are (row id, id) of a session, by its id, or a prefix unique in the workspace."""
        prefix = identifier.strip().upper()
        exact = self._connection.execute("SELECT row, id FROM session WHERE id=?", (prefix,)).fetchone()
        if exact is not None:
            return exact
        rows: list[Any] = []
        if prefix:
            rows = self._connection.execute(
                "SELECT row, id, title FROM session WHERE workspace=? AND id>=? AND id<? ORDER BY id LIMIT 11",
                (self.workspace, prefix, prefix + AFTER_ALL),
            ).fetchall()
        if len(rows) == 1:
            return rows[0]
        if rows:
            raise NotFound(
                f"{identifier} could mean several sessions; give more characters.",
                candidates=[f"{row[1]}  {row[2] or UNTITLED}" for row in rows[:10]],
            )
        raise NotFound(f"There is no session {identifier} in this workspace. `lovelace sessions list` shows them.")

    def _before_last(self, parts: Sequence[Part], kinds: Collection[str] | None, limit: int) -> tuple[int, str]:
        """The position just before the last `limit` events."""
        where, values = _of_kinds(kinds)
        for number in range(len(parts) - 1, -1, -1):
            ids = self._connection.execute(
                f"SELECT id FROM event WHERE session=? AND id<=?{where} ORDER BY id DESC LIMIT ?",
                (parts[number].row, parts[number].last, *values, limit + 1),
            ).fetchall()
            if len(ids) > limit:
                return number, ids[limit][0]
            limit -= len(ids)
        return _START

    def _page_through(self, part: Part, start: str, kinds: Collection[str] | None, *, own: int) -> Iterator[Event]:
        where, values = _of_kinds(kinds, "e.")
        while True:
            rows = self._connection.execute(
                f"{_EVENT} WHERE e.session=? AND e.id>? AND e.id<=?{where} ORDER BY e.id LIMIT {PAGE_ROWS}",
                (part.row, start, part.last, *values),
            ).fetchall()
            for row in rows:
                yield self._event(row, own)
            if len(rows) < PAGE_ROWS:
                return
            start = rows[-1][1]

    def _event(self, row: Any, own: int | None) -> Event:
        """own: row id of the session that is read; events of others are inherited."""
        number, identifier, time, kind, damaged, stored, name, agent, device, identity, claimed = row[:11]
        session, counter, session_row = row[11:]
        opened = open_body(unpack_body(stored), self._resolve)
        body = Unknown(kind, {}) if opened is None else opened.body
        if opened is not None and _OPENING in opened.data:
            body = self._with_harmless(session, body)
        return Event(
            identifier,
            session,
            None if opened is None else opened.common.turn,
            time,
            Author(bytes(identity).hex(), bytes(device).hex(), name, agent or None, bool(claimed)),
            body,
            number,
            b"" if opened is None else opened.data,
            None if opened is None else opened.common.source,
            own is not None and session_row != own,
            bool(damaged) or identifier >= after_counter(counter),
        )

    def _with_harmless(self, session: str, body: AnyBody) -> AnyBody:
        """The body with what a person of this device said to be no secret put back."""
        found = self._connection.execute(
            "SELECT 1 FROM kept_secret k JOIN harmless_secret h ON h.digest=k.digest WHERE k.session=? LIMIT 1",
            (session,),
        ).fetchone()
        if found is None:
            return body
        from app.sessions.redaction.replacing import revealed_body
        from app.sessions.redaction.vault import Vault

        (workspace,) = self._connection.execute("SELECT workspace FROM session WHERE id=?", (session,)).fetchone()
        values = Vault(self._connection, self._local_key).harmless(session, workspace)
        return revealed_body(body, values.get)

    def _resolve(self, stub: BlobStub) -> bytes | None:
        return resolve_stub(self._blobs, self._connection, stub)

    # blobs

    def blob(self, ref: BlobRef) -> bytes:
        """The content of a blob; raises StoreError where it is not here or damaged."""
        key = None if ref.key is None else base64.b64decode(ref.key)
        return self._blobs.get(self._connection, bytes.fromhex(ref.blob), key)

    def has_blob(self, blob: bytes) -> bool:
        """Whether a payload is on this device."""
        return self._blobs.is_here(self._connection, blob)

    def find_blob(self, ref: BlobRef) -> bytes | None:
        """The content of a blob, with placeholders for secrets; None when it is not on this device or the reference is
        malformed."""
        return self._resolve(BlobStub(ref.blob, ref.size, ref.key))


def _of_kinds(kinds: Collection[str] | None, prefix: str = "") -> tuple[str, list[str]]:
    if kinds is None:
        return "", []
    return f" AND {prefix}kind IN ({','.join('?' * len(kinds))})", list(kinds)
