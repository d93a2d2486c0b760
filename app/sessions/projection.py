"""How segments and notes become rows: the `Projector` of the sessions domain.

Local and remote events, and those of a rebuild, all pass here, so equal documents give equal rows apart from row ids,
whatever the order in which they come. Of several events with one id (a transcript that several devices imported, or
somebody's forgery) one counts, chosen by `_Candidate.rank`. What is read here may be hostile: nothing in a body raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from app.sessions.bodies import OpenedBody, open_body
from app.sessions.erasing import is_erasable, tombstone
from app.sessions.events import Erased, Erasure, SessionSet
from app.sessions.free_rows import FreeRows
from app.sessions.ids import COUNTER_CHARACTERS, counter_of, event_digest
from app.sessions.indexing import IndexedText, filter_tokens, forget_texts, index_texts, reindex_session
from app.sessions.packing import pack_body, resolve_stub, unpack_body
from app.sessions.purging import purge_rows, withdraw_rows
from app.sessions.references import blob_refs, names_blob, naming_sessions, spilled_into
from app.sessions.settling import Reach, extended_reach, keep_field, show_fields
from app.sessions.tables import PROJECTION, PROJECTION_TABLES, PROJECTION_VERSION
from app.sessions.texts import estimated_lines, searchable_text
from sync.documents.segment import SegmentHeader
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.projector import SegmentRows
from sync.store.search_index import OwnIndex, TextIndex, first_row

_AWAITING = (
    "SELECT e.row, e.id, e.body, w.size, s.id, s.workspace, a.identity, a.device, a.name FROM awaited w "
    "JOIN event e ON e.row=w.row JOIN session s ON s.row=e.session JOIN author a ON a.row=e.author WHERE w.blob=?"
)


@dataclass(frozen=True, slots=True)
class _Author:
    identity: bytes
    device: bytes
    name: str
    agent: str
    claimed: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An event on its way into a row, with who brought it."""

    id: str
    data: bytes
    opened: OpenedBody
    author: _Author
    damaged: bool

    @property
    def rank(self) -> tuple[Any, ...]:
        """Of several events with one id, the one with the smallest rank counts."""
        author = self.author
        return (
            self.opened.missing,
            self.damaged,
            author.claimed,
            author.device,
            author.identity,
            author.name,
            author.agent,
            self.data,
        )


@dataclass(frozen=True, slots=True)
class _Text:
    """What is to be indexed once the session's type is known."""

    row: int
    text: str
    kind: str
    author: int


@dataclass(slots=True)
class _Batch:
    """What one call knows about its session while it writes rows."""

    connection: Connection
    source: SegmentRows
    row: int
    type: str
    reach: Reach
    highest: int
    """No event of the session has a greater counter."""
    settled_authors: dict[tuple[int, _Author], int]
    """Of earlier transactions, by session and author: rows that a rollback of this one cannot take away."""
    own_authors: dict[str, _Author] = field(default_factory=dict)
    own_rows: dict[str, int] = field(default_factory=dict)
    """Who signed the events, or an agent of theirs, by the agent's name: most events have one of these as author."""
    authors: dict[_Author, int] = field(default_factory=dict)
    counters: list[int] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    texts: list[_Text] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    size: int = 0
    replaced: bool = False
    emptied: bool = False
    """An event was erased that the index may know."""
    erasures: dict[str, set[bytes]] = field(default_factory=dict)
    """Events that were taken back, and by which identities."""
    moment: int = -1
    next_row: int = 0
    free: FreeRows = field(default_factory=FreeRows)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    """Rows of table `event` that are still to be written."""


class SessionProjector:
    """Writes the projection."""

    version = PROJECTION_VERSION

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._settled_authors: dict[tuple[int, _Author], int] = {}
        self._bulk: TextIndex | None = None

    @contextmanager
    def indexing(self, index: TextIndex) -> Iterator[None]:
        self._bulk = index
        try:
            yield
        finally:
            self._bulk = None

    def forget(self) -> None:
        self._settled_authors.clear()

    def create(self, connection: Connection) -> None:
        for statement in PROJECTION.split(";"):
            connection.execute(statement)

    def drop(self, connection: Connection) -> None:
        self.forget()
        for table in PROJECTION_TABLES:
            connection.execute(f"DROP TABLE IF EXISTS {table}")

    def apply_segment(self, connection: Connection, rows: SegmentRows) -> int:
        batch = _begin(connection, rows, self._settled_authors)
        if batch is None:
            return 0
        if rows.is_first:
            _keep_opening(batch, rows.header.opening)
        for identifier, text in rows.items:
            self._apply_event(batch, identifier, text.encode())
        self._settle(batch)
        return len(batch.counters)

    def withdraw(self, connection: Connection, workspace: int, session: str) -> None:
        self.forget()
        withdraw_rows(connection, workspace, session)

    def purge(self, connection: Connection, workspace: int, name: str, *, whole: bool) -> list[bytes]:
        self.forget()
        return purge_rows(connection, workspace, name, whole=whole)

    def refers(self, connection: Connection, workspace: int, blob: bytes) -> bool:
        found = connection.execute(
            "SELECT 1 FROM session_blob b JOIN session s ON s.row=b.session WHERE b.blob=? AND s.workspace=? LIMIT 1",
            (blob.hex(), workspace),
        ).fetchone()
        return found is not None

    def take_blob(self, connection: Connection, blob: bytes) -> list[str]:
        for row, identifier, stored, size, session, workspace, *author in connection.execute(
            _AWAITING, (blob.hex(),)
        ).fetchall():
            identity, device, name = author
            rows = SegmentRows(workspace, identity, device, SegmentHeader(session, 0, name, "{}"), False, (), 0)
            self._fill_in(connection, rows, row, identifier, unpack_body(stored), size)
        return naming_sessions(connection, blob.hex())

    def _fill_in(
        self, connection: Connection, rows: SegmentRows, row: int, identifier: str, data: bytes, size: int
    ) -> None:
        """Show an event (row, id) whose long body has come, if it can be read. size: what it counted."""
        opened = self._open(connection, data)
        batch = _begin(connection, rows, {})
        if opened is None or opened.missing or batch is None:
            return
        batch.size -= size
        connection.execute("DELETE FROM awaited WHERE row=?", (row,))
        event = _without_erased(batch, _candidate(batch, identifier, data, opened))
        kind = event.opened.body.kind
        connection.execute(
            "UPDATE event SET kind=?, lines=?, damaged=?, body=? WHERE row=?",
            (kind, estimated_lines(kind, event.opened.body), event.damaged, pack_body(event.data), row),
        )
        _keep_content(batch, event, row, _author_row(batch, event.author))
        self._settle(batch)

    def apply_note(
        self, connection: Connection, workspace: int, name: str, text: str, fields: Mapping[str, str]
    ) -> None:
        connection.execute(
            "INSERT INTO note VALUES(?,?,?,?) ON CONFLICT(workspace, name) "
            "DO UPDATE SET text=excluded.text, fields=excluded.fields",
            (workspace, name, text, msgspec.json.encode(dict(fields), order="sorted").decode()),
        )

    def _apply_event(self, batch: _Batch, identifier: str, data: bytes) -> None:
        counter = counter_of(identifier)
        opened = self._open(batch.connection, data)
        if counter is None or opened is None:
            return
        candidate = _without_erased(batch, _candidate(batch, identifier, data, opened))
        _keep_hidden_blobs(batch, candidate)
        known = None if counter > batch.highest else _known_event(batch, identifier)
        batch.highest = max(batch.highest, counter)
        if known is None:
            batch.counters.append(counter)
        elif not self._gives_way(batch, known, candidate):
            return
        _insert(batch, candidate)
        body = candidate.opened.body
        if isinstance(body, Erasure) and not candidate.damaged and not candidate.author.claimed:
            self._erase(batch, body.event, candidate.author.identity)

    def _erase(self, batch: _Batch, identifier: str, identity: bytes) -> None:
        """Note that an identity took an event back, and empty its row if it is here."""
        batch.erasures.setdefault(identifier, set()).add(identity)
        sql = "INSERT OR IGNORE INTO erased VALUES(?,?,?)"
        batch.connection.execute(sql, (batch.row, identifier, identity))
        _forget_title(batch, identifier, claimed=True)
        known = _known_event(batch, identifier)
        if known is None:
            return
        row, damaged, stored, owner, device, name, agent, claimed = known
        data = unpack_body(stored)
        opened = self._open(batch.connection, data)
        assert opened is not None
        author = _Author(bytes(owner), bytes(device), name, agent, bool(claimed))
        before = _Candidate(identifier, data, opened, author, bool(damaged))
        after = _without_erased(batch, before)
        if after is before:
            return
        batch.connection.execute(
            "UPDATE event SET kind=?, lines=?, damaged=0, body=? WHERE row=?",
            (
                after.opened.body.kind,
                estimated_lines(after.opened.body.kind, after.opened.body),
                pack_body(after.data),
                row,
            ),
        )
        forget_texts(batch.connection, [row], self._bulk)
        batch.connection.execute("DELETE FROM awaited WHERE row=?", (row,))
        batch.emptied = True
        batch.texts = [text for text in batch.texts if text.row != row]
        _forget_title(batch, identifier, claimed=False)
        batch.size += after.opened.size - opened.size
        self._drop_blobs(batch, before)

    def _drop_blobs(self, batch: _Batch, erased: _Candidate) -> None:
        """Forget the blobs that only the erased event referred to."""
        blobs = {ref.blob for ref in blob_refs(erased.opened.body)} | set(spilled_into(erased.data))
        if not blobs:
            return
        for (stored,) in batch.connection.execute("SELECT body FROM event WHERE session=?", (batch.row,)):
            data = unpack_body(stored)
            opened = self._open(batch.connection, data)
            if opened is not None:
                blobs -= {ref.blob for ref in blob_refs(opened.body)} | set(spilled_into(data))
        for blob in blobs:
            sql = "DELETE FROM session_blob WHERE session=? AND blob=? RETURNING size"
            batch.size -= sum(size for (size,) in batch.connection.execute(sql, (batch.row, blob)).fetchall())

    def _open(self, connection: Connection, data: bytes) -> OpenedBody | None:
        return open_body(data, lambda stub: resolve_stub(self._blobs, connection, stub))

    def _gives_way(self, batch: _Batch, known: tuple[Any, ...], candidate: _Candidate) -> bool:
        """Whether the stored event with the same id counts less than this one; it is then removed."""
        row, damaged, body, identity, device, name, agent, claimed = known
        data = unpack_body(body)
        opened = self._open(batch.connection, data)
        assert opened is not None
        author = _Author(bytes(identity), bytes(device), name, agent, bool(claimed))
        if _Candidate(candidate.id, data, opened, author, bool(damaged)).rank <= candidate.rank:
            return False
        batch.connection.execute("DELETE FROM event WHERE row=?", (row,))
        batch.connection.execute("DELETE FROM awaited WHERE row=?", (row,))
        forget_texts(batch.connection, [row], self._bulk)
        batch.texts = [text for text in batch.texts if text.row != row]
        batch.size -= opened.size
        batch.replaced = True
        return True

    def _settle(self, batch: _Batch) -> None:
        """Write what follows for the session and the index, now that all rows are there."""
        connection, reach = batch.connection, batch.reach
        _write_events(batch)
        if batch.counters or batch.claims:
            batch.reach = extended_reach(connection, batch.row, reach, batch.counters, batch.claims)
            if batch.reach.counter != reach.counter and (reach.holds_back or batch.reach.holds_back):
                sql = "SELECT DISTINCT field FROM session_field WHERE session=?"
                batch.fields |= {name for (name,) in connection.execute(sql, (batch.row,))}
        if batch.fields:
            show_fields(connection, batch.row, batch.reach.counter, batch.fields)
            self._follow_type(batch)
        self._index(batch)
        _count(batch)
        if batch.replaced:
            _recount(batch)
            batch.settled_authors.clear()

    def _follow_type(self, batch: _Batch) -> None:
        """Index events of earlier batches under the session's new type."""
        (new,) = batch.connection.execute("SELECT type FROM session WHERE row=?", (batch.row,)).fetchone()
        old, batch.type = batch.type, new
        if old != new and batch.reach.lowest is not None:
            reindex_session(batch.connection, self._blobs, batch.row, self._bulk)

    def _index(self, batch: _Batch) -> None:
        tokens = partial(filter_tokens, batch.source.workspace, batch.row, batch.type)
        texts = [IndexedText(text.row, text.text, tokens(text.kind, text.author)) for text in batch.texts]
        index_texts(batch.connection, self._blobs, texts, self._bulk)
        if batch.emptied:
            (self._bulk or OwnIndex(batch.connection)).erase()


def _begin(connection: Connection, rows: SegmentRows, settled_authors: dict[tuple[int, _Author], int]) -> _Batch | None:
    """None for a segment that is no session's, or claims to be one's of another workspace."""
    session = rows.header.session
    if counter_of(session) is None:
        return None
    sql = (
        "SELECT workspace, row, type, lowest, counter, greatest, EXISTS(SELECT 1 FROM erased WHERE session=s.row) "
        "FROM session s WHERE id=?"
    )
    found = connection.execute(sql, (session,)).fetchone()
    if found is None:
        connection.execute("INSERT INTO session(id, workspace) VALUES(?,?)", (session, rows.workspace))
        found = connection.execute(sql, (session,)).fetchone()
    workspace, row, type_, lowest, counter, greatest, has_erased = found
    if workspace != rows.workspace:
        return None
    batch = _Batch(connection, rows, row, type_, Reach(lowest, counter, greatest), greatest or 0, settled_authors)
    if has_erased:
        for event, identity in connection.execute("SELECT event, identity FROM erased WHERE session=?", (row,)):
            batch.erasures.setdefault(event, set()).add(bytes(identity))
    return batch


def _without_erased(batch: _Batch, event: _Candidate) -> _Candidate:
    """The event, or what stands in its place where its author took it back."""
    by = batch.erasures.get(event.id, set())
    if not (event.author.identity in by or (by and event.author.claimed)) or not is_erasable(event.opened.body):
        return event
    data = tombstone(event.opened.common)
    return _Candidate(event.id, data, OpenedBody(event.opened.common, Erased(), data, len(data)), event.author, False)


def _write_events(batch: _Batch) -> None:
    if batch.events:
        batch.connection.executemany("INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?)", batch.events)
        batch.events.clear()


def _known_event(batch: _Batch, identifier: str) -> tuple[Any, ...] | None:
    _write_events(batch)
    found: tuple[Any, ...] | None = batch.connection.execute(
        "SELECT e.row, e.damaged, e.body, a.identity, a.device, a.name, a.agent, a.claimed "
        "FROM event e JOIN author a ON a.row=e.author WHERE e.session=? AND e.id=?",
        (batch.row, identifier),
    ).fetchone()
    return found


def _candidate(batch: _Batch, identifier: str, data: bytes, opened: OpenedBody) -> _Candidate:
    claim, agent = opened.restored, opened.common.agent or ""
    if claim is None:
        author = batch.own_authors.get(agent) or _own_author(batch, agent)
    else:
        author = _Author(_hex(claim.identity), _hex(claim.device), claim.name, agent, claimed=True)
    damaged = not opened.missing and not _matches(identifier, opened, author.device)
    return _Candidate(identifier, data, opened, author, damaged)


def _own_author(batch: _Batch, agent: str) -> _Author:
    """Whoever signed the events of a batch, or an agent of theirs; each is made once."""
    source = batch.source
    author = _Author(source.identity, source.device, source.header.author, agent, claimed=False)
    return batch.own_authors.setdefault(agent, author)


def _matches(identifier: str, opened: OpenedBody, device: bytes) -> bool:
    """Whether an event's id is the one that its body and origin give."""
    source = opened.common.source
    origin = device if source is None else source.encode()
    return event_digest(origin, opened.data) == identifier[COUNTER_CHARACTERS:]


def _insert(batch: _Batch, event: _Candidate) -> None:
    common, body = event.opened.common, event.opened.body
    row = _next_row(batch, min(common.time, batch.source.received))
    author = _author_row(batch, event.author)
    lines = estimated_lines(body.kind, body)
    batch.events.append(
        (row, batch.row, event.id, body.kind, common.time, author, lines, event.damaged, pack_body(event.data))
    )
    batch.times.append(common.time)
    if event.opened.missing:
        _await_body(batch, event, row)
    _keep_content(batch, event, row, author)


def _await_body(batch: _Batch, event: _Candidate, row: int) -> None:
    """Note that a long body is not on this device."""
    values = [(blob, row, event.opened.size) for blob in spilled_into(event.data)]
    batch.connection.executemany("INSERT OR REPLACE INTO awaited VALUES(?,?,?)", values)


def _keep_content(batch: _Batch, event: _Candidate, row: int, author: int) -> None:
    """Note what follows from an event beside its own row. author: row id."""
    body = event.opened.body
    batch.size += event.opened.size
    if text := searchable_text(body):
        batch.texts.append(_Text(row, text, body.kind, author))
    if event.damaged:
        return
    for ref in blob_refs(body):
        batch.size += _keep_blob(batch, ref.blob, ref.size)
    if isinstance(body, SessionSet):
        _keep_fields(batch, {name: (event.id, value) for name, value in body.fields.items()}, claimed=False)


def _next_row(batch: _Batch, time_ms: int) -> int:
    """A free row id: the moment itself or, where that is taken, soon after it."""
    moment = first_row(time_ms)
    wanted = batch.next_row if moment == batch.moment else moment
    row = batch.free.take(wanted)
    if row is None:
        _write_events(batch)  # so that their rows are seen to be taken
        row = batch.free.find(batch.connection, wanted)
    batch.moment, batch.next_row = moment, row + 1
    return row


def _author_row(batch: _Batch, author: _Author) -> int:
    """The row of an author, who is now one of the session's."""
    if author.claimed:
        return _find_author(batch, author)
    row = batch.own_rows.get(author.agent)
    if row is None:
        row = batch.own_rows[author.agent] = _find_author(batch, author)
    return row


def _find_author(batch: _Batch, author: _Author) -> int:
    known = batch.authors.get(author) or batch.settled_authors.get((batch.row, author))
    if known is not None:
        return known
    values = (author.identity, author.device, author.name, author.agent, author.claimed)
    found = batch.connection.execute(
        "SELECT a.row, s.author FROM author a LEFT JOIN session_author s ON s.session=? AND s.author=a.row "
        "WHERE a.identity=? AND a.device=? AND a.name=? AND a.agent=? AND a.claimed=?",
        (batch.row, *values),
    ).fetchone()
    if found is not None and found[1] is not None:
        batch.settled_authors[batch.row, author] = found[0]
        return int(found[0])
    if found is None:
        sql = "INSERT INTO author(identity, device, name, agent, claimed) VALUES(?,?,?,?,?)"
        found = (batch.connection.execute(sql, values).lastrowid,)
    batch.connection.execute("INSERT INTO session_author VALUES(?,?)", (batch.row, found[0]))
    batch.authors[author] = int(found[0])
    return batch.authors[author]


def _keep_blob(batch: _Batch, blob: str, size: int) -> int:
    """Note that the session refers to a blob; gives by how much that makes it larger."""
    known = batch.connection.execute(
        "SELECT size FROM session_blob WHERE session=? AND blob=?", (batch.row, blob)
    ).fetchone()
    before = known[0] if known else 0
    if known and size <= before:
        return 0
    batch.connection.execute("INSERT OR REPLACE INTO session_blob VALUES(?,?,?)", (batch.row, blob, size))
    return size - int(before)


def _keep_hidden_blobs(batch: _Batch, event: _Candidate) -> None:
    """Note the blobs that add nothing to the size: those of long bodies, and those that a damaged event names."""
    if not names_blob(event.data):
        return
    for blob in spilled_into(event.data):
        _keep_blob(batch, blob, 0)
    if event.damaged:
        for ref in blob_refs(event.opened.body):
            _keep_blob(batch, ref.blob, 0)


def _keep_opening(batch: _Batch, opening: str) -> None:
    """The fields that a segment opens with: JSON `{field: [event id, value]}`."""
    try:
        fields = msgspec.json.decode(opening, type=dict[str, tuple[str, Any]])
    except (msgspec.DecodeError, RecursionError):
        return
    claims = {name: counter_of(event) for name, (event, _) in fields.items()}
    batch.claims += [counter for counter in claims.values() if counter is not None]
    _keep_fields(batch, {name: fields[name] for name in fields if claims[name] is not None}, claimed=True)
    for event in batch.erasures:
        _forget_title(batch, event, claimed=True)


def _forget_title(batch: _Batch, event: str, *, claimed: bool) -> None:
    """A title or summary that an event gave, or that the opening of a segment says it gave, is no longer known."""
    sql = "DELETE FROM session_field WHERE session=? AND event=? AND field IN ('title', 'summary') AND claimed=?"
    if batch.connection.execute(sql, (batch.row, event, claimed)).rowcount:
        batch.fields.add("title")


def _keep_fields(batch: _Batch, fields: Mapping[str, tuple[str, Any]], *, claimed: bool) -> None:
    for name, (event, value) in fields.items():
        text = msgspec.json.encode(value, order="deterministic").decode()
        keep_field(batch.connection, batch.row, name, event, text, claimed=claimed)
        batch.fields.add(name)


def _count(batch: _Batch) -> None:
    reach = batch.reach
    first, last = min(batch.times, default=None), max(batch.times, default=None)
    batch.connection.execute(
        "UPDATE session SET events=events+?, bytes=bytes+?, counter=?, lowest=?, greatest=?, "
        "created=coalesce(min(created, ?), created, ?), updated=coalesce(max(updated, ?), updated, ?) WHERE row=?",
        (
            len(batch.counters),
            batch.size,
            reach.counter,
            reach.lowest,
            reach.greatest,
            first,
            first,
            last,
            last,
            batch.row,
        ),
    )


def _recount(batch: _Batch) -> None:
    """An event was replaced by another one with its id, whose time and author may differ."""
    batch.connection.execute(
        "UPDATE session SET (created, updated)=(SELECT min(time), max(time) FROM event WHERE session=?1) WHERE row=?1",
        (batch.row,),
    )
    batch.connection.execute("DELETE FROM session_author WHERE session=?", (batch.row,))
    batch.connection.execute(
        "INSERT INTO session_author SELECT DISTINCT session, author FROM event WHERE session=?", (batch.row,)
    )


def _hex(text: str) -> bytes:
    """The bytes of a claimed id; nothing for text that is not hex."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
